"""A night of exposures as a zarr store, written chunk by chunk and opened by xarray.

    python examples/python/zarr_night.py
"""

import tempfile
from pathlib import Path

import noisefloor
import numpy as np
import xarray
import zarr
from noisefloor.zarr import NoisefloorCodec


def main() -> None:
    rng = np.random.default_rng(1)
    exposures, rows, columns = 8, 256, 320
    flat = 800 + 100 * rng.random((rows, columns))

    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder, "night.zarr")
        root = zarr.create_group(store)
        counts = root.create_array(
            "counts",
            shape=(exposures, rows, columns),
            dtype="uint16",
            chunks=(1, rows, columns),
            serializer=NoisefloorCodec(codec="floor:level=high", tile=(128, columns)),
            compressors=None,
            dimension_names=("exposure", "y", "x"),
        )
        frames = []
        for exposure in range(exposures):
            frame = rng.poisson(flat).astype("uint16")
            counts[exposure] = frame
            frames.append(frame)

        # Readers need no import of this package: the codec is found by its name.
        with xarray.open_zarr(store, consolidated=False) as night:
            assert np.array_equal(night.counts.values, np.stack(frames))
            # Only the tiles of this window are decoded.
            window = night.counts[:, 10:40, 100:200].values
            assert np.array_equal(window, np.stack(frames)[:, 10:40, 100:200])

        # A chunk is a container: every tool of this package reads it.
        chunk = store / "counts" / "c" / "3" / "0" / "0"
        assert np.array_equal(noisefloor.open(chunk)[0], frames[3])

        stored = sum(file.stat().st_size for file in store.rglob("c/**/*") if file.is_file())
        print(f"{8 * stored / counts.size:.4f} bits per pixel in {exposures} chunks")


if __name__ == "__main__":
    main()
