"""FLOOR_1 in astropy.io.fits, and the same file without astropy.

    python examples/python/astropy_floor.py
"""

import tempfile
from pathlib import Path

import astropy.io.fits
import noisefloor.astropy
import noisefloor.fits
import numpy as np


def main() -> None:
    rng = np.random.default_rng(1)
    frame = rng.poisson(1200, (600, 800)).astype("uint16")

    with tempfile.TemporaryDirectory() as folder:
        sizes = {}
        for compression in ("RICE_1", "FLOOR_1"):
            path = Path(folder, f"{compression}.fits.fz")
            hdu = astropy.io.fits.CompImageHDU(frame, compression_type=compression)
            hdu.header["EXPTIME"] = 30.0
            with noisefloor.astropy.codec("floor:level=high"):
                hdu.writeto(path)
            with astropy.io.fits.open(path) as hdus:
                assert np.array_equal(hdus[1].data, frame)
                assert np.array_equal(hdus[1].section[10:20, 700:], frame[10:20, 700:])
            sizes[compression] = path.stat().st_size

            # Without astropy.
            with noisefloor.fits.open(path) as hdus:
                assert hdus[1].header["EXPTIME"] == 30.0
                assert np.array_equal(hdus[1][10:20, 700:], frame[10:20, 700:])
                print(f"{hdus[1].compression:<28} {sizes[compression]} bytes")


if __name__ == "__main__":
    main()
