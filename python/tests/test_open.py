"""Regions of images in files, against NumPy's own indexing."""

import noisefloor
import noisefloor.fits
import numpy as np
import pytest

from .conftest import noise

KEYS = [
    ...,
    (),
    0,
    -1,
    slice(None),
    slice(2, 9),
    (0, slice(1, 5)),
    (slice(None, None, 2), slice(8, 2, -3)),
    (slice(5, 5), slice(None)),
    (..., 3),
    (..., slice(1, -1)),
    (slice(-3, None), ..., slice(4, 30)),
    np.int64(1),
    (slice(None, None, -1), 2, ...),
    (slice(50, 10), ...),
]


@pytest.fixture(params=[(9, 31), (4, 12, 33), (2, 3, 9, 10)], ids=str)
def array(request):
    return noise(request.param, ">i2")


def compare(file, array):
    assert file.shape == array.shape and file.ndim == array.ndim and file.size == array.size
    assert len(file) == len(array)
    for key in KEYS:
        expected, found = array[key], file[key]
        assert np.shape(found) == np.shape(expected), key
        assert np.array_equal(found, expected), key
        assert found.dtype == expected.dtype.newbyteorder("="), key
    assert np.array_equal(np.asarray(file), array)
    assert np.asarray(file, dtype="float32").dtype == np.float32
    for wrong in (len(array), -len(array) - 1, (0,) * (array.ndim + 1), 1.5, "a", None, [0, 1], True):
        with pytest.raises(IndexError):
            file[wrong]
    with pytest.raises(IndexError):
        file[..., ...]
    with pytest.raises(ValueError, match="without a copy"):
        np.asarray(file, copy=False)


@pytest.mark.parametrize("tile", [None, (4, 10), (2, 5, 7)])
def test_regions_of_a_container(tmp_path, array, tile):
    path = tmp_path / "a.nfl"
    path.write_bytes(noisefloor.encode(array, tile=tile))
    with noisefloor.open(path) as file:
        compare(file, array)
        assert file.dtype == np.int16 and file.index == 0 and file.count == 1
        assert "int16" in repr(file)
    with pytest.raises(ValueError, match="closed"):
        file[0]
    for wrong in (1, -2):
        with pytest.raises(noisefloor.RequestError, match=f"no image {wrong}"):
            noisefloor.open(path, wrong)


def test_regions_of_an_array_in_fortran_order(tmp_path, array):
    numcodecs = pytest.importorskip("noisefloor.numcodecs")
    columns = np.asfortranarray(array)
    (tmp_path / "a.nfl").write_bytes(numcodecs.Noisefloor("floor:level=fast").encode(columns))
    with noisefloor.open(tmp_path / "a.nfl") as file:
        compare(file, array)


def test_only_the_tiles_of_a_region_are_read(tmp_path):
    array = noise((64, 64))
    data = bytearray(noisefloor.encode(array, tile=(16, 64)))
    data[-100] ^= 1  # in the last tile: the index behind it is shorter
    path = tmp_path / "hurt.nfl"
    path.write_bytes(data)
    with noisefloor.open(path) as file:
        good = [k for k in range(4) if readable(file, k)]
        assert len(good) == 3, "one tile of four is damaged, the others are not touched by it"
        for k in good:
            assert np.array_equal(file[16 * k : 16 * k + 16], array[16 * k : 16 * k + 16])
        with pytest.raises(noisefloor.DamagedError, match=r"hurt.nfl: tile of stack 0 \(planes"):
            file[...]


def readable(file, k):
    try:
        file[16 * k : 16 * k + 16]
    except noisefloor.DamagedError:
        return False
    return True


def test_files_that_are_none(tmp_path):
    with pytest.raises(FileNotFoundError):
        noisefloor.open(tmp_path / "absent.nfl")
    with pytest.raises(IsADirectoryError):
        noisefloor.open(tmp_path)
    (tmp_path / "text").write_text("no image")
    (tmp_path / "empty").write_bytes(b"")
    for name in ("text", "empty"):
        with pytest.raises(noisefloor.FormatError, match=name):
            noisefloor.open(tmp_path / name)
        with pytest.raises(noisefloor.FormatError):
            noisefloor.info((tmp_path / name).read_bytes())


