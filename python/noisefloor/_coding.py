"""Arrays to bytes and back."""

from __future__ import annotations

import os
from typing import Any

from numpy.typing import ArrayLike, NDArray

from . import _core
from ._arrays import Buffer, octets, tile_shape, words
from ._errors import FormatError

#: First bytes of a container.
MAGIC = b"\x89NFL\r\n\x1a\n"


def encode(
    array: ArrayLike,
    codec: str = "floor",
    *,
    tile: tuple[int, ...] | None = None,
    verify: bool = True,
    threads: int | None = None,
) -> bytes:
    """The array as a container (docs/format.md), which ``decode`` and the program read.

    :param array: uint16, int16, uint8, int8 or bool, of any byte order, strides and number of
        axes; anything that NumPy takes as such an array. It is not copied: bands of at most
        16 Mpixel are taken out of it while they are coded, so leave it alone meanwhile.
    :param codec: codec and options, such as ``"floor:level=high"``; ``codecs()`` lists them.
    :param tile: extents in pixels of the tiles that the array is cut into, (rows, columns) or
        (planes, rows, columns); frames up to 4 Mpixel are one tile by default.
    :param verify: whether every tile is decoded again and compared with the array.
    :param threads: how many threads code; all processors by default.
    :raises SpecError: if there is no such codec or option.
    :raises UnsupportedError: if the array is of another type, or the codec cannot take it.
    """
    view, descr = words(array)
    return _core.encode(view, descr, False, codec, tile_shape(tile), verify, threads, None)


def container(data: Buffer, max_memory_bytes: int | None) -> _core.Container:
    """The container that these bytes are."""
    whole = data if isinstance(data, bytes) else octets(data, "the container").tobytes()
    return _core.Container.of_bytes(whole, max_memory_bytes)


def whole(opened: _core.Container, image: int, threads: int | None) -> NDArray[Any]:
    """An image of a container."""
    array = opened.read(image, threads)
    return array.T if opened.info()["images"][image]["fortran"] else array


def decode(
    data: Buffer,
    *,
    image: int = 0,
    threads: int | None = None,
    max_memory_bytes: int | None = None,
) -> NDArray[Any]:
    """The array that a container holds, equal to the one that was encoded: values, type, axes.

    Multi-byte values are in native byte order. Of a container that the program made of a FITS
    file, the integers are those that BZERO 32768 (or 0) makes; under any other scale, the stored
    ones.

    :param data: bytes, or anything with a buffer of bytes.
    :param image: which image, if the container holds several.
    :param threads: how many threads decode; all processors by default.
    :param max_memory_bytes: most memory that the image, and decoding it, may take; 8 GiB by
        default.
    :raises FormatError: if the bytes are no container.
    :raises DamagedError: if they are damaged: every tile has a checksum, the pixels a digest.
    """
    return whole(container(data, max_memory_bytes), image, threads)


def info(source: Buffer | str | os.PathLike[str]) -> dict[str, Any]:
    """What a container or a FITS file says of itself: the file at a path, or its bytes.

    The keys are those of ``noisefloor info --json`` where both have them; see docs/python.md.
    """
    if isinstance(source, (str, os.PathLike)):
        with open(source, "rb") as file:
            first = file.read(len(MAGIC))
        if first == MAGIC:
            return _core.Container.open(source, None).info()
        return {"kind": "FITS", "hdus": _core.Fits.open(source, None).hdus()}
    data = octets(source).tobytes()
    if data.startswith(MAGIC):
        return _core.Container.of_bytes(data, None).info()
    if not data.startswith((b"SIMPLE", b"\x1f\x8b")):
        raise FormatError("these bytes are neither a noisefloor container nor a FITS file")
    return {"kind": "FITS", "hdus": _core.Fits.of_bytes(data, None).hdus()}


def limit(array: ArrayLike, *, threads: int | None = None) -> list[dict[str, Any]]:
    """What the noise of a frame must cost: those estimates of ``noisefloor limit`` that need no
    codec, each with ``estimator``, ``kind``, ``bits_per_pixel``, ``meaning``, ``details`` and
    ``figures``. docs/methodology.md says how they are made and which of them are bounds.
    """
    view, descr = words(array)
    return _core.noise_estimates(view, descr, threads)
