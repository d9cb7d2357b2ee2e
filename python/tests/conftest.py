"""Frames for the tests."""

import numpy as np
import pytest


def noise(shape, dtype="uint16", seed=1):
    """Poisson noise on a slope, shifted into the range of the type."""
    rng = np.random.default_rng(seed)
    mean = 60 + np.arange(shape[-1]) % 40 if shape else 60
    values = np.asarray(rng.poisson(mean, size=shape))
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return values > 70
    return (values - (70 if dtype.kind == "i" else 0)).clip(-128, 127).astype(dtype)


@pytest.fixture
def frame():
    return noise((90, 70))


def night(folder):
    """What the code of the documents finds in its folder: frame.npy, frame.fits, frame.nfl."""
    import noisefloor

    frame = noise((300, 400))
    np.save(folder / "frame.npy", frame)
    (folder / "frame.nfl").write_bytes(noisefloor.encode(noise((2, 300, 400))))
    cards = ["SIMPLE  =                    T", "BITPIX  =                   16"]
    cards += ["NAXIS   =                    2", f"NAXIS1  = {400:>20}", f"NAXIS2  = {300:>20}"]
    cards += ["BZERO   =                32768", "EXPTIME =                 30.0", "END"]
    header = "".join(card.ljust(80) for card in cards).encode().ljust(2880)
    data = (frame ^ 0x8000).astype(">u2").tobytes()
    (folder / "frame.fits").write_bytes(header + data.ljust(-(-len(data) // 2880) * 2880, b"\0"))
