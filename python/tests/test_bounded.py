"""Arrays within a bound: every sample against it, exactly, and never called lossless."""

import json
import os
import pathlib
import shutil
import subprocess
from fractions import Fraction

import noisefloor
import numpy as np
import pytest

from .conftest import noise

TYPES = ["uint8", "int16", "uint16", "int32", "float32", "float64", ">i2", ">f4", ">f8"]
SHAPES = [(9000,), (7,), (40, 30), (3, 20, 10), (2, 3, 8, 9)]
PROGRAM = shutil.which("noisefloor")


def samples(shape, dtype, seed=1):
    dtype = np.dtype(dtype)
    values = noise(shape, "int16", seed).astype("f8") + 60
    if dtype.kind == "f":
        values += np.random.default_rng(seed).normal(size=shape)
    return values.clip(0, 255).astype(dtype)


def largest_error(array, again):
    """Of finite samples, exactly; the others must have come back with their bits."""
    array = array.astype(array.dtype.newbyteorder("="))
    assert again.dtype == array.dtype and again.shape == array.shape
    finite = np.isfinite(array)
    words = f"u{array.itemsize}"
    assert np.array_equal(array[~finite].view(words), again[~finite].view(words))
    # Differences of doubles round; those that come near to the largest are taken exactly.
    x, y = array[finite].astype("f8"), again[finite].astype("f8")
    if not x.size:
        return Fraction(0)
    rough = np.abs(x - y)
    near = rough >= rough.max() * (1 - 1e-12)
    return max(abs(Fraction(a) - Fraction(b)) for a, b in zip(x[near], y[near], strict=True))


def test_a_container_that_was_cut_is_never_called_lossless():
    cut = pathlib.Path(__file__).parents[2] / "crates/nf-codec/tests/golden/v2-cut.nfl"
    facts = noisefloor.info(cut)
    assert facts["lossless"] is False
    bound = f"{facts['bound_dn']}dn"
    with noisefloor.open(cut) as image:
        assert not image.lossless and image.bound == bound
        assert f"NOT lossless, within {bound}" in repr(image)
    with pytest.raises(noisefloor.FormatError, match="cut and is NOT lossless"):
        noisefloor.floor_decode(cut.read_bytes())


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_no_sample_is_further_off_than_its_bound(dtype, shape):
    array = samples(shape, dtype)
    for dither in (False, True):
        data = noisefloor.encode(array, "floor:level=fast", bound="2dn", dither=dither)
        again = noisefloor.decode(data)
        error = largest_error(array, again)
        assert error <= 2
        (facts,) = noisefloor.info(data)["arrays"]
        assert facts["largest_error"] == pytest.approx(float(error), rel=1e-12)
        assert facts["dither"] == ("subtractive" if dither else "none")
        assert again.flags.writeable and again.flags.c_contiguous


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_random_floats_with_nan_and_infinities(dtype):
    rng = np.random.default_rng(5)
    for seed in range(12):
        scale = 10.0 ** rng.integers(-20, 20)
        array = (scale * rng.standard_t(2, (30, 41))).astype(dtype)
        array[rng.random(array.shape) < 0.05] = np.nan
        array[rng.random(array.shape) < 0.05] = -np.inf
        array.flat[seed] = np.inf
        # A NaN of its own.
        array.view(f"u{array.itemsize}").flat[0] = (0x7FC12345, 0x7FF8123456789ABC)[dtype == "float64"]
        data = noisefloor.encode(array, "floor:level=fast", bound="1e-3rel", dither=bool(seed % 2))
        error = largest_error(array, noisefloor.decode(data))
        finite = array[np.isfinite(array)].astype("f8")
        span = Fraction(finite.max()) - Fraction(finite.min())
        # The bound is a double: the product of a range and a number, each rounded.
        assert error <= span / 1000 * (1 + Fraction(1, 1 << 51))
        allowed = Fraction(noisefloor.info(data)["arrays"][0]["largest_error_allowed"])
        assert error <= allowed <= span / 1000 * (1 + Fraction(1, 1 << 51))


def test_extreme_integers():
    for dtype in ("uint8", "int16", "uint16", "int32"):
        ends = np.iinfo(dtype)
        array = np.array([[ends.min, ends.max, 0, 1], [ends.max] * 4, [7, 8, 9, 10]], dtype)
        assert largest_error(array, noisefloor.decode(noisefloor.encode(array, bound="3dn"))) <= 3


