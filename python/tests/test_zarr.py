"""zarr formats 3 (plain and sharded) and 2, numcodecs, xarray."""

import json
import subprocess
import sys

import noisefloor
import numpy as np
import pytest

from .conftest import noise

zarr = pytest.importorskip("zarr")
numcodecs = pytest.importorskip("numcodecs")

from noisefloor.numcodecs import Noisefloor  # noqa: E402
from noisefloor.zarr import NoisefloorCodec  # noqa: E402

TYPES = ["uint16", "int16", "uint8", "int8", "bool"]


def create(store, array, **options):
    options = {"serializer": NoisefloorCodec(codec="floor:level=fast"), "compressors": None} | options
    made = zarr.create_array(store, shape=array.shape, dtype=array.dtype, **options)
    made[...] = array
    return made


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize(
    "layout",
    [{"chunks": (64, 50)}, {"chunks": (16, 20), "shards": (64, 60)}, {"chunks": (1, 120)}],
    ids=["plain", "sharded", "rows"],
)
def test_round_trip(tmp_path, dtype, layout):
    array = noise((130, 120), dtype)
    create(tmp_path / "a.zarr", array, **layout)
    again = zarr.open_array(tmp_path / "a.zarr", mode="r")
    assert again.dtype == array.dtype
    assert np.array_equal(again[...], array)


@pytest.mark.parametrize("dtype", [">u2", ">i2"])
def test_big_endian_arrays(dtype):
    array = noise((40, 60), dtype)
    assert np.array_equal(create({}, array, chunks=(20, 30))[...], array)


def test_parts_of_chunks(tmp_path):
    array = noise((3, 100, 90))
    codec = NoisefloorCodec(codec="floor:level=fast", tile=(1, 16, 90))
    store = zarr.storage.MemoryStore()
    made = create(store, array, chunks=(2, 64, 90), serializer=codec)
    for key in [
        (0,),
        (slice(None), 5),
        (1, slice(10, 70), slice(3, 80, 7)),
        (..., -1),
        (slice(1, 3), slice(60, 70), slice(0, 1)),
    ]:
        assert np.array_equal(made[key], array[key]), key
    assert np.array_equal(made.oindex[[0, 2], :, [4, 80]], array[[0, 2]][:, :, [4, 80]])
    assert np.array_equal(made.oindex[2, [4, 80], 3:9], array[2, [4, 80], 3:9])
    assert np.array_equal(made.vindex[[0, 2], [1, 99], [4, 80]], array[[0, 2], [1, 99], [4, 80]])
    mask = array > 80
    assert np.array_equal(made.get_mask_selection(mask), array[mask])


def test_a_part_needs_no_other_tile(tmp_path):
    array = noise((64, 64))
    codec = NoisefloorCodec(codec="floor:level=fast", tile=(16, 64))
    create(tmp_path / "a.zarr", array, chunks=(64, 64), serializer=codec)
    path = tmp_path / "a.zarr" / "c" / "0" / "0"
    data = bytearray(path.read_bytes())
    facts = noisefloor.info(path)["images"][0]
    assert facts["tiles"] == 4 and facts["tile"] == (1, 16, 64)
    # The first byte of the last tile: tiles end where the index begins.
    index_bytes = 32 + 4 * 12 + 20
    data[len(data) - index_bytes - 20] ^= 1
    path.write_bytes(data)
    again = zarr.open_array(tmp_path / "a.zarr", mode="r")
    assert np.array_equal(again[:48, 5:60], array[:48, 5:60])
    with pytest.raises(noisefloor.DamagedError, match="rows 48..64"):
        again[40:, :]


def test_a_chunk_of_another_array_is_noticed(tmp_path):
    create(tmp_path / "a.zarr", noise((8, 8)), chunks=(8, 8))
    (tmp_path / "a.zarr" / "c" / "0" / "0").write_bytes(noisefloor.encode(noise((8, 9))))
    with pytest.raises(noisefloor.DamagedError, match=r"holds uint16 \(8, 9\), expected"):
        zarr.open_array(tmp_path / "a.zarr", mode="r")[...]


def test_chunks_that_were_never_written_are_filled():
    made = zarr.create_array(
        {}, shape=(20, 20), chunks=(10, 10), dtype="uint16", fill_value=7,
        serializer=NoisefloorCodec(), compressors=None,
    )  # fmt: skip
    made[:10, :10] = 3
    assert made[5:15, 5:15].tolist() == [[3] * 5 + [7] * 5] * 5 + [[7] * 10] * 5


