"""FLOOR_1 in astropy with the plug-in, without it, and against this package's own readers."""

import shutil
import subprocess
import sys
import warnings

import noisefloor
import noisefloor.fits
import numpy as np
import pytest

from .conftest import noise

fits = pytest.importorskip("astropy.io.fits")

import noisefloor.astropy  # noqa: E402

PROGRAM = shutil.which("noisefloor")


def write(path, array, cards=(), **options):
    hdu = fits.CompImageHDU(array, compression_type="FLOOR_1", **options)
    hdu.header.extend(cards)
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path)


@pytest.mark.parametrize("dtype", ["uint16", "int16", ">i2", "uint8", "int8"])
@pytest.mark.parametrize("shape", [(90, 70), (3, 40, 30), (2, 2, 20, 10), (50,), (1, 1)], ids=str)
@pytest.mark.parametrize("tiles", ["default", "odd"])
def test_round_trip(tmp_path, dtype, shape, tiles):
    array = noise(shape, dtype)
    tile = None if tiles == "default" else tuple(min(n, 7 + 4 * k) for k, n in enumerate(shape))
    write(tmp_path / "a.fits", array, [("EXPTIME", 30.0)], tile_shape=tile)
    with fits.open(tmp_path / "a.fits") as hdus:
        assert hdus[1].compression_type == "FLOOR_1" and hdus[1].header["EXPTIME"] == 30.0
        assert "ZNAME1" not in hdus[1].header
        data = hdus[1].data
        assert np.array_equal(data, array) and data.dtype.newbyteorder("=") == array.dtype.newbyteorder("=")
    with fits.open(tmp_path / "a.fits") as hdus:
        assert np.array_equal(hdus[1].section[..., 3:9], array[..., 3:9])
    with noisefloor.fits.open(tmp_path / "a.fits") as hdus:
        assert hdus[1].compression == "FLOOR_1 (floor)" and hdus[1].header["EXPTIME"] == 30.0
        assert np.array_equal(hdus[1].data, array)
        assert hdus[1].dtype == array.dtype.newbyteorder("=")
    with noisefloor.open(tmp_path / "a.fits") as image:
        assert np.array_equal(image[..., 1:], array[..., 1:])


def test_the_codec_is_chosen_where_the_file_is_written(tmp_path, frame):
    with noisefloor.astropy.codec("floor:level=fast"):
        write(tmp_path / "fast.fits", frame)
    with noisefloor.astropy.codec("rice"):
        write(tmp_path / "rice.fits", frame)
    write(tmp_path / "default.fits", frame)
    found = [noisefloor.fits.open(tmp_path / f"{n}.fits")[1].compression for n in ("fast", "rice", "default")]
    assert found == ["FLOOR_1 (floor:level=fast)", "FLOOR_1 (rice)", "FLOOR_1 (floor)"]
    for name in ("fast", "rice", "default"):
        assert np.array_equal(fits.getdata(tmp_path / f"{name}.fits"), frame)
    with pytest.raises(noisefloor.SpecError), noisefloor.astropy.codec("flor"):
        pass


def test_tiles_are_not_single_rows(tmp_path):
    write(tmp_path / "a.fits", noise((3, 50, 60)))
    with fits.open(tmp_path / "a.fits", disable_image_compression=True) as hdus:
        header = hdus[1].header
        assert [header[f"ZTILE{n}"] for n in (1, 2, 3)] == [60, 50, 1]
        assert [header[f"ZVAL{n}"] for n in (1, 2, 3, 4)] == [2, 2, 32768, "floor"]


def test_other_types_of_pixels_are_refused(tmp_path):
    for array in (np.zeros((4, 4), "float32"), np.zeros((4, 4), "int32"), np.zeros((4, 4), "int64")):
        with pytest.raises(noisefloor.UnsupportedError, match="8 or 16 bits, not BITPIX"):
            write(tmp_path / "a.fits", array)


