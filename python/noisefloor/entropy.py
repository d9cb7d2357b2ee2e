"""The entropy coder alone: rANS under mixtures of logistics, for models trained elsewhere.

A model (of any framework) predicts for every symbol a mixture of logistic distributions over the
integers 0 to 65535; ``encode`` makes a real stream of the symbols, and ``decode`` returns them.
The size is the information of the symbols under the mixtures to within 32 bits per million
symbols.

Parameters are rounded to whole numbers before anything is coded, by IEEE operations that are the
same everywhere, so that equal parameters give equal streams on every machine. The model must give
the decoder *exactly* the parameters that the encoder had: most frameworks do not promise that
between devices, thread counts or versions. ``quantise`` gives the whole numbers, to be stored or
compared; wrong ones are nearly always noticed (``DamagedError``), for the coder ends in a known
state.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _core
from ._arrays import Buffer, octets
from ._errors import UnsupportedError

__all__ = ["Decoder", "Encoder", "Parameters", "decode", "encode", "information_bits", "quantise"]

#: The step of a scale of one sample, and steps per factor of two.
_SCALE_ONE, _STEPS = 160, 32


class Parameters(NamedTuple):
    """Mixtures in whole numbers, each array of the shape (*symbols, components)."""

    #: Centres, in 1/256 of a sample.
    means: NDArray[np.int32]
    #: Steps of scales, 0 to 640: step ``i`` is a scale of ``2**((i - 160) / 32)`` samples.
    scales: NDArray[np.uint16]
    #: Weights, relative to their sum.
    weights: NDArray[np.uint16]


def quantise(means: ArrayLike, scales: ArrayLike, weights: ArrayLike) -> Parameters:
    """Whole parameters from real ones, each of the shape (*symbols, components).

    :param means: centres, in samples.
    :param scales: scales of the logistics, in samples, positive; 2**-5 to 2**15 are told apart,
        to 1.1 %.
    :param weights: not negative, of any sum; they are kept to 1/65535 of the largest.
    """
    given = [np.asarray(one, dtype=np.float64) for one in (means, scales, weights)]
    shape, components = _shape(given)
    real = [np.ascontiguousarray(one).ravel() for one in given]
    centres, steps, shares = _core.quantise(real[0], real[1], real[2], components)
    return Parameters(centres.reshape(shape), steps.reshape(shape), shares.reshape(shape))


def _shape(arrays: list[NDArray[Any]]) -> tuple[tuple[int, ...], int]:
    shapes = {one.shape for one in arrays}
    shape = arrays[0].shape
    if len(shapes) != 1 or not shape or shape[-1] < 1:
        found = ", ".join(str(one.shape) for one in arrays)
        raise UnsupportedError(
            f"means, scales and weights have the shapes {found}; expected one shape for all, "
            "(*symbols, components)"
        )
    return shape, shape[-1]


def _whole(
    means: ArrayLike, scales: ArrayLike, weights: ArrayLike
) -> tuple[tuple[NDArray[Any], NDArray[Any], NDArray[Any]], tuple[int, ...], int]:
    given = [np.asarray(one) for one in (means, scales, weights)]
    types = [one.dtype.newbyteorder("=") for one in given]
    if types != [np.int32, np.uint16, np.uint16]:
        given = list(quantise(means, scales, weights))
    shape, components = _shape(given)
    native = (np.int32, np.uint16, np.uint16)
    flat = [
        np.ascontiguousarray(one, dtype=kind).ravel()
        for one, kind in zip(given, native, strict=True)
    ]
    return (flat[0], flat[1], flat[2]), shape[:-1], components


def _symbols(symbols: ArrayLike) -> NDArray[np.uint16]:
    values = np.asarray(symbols)
    if values.dtype.kind not in "ui":
        raise UnsupportedError(f"symbols of {values.dtype}, expected integers of 0 to 65535")
    if values.dtype.newbyteorder("=") != np.uint16 and values.size:
        low, high = int(values.min()), int(values.max())
        if low < 0 or high > 65535:
            raise UnsupportedError(f"symbols of {low} to {high}, expected integers of 0 to 65535")
    return values.astype(np.uint16, copy=False)


class Encoder:
    """Codes symbols in as many calls as a model needs, for models that predict step by step."""

    def __init__(self) -> None:
        self._encoder = _core.Encoder()

    def encode(
        self, symbols: ArrayLike, means: ArrayLike, scales: ArrayLike, weights: ArrayLike
    ) -> None:
        """Codes these symbols under these mixtures, in C order; arguments as of ``encode``."""
        values = _symbols(symbols)
        flat, shape, components = _whole(means, scales, weights)
        if values.shape != shape:
            raise UnsupportedError(
                f"symbols of the shape {values.shape} and mixtures for {shape}; expected one "
                "mixture for every symbol"
            )
        self._encoder.encode(np.ascontiguousarray(values).ravel(), *flat, components)

    def finish(self) -> bytes:
        """The stream. The encoder is then used up."""
        return self._encoder.finish()


class Decoder:
    """Decodes what an ``Encoder`` wrote, call by call."""

    def __init__(self, stream: Buffer) -> None:
        self._decoder = _core.Decoder(octets(stream, "the stream"))

    def decode(
        self, means: ArrayLike, scales: ArrayLike, weights: ArrayLike
    ) -> NDArray[np.uint16]:
        """The next symbols, as many as there are mixtures."""
        flat, shape, components = _whole(means, scales, weights)
        return self._decoder.decode(*flat, components).reshape(shape)

    def finish(self) -> None:
        """Checks that the stream ends here.

        :raises DamagedError: if it does not, or symbols before were wrong: the stream is damaged,
            or the mixtures are not those that the encoder had.
        """
        self._decoder.finish()


def encode(
    symbols: ArrayLike, means: ArrayLike, scales: ArrayLike, weights: ArrayLike
) -> bytes:
    """The stream of symbols under one mixture for each.

    :param symbols: integers of 0 to 65535, of any shape.
    :param means: centres of the logistics in samples, of the shape (*symbols, components); with
        at most 32 components. Or int32, uint16 and uint16 as ``quantise`` gives them.
    :param scales: scales of the logistics, in samples.
    :param weights: weights of the components.
    """
    encoder = Encoder()
    encoder.encode(symbols, means, scales, weights)
    return encoder.finish()


def decode(
    stream: Buffer, means: ArrayLike, scales: ArrayLike, weights: ArrayLike
) -> NDArray[np.uint16]:
    """The symbols of a stream, under exactly the mixtures that it was encoded with.

    :raises DamagedError: if the stream is damaged, or other mixtures are given.
    """
    decoder = Decoder(stream)
    symbols = decoder.decode(means, scales, weights)
    decoder.finish()
    return symbols


def information_bits(
    symbols: ArrayLike, means: ArrayLike, scales: ArrayLike, weights: ArrayLike
) -> float:
    """Information of the symbols under the mixtures, in bits: what an ideal coder would need.

    In floating point, from the definition: with ``F`` the mixture's cumulative distribution,
    a symbol ``x`` has the probability ``F(x + 1/2) - F(x - 1/2)``, the outermost symbols the tails
    (arXiv:1701.05517, equation 2), and every symbol 2**-30 on top.
    """
    values = _symbols(symbols).astype(np.float64)[..., None]
    whole = quantise(means, scales, weights)
    centre = whole.means / 256
    inverse = np.exp2((_SCALE_ONE - whole.scales.astype(np.float64)) / _STEPS)
    share = whole.weights / whole.weights.sum(axis=-1, keepdims=True, dtype=np.float64)

    def tail(position: NDArray[np.float64]) -> NDArray[np.float64]:
        """The logistic distribution above a position, without overflow."""
        small = np.exp(-np.abs(position))
        above = np.where(position >= 0, small / (1 + small), 1 / (1 + small))
        return np.asarray(above)

    low, high = (values - 0.5 - centre) * inverse, (values + 0.5 - centre) * inverse
    # The difference of the smaller tails, which does not cancel.
    mirrored = low < 0
    near = np.where(mirrored, -high, low)
    far = np.where(mirrored, -low, high)
    between = tail(near) - tail(far)
    between = np.where(values == 0, tail(-high), np.where(values == 65535, tail(low), between))
    probabilities = (share * between).sum(axis=-1) + 2.0**-30
    return -math.fsum(np.log2(probabilities).ravel())