def test_metadata_is_as_documented(tmp_path):
    codec = NoisefloorCodec(codec="floor:level=default", tile=(16, 64), verify=False)
    create(tmp_path / "a.zarr", noise((64, 64)), chunks=(64, 64), serializer=codec)
    (written,) = json.loads((tmp_path / "a.zarr" / "zarr.json").read_text())["codecs"]
    expected = {"name": "noisefloor", "configuration": {"codec": "floor", "tile": [16, 64]}}
    assert written == expected
    assert NoisefloorCodec.from_dict(written).to_dict() == expected
    assert NoisefloorCodec.from_dict({"name": "noisefloor"}) == NoisefloorCodec()
    made = create({}, noise((4, 4)), chunks=(4, 4), serializer=expected)
    assert np.array_equal(made[...], noise((4, 4)))


def test_what_cannot_be_coded_is_refused_at_creation():
    with pytest.raises(noisefloor.UnsupportedError, match="cannot code arrays of float32"):
        create({}, np.zeros((4, 4), "float32"), chunks=(4, 4))
    with pytest.raises(noisefloor.SpecError, match="no codec of that name"):
        NoisefloorCodec(codec="flor")
    with pytest.raises(noisefloor.RequestError, match="each at least 1"):
        NoisefloorCodec(tile=(0, 3))


@pytest.mark.parametrize("dtype", [*TYPES, ">u2", ">i2"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_format_two(tmp_path, dtype, order):
    array = noise((50, 40), dtype)
    made = zarr.create_array(
        tmp_path / "a.zarr", shape=array.shape, dtype=array.dtype, chunks=(20, 40), order=order,
        compressors=Noisefloor("floor:level=fast"), zarr_format=2,
    )  # fmt: skip
    made[...] = array
    again = zarr.open_array(tmp_path / "a.zarr", mode="r")
    assert again.dtype == array.dtype
    assert np.array_equal(again[...], array)


def test_numcodecs():
    codec = numcodecs.get_codec({"id": "noisefloor", "codec": "rice"})
    assert codec == Noisefloor("rice") and codec.get_config() == {"id": "noisefloor", "codec": "rice"}
    for array in (noise((30, 40), ">i2"), noise((30, 40), "bool"), np.zeros((0, 4), "uint16")):
        data = codec.encode(array)
        again = codec.decode(data)
        assert again.dtype == array.dtype and again.tobytes() == array.tobytes()
        out = np.empty_like(array)
        assert codec.decode(bytearray(data), out=out) is out
        assert out.tobytes() == array.tobytes()
    columns = np.asfortranarray(noise((30, 40, 3), ">u2"))
    again = codec.decode(codec.encode(columns))
    assert again.flags.f_contiguous and np.array_equal(again, columns)
    assert np.array_equal(noisefloor.decode(codec.encode(columns)), columns)
    with pytest.raises(noisefloor.UnsupportedError, match="out holds 2 bytes"):
        codec.decode(codec.encode(columns), out=np.zeros(1, "uint16"))
    assert bytes(codec.decode(codec.encode(b"plain bytes"))) == b"plain bytes"
    with pytest.raises(noisefloor.UnsupportedError, match="float64"):
        codec.encode(np.zeros(3))
    with pytest.raises(noisefloor.FormatError):
        codec.decode(b"something else")


def test_entry_points_are_enough(tmp_path):
    """A fresh interpreter that imports zarr alone finds the codecs."""
    array = noise((40, 40))
    create(tmp_path / "3.zarr", array, chunks=(20, 20))
    made = zarr.create_array(
        tmp_path / "2.zarr", shape=array.shape, dtype=array.dtype, chunks=(20, 20),
        compressors=Noisefloor(), zarr_format=2,
    )  # fmt: skip
    made[...] = array
    program = "import zarr, sys; print(sum(int(zarr.open_array(p)[...].sum()) for p in sys.argv[1:]))"
    command = [sys.executable, "-c", program, tmp_path / "3.zarr", tmp_path / "2.zarr"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) == 2 * int(array.sum())


def test_xarray_opens_such_a_store(tmp_path):
    xarray = pytest.importorskip("xarray")
    array = noise((3, 60, 50))
    night = xarray.Dataset(
        {"counts": (("exposure", "y", "x"), array)}, coords={"exposure": [1.0, 2.0, 3.0]}
    )
    encoding = {"counts": {"serializer": NoisefloorCodec(), "compressors": None, "chunks": (1, 60, 50)}}
    night.to_zarr(tmp_path / "night.zarr", encoding=encoding, consolidated=False, zarr_format=3)
    with xarray.open_zarr(tmp_path / "night.zarr", consolidated=False, chunks=None) as again:
        assert again.counts.dtype == np.uint16
        assert np.array_equal(again.counts.sel(exposure=2.0).values, array[1])
        assert np.array_equal(again.counts[:, 5:9].values, array[:, 5:9])
    (codec,) = zarr.open_array(tmp_path / "night.zarr" / "counts").metadata.codecs
    assert codec == NoisefloorCodec()
