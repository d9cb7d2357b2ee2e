"""FITS files read by this package alone: plain, gzipped, tile-compressed (RICE_1, GZIP_1, GZIP_2,
PLIO_1, HCOMPRESS_1, NOCOMPRESS) and FLOOR_1, without astropy.

>>> with noisefloor.fits.open("frame.fits.fz") as hdus:  # doctest: +SKIP
...     hdus[1].header["EXPTIME"], hdus[1][100:200, :].mean()
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._errors import RequestError
from ._index import Range, take

__all__ = ["File", "Hdu", "Header", "open"]


class Header(Mapping[str, Any]):
    """The cards of a header; of a compressed image, those that it had before compression.

    A mapping from keywords, in capitals, to values: str, int, float, bool, or None without one.
    Of a keyword that stands there several times (COMMENT, HISTORY), the mapping has the first
    card; ``cards`` has all.
    """

    def __init__(self, cards: Sequence[tuple[str, Any, str]]) -> None:
        #: Keyword, value and comment of every card, in order.
        self.cards = tuple(cards)
        self._first: dict[str, Any] = {}
        for keyword, value, _ in self.cards:
            if keyword:
                self._first.setdefault(keyword, value)

    def __getitem__(self, keyword: str) -> Any:
        return self._first[keyword.upper()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._first)

    def __len__(self) -> int:
        return len(self._first)

    def comment(self, keyword: str) -> str:
        """The comment of the first card of a keyword."""
        for name, _, comment in self.cards:
            if name == keyword.upper():
                return comment
        raise KeyError(keyword)

    def __repr__(self) -> str:
        return f"<noisefloor.fits.Header: {len(self.cards)} cards>"


class Hdu:
    """A header and, where there is an image, its pixels: ``hdu[100:200, :]`` reads that region.

    Values are physical ones, as astropy gives them: BSCALE 1 and the BZERO of the standard make
    unsigned integers (and signed bytes), other scales make floating-point numbers (float32 for
    pixels of at most 16 bits, float64 otherwise), BLANK pixels of scaled images become NaN.
    """

    #: Values are those of the file.
    bound: str | None = None

    def __init__(self, file: _core.Fits, facts: dict[str, Any]) -> None:
        self._file = file
        #: Number of the HDU, the primary is 0.
        self.index: int = facts["index"]
        #: EXTNAME, if there is one.
        self.name: str = facts["name"] or ""
        #: What the HDU holds, in words.
        self.content: str = facts["content"]
        #: Whether it holds an image.
        self.is_image = "shape" in facts
        #: Axes of the image as NumPy counts them; () without an image.
        self.shape: tuple[int, ...] = tuple(facts.get("shape", ()))
        #: How an image is compressed, None if it is not.
        self.compression: str | None = facts.get("compression")
        self._scale = float(facts.get("scale", 1.0))
        self._zero = float(facts.get("zero", 0.0))
        self._blank: int | None = facts.get("blank")
        self._stored: np.dtype[Any] = np.dtype(facts.get("stored", "uint8"))
        self.dtype: np.dtype[Any] = self._value_type()

    @property
    def header(self) -> Header:
        """The cards of the header."""
        return Header(self._file.cards(self.index))

    @property
    def data(self) -> NDArray[Any] | None:
        """All pixels; None without an image. They are read at every call."""
        return np.asarray(self[...]) if self.is_image else None

    def __getitem__(self, key: Any) -> Any:
        if not self.is_image:
            raise RequestError(f"HDU {self.index} holds no image: {self.content}")
        return take(self.shape, key, self.read)

    def stored(self, *, threads: int | None = None) -> NDArray[Any]:
        """All pixels as they are stored, before BSCALE and BZERO."""
        return self._file.read(self.index, [(0, length) for length in self.shape], threads)

    def read(self, ranges: list[Range]) -> NDArray[Any]:
        """The pixels of a box: first and last (excluded) index along every axis."""
        lengths = [end - start for start, end in ranges]
        if 0 in lengths:
            return np.zeros(lengths, self.dtype)
        stored = self._file.read(self.index, ranges, None)
        if self.dtype == stored.dtype:
            return stored
        if self._is_shift():
            # The convention for unsigned integers, and signed bytes: the highest bit.
            bit = np.array(1 << (8 * stored.dtype.itemsize - 1)).astype(f"u{stored.dtype.itemsize}")
            shifted: NDArray[Any] = (stored.view(bit.dtype) ^ bit).view(self.dtype)
            return shifted
        values = stored.astype(self.dtype)
        if self._scale != 1.0:
            values *= self._scale
        if self._zero != 0.0:
            values += self._zero
        if self._blank is not None and stored.dtype.kind in "iu":
            values[stored == self._blank] = np.nan
        return values

    def _is_shift(self) -> bool:
        size, kind = self._stored.itemsize, self._stored.kind
        if self._scale != 1.0 or kind not in "iu":
            return False
        half = float(1 << (8 * size - 1))
        return self._zero == (-half if size == 1 else half)

    def _value_type(self) -> np.dtype[Any]:
        stored = self._stored
        if self._scale == 1.0 and self._zero == 0.0:
            return stored
        if self._is_shift():
            return np.dtype(f"{'i' if stored.itemsize == 1 else 'u'}{stored.itemsize}")
        if stored.kind == "f":
            return stored
        return np.dtype("float32" if stored.itemsize <= 2 else "float64")

    def __repr__(self) -> str:
        return f"<noisefloor.fits.Hdu {self.index} {self.name!r}: {self.content}>"


class File(Sequence[Hdu]):
    """The HDUs of a file, by number or EXTNAME; a context manager as astropy's list is."""

    def __init__(self, file: _core.Fits, name: str) -> None:
        self.name = name
        self._hdus = tuple(Hdu(file, facts) for facts in file.hdus())

    @overload
    def __getitem__(self, key: int | str) -> Hdu: ...
    @overload
    def __getitem__(self, key: slice) -> tuple[Hdu, ...]: ...
    def __getitem__(self, key: int | str | slice) -> Hdu | tuple[Hdu, ...]:
        if not isinstance(key, str):
            return self._hdus[key]
        for hdu in self._hdus:
            if hdu.name.upper() == key.upper():
                return hdu
        raise KeyError(f"{self.name}: there is no HDU named {key!r}")

    def __len__(self) -> int:
        return len(self._hdus)

    def __enter__(self) -> File:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        pass

    def __repr__(self) -> str:
        return f"<noisefloor.fits.File {self.name}: {len(self)} HDUs>"


def open(path: str | os.PathLike[str], *, max_memory_bytes: int | None = None) -> File:
    """Opens a FITS file; headers are read now, pixels when they are asked for.

    :param max_memory_bytes: most memory that one reading may take; 8 GiB by default.
    :raises FormatError: if it is no FITS file.
    :raises DamagedError: if a header makes no sense, or the file is cut short.
    """
    return File(_core.Fits.open(path, max_memory_bytes), os.fspath(path))
