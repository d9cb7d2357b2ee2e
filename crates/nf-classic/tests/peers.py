"""Reads streams of nf-classic with foreign decoders: python3 peers.py FOLDER HEIGHT WIDTH.

FOLDER holds frame.u16 (little-endian samples) and one stream per codec. Prints a line per comparison;
exits with 1 if one differs. A comparison whose library is missing is named as skipped.
"""

import gzip
import lzma
import pathlib
import sys

import numpy as np

folder, height, width = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
pixels = np.fromfile(folder / "frame.u16", dtype="<u2").reshape(height, width)
signed = (pixels.astype(np.int32) - 32768).astype(np.int16)
differ = 0


def report(what, same):
    global differ
    differ += not same
    print("same" if same else "DIFFERENT", what)


def stream(name):
    return (folder / name).read_bytes()


def from_bytes(content):
    return np.frombuffer(content, dtype="<u2").reshape(height, width)


report("gzip: pixels by Python's gzip", np.array_equal(from_bytes(gzip.decompress(stream("gzip"))), pixels))
report("xz: pixels by Python's lzma", np.array_equal(from_bytes(lzma.decompress(stream("xz"))), pixels))
shuffled = np.frombuffer(gzip.decompress(stream("gzip2")), dtype=np.uint8).reshape(2, -1)
report("gzip2: pixels by Python's gzip", np.array_equal(shuffled.T.ravel().view(">i2"), signed.ravel()))

try:
    from astropy.io.fits.hdu.compressed._codecs import HCompress1, Rice1

    whole = Rice1(blocksize=32, bytepix=2, tilesize=signed.size)
    report("rice: bytes by cfitsio", whole.encode(signed) == stream("rice"))
    for block in (7, 16, 64):
        other = Rice1(blocksize=block, bytepix=2, tilesize=signed.size)
        report(f"rice:block={block}: bytes by cfitsio", other.encode(signed) == stream(f"rice:block={block}"))
    row = Rice1(blocksize=32, bytepix=2, tilesize=width)
    rows = b"".join(row.encode(signed[i : i + 1].copy()) for i in range(height))
    report("rice:tile=row: bytes by cfitsio", rows == stream("rice:tile=row"))
    back = np.asarray(whole.decode(np.frombuffer(stream("rice"), dtype=np.uint8))).reshape(height, width)
    report("rice: pixels by cfitsio", np.array_equal(back, signed))
    plane = HCompress1(scale=0, smooth=0, bytepix=4, nx=height, ny=width)
    report("hcompress:rows=0: bytes by cfitsio", plane.encode(signed.astype(np.int32)) == stream("hcompress:rows=0")[4:])
except ImportError as missing:
    print("skipped rice, hcompress:", missing)

try:
    import imagecodecs

    report("zstd: pixels by imagecodecs", np.array_equal(from_bytes(imagecodecs.zstd_decode(stream("zstd"))), pixels))
    values = imagecodecs.pcodec_decode(stream("pcodec"), shape=pixels.shape, dtype=pixels.dtype)
    report("pcodec: pixels by imagecodecs", np.array_equal(values, pixels))
    values = imagecodecs.rcomp_decode(stream("rice"), shape=signed.shape, dtype=signed.dtype)
    report("rice: pixels by imagecodecs", np.array_equal(values, signed))
    padded = imagecodecs.aec_decode(stream("szip"), bitspersample=16, flags=8, blocksize=16, rsi=128, out=pixels.nbytes + 32)
    report("szip: pixels by libaec", np.array_equal(from_bytes(padded[: pixels.nbytes]), pixels))
    for name, decode in [
        ("lerc", imagecodecs.lerc_decode),
        ("jpegls", imagecodecs.jpegls_decode),
        ("jpeg2000", imagecodecs.jpeg2k_decode),
        ("jpegxl", imagecodecs.jpegxl_decode),
    ]:
        if (folder / name).exists():
            report(f"{name}: pixels by imagecodecs", np.array_equal(decode(stream(name)), pixels))
except ImportError as missing:
    print("skipped all that imagecodecs decodes:", missing)

sys.exit(differ > 0)
