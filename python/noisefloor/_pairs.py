"""``NAME_encode``, ``NAME_decode`` and ``NAME_check`` for every codec, as users of imagecodecs know
them.

All of them speak containers, so that ``NAME_decode`` needs no shape and no type, and notices
damage. A codec that this build lacks has its functions too; they say what to do.
"""

from __future__ import annotations

from typing import Any, Protocol

from numpy.typing import ArrayLike, NDArray

from . import _core
from ._arrays import Buffer, octets, tile_shape, words
from ._coding import container, whole
from ._errors import Error, FormatError, MismatchError


class Encode(Protocol):
    """Codes an array; options are those of the codec (``codecs()`` lists them)."""

    def __call__(
        self,
        data: ArrayLike,
        /,
        level: object = None,
        *,
        tile: tuple[int, ...] | None = None,
        verify: bool = True,
        threads: int | None = None,
        **options: object,
    ) -> bytes: ...


class Decode(Protocol):
    """Decodes what the codec of this name has coded, and refuses what another one has."""

    def __call__(
        self,
        data: Buffer,
        /,
        *,
        threads: int | None = None,
        max_memory_bytes: int | None = None,
    ) -> NDArray[Any]: ...


class Check(Protocol):
    """Whether the bytes are a container that the codec of this name has coded."""

    def __call__(self, data: Buffer, /) -> bool: ...


_PRESENT = frozenset(one["name"] for one in _core.codecs())


def _functions(name: str) -> tuple[Encode, Decode, Check]:
    def missing() -> MismatchError:
        return MismatchError(
            f"this build has no codec {name!r}; docs/python.md says how to build one that has"
        )

    def encode(
        data: ArrayLike,
        /,
        level: object = None,
        *,
        tile: tuple[int, ...] | None = None,
        verify: bool = True,
        threads: int | None = None,
        **options: object,
    ) -> bytes:
        if name not in _PRESENT:
            raise missing()
        if level is not None:
            options["level"] = level
        pairs = ",".join(f"{key}={value}" for key, value in options.items())
        view, descr = words(data)
        spec = f"{name}:{pairs}" if pairs else name
        return _core.encode(view, descr, False, spec, tile_shape(tile), verify, threads, None)

    def decode(
        data: Buffer,
        /,
        *,
        threads: int | None = None,
        max_memory_bytes: int | None = None,
    ) -> NDArray[Any]:
        opened = container(data, max_memory_bytes)
        found = opened.info()["codec"]
        if found.partition(":")[0] != name:
            raise FormatError(f"the container was coded by {found}, expected {name}")
        if name not in _PRESENT:
            raise missing()
        return whole(opened, 0, threads)

    def check(data: Buffer, /) -> bool:
        try:
            found = container(octets(data), None).info()["codec"]
        except Error:
            return False
        return bool(found.partition(":")[0] == name)

    for function, doc in ((encode, Encode), (decode, Decode), (check, Check)):
        function.__name__ = function.__qualname__ = f"{name}_{function.__name__}"
        function.__doc__ = doc.__doc__
    return encode, decode, check


floor_encode, floor_decode, floor_check = _functions("floor")
net_encode, net_decode, net_check = _functions("net")
raw_encode, raw_decode, raw_check = _functions("raw")
gzip_encode, gzip_decode, gzip_check = _functions("gzip")
zstd_encode, zstd_decode, zstd_check = _functions("zstd")
xz_encode, xz_decode, xz_check = _functions("xz")
pcodec_encode, pcodec_decode, pcodec_check = _functions("pcodec")
rice_encode, rice_decode, rice_check = _functions("rice")
gzip2_encode, gzip2_decode, gzip2_check = _functions("gzip2")
hcompress_encode, hcompress_decode, hcompress_check = _functions("hcompress")
szip_encode, szip_decode, szip_check = _functions("szip")
ccsds123_encode, ccsds123_decode, ccsds123_check = _functions("ccsds123")
lerc_encode, lerc_decode, lerc_check = _functions("lerc")
jpegls_encode, jpegls_decode, jpegls_check = _functions("jpegls")
jpeg2000_encode, jpeg2000_decode, jpeg2000_check = _functions("jpeg2000")
jpegxl_encode, jpegxl_decode, jpegxl_check = _functions("jpegxl")

__all__ = [
    "floor_encode",
    "floor_decode",
    "floor_check",
    "net_encode",
    "net_decode",
    "net_check",
    "raw_encode",
    "raw_decode",
    "raw_check",
    "gzip_encode",
    "gzip_decode",
    "gzip_check",
    "zstd_encode",
    "zstd_decode",
    "zstd_check",
    "xz_encode",
    "xz_decode",
    "xz_check",
    "pcodec_encode",
    "pcodec_decode",
    "pcodec_check",
    "rice_encode",
    "rice_decode",
    "rice_check",
    "gzip2_encode",
    "gzip2_decode",
    "gzip2_check",
    "hcompress_encode",
    "hcompress_decode",
    "hcompress_check",
    "szip_encode",
    "szip_decode",
    "szip_check",
    "ccsds123_encode",
    "ccsds123_decode",
    "ccsds123_check",
    "lerc_encode",
    "lerc_decode",
    "lerc_check",
    "jpegls_encode",
    "jpegls_decode",
    "jpegls_check",
    "jpeg2000_encode",
    "jpeg2000_decode",
    "jpeg2000_check",
    "jpegxl_encode",
    "jpegxl_decode",
    "jpegxl_check",
]