@pytest.mark.parametrize("given", [True, False], ids=["noise given", "noise measured"])
def test_a_bound_in_sigmas_follows_the_noise(given):
    rng = np.random.default_rng(2)
    light = np.linspace(0, 40_000, 200 * 300).reshape(200, 300)
    # Gain 2 electrons per DN, read noise 5 DN, offset 1000 DN.
    array = (rng.poisson(light) / 2 + rng.normal(1000, 5, light.shape)).round().astype("uint16")
    model = {"offset": 1000, "gain": 2, "read": 5} if given else None
    data = noisefloor.encode(array, bound="0.5sigma", noise=model)
    again = noisefloor.decode(data)
    (facts,) = noisefloor.info(data)["arrays"]
    found = facts["noise"]
    if given:
        assert found == {
            "offset_dn": 1000.0,
            "variance_per_dn": 0.5,
            "read_noise_dn": 5.0,
            "source": found["source"],
        }
    x = array.astype(np.longdouble)
    light_dn = np.maximum(x - found["offset_dn"], 0)
    sigma = np.sqrt(found["read_noise_dn"] ** 2 + found["variance_per_dn"] * light_dn)
    errors = np.abs(again.astype(np.longdouble) - x)
    assert (errors <= 0.5 * sigma * (1 + 1e-15)).all()
    assert errors.max() > 10, "bright samples have wide steps"
    assert len(data) < 0.6 * len(noisefloor.encode(array))


def test_a_bounded_array_is_never_called_lossless(tmp_path):
    array = samples((40, 30), "uint16")
    data = noisefloor.encode(array, bound="1dn")
    facts = noisefloor.info(data)
    assert facts["kind"] == "bounded container" and facts["lossless"] is False
    assert noisefloor.info(noisefloor.encode(array))["lossless"] is True
    assert not noisefloor.floor_check(data)
    with pytest.raises(noisefloor.FormatError, match="NOT lossless"):
        noisefloor.floor_decode(data)
    path = tmp_path / "frame.nfb"
    path.write_bytes(data)
    assert noisefloor.info(path) == facts
    with noisefloor.open(path) as image:
        assert not image.lossless and image.bound == "1dn"
        assert "NOT lossless, within 1dn" in repr(image)
    path.with_suffix(".nfl").write_bytes(noisefloor.encode(array))
    with noisefloor.open(path.with_suffix(".nfl")) as image:
        assert image.lossless and image.bound is None and "NOT" not in repr(image)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_regions_are_those_of_the_whole(shape, tmp_path):
    array = samples(shape, "float32")
    array.flat[3] = np.nan
    path = tmp_path / "array.nfb"
    path.write_bytes(noisefloor.encode(array, bound="0.1dn", tile=(8, 8), dither=True))
    whole = noisefloor.decode(path.read_bytes())
    with noisefloor.open(path) as image:
        assert image.shape == shape and image.dtype == "float32" and len(image) == shape[0]
        assert np.array_equal(image[...], whole, equal_nan=True)
        rng = np.random.default_rng(3)
        for _ in range(20):
            key = tuple(slice(*sorted(rng.integers(0, n + 1, 2))) for n in shape)
            assert np.array_equal(image[key], whole[key], equal_nan=True)
        assert np.array_equal(image[-1], whole[-1], equal_nan=True)


def test_the_same_array_gives_the_same_bytes():
    array = samples((90, 70), "int16")
    one = noisefloor.encode(array, bound="1sigma", dither=True, threads=1)
    assert one == noisefloor.encode(array.astype(">i2")[::1], bound="1sigma", dither=True, threads=2)
    turned = np.asfortranarray(array)
    assert one == noisefloor.encode(turned, bound="1sigma", dither=True)


