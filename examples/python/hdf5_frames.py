"""Frames in an HDF5 file, chunk by chunk.

    python examples/python/hdf5_frames.py
"""

import tempfile
from pathlib import Path

import h5py
import noisefloor.hdf5
import numpy as np


def main() -> None:
    rng = np.random.default_rng(1)
    frames = rng.poisson(700, (6, 256, 320)).astype("uint16")

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "frames.h5")
        with h5py.File(path, "w") as file:
            data = file.create_dataset(
                "counts", data=frames, chunks=(1, 256, 320), **noisefloor.hdf5.filter("fast")
            )
            print(f"{8 * data.id.get_storage_size() / frames.size:.4f} bits per pixel")
        with h5py.File(path) as file:
            assert np.array_equal(file["counts"][...], frames)
            assert np.array_equal(file["counts"][2, 10:20], frames[2, 10:20])


if __name__ == "__main__":
    main()
