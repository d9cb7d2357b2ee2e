"""A real stream from a model of your own, whatever framework it was trained in.

The model here is a stand-in for a network: it predicts every pixel from the row above as a mixture
of two logistics, one as wide as the noise and a wide one for stars and cosmic rays. Only NumPy is
needed; with PyTorch, hand over `tensor.double().numpy()`.

    python examples/python/entropy_of_a_model.py
"""

import noisefloor
import numpy as np
from noisefloor import entropy


def predict(above: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means, scales and weights, (columns, components), of the row below `above`."""
    # A running mean over nine columns, in integers: exact on every machine.
    padded = np.pad(above.astype(np.int64), 4, mode="edge")
    sums = np.convolve(padded, np.ones(9, np.int64), mode="valid")
    mean = sums / 9
    # The noise of photons, as the scale of a logistic: sigma * sqrt(3) / pi.
    scale = np.sqrt(np.maximum(mean, 1) * 1.1) * (np.sqrt(3) / np.pi)
    means = np.stack([mean, mean], axis=-1)
    scales = np.stack([scale, 20 * scale], axis=-1)
    weights = np.broadcast_to([0.99, 0.01], means.shape)
    return means, scales, weights


def main() -> None:
    rng = np.random.default_rng(1)
    frame = rng.poisson(900 + 0.5 * np.arange(400), (200, 400)).astype("uint16")
    frame[50, 60:64] += 20_000

    # The encoder knows all rows; the decoder has the row above when it needs it.
    encoder = entropy.Encoder()
    above = np.full(frame.shape[1], 1000, "uint16")
    bits = 0.0
    for row in frame:
        mixtures = predict(above)
        encoder.encode(row, *mixtures)
        bits += entropy.information_bits(row, *mixtures)
        above = row
    stream = encoder.finish()

    decoder = entropy.Decoder(stream)
    decoded = np.empty_like(frame)
    above = np.full(frame.shape[1], 1000, "uint16")
    for row in decoded:
        row[:] = decoder.decode(*predict(above))
        above = row
    decoder.finish()
    assert np.array_equal(decoded, frame)

    print(f"stream      {8 * len(stream) / frame.size:.4f} bits per pixel")
    print(f"information {bits / frame.size:.4f}")
    print(f"rice        {8 * len(noisefloor.rice_encode(frame)) / frame.size:.4f}")
    print(f"floor       {8 * len(noisefloor.floor_encode(frame)) / frame.size:.4f}")


if __name__ == "__main__":
    main()
