"""The HDF5 filter: registered in h5py, and as a plug-in that libraries find by themselves."""

import os
import pathlib
import shutil
import subprocess
import sys

import noisefloor
import numpy as np
import pytest

from .conftest import noise

h5py = pytest.importorskip("h5py")

import noisefloor.hdf5  # noqa: E402

TYPES = ["uint16", "int16", ">u2", ">i2", "uint8", "int8"]


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize(
    ("shape", "chunks"),
    [((90, 70), (40, 70)), ((3, 40, 50), (1, 40, 20)), ((2, 2, 9, 8), (1, 2, 9, 8)), ((100,), (30,))],
    ids=str,
)
def test_round_trip(tmp_path, dtype, shape, chunks):
    array = noise(shape, dtype)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x", data=array, chunks=chunks, **noisefloor.hdf5.filter("fast"))
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["x"].dtype == array.dtype
        assert np.array_equal(file["x"][...], array)
        assert np.array_equal(file["x"][..., 2:7], array[..., 2:7])


def test_levels_and_the_numbers_in_files(tmp_path):
    array = noise((128, 128), "int16")
    sizes = []
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for number, level in enumerate(noisefloor.hdf5.LEVELS):
            options = noisefloor.hdf5.filter(level)
            data = file.create_dataset(level, data=array, chunks=(64, 128), **options)
            code, _, values, name = data.id.get_create_plist().get_filter(0)
            assert code == noisefloor.hdf5.FILTER_ID and name.startswith(b"noisefloor")
            assert values == (1, number, 3, 2, 64, 128)
            sizes.append(data.id.get_storage_size())
            assert np.array_equal(data[...], array)
        # A dataset with the properties of another keeps its level.
        source = file["max"].id
        space, properties = source.get_space(), source.get_create_plist()
        h5py.h5d.create(file.id, b"like", source.get_type(), space, properties)
        file["like"][...] = array
        assert file["like"].id.get_storage_size() == sizes[3]
    assert max(sizes) < array.nbytes and sizes[3] < sizes[0]


def test_a_chunk_is_a_container(tmp_path):
    array = noise((64, 50), ">i2")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset("x", data=array, chunks=(32, 50), **noisefloor.hdf5.filter())
        _, chunk = data.id.read_direct_chunk((32, 0))
        assert np.array_equal(noisefloor.decode(chunk), array[32:])
        assert noisefloor.info(chunk)["codec"] == "floor"
        # And one that this package has coded is a chunk.
        data.id.write_direct_chunk((0, 0), noisefloor.encode(array[32:], "floor:level=max"))
        assert np.array_equal(data[:32], array[32:])


@pytest.mark.parametrize("dtype", ["float32", "int32", "uint64", "S3"])
def test_other_types_are_refused_at_creation(tmp_path, dtype):
    with h5py.File(tmp_path / "a.h5", "w") as file, pytest.raises((ValueError, OSError, RuntimeError)):
        file.create_dataset("x", shape=(8, 8), dtype=dtype, chunks=(8, 8), **noisefloor.hdf5.filter())


def test_unknown_levels_are_told():
    with pytest.raises(noisefloor.SpecError, match="no level 'best', expected fast, default"):
        noisefloor.hdf5.filter("best")


def test_damage_is_an_error(tmp_path):
    array = noise((64, 64))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset("x", data=array, chunks=(64, 64), **noisefloor.hdf5.filter())
        _, chunk = data.id.read_direct_chunk((0, 0))
        hurt = bytearray(chunk)
        hurt[len(hurt) // 2] ^= 1
        for wrong in (bytes(hurt), chunk[:50], noisefloor.encode(array[1:]), noisefloor.rice_encode(array)):
            data.id.write_direct_chunk((0, 0), wrong)
            with pytest.raises(OSError, match="filter|read"):
                data[...]


def plugin():
    """The plug-in, if it has been built: `cargo build --release -p nf-hdf5`."""
    root = pathlib.Path(__file__).parents[2]
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", root / "target"))
    path = target / "release" / "libnf_hdf5.so"
    return path if path.is_file() else None


@pytest.fixture
def folder(tmp_path):
    path = plugin()
    if path is None:
        pytest.skip("the plug-in has not been built")
    (tmp_path / "plugins").mkdir()
    shutil.copy(path, tmp_path / "plugins")
    return tmp_path


def test_h5py_alone_finds_the_plug_in(folder):
    array = noise((50, 60))
    program = (
        "import h5py, sys, numpy as np\n"
        "array = np.load(sys.argv[1])\n"
        f"number = {noisefloor.hdf5.FILTER_ID}\n"
        "with h5py.File('b.h5', 'w') as file:\n"
        "    file.create_dataset('x', data=array, chunks=(50, 30), compression=number)\n"
        "with h5py.File('b.h5') as file:\n"
        "    assert np.array_equal(file['x'][...], array)\n"
        "assert 'noisefloor' not in sys.modules\n"
    )
    np.save(folder / "a.npy", array)
    environment = {**os.environ, "HDF5_PLUGIN_PATH": str(folder / "plugins")}
    command = [sys.executable, "-c", program, folder / "a.npy"]
    subprocess.run(command, env=environment, cwd=folder, check=True)
    with h5py.File(folder / "b.h5") as file:
        assert np.array_equal(file["x"][...], array)


@pytest.mark.skipif(shutil.which("h5dump") is None, reason="h5dump is not installed")
def test_h5dump_reads(folder):
    array = noise((20, 30))
    with h5py.File(folder / "a.h5", "w", libver=("earliest", "v110")) as file:
        file.create_dataset("x", data=array, chunks=(20, 15), **noisefloor.hdf5.filter())
    environment = {**os.environ, "HDF5_PLUGIN_PATH": str(folder / "plugins")}
    command = ["h5dump", "-d", "/x", "-b", "LE", "-o", "x.bin", "a.h5"]
    subprocess.run(command, env=environment, cwd=folder, check=True, capture_output=True)
    dumped = np.fromfile(folder / "x.bin", "<u2").reshape(array.shape)
    assert np.array_equal(dumped, array)