def test_what_a_container_says_of_itself(tmp_path):
    array = noise((2, 30, 40), "int8")
    data = noisefloor.encode(array, "rice")
    (tmp_path / "a.nfl").write_bytes(data)
    facts = noisefloor.info(data)
    assert facts == noisefloor.info(tmp_path / "a.nfl") == noisefloor.info(str(tmp_path / "a.nfl"))
    assert facts["kind"] == "container" and facts["codec"] == "rice"
    assert facts["bytes"] == len(data) and facts["creator"] == "", "small arrays do not name it"
    large = noisefloor.info(noisefloor.encode(noise((300, 300)), "rice"))
    assert large["creator"].endswith(noisefloor.__version__)
    (image,) = facts["images"]
    assert image["shape"] == (2, 30, 40) and image["dtype"] == "int8"


def test_a_reader_is_used_by_many_threads(tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    array = noise((64, 200))
    (tmp_path / "a.nfl").write_bytes(noisefloor.encode(array, tile=(8, 200)))
    with noisefloor.open(tmp_path / "a.nfl") as file, ThreadPoolExecutor(4) as pool:
        rows = list(pool.map(lambda row: file[row], range(64)))
    assert np.array_equal(np.stack(rows), array)


@pytest.mark.parametrize("order", ["C", "F"])
def test_the_program_restores_an_npy_file(tmp_path, order):
    program = pytest.importorskip("shutil").which("noisefloor")
    if program is None:
        pytest.skip("the program noisefloor is not on the path")
    import subprocess

    numcodecs = pytest.importorskip("noisefloor.numcodecs")
    array = np.asarray(noise((3, 20, 31), ">i2"), order=order)
    (tmp_path / "a.nfl").write_bytes(numcodecs.Noisefloor().encode(array))
    command = [program, "decompress", tmp_path / "a.nfl", tmp_path / "a.npy"]
    subprocess.run(command, check=True, capture_output=True)
    again = np.load(tmp_path / "a.npy")
    assert again.dtype == array.dtype and np.array_equal(again, array)
    assert again.flags.f_contiguous == array.flags.f_contiguous


def card(keyword, value):
    return f"{keyword:<8}= {value:>20}".ljust(80)


def fits_file(stored, *cards):
    """A FITS file of one primary image, written by hand."""
    bitpix = stored.dtype.itemsize * 8 * (-1 if stored.dtype.kind == "f" else 1)
    lines = [card("SIMPLE", "T"), card("BITPIX", bitpix), card("NAXIS", stored.ndim)]
    lines += [card(f"NAXIS{n}", length) for n, length in enumerate(stored.shape[::-1], 1)]
    lines += [card(*one) for one in cards] + ["END".ljust(80)]
    header = "".join(lines).encode()
    data = stored.astype(stored.dtype.newbyteorder(">")).tobytes()
    return header.ljust(-(-len(header) // 2880) * 2880) + data.ljust(-(-len(data) // 2880) * 2880, b"\0")


def test_regions_of_a_fits_file(tmp_path, array):
    (tmp_path / "a.fits").write_bytes(fits_file(array, ("EXPTIME", 2.5)))
    with noisefloor.open(tmp_path / "a.fits") as file:
        compare(file, array)
    facts = noisefloor.info(tmp_path / "a.fits")
    assert facts["kind"] == "FITS" and facts["hdus"][0]["shape"] == array.shape
    assert facts == noisefloor.info((tmp_path / "a.fits").read_bytes())


@pytest.mark.parametrize(
    ("dtype", "cards", "expected", "of"),
    [
        ("i2", [("BZERO", 32768)], "uint16", lambda v: v + 32768),
        ("i2", [], "int16", lambda v: v),
        ("u1", [], "uint8", lambda v: v),
        ("u1", [("BZERO", -128)], "int8", lambda v: v - 128),
        ("i4", [("BZERO", 2147483648)], "uint32", lambda v: v + 2147483648),
        ("i4", [], "int32", lambda v: v),
        ("i8", [], "int64", lambda v: v),
        ("i8", [("BZERO", 9223372036854775808)], "uint64", lambda v: v.astype("u8") + (1 << 63)),
        ("f4", [], "float32", lambda v: v),
        ("f8", [], "float64", lambda v: v),
        ("i2", [("BSCALE", 0.5), ("BZERO", 10)], "float32", lambda v: v * 0.5 + 10),
        ("i4", [("BSCALE", 2)], "float64", lambda v: v * 2),
    ],
)
def test_values_of_fits_files_are_physical(tmp_path, dtype, cards, expected, of):
    stored = np.arange(24).reshape(4, 6).astype(dtype)
    (tmp_path / "a.fits").write_bytes(fits_file(stored, *cards))
    wide = stored if dtype in ("i8", "f4", "f8") else stored.astype("i8")
    with noisefloor.fits.open(tmp_path / "a.fits") as hdus:
        assert hdus[0].dtype == expected and hdus[0].data.dtype == expected
        assert np.array_equal(hdus[0].data, of(wide))
        assert np.array_equal(hdus[0].stored(), stored)
        assert np.array_equal(hdus[0][1:3, ::2], of(wide)[1:3, ::2])
    astropy = pytest.importorskip("astropy.io.fits")
    with astropy.open(tmp_path / "a.fits") as hdus:
        assert hdus[0].data.dtype.newbyteorder("=") == expected
        assert np.array_equal(hdus[0].data, of(wide))


def test_undefined_pixels_are_nan(tmp_path):
    stored = np.array([[1, -7, 3]], "i2")
    (tmp_path / "a.fits").write_bytes(fits_file(stored, ("BSCALE", 2.0), ("BLANK", -7)))
    with noisefloor.fits.open(tmp_path / "a.fits") as hdus:
        assert np.array_equal(hdus[0].data, [[2, np.nan, 6]], equal_nan=True)


def test_headers_are_mappings(tmp_path):
    stored = np.zeros((2, 2), "i2")
    cards = [("EXPTIME", 2.5), ("OBSERVER", "'A. Nobody'"), ("DONE", "T"), ("COUNT", 7)]
    (tmp_path / "a.fits").write_bytes(fits_file(stored, *cards))
    with noisefloor.fits.open(tmp_path / "a.fits") as hdus:
        header = hdus[0].header
        assert len(hdus) == 1 and list(hdus)[0].content == "image of int16, 2 x 2"
        assert header["exptime"] == 2.5 and header["OBSERVER"] == "A. Nobody"
        assert header["DONE"] is True and header["COUNT"] == 7 and "NOPE" not in header
        with pytest.raises(KeyError, match="no HDU named"):
            hdus["SCI"]
        with pytest.raises(IndexError):
            hdus[1]


@pytest.mark.parametrize("cards", [[("BZERO", 32768)], []])
def test_a_container_of_a_fits_file_has_its_values(tmp_path, cards):
    """What `noisefloor compress` writes; here it is put together by hand."""
    program = pytest.importorskip("shutil").which("noisefloor")
    if program is None:
        pytest.skip("the program noisefloor is not on the path")
    import subprocess

    stored = noise((3, 20, 30), "i2")
    (tmp_path / "a.fits").write_bytes(fits_file(stored, *cards))
    command = [program, "compress", tmp_path / "a.fits", tmp_path / "a.nfl"]
    subprocess.run(command, check=True, capture_output=True)
    expected = stored.astype("i4") + (32768 if cards else 0)
    assert np.array_equal(noisefloor.decode((tmp_path / "a.nfl").read_bytes()), expected)
    with noisefloor.open(tmp_path / "a.nfl") as file:
        assert np.array_equal(file[1, 2:9], expected[1, 2:9])
