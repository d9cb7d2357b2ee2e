"""Arrays as words that the compiled half borrows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._errors import RequestError, UnsupportedError

_EXPECTED = "expected integers of 8 or 16 bits: uint16, int16, uint8, int8 or bool"

#: Anything that has a buffer of bytes.
Buffer = bytes | bytearray | memoryview | NDArray[Any]


def words(array: ArrayLike) -> tuple[NDArray[Any], str]:
    """A view of an array as native unsigned words, and the type that it really has.

    Nothing is copied, whatever the byte order, sign and strides; only an array that does not lie
    on the boundaries of its elements is.
    """
    if isinstance(array, np.ma.MaskedArray):
        raise UnsupportedError(
            "a masked array would lose its mask; code array.data and array.mask by themselves"
        )
    values = np.asarray(array)
    dtype = values.dtype
    if dtype.kind not in "uib" or dtype.itemsize > 2:
        hint = ""
        if dtype.kind in "ui":
            hint = "; where the values fit, array.astype('uint16')"
        if dtype.name in _NUMBERS:
            hint += "; codec='pcodec:lossless=true' codes it as it is"
        raise UnsupportedError(f"an array of {dtype} cannot be coded, {_EXPECTED}{hint}")
    if not values.flags.aligned:
        values = values.copy()
    return values.view(np.uint16 if dtype.itemsize == 2 else np.uint8), dtype.str


#: Types that a bound can be for.
_NUMBERS = ("uint8", "int16", "uint16", "int32", "float32", "float64")


def numbers(array: ArrayLike) -> NDArray[Any]:
    """An array whose samples can have a bound, in native byte order."""
    if isinstance(array, np.ma.MaskedArray):
        raise UnsupportedError(
            "a masked array would lose its mask; code array.data and array.mask by themselves"
        )
    values = np.asarray(array)
    native = values.dtype.newbyteorder("=")
    if native.name not in _NUMBERS:
        raise UnsupportedError(
            f"an array of {values.dtype} cannot have a bound, expected {', '.join(_NUMBERS)}"
        )
    return np.require(values.astype(native, copy=False), requirements="A")


def noise_model(noise: Mapping[str, float]) -> tuple[float, float, float]:
    """Offset, gain and read noise."""
    keys = ("offset", "gain", "read")
    if set(noise) != set(keys):
        raise RequestError(
            f"noise has {', '.join(map(repr, noise)) or 'nothing'}, expected 'offset' (DN), 'gain'"
            " (electrons per DN) and 'read' (DN)"
        )
    offset, gain, read = (float(noise[key]) for key in keys)
    return offset, gain, read


def octets(data: Buffer, what: str = "the data") -> NDArray[np.uint8]:
    """The bytes of a buffer, without a copy where they lie side by side."""
    try:
        return np.frombuffer(data, dtype=np.uint8)
    except TypeError:
        raise UnsupportedError(
            f"{what}: {type(data).__name__} holds no bytes; expected bytes or a buffer"
        ) from None
    except (ValueError, BufferError):
        # Not contiguous, or empty.
        return np.frombuffer(memoryview(cast(Any, data)).tobytes(), dtype=np.uint8)


def tile_shape(tile: tuple[int, ...] | None) -> tuple[int, int, int] | None:
    """A tile as planes, rows and columns."""
    if tile is None:
        return None
    extents = tuple(int(n) for n in tile)
    if len(extents) not in (2, 3) or min(extents) < 1:
        raise RequestError(
            f"tile is {tile!r}, expected (rows, columns) or (planes, rows, columns), each at least 1"
        )
    if len(extents) == 2:
        return (1, extents[0], extents[1])
    return (extents[0], extents[1], extents[2])
