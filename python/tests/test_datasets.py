"""Datasets by name, in builds that have them; in others, what says so."""

import multiprocessing
import operator
import pickle
from concurrent.futures import ProcessPoolExecutor

import noisefloor
import numpy as np
import pytest
from noisefloor import datasets

from .conftest import noise


def has_datasets():
    try:
        datasets.load("sim-star-field")
    except noisefloor.MismatchError:
        return False
    return True


PRESENT = has_datasets()
needed = pytest.mark.skipif(not PRESENT, reason="this build has no datasets")


@pytest.mark.skipif(PRESENT, reason="this build has datasets")
def test_a_build_without_datasets_says_so():
    with pytest.raises(noisefloor.MismatchError, match="docs/python.md says how to build one"):
        datasets.load("sim-star-field")


@pytest.fixture
def folder(tmp_path):
    for n in range(4):
        np.save(tmp_path / f"{n}.npy", noise((40, 30), seed=n))
    return tmp_path


@needed
def test_a_folder_of_frames(folder):
    found = datasets.load(folder, streaming=True)
    assert len(found) == 4 and len(found.names) == 4
    for n, array in enumerate(found):
        assert array.dtype == np.uint16 and np.array_equal(array, noise((40, 30), seed=n))
    assert np.array_equal(found[-1], noise((40, 30), seed=3))
    assert len(found[1:3]) == 2 and np.array_equal(found[1:3][0], found[1])
    assert "4 images" in repr(found)
    for wrong in (4, -5):
        with pytest.raises(IndexError, match=f"no image {wrong}, the dataset has 4"):
            found[wrong]


@needed
def test_simulators_need_no_network():
    found = datasets.load("sim-star-field", split="test")
    assert len(found) > 0 and found.card["name"] == "sim-star-field"
    assert found[0].dtype == np.uint16 and found[0].ndim == 2
    assert np.array_equal(found[0], found[0]), "the same every time"


@needed
def test_it_travels_to_other_processes(folder):
    found = datasets.load(folder)
    again = pickle.loads(pickle.dumps(found))
    assert again.names == found.names and np.array_equal(again[2], found[2])
    # A function that the other process can import: this file is none of its modules.
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        arrays = list(pool.map(operator.getitem, [found] * 4, range(4)))
    assert all(np.array_equal(one, other) for one, other in zip(arrays, found, strict=True))


@needed
def test_a_data_loader_takes_it(folder):
    data = pytest.importorskip("torch.utils.data")
    loader = data.DataLoader(datasets.load(folder), batch_size=2, num_workers=2)
    assert [tuple(batch.shape) for batch in loader] == [(2, 40, 30)] * 2


@needed
def test_what_is_not_there_is_told(folder):
    for wrong in ("no-such-set", folder / "absent"):
        with pytest.raises((noisefloor.RequestError, OSError), match="no-such-set|absent"):
            datasets.load(wrong)
    with pytest.raises(noisefloor.RequestError, match="split"):
        datasets.load("sim-star-field", split="no-such-split")
    with pytest.raises(noisefloor.RequestError, match="named twice"):
        datasets.load("sim-star-field@test", split="train")
    (folder / "4.npy").write_bytes(b"no array")
    found = datasets.load(folder)
    with pytest.raises(noisefloor.Error, match="4.npy"):
        list(found)
    with pytest.raises(noisefloor.Error, match="4.npy"):
        datasets.load(folder, streaming=False)
