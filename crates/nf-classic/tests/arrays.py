"""Compares streams of array codecs with those of imagecodecs: python3 arrays.py FOLDER."""

import pathlib
import sys

import imagecodecs
import numpy as np

folder = pathlib.Path(sys.argv[1])
shape = (61, 83)
differ = 0


def report(what, same):
    global differ
    differ += not same
    print("same" if same else "DIFFERENT", what)


def same_bytes(what, own, theirs):
    places = (n for n, (a, b) in enumerate(zip(own, theirs)) if a != b)
    where = f", {len(own)} and {len(theirs)} bytes, different from {next(places, None)} on"
    report(what + ("" if own == theirs else where), own == theirs)


masked = np.fromfile(folder / "masked.f32", "<f4").reshape(shape)
valid = np.isfinite(masked)
for version in (3, 4):
    own = (folder / f"lerc{version}").read_bytes()
    theirs = imagecodecs.lerc_encode(np.where(valid, masked, 0), level=1.5, masks=valid, version=version)
    same_bytes(f"lerc version {version}: bytes, with a mask", own, bytes(theirs))
    back, mask = imagecodecs.lerc_decode(own, masks=True)
    report(f"lerc version {version}: mask", np.array_equal(np.asarray(mask, bool), valid))
    report(f"lerc version {version}: error", np.abs(back - masked)[valid].max() <= 1.5)
whole = np.fromfile(folder / "whole.u16", "<u2").reshape(shape)
if (folder / "jpegls").exists():
    own = (folder / "jpegls").read_bytes()
    # Theirs begins with a SPIFF header, which says what the file is an image of.
    theirs = bytes(imagecodecs.jpegls_encode(whole, level=3))
    same_bytes("jpegls, near: bytes", own[2:], theirs[-len(own) + 2 :])
plain = np.fromfile(folder / "plain.f64", "<f8").reshape(shape)
predicted = imagecodecs.zstd_decode((folder / "floatpred").read_bytes())
report("floatpred: bytes", bytes(predicted) == imagecodecs.floatpred_encode(plain).tobytes())
sys.exit(1 if differ else 0)
