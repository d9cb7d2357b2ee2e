"""Lets ``astropy.io.fits`` read and write tile-compressed images with FLOOR_1.

>>> import noisefloor.astropy  # doctest: +SKIP
>>> hdu = astropy.io.fits.CompImageHDU(frame, compression_type="FLOOR_1")  # doctest: +SKIP

FLOOR_1 is private to this project; astropy without this module, and every other reader, says
that it does not know it. astropy has no public way of adding a compression type yet, so that this
module replaces private functions of astropy 7.0 and later, and refuses to be imported where they
are not what it expects. ``noisefloor.fits.open`` reads the same files without astropy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._arrays import octets, words
from ._errors import DamagedError, UnsupportedError

try:
    from astropy.io.fits.hdu.compressed import (
        _tiled_compression,
        compressed,
        header,
        settings,
        utils,
    )
except ImportError as error:
    raise ImportError(
        f"noisefloor.astropy needs astropy 7.0 or later ({error}); noisefloor.fits.open reads "
        "the same files without it"
    ) from error

__all__ = ["FLOOR_1", "codec"]

#: The compression type, ZCMPTYPE in the header.
FLOOR_1 = "FLOOR_1"

#: Version of the parameters in the header that are written; version 1 had CODEC alone.
_VERSION = 2

#: About the side of a tile when nobody asks for other tiles.
_TILE_SIDE_PX = 1024

_codec: ContextVar[str] = ContextVar("codec of FLOOR_1 tiles", default="floor")


@contextmanager
def codec(spec: str) -> Iterator[None]:
    """Files that are *written* inside the block have tiles of this codec instead of ``floor``.

    >>> with noisefloor.astropy.codec("floor:level=max"):  # doctest: +SKIP
    ...     hdus.writeto("frame.fits.fz")
    """
    before = _codec.set(_core.normalise_spec(spec))
    try:
        yield
    finally:
        _codec.reset(before)


class Floor1:
    """The tiles of one shape, as astropy calls the codecs of its compression types."""

    codec_id = "FITS_FLOOR_1"

    def __init__(self, *, codec: str, bitpix: int, shape: tuple[int, ...]) -> None:
        if bitpix not in (8, 16):
            raise UnsupportedError(
                f"FLOOR_1 holds pixels of 8 or 16 bits, not BITPIX {bitpix}"
            )
        self.codec, self.bitpix = codec, bitpix
        padded = (1, 1, *shape)
        self.stack = (math.prod(padded[:-2]), padded[-2], padded[-1])

    def decode(self, buf: Any) -> NDArray[Any]:
        """Stored pixels from the stream of a tile."""
        samples = _core.decode_tile(octets(buf, "a tile"), self.stack, self.codec, None).ravel()
        if self.bitpix == 8:
            return samples.astype(np.uint8)
        samples ^= 0x8000
        return samples.view(np.int16)

    def encode(self, buf: Any) -> bytes:
        """The stream of stored pixels, decoded again and compared."""
        expected = np.uint8 if self.bitpix == 8 else np.int16
        pixels = np.asarray(buf)
        if self.bitpix == 8 and pixels.dtype == np.int8:
            # astropy 7 leaves it to its codecs to apply BZERO -128.
            pixels = pixels.view(np.uint8) ^ np.uint8(0x80)
        if pixels.dtype.newbyteorder("=") != expected:
            raise UnsupportedError(f"a tile of {pixels.dtype} with BITPIX {self.bitpix}")
        view, descr = words(pixels.reshape(self.stack))
        return _core.encode_tile(view, descr, self.codec, None)


def _parameter(of: Any, name: str, default: Any) -> Any:
    for n in range(1, 100):
        if f"ZNAME{n}" not in of:
            break
        if of[f"ZNAME{n}"].strip() == name:
            return of[f"ZVAL{n}"]
    return default


def _settings(original: Callable[..., Any]) -> Callable[..., Any]:
    def header_to_settings(header: Any) -> dict[str, Any]:
        if header["ZCMPTYPE"] != FLOOR_1:
            found: dict[str, Any] = original(header)
            return found
        version = _parameter(header, "VERSION", 1)
        if not isinstance(version, int) or not 1 <= version <= _VERSION:
            raise DamagedError(
                f"FLOOR_1: VERSION is {version}, expected 1 to {_VERSION}: a newer program wrote it"
            )
        spec = _parameter(header, "CODEC", None)
        if not isinstance(spec, str):
            raise DamagedError("FLOOR_1: the header names no CODEC")
        return {"codec": spec, "bitpix": header["ZBITPIX"]}

    return header_to_settings


def _tile_settings(original: Callable[..., Any]) -> Callable[..., Any]:
    def update_tile_settings(
        settings: dict[str, Any], compression_type: str, actual_tile_shape: tuple[int, ...]
    ) -> Any:
        if compression_type != FLOOR_1:
            return original(settings, compression_type, actual_tile_shape)
        settings["shape"] = tuple(int(n) for n in actual_tile_shape)
        return settings

    return update_tile_settings


def _check(original: Callable[..., Any]) -> Callable[..., Any]:
    def check_compressed_header(header: Any) -> None:
        if header.get("ZCMPTYPE") == FLOOR_1 and isinstance(header.get("ZVAL1"), str):
            # Version 1, whose only parameter is a text: numbers are expected there.
            header = header.copy()
            del header["ZVAL1"]
        original(header)

    return check_compressed_header


def _equal_parts(length: int) -> int:
    """Length of the parts that an axis is cut into, the last one perhaps shorter."""
    parts = max(1, (length + _TILE_SIDE_PX // 2) // _TILE_SIDE_PX)
    return max(1, -(-length // parts))


def _tile_shape(original: Callable[..., Any]) -> Callable[..., Any]:
    def validate_tile_shape(*, tile_shape: Any, compression_type: Any, image_header: Any) -> Any:
        axes = image_header["NAXIS"]
        if compression_type == FLOOR_1 and not tile_shape and axes > 0:
            # Not single rows: the codec predicts from rows above. As `noisefloor fits pack` does.
            sides = [_equal_parts(image_header[f"NAXIS{n}"]) for n in range(1, min(axes, 2) + 1)]
            return (1,) * (axes - 2) + tuple(reversed(sides))
        return original(
            tile_shape=tile_shape, compression_type=compression_type, image_header=image_header
        )

    return validate_tile_shape


def _bintable(original: Callable[..., Any]) -> Callable[..., Any]:
    def image_header_to_empty_bintable(image_header: Any, *args: Any, **kwargs: Any) -> Any:
        table = original(image_header, *args, **kwargs)
        if table.header.get("ZCMPTYPE") != FLOOR_1:
            return table
        bitpix = table.header["ZBITPIX"]
        if bitpix not in (8, 16):
            raise UnsupportedError(
                f"FLOOR_1 holds pixels of 8 or 16 bits, not BITPIX {bitpix}"
            )
        # Numbers in the first three: astropy without this module then reads on to ZCMPTYPE, and
        # says that it does not know it.
        cards = [
            ("VERSION", _VERSION, "version of these parameters"),
            ("BYTEPIX", bitpix // 8, "bytes per stored pixel"),
            ("OFFSET", 0 if bitpix == 8 else 32768, "added to stored pixels before coding"),
            ("CODEC", _codec.get(), "codec of the tiles"),
        ]
        after = "ZCMPTYPE"
        for n, (name, value, comment) in enumerate(cards, 1):
            table.header.set(f"ZNAME{n}", name, comment, after=after)
            table.header.set(f"ZVAL{n}", value, comment, after=f"ZNAME{n}")
            after = f"ZVAL{n}"
        return table

    return image_header_to_empty_bintable


#: What is replaced: the function, the modules that hold it under its name, its replacement.
_REPLACED = [
    ("_header_to_settings", [_tiled_compression], _settings),
    ("_update_tile_settings", [_tiled_compression], _tile_settings),
    ("_check_compressed_header", [_tiled_compression], _check),
    ("_validate_tile_shape", [utils, header, compressed], _tile_shape),
    ("_image_header_to_empty_bintable", [header, compressed], _bintable),
]


def _install() -> None:
    expected = [(module, name) for name, modules, _ in _REPLACED for module in modules]
    expected += [(module, "COMPRESSION_TYPES") for module in (settings, header, compressed)]
    expected += [(_tiled_compression, "ALGORITHMS")]
    missing = [f"{m.__name__}.{name}" for m, name in expected if not hasattr(m, name)]
    if missing:
        import astropy

        raise ImportError(
            f"noisefloor.astropy does not know this version of astropy ({astropy.__version__}): "
            f"{missing[0]} is missing; noisefloor.fits.open reads the same files without astropy"
        )
    for name, modules, wrap in _REPLACED:
        # Of a module that is loaded again, the first replacement is replaced.
        original = getattr(modules[0], name)
        replacement = wrap(getattr(original, "__wrapped__", original))
        replacement.__wrapped__ = getattr(original, "__wrapped__", original)  # type: ignore[attr-defined]
        for module in modules:
            setattr(module, name, replacement)
    for module in (settings, header, compressed):
        if FLOOR_1 not in module.COMPRESSION_TYPES:
            module.COMPRESSION_TYPES = (*module.COMPRESSION_TYPES, FLOOR_1)
    _tiled_compression.ALGORITHMS[FLOOR_1] = Floor1


_install()
