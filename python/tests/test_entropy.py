"""The coder alone: sizes against the information, exact integers, wrong mixtures noticed."""

import hashlib

import noisefloor
import numpy as np
import pytest
from noisefloor import entropy


def mixtures(shape, components, seed=2):
    rng = np.random.default_rng(seed)
    means = rng.uniform(500, 1500, (*shape, components))
    scales = np.exp(rng.uniform(0, 4, (*shape, components)))
    weights = rng.uniform(0.05, 1, (*shape, components))
    chosen = rng.integers(0, components, shape)[..., None]
    centre = np.take_along_axis(means, chosen, -1)[..., 0]
    scale = np.take_along_axis(scales, chosen, -1)[..., 0]
    symbols = rng.logistic(centre, scale).round().clip(0, 65535).astype("uint16")
    return symbols, means, scales, weights


@pytest.mark.parametrize("components", [1, 2, 3, 5, 10, 12, 13, 32])
def test_the_size_is_the_information(components):
    symbols, *parameters = mixtures((40, 50), components)
    stream = entropy.encode(symbols, *parameters)
    assert np.array_equal(entropy.decode(stream, *parameters), symbols)
    bits = entropy.information_bits(symbols, *parameters)
    assert bits * 0.999 <= 8 * len(stream) <= bits * 1.001 + 64


def test_far_symbols_cost_at_most_thirty_bits():
    symbols = np.array([0, 65535, 1, 40000], "uint16")
    parameters = np.full((4, 1), 700.0), np.full((4, 1), 0.01), np.ones((4, 1))
    stream = entropy.encode(symbols, *parameters)
    assert np.array_equal(entropy.decode(stream, *parameters), symbols)
    assert len(stream) <= 4 * 30 / 8 + 8
    assert entropy.information_bits(symbols, *parameters) == pytest.approx(120, abs=1)


def test_whole_numbers_are_as_documented():
    whole = entropy.quantise([[1.25, -3]], [[1.0, 2.0 ** (5 / 32)]], [[0.5, 0.25]])
    assert whole.means.tolist() == [[320, -768]] and whole.means.dtype == np.int32
    assert whole.scales.tolist() == [[160, 165]]
    assert whole.weights.tolist() == [[65535, 32768]]
    steps = np.arange(641)
    exact = 2.0 ** ((steps - 160) / 32)
    for factor in (1, 2.0 ** (0.49 / 32), 2.0 ** (-0.49 / 32)):
        found = entropy.quantise(np.zeros((641, 1)), exact[:, None] * factor, np.ones((641, 1)))
        assert np.array_equal(found.scales[:, 0], steps)
    ends = entropy.quantise([[0.0, 1e30]], [[1e-30, 1e30]], [[1, 0]])
    assert ends.scales.tolist() == [[0, 640]] and ends.weights.tolist() == [[65535, 0]]
    assert ends.means[0, 1] == np.iinfo("int32").max


def test_the_stream_is_pinned():
    """Equal on every machine and in every later version."""
    by_hand = entropy.encode([3, 5], [[4.0]] * 2, [[1.0]] * 2, [[1]] * 2)
    assert by_hand.hex() == "d16d328e1a000000"
    place = np.arange(100)
    whole = entropy.Parameters(
        np.stack([256 * (900 + place), 256 * 950 + 7 * place], -1).astype("int32"),
        np.stack([160 + place, 300 - place], -1).astype("uint16"),
        np.stack([1 + place, 65535 - 600 * place], -1).astype("uint16"),
    )
    symbols = 890 + place * 37 % 100
    stream = entropy.encode(symbols, *whole)
    assert stream == entropy.encode(symbols.astype(">u2"), *whole)
    assert hashlib.sha256(stream).hexdigest()[:16] == "f31b80c9e409c87c"
    assert np.array_equal(entropy.decode(stream, *whole), symbols)


def test_step_by_step():
    symbols, *parameters = mixtures((30, 20), 4)
    encoder = entropy.Encoder()
    for row in range(30):
        encoder.encode(symbols[row], *(one[row] for one in parameters))
    stream = encoder.finish()
    assert stream == entropy.encode(symbols, *parameters)
    decoder = entropy.Decoder(bytearray(stream))
    for row in range(30):
        assert np.array_equal(decoder.decode(*(one[row] for one in parameters)), symbols[row])
    decoder.finish()
    for used_up in (encoder.finish, decoder.finish):
        with pytest.raises(noisefloor.RequestError, match="finished"):
            used_up()


def test_other_mixtures_and_damage_are_noticed():
    symbols, means, scales, weights = mixtures((2000,), 3)
    stream = entropy.encode(symbols, means, scales, weights)
    with pytest.raises(noisefloor.DamagedError):
        entropy.decode(stream, means + 0.01, scales, weights)
    with pytest.raises(noisefloor.DamagedError):
        entropy.decode(stream[:-4], means, scales, weights)
    with pytest.raises(noisefloor.DamagedError, match="left over"):
        entropy.decode(stream + bytes(4), means, scales, weights)
    with pytest.raises(noisefloor.DamagedError):
        entropy.decode(stream, means[:-1], scales[:-1], weights[:-1])


def test_wrong_parameters_are_told():
    good = np.ones((4, 2))
    cases = [
        (([1.5] * 4, good, good, good), "symbols of float64"),
        (([-1, 0, 0, 0], good, good, good), "symbols of -1 to 0"),
        (([70000, 0, 0, 0], good, good, good), "70000"),
        (([1] * 3, good, good, good), "one mixture for every symbol"),
        (([1] * 4, good, good[:, :1], good), "expected one shape for all"),
        (([1] * 4, good * np.nan, good, good), "mean of NaN"),
        (([1] * 4, good, good * 0, good), "scale of 0"),
        (([1] * 4, good, -good, good), "scale of -1"),
        (([1] * 4, good, good, good * 0), "some weight"),
        (([1] * 4, good, good, -good), "weight of -1"),
        (([1] * 4, np.ones((4, 33)), np.ones((4, 33)), np.ones((4, 33))), "expected 1 to 32"),
    ]
    for arguments, words in cases:
        with pytest.raises(noisefloor.UnsupportedError, match=words):
            entropy.encode(*arguments)
    none = [np.ones((0, 1))] * 3
    assert entropy.encode(np.zeros(0, "uint16"), *none) == b""
    assert entropy.decode(b"", *none).shape == (0,)
    whole = entropy.quantise(good, good, good)
    with pytest.raises(noisefloor.UnsupportedError, match="symbol 0: invalid distribution"):
        entropy.encode([1] * 4, whole.means, whole.scales + 600, whole.weights)
