"""An array to bytes and back, and a region of a file, without loss.

    python examples/python/arrays.py
"""

import tempfile
from pathlib import Path

import noisefloor
import numpy as np


def main() -> None:
    # A frame of 0.5 Mpixel: sky of 900 electrons with Poisson noise, a gradient, a bias level.
    rng = np.random.default_rng(1)
    sky = 900 + 0.2 * np.arange(1024)
    frame = (rng.poisson(sky, (512, 1024)) + 300).astype("uint16")

    for codec in ("rice", "floor:level=fast", "floor", "floor:level=high"):
        data = noisefloor.encode(frame, codec)
        assert np.array_equal(noisefloor.decode(data), frame)
        print(f"{codec:<18} {8 * len(data) / frame.size:.4f} bits per pixel")

    # The same in the style of imagecodecs.
    data = noisefloor.floor_encode(frame, level="fast", tile=(128, 1024))
    assert noisefloor.floor_check(data)
    assert np.array_equal(noisefloor.floor_decode(data), frame)

    # A region of a file: only the tiles that it touches are read and decoded.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "frame.nfl")
        path.write_bytes(data)
        with noisefloor.open(path) as image:
            assert np.array_equal(image[100:200, 512:], frame[100:200, 512:])
            print(image)


if __name__ == "__main__":
    main()
