"""Files whose pixels are read when they are asked for."""

from __future__ import annotations

import builtins
import math
import os
from types import TracebackType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._coding import BOUNDED, MAGIC
from ._errors import RequestError
from ._index import Range, take


class _Source(Protocol):
    """Where the pixels of an image come from."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    #: The bound of samples that are not the original ones.
    bound: str | None

    def read(self, ranges: list[Range]) -> NDArray[Any]: ...


class Image:
    """An image in a file, indexed as an array is: ``f[0, 100:200, :]`` reads that region.

    Only the tiles that a region touches are read and decoded. Integers, slices and ``...``; the
    result is an ordinary array. ``np.asarray(f)`` and ``f[...]`` read all.
    """

    def __init__(self, source: _Source, name: str, index: int, count: int) -> None:
        self._open: _Source | None = source
        #: The file.
        self.name = name
        #: Which image of the file this is, and how many there are.
        self.index, self.count = index, count
        self.shape = source.shape
        #: Type of the values.
        self.dtype = source.dtype
        #: Of samples that may differ from the original ones, by how much: ``"0.5sigma"``.
        self.bound = source.bound

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of pixels."""
        return math.prod(self.shape)

    @property
    def lossless(self) -> bool:
        """Whether the values are those of the original; of a FITS file, those that it holds."""
        return self.bound is None

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("the image has no axes")
        return self.shape[0]

    def __getitem__(self, key: Any) -> Any:
        return take(self.shape, key, self._source().read)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("the pixels lie in a file: they cannot be had without a copy")
        values: NDArray[Any] = np.asarray(self[...])
        return values if dtype is None else values.astype(dtype, copy=False)

    def __repr__(self) -> str:
        loss = "" if self.lossless else f", NOT lossless, within {self.bound}"
        return f"<noisefloor.Image {self.name}[{self.index}]: {self.dtype} {self.shape}{loss}>"

    def _source(self) -> _Source:
        if self._open is None:
            raise ValueError(f"{self.name}: it has been closed")
        return self._open

    def close(self) -> None:
        """Closes the file; leaving a ``with`` block does the same."""
        self._open = None

    def __enter__(self) -> Image:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class _Tiled(Protocol):
    """A container whose tiles are read when they are asked for."""

    def read(self, image: int, threads: int | None, /) -> NDArray[Any]: ...
    def read_region(
        self, image: int, region: tuple[Range, Range, Range], threads: int | None, /
    ) -> NDArray[Any]: ...


def _box(file: _Tiled, index: int, shape: tuple[int, ...], ranges: list[Range]) -> NDArray[Any]:
    """The pixels of a box of an image of this shape, whose axes before the last two are planes."""
    if ranges == [(0, length) for length in shape]:
        # The digest of the pixels is checked.
        return file.read(index, None)
    lengths = [end - start for start, end in ranges]
    rows, columns = ([(0, 1), (0, 1), *ranges])[-2:]
    leading = shape[:-2]
    planes = np.arange(math.prod(leading)).reshape(leading)
    wanted = planes[tuple(slice(*one) for one in ranges[:-2])].ravel()
    # Planes that follow one another are read at once.
    breaks = np.flatnonzero(np.diff(wanted) != 1) + 1
    parts = [
        file.read_region(index, ((int(run[0]), int(run[-1]) + 1), rows, columns), None)
        for run in np.split(wanted, breaks)
    ]
    box = parts[0] if len(parts) == 1 else np.concatenate(parts)
    return box.reshape(lengths)


class InContainer:
    """An image of a container."""

    def __init__(self, file: _core.Container, index: int, facts: dict[str, Any]) -> None:
        self._file, self._index = file, index
        # Of a container that was cut after a stage.
        self.bound: str | None = None if file.bound_dn is None else f"{file.bound_dn}dn"
        self.shape = tuple(facts["shape"])
        self._fortran: bool = facts["fortran"]
        self.dtype = np.dtype(facts["dtype"])

    def read(self, ranges: list[Range]) -> NDArray[Any]:
        """The pixels of a box."""
        if any(start == end for start, end in ranges):
            return np.zeros([end - start for start, end in ranges], self.dtype)
        if self._fortran:
            return _box(self._file, self._index, self.shape[::-1], ranges[::-1]).T
        return _box(self._file, self._index, self.shape, ranges)


class InBounded:
    """An array of a bounded container, or of one of arrays without loss."""

    def __init__(self, file: _core.Bounded, index: int, facts: dict[str, Any]) -> None:
        self._file, self._index = file, index
        self.shape = tuple(facts["axes"])
        self.dtype = np.dtype(facts["type"])
        exact = facts["unit"] == "exact"
        self.bound: str | None = None if exact else f"{facts['bound']:g}{facts['unit']}"

    def read(self, ranges: list[Range]) -> NDArray[Any]:
        """The samples of a box."""
        if any(start == end for start, end in ranges):
            return np.zeros([end - start for start, end in ranges], self.dtype)
        return _box(self._file, self._index, self.shape, ranges)


def in_container(file: _core.Container, index: int) -> InContainer:
    """An image of a container, which must hold it."""
    return InContainer(file, index, file.info()["images"][index])


def open(
    path: str | os.PathLike[str],
    image: int = 0,
    *,
    max_memory_bytes: int | None = None,
) -> Image:
    """Opens an image in a container, bounded or not, or in a FITS file: plain, compressed as a whole
    or in tiles.

    Pixels are read when the image is indexed. Those of FITS files are physical values, as
    ``noisefloor.fits.open`` gives them.

    :param image: which image of the file, counted from 0 without the HDUs that hold none.
    :param max_memory_bytes: most memory that one reading may take; 8 GiB by default.
    :raises FormatError: if it is neither a container nor a FITS file.
    :raises RequestError: if there is no such image.
    """
    name = os.fspath(path)
    with builtins.open(path, "rb") as file:
        first = file.read(len(MAGIC))
    if first == MAGIC:
        container = _core.Container.open(path, max_memory_bytes)
        count = len(container.info()["images"])
        index = _checked(image, count, name)
        return Image(in_container(container, index), name, index, count)
    if first == BOUNDED:
        bounded = _core.Bounded.open(path, max_memory_bytes)
        arrays = bounded.info()["arrays"]
        index = _checked(image, len(arrays), name)
        return Image(InBounded(bounded, index, arrays[index]), name, index, len(arrays))
    from . import fits

    hdus = [hdu for hdu in fits.open(path, max_memory_bytes=max_memory_bytes) if hdu.is_image]
    index = _checked(image, len(hdus), name)
    return Image(hdus[index], name, index, len(hdus))


def _checked(image: int, count: int, name: str) -> int:
    if not -count <= image < count:
        raise RequestError(f"{name}: there is no image {image}, the file holds {count}")
    return image % count
