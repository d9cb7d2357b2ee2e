"""A codec for zarr format 3: ``zarr.create_array(..., serializer=NoisefloorCodec(),
compressors=None)``.

It is found by its entry point under the name ``noisefloor``; importing this module is not needed
for reading.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from zarr.abc.codec import ArrayBytesCodec, ArrayBytesCodecPartialDecodeMixin
from zarr.core.common import JSON, parse_named_configuration

from . import _core
from ._arrays import octets, tile_shape
from ._coding import encode
from ._errors import DamagedError, UnsupportedError
from ._image import in_container
from ._index import take

if TYPE_CHECKING:
    from zarr.abc.store import ByteGetter
    from zarr.core.array_spec import ArraySpec
    from zarr.core.buffer import Buffer, NDBuffer

__all__ = ["NoisefloorCodec"]


@dataclass(frozen=True)
class NoisefloorCodec(ArrayBytesCodecPartialDecodeMixin, ArrayBytesCodec):
    """Chunks of integers of 8 or 16 bits as containers (docs/format.md).

    It takes the place of the serializer ``bytes``, since it needs the shape of a chunk; no
    compressor should follow. A part of a chunk is decoded without the rest.

    :param codec: codec and options, such as ``"floor:level=fast"``.
    :param tile: the tiles of a chunk, (rows, columns) or (planes, rows, columns); whole chunks of
        up to 4 Mpixel by default.
    :param verify: whether every chunk is decoded again and compared before it is stored.
    """

    codec: str = "floor"
    tile: tuple[int, ...] | None = None
    verify: bool = True

    is_fixed_size = False

    def __init__(
        self, *, codec: str = "floor", tile: tuple[int, ...] | None = None, verify: bool = True
    ) -> None:
        # A wrong spec is told now, and equal codecs have equal metadata.
        object.__setattr__(self, "codec", _core.normalise_spec(codec))
        tile_shape(tile)
        object.__setattr__(self, "tile", None if tile is None else tuple(int(n) for n in tile))
        object.__setattr__(self, "verify", bool(verify))

    @classmethod
    def from_dict(cls, data: dict[str, JSON]) -> Self:
        """From the metadata of an array."""
        _, configuration = parse_named_configuration(
            data, "noisefloor", require_configuration=False
        )
        return cls(**(configuration or {}))  # type: ignore[arg-type]

    def to_dict(self) -> dict[str, JSON]:
        """What the metadata of an array says; ``verify`` does not matter to readers."""
        configuration: dict[str, JSON] = {"codec": self.codec}
        if self.tile is not None:
            configuration["tile"] = list(self.tile)
        return {"name": "noisefloor", "configuration": configuration}

    def validate(self, *, shape: tuple[int, ...], dtype: Any, chunk_grid: Any) -> None:
        """Refuses arrays of other types when they are created."""
        native = dtype.to_native_dtype()
        if native.kind not in "uib" or native.itemsize > 2:
            raise UnsupportedError(
                f"the codec noisefloor cannot code arrays of {native}, expected uint16, int16, "
                "uint8, int8 or bool"
            )

    def _encode_sync(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> Buffer:
        data = encode(chunk_data.as_numpy_array(), self.codec, tile=self.tile, verify=self.verify)
        return chunk_spec.prototype.buffer.from_bytes(data)

    def _decode_sync(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        return self._taken(chunk_data, ..., chunk_spec)

    async def _encode_single(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> Buffer:
        return await asyncio.to_thread(self._encode_sync, chunk_data, chunk_spec)

    async def _decode_single(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        return await asyncio.to_thread(self._decode_sync, chunk_data, chunk_spec)

    async def _decode_partial_single(
        self, byte_getter: ByteGetter, selection: Any, chunk_spec: ArraySpec
    ) -> NDBuffer | None:
        chunk_data = await byte_getter.get(prototype=chunk_spec.prototype)
        if chunk_data is None:
            return None
        return await asyncio.to_thread(self._taken, chunk_data, selection, chunk_spec)

    def _taken(self, chunk_data: Buffer, selection: Any, chunk_spec: ArraySpec) -> NDBuffer:
        """``chunk[selection]``; of a box of pixels, only its tiles are decoded."""
        data = octets(chunk_data.as_numpy_array(), "the chunk").tobytes()
        source = in_container(_core.Container.of_bytes(data, None), 0)
        dtype = chunk_spec.dtype.to_native_dtype()
        if source.shape != chunk_spec.shape or source.dtype != dtype.newbyteorder("="):
            raise DamagedError(
                f"the chunk holds {source.dtype} {source.shape}, expected {dtype} "
                f"{chunk_spec.shape}"
            )
        keys = selection if isinstance(selection, tuple) else (selection,)
        values: NDArray[Any]
        if all(one is Ellipsis or isinstance(one, (int, slice, np.integer)) for one in keys):
            values = np.asarray(take(source.shape, keys, source.read))
        else:
            values = source.read([(0, length) for length in source.shape])[selection]
        return chunk_spec.prototype.nd_buffer.from_numpy_array(values.astype(dtype, copy=False))

    def compute_encoded_size(self, input_byte_length: int, _chunk_spec: ArraySpec) -> int:
        """The size depends on the pixels."""
        raise NotImplementedError