@pytest.mark.skipif(PROGRAM is None, reason="noisefloor is not on the PATH")
def test_the_program_reads_what_python_writes_and_back(tmp_path):
    array = samples((2, 40, 30), "float64")
    array[0, 0, 0] = np.inf
    data = noisefloor.encode(array, bound="0.5dn")
    (tmp_path / "a.nfb").write_bytes(data)
    run = lambda *words: subprocess.run(  # noqa: E731
        [PROGRAM, *words], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    said = run("decompress", "a.nfb", "-o", "a.npy")
    assert "NOT the original" in said.stderr + said.stdout
    assert np.array_equal(np.load(tmp_path / "a.npy"), noisefloor.decode(data))
    facts = json.loads(run("info", "--json", "a.nfb").stdout)
    del facts["file"]
    assert facts == noisefloor.info(tmp_path / "a.nfb")
    np.save(tmp_path / "b.npy", array)
    run("compress", "--bound", "0.5dn", "b.npy", "-o", "b.nfb")
    assert np.array_equal(noisefloor.decode((tmp_path / "b.nfb").read_bytes()), noisefloor.decode(data))


@pytest.mark.skipif(PROGRAM is None, reason="noisefloor is not on the PATH")
def test_arrays_coded_by_a_network_are_read_or_the_program_is_named(tmp_path):
    weights = pathlib.Path(__file__).parents[2] / "checkpoints" / "tec-lossy-small-series-03aa8764"
    np.save(tmp_path / "a.npy", noise((2, 24, 32)))
    run = lambda *words: subprocess.run([PROGRAM, *words], cwd=tmp_path, check=True)  # noqa: E731
    run("compress", "--bound", "3dn", "--codec", f"tec:checkpoint={weights}", "a.npy", "-o", "a.nfb")
    facts = noisefloor.info(tmp_path / "a.nfb")
    assert facts["arrays"][0]["array_codec"].startswith("tec:")
    if any(codec.name == "net" for codec in noisefloor.codecs()):
        run("decompress", "a.nfb", "-o", "b.npy")
        decoded = noisefloor.decode((tmp_path / "a.nfb").read_bytes())
        assert np.array_equal(decoded, np.load(tmp_path / "b.npy"))
        return
    with pytest.raises(noisefloor.UnsupportedError, match="coded by 'tec'.*noisefloor decompress"):
        noisefloor.decode((tmp_path / "a.nfb").read_bytes())
    with noisefloor.open(tmp_path / "a.nfb") as image:
        with pytest.raises(noisefloor.UnsupportedError, match="a.nfb.*noisefloor decompress"):
            image[0, :4, :4]


def test_wrong_arguments_are_told():
    frame = noise((20, 30))
    for array, bound, words in [
        (frame, "1parsec", "'1parsec' is no bound"),
        (frame, "0dn", "above zero"),
        (frame, "0.5dn", "whole numbers; code it without a bound"),
        (frame.astype("float32"), "1e-9dn", "apart; code it without a bound"),
        (np.zeros((9, 9), "uint16"), "1sigma", "noise={'offset': DN"),
        (frame.astype("uint32"), "1dn", "uint32 cannot have a bound, expected uint8, int16"),
        (frame.astype("int64"), "1dn", "int64 cannot"),
        (frame > 70, "1dn", "bool cannot"),
        (frame.astype("complex64"), "1dn", "complex64 cannot"),
        (np.zeros((1,) * 5, "uint8"), "1dn", "one to four axes"),
        (np.float32(3), "1dn", "one to four axes"),
        (np.ma.array(frame), "1dn", "mask"),
    ]:
        with pytest.raises(noisefloor.Error, match=".") as caught:
            noisefloor.encode(array, bound=bound)
        assert words in str(caught.value), caught.value
    for options, words in [
        ({"bound": "1dn", "verify": False}, "always proved"),
        ({"dither": True}, "with a bound only"),
        ({"noise": {"offset": 0, "gain": 1, "read": 1}}, "with a bound only"),
        ({"bound": "1dn", "noise": {"offset": 0, "gain": 1, "read": 1}}, "in sigmas only"),
        ({"bound": "1sigma", "noise": {"gain": 1}}, "expected 'offset' (DN), 'gain'"),
        ({"bound": "1sigma", "noise": {"offset": 0, "gain": 0, "read": 1}}, "a gain of 0"),
    ]:
        with pytest.raises(noisefloor.Error, match=".") as caught:
            noisefloor.encode(frame, **options)
        assert words in str(caught.value), caught.value
    data = noisefloor.encode(frame, bound="1dn")
    with pytest.raises(noisefloor.RequestError, match="there is no image 1, the container holds 1"):
        noisefloor.decode(data, image=1)
    with pytest.raises(noisefloor.LimitError, match="the limit is"):
        noisefloor.decode(data, max_memory_bytes=100)


@pytest.mark.parametrize(
    "codec", ["pcodec:lossless=true", "zstd:filter=floatpred", "zfp:reversible=true"]
)
@pytest.mark.parametrize("dtype", ["float32", "float64", ">f4", "int32"])
def test_floats_without_loss_keep_every_bit(codec, dtype, tmp_path):
    if "floatpred" in codec and dtype == "int32":
        pytest.skip("of floating-point numbers only")
    if not noisefloor._core.codes_arrays(codec):
        pytest.skip("this build has no such codec")
    array = samples((3, 40, 50), dtype)
    if array.dtype.kind == "f":
        array.flat[[0, 7, 99, 100]] = [np.nan, -np.inf, -0.0, 1e-40]
    data = noisefloor.encode(array[:, ::-1], codec)
    again = noisefloor.decode(data)
    native = array[:, ::-1].astype(array.dtype.newbyteorder("="))
    assert again.dtype == native.dtype and again.tobytes() == native.tobytes()
    facts = noisefloor.info(data)
    assert facts["lossless"] and facts["arrays"][0]["unit"] == "exact"
    path = tmp_path / "cube.nfl"
    path.write_bytes(data)
    with noisefloor.open(path) as image:
        assert image.lossless and image.bound is None
        assert image[1, 3:9, ::2].tobytes() == native[1, 3:9, ::2].tobytes()
    if PROGRAM:
        subprocess.run([PROGRAM, "decompress", path, "-o", tmp_path / "cube.npy"], check=True)
        assert np.load(tmp_path / "cube.npy").tobytes() == native.tobytes()


def test_codecs_of_arrays_take_a_bound_or_lose_nothing():
    array = samples((30, 40), "float32")
    data = noisefloor.encode(array, "lerc:error=bound", bound="0.5dn")
    assert largest_error(array, noisefloor.decode(data)) <= Fraction(1, 2)
    assert not noisefloor.info(data)["lossless"]
    for codec, options, words in [
        ("lerc:error=1", {}, "has a loss"),
        ("lerc:error=bound", {}, "bound"),
        ("pcodec:lossless=true", {"verify": False}, "verify=True"),
        ("floor", {}, "codec='pcodec:lossless=true'"),
        ("pcodec:lossless=true", {"dither": True}, "with a bound only"),
    ]:
        with pytest.raises(noisefloor.Error, match=".") as caught:
            noisefloor.encode(array, codec, **options)
        assert words in str(caught.value), caught.value


def test_damage_is_found_everywhere():
    data = noisefloor.encode(noise((30, 30)), "floor:level=fast", bound="1dn")
    for cut in range(8, len(data), 31):
        with pytest.raises(noisefloor.Error):
            noisefloor.decode(data[:cut])
    for at in range(8, len(data), 7):
        hurt = bytearray(data)
        hurt[at] ^= 0x10
        with pytest.raises(noisefloor.Error):
            noisefloor.decode(hurt)


FRAMES = sorted(pathlib.Path(os.environ.get("NOISEFLOOR_DATA", "/nowhere")).glob("*.fits*"))


@pytest.mark.skipif(not FRAMES, reason="NOISEFLOOR_DATA names no folder of real frames")
@pytest.mark.parametrize("path", FRAMES[::8], ids=lambda path: path.name)
def test_real_frames(path):
    with noisefloor.open(path) as image:
        middle = tuple(slice(n // 4, n // 4 + 300) for n in image.shape[-2:])
        array = image[(0,) * (image.ndim - 2) + middle]
    for bound in ("2dn", "0.5sigma"):
        try:
            data = noisefloor.encode(array, bound=bound)
        except noisefloor.UnsupportedError as error:
            assert "noise is not known" in str(error)
            continue
        again = noisefloor.decode(data)
        error = largest_error(array, again)
        (facts,) = noisefloor.info(data)["arrays"]
        assert float(error) == facts["largest_error"]
        if bound == "2dn":
            assert error <= 2
        else:
            model = facts["noise"]
            x = array.astype(np.longdouble)
            light = np.maximum(x - model["offset_dn"], 0)
            sigma = np.sqrt(model["read_noise_dn"] ** 2 + model["variance_per_dn"] * light)
            assert (np.abs(again - x) <= 0.5 * sigma * (1 + 1e-15)).all()
