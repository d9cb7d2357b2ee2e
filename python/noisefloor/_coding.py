"""Arrays to bytes and back."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from numpy.typing import ArrayLike, NDArray

from . import _core
from ._arrays import Buffer, noise_model, numbers, octets, tile_shape, words
from ._errors import FormatError, RequestError

#: First bytes of a container, and of a bounded one.
MAGIC = b"\x89NFL\r\n\x1a\n"
BOUNDED = b"\x89NFB\r\n\x1a\n"


def encode(
    array: ArrayLike,
    codec: str = "floor",
    *,
    profile: str | os.PathLike[str] | None = None,
    embed_profile: bool = False,
    bound: str | None = None,
    noise: Mapping[str, float] | None = None,
    dither: bool | None = None,
    tile: tuple[int, ...] | None = None,
    verify: bool = True,
    threads: int | None = None,
) -> bytes:
    """The array as a container (docs/format.md), which ``decode`` and the program read.

    Without ``bound`` it is lossless. With it, samples may change, and the result is a bounded
    container (docs/bounded.md), which says so. Floating-point numbers are lossless with the codecs
    ``"pcodec:lossless=true"`` and ``"zstd:filter=floatpred"``, and ``"zfp:reversible=true"`` where
    the build has it.

    :param array: uint16, int16, uint8, int8 or bool, of any byte order, strides and number of
        axes; anything that NumPy takes as such an array. It is not copied: bands of at most
        16 Mpixel are taken out of it while they are coded, so leave it alone meanwhile. With
        ``bound``, or a codec of floating-point numbers: uint8, int16, uint16, int32, float32 or
        float64 of one to four axes, of which one copy is made.
    :param codec: codec and options, such as ``"floor:level=high"``; ``codecs()`` lists them.
    :param profile: the file of a detector profile (docs/profiles.md) that ``floor`` codes the array
        with where that makes it smaller, or a folder of profiles, of which the one that fits is
        taken; decoding needs it again, see ``add_profile``.
    :param embed_profile: put the profile into the container, so that decoding needs nothing else.
    :param bound: the largest error that a sample may have, proved before this returns: ``"2dn"``
        (in the unit of the samples), ``"1e-3rel"`` (of the range of the finite samples) or
        ``"0.5sigma"`` (of the noise of the sample). NaN and infinities come back with their bits.
    :param noise: the noise that a bound in sigmas refers to: ``offset`` in DN, ``gain`` in
        electrons per DN and ``read`` noise in DN; measured from the samples by default.
    :param dither: shift the steps from sample to sample (subtractive dither), so that means,
        medians and faint fluxes are not biased. ``floor`` knows the shifts; other codecs pay bits
        for them. By default for bounds in sigmas.
    :param tile: extents in pixels of the tiles that the array is cut into, (rows, columns) or
        (planes, rows, columns); frames up to 4 Mpixel are one tile by default.
    :param verify: whether every tile is decoded again and compared with the array.
    :param threads: how many threads code; all processors by default.
    :raises SpecError: if there is no such codec or option.
    :raises UnsupportedError: if the array is of another type, or the codec cannot take it, or the
        bound means nothing for it.
    """
    if embed_profile and (profile is None or bound is not None):
        raise RequestError("embed_profile: expected a profile, and no bound")
    if bound is not None:
        if profile is not None:
            codec = _core.with_profile(codec, _core.add_profile(profile))
        if not verify:
            raise RequestError("verify=False: a bound is always proved")
        model = None if noise is None else noise_model(noise)
        return _core.encode_bounded(
            numbers(array), bound, model, dither, codec, tile_shape(tile), threads
        )
    if noise is not None or dither:
        raise RequestError("noise and dither are of use with a bound only, such as bound='0.5sigma'")
    if _core.codes_arrays(codec):
        if profile is not None or not verify:
            raise RequestError(f"{codec}: expected no profile, and verify=True")
        return _core.encode_bounded(
            numbers(array), None, None, False, codec, tile_shape(tile), threads
        )
    view, descr = words(array)
    how = (tile_shape(tile), verify, threads, None, profile, embed_profile)
    return _core.encode(view, descr, False, codec, *how)


def add_profile(path: str | os.PathLike[str]) -> str:
    """Makes a detector profile known to this process, for what was coded with it.

    Without this, a profile is looked for in the folders of ``NOISEFLOOR_PROFILES``, and beside a
    file that is opened.

    :returns: its name and key, as streams name it.
    :raises DamagedError: if the file is damaged, or no profile.
    """
    return _core.add_profile(path)


def plain_bytes(data: Buffer) -> bytes:
    """The bytes of a container, copied only where they have to be."""
    return data if isinstance(data, bytes) else octets(data, "the container").tobytes()


def container(data: Buffer, max_memory_bytes: int | None) -> _core.Container:
    """The lossless container that these bytes are."""
    found = plain_bytes(data)
    if found.startswith(BOUNDED):
        lossless = _core.Bounded.of_bytes(found, max_memory_bytes).info()["lossless"]
        raise FormatError(
            ("this is a container of arrays" if lossless else "this is a bounded container, NOT lossless")
            + "; expected a lossless one of 16-bit frames, and noisefloor.decode takes both"
        )
    opened = _core.Container.of_bytes(found, max_memory_bytes)
    if opened.bound_dn is not None:
        raise FormatError(
            f"this container was cut and is NOT lossless, within {opened.bound_dn} dn; "
            "expected a whole one, and noisefloor.decode takes both"
        )
    return opened


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

    Of a bounded container, or one that was cut after a stage, values are within a bound of those
    that were encoded, and not the same; ``info(data)["lossless"]`` tells which it is.

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
    found = plain_bytes(data)
    if found.startswith(BOUNDED):
        return _core.Bounded.of_bytes(found, max_memory_bytes).read(image, threads)
    return whole(_core.Container.of_bytes(found, max_memory_bytes), image, threads)


def info(source: Buffer | str | os.PathLike[str]) -> dict[str, Any]:
    """What a container, bounded or not, or a FITS file says of itself: the file at a path, or its
    bytes. ``"lossless"`` is there for containers.

    The keys are those of ``noisefloor info --json`` where both have them; see docs/python.md.
    """
    if isinstance(source, (str, os.PathLike)):
        with open(source, "rb") as file:
            first = file.read(len(MAGIC))
        if first == MAGIC:
            return _core.Container.open(source, None).info()
        if first == BOUNDED:
            return _core.Bounded.open(source, None).info()
        return {"kind": "FITS", "hdus": _core.Fits.open(source, None).hdus()}
    data = octets(source).tobytes()
    if data.startswith(MAGIC):
        return _core.Container.of_bytes(data, None).info()
    if data.startswith(BOUNDED):
        return _core.Bounded.of_bytes(data, None).info()
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