@pytest.mark.parametrize("algorithm", ["RICE_1", "GZIP_1", "GZIP_2", "HCOMPRESS_1", "NOCOMPRESS"])
def test_other_algorithms_are_as_before(tmp_path, algorithm):
    array = noise((60, 64), "int16")
    fits.CompImageHDU(array, compression_type=algorithm).writeto(tmp_path / "a.fits")
    assert np.array_equal(fits.getdata(tmp_path / "a.fits", 1), array)
    with noisefloor.fits.open(tmp_path / "a.fits") as hdus:
        assert hdus[1].compression.startswith(algorithm)
        assert np.array_equal(hdus[1].data, array)


def test_damage_is_noticed(tmp_path):
    write(tmp_path / "a.fits", noise((200, 200)))
    data = bytearray((tmp_path / "a.fits").read_bytes())
    data[len(data) // 2] ^= 4
    (tmp_path / "a.fits").write_bytes(data)
    with pytest.raises(noisefloor.DamagedError), fits.open(tmp_path / "a.fits") as hdus:
        hdus[1].data  # noqa: B018


def test_headers_of_version_1_are_read_and_later_ones_refused(tmp_path, frame):
    write(tmp_path / "a.fits", frame)
    with fits.open(tmp_path / "a.fits", disable_image_compression=True) as hdus:
        header = hdus[1].header
        header["ZNAME1"], header["ZVAL1"] = "CODEC", "floor"
        for n in (2, 3, 4):
            del header[f"ZNAME{n}"], header[f"ZVAL{n}"]
        hdus.writeto(tmp_path / "old.fits")
    assert np.array_equal(fits.getdata(tmp_path / "old.fits"), frame)
    assert np.array_equal(noisefloor.fits.open(tmp_path / "old.fits")[1].data, frame)
    with fits.open(tmp_path / "a.fits", disable_image_compression=True) as hdus:
        hdus[1].header["ZVAL1"] = 3
        hdus.writeto(tmp_path / "new.fits")
    with pytest.raises(noisefloor.DamagedError, match="VERSION is 3"):
        fits.getdata(tmp_path / "new.fits")


def test_astropy_alone_says_that_it_does_not_know_it(tmp_path, frame):
    write(tmp_path / "a.fits", frame)
    program = (
        "import sys, warnings; warnings.simplefilter('ignore')\n"
        "from astropy.io import fits\n"
        "try: fits.open(sys.argv[1])[1].data\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    command = [sys.executable, "-c", program, tmp_path / "a.fits"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "unrecognized compression type: floor_1" in done.stdout.lower(), done.stdout


def test_loading_again_changes_nothing_more(tmp_path, frame):
    import importlib

    from astropy.io.fits.hdu.compressed import _tiled_compression, settings

    importlib.reload(noisefloor.astropy)
    replaced = _tiled_compression._header_to_settings
    assert not hasattr(replaced.__wrapped__, "__wrapped__")
    assert settings.COMPRESSION_TYPES.count("FLOOR_1") == 1
    with noisefloor.astropy.codec("rice"):
        write(tmp_path / "a.fits", frame)
    assert noisefloor.fits.open(tmp_path / "a.fits")[1].compression == "FLOOR_1 (rice)"


def test_another_astropy_is_refused_in_words():
    program = (
        "from astropy.io.fits.hdu.compressed import header\n"
        "del header._image_header_to_empty_bintable\n"
        "try: import noisefloor.astropy\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "does not know this version of astropy" in done.stdout
    assert "noisefloor.fits.open" in done.stdout


@pytest.mark.skipif(PROGRAM is None, reason="the program noisefloor is not on the path")
def test_against_the_program(tmp_path):
    for dtype in ("uint16", "int16", "uint8"):
        array = noise((2, 130, 100), dtype)
        folder = tmp_path / dtype
        folder.mkdir()
        fits.PrimaryHDU(array).writeto(folder / "a.fits")
        run(PROGRAM, "fits", "pack", "--to", "floor", "a.fits", "-o", "a.fits.fz", cwd=folder)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            assert np.array_equal(fits.getdata(folder / "a.fits.fz", 1), array)
        write(folder / "b.fits.fz", array, tile_shape=(1, 50, 33))
        run(PROGRAM, "fits", "unpack", "b.fits.fz", "-o", "b.fits", cwd=folder)
        with fits.open(folder / "b.fits") as hdus:
            assert np.array_equal(hdus[-1].data, array)


def run(*command, cwd):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
