"""A codec for numcodecs, and so for zarr format 2: ``numcodecs.get_codec({"id": "noisefloor"})``.

It is found by its entry point; importing this module is not needed for reading.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numcodecs.abc import Codec
from numpy.typing import NDArray

from . import _core
from ._arrays import words
from ._coding import container, whole
from ._errors import UnsupportedError

__all__ = ["Noisefloor"]


class Noisefloor(Codec):  # type: ignore[misc]  # numcodecs is not typed
    """Chunks of integers of 8 or 16 bits as containers (docs/format.md).

    :param codec: codec and options, such as ``"floor:level=fast"``.
    :param verify: whether every chunk is decoded again and compared before it is handed on.
    """

    codec_id = "noisefloor"

    def __init__(self, codec: str = "floor", verify: bool = True) -> None:
        # A wrong spec is told now, and equal codecs have equal configurations.
        self.codec = _core.normalise_spec(codec)
        self.verify = bool(verify)

    def encode(self, buf: Any) -> bytes:
        """The container of an array; bare bytes count as uint8.

        An array in Fortran order is coded as it lies in memory, since that is what zarr hands over
        for chunks in that order.
        """
        array = buf if isinstance(buf, np.ndarray) else np.asarray(memoryview(buf))
        fortran = array.flags.f_contiguous and not array.flags.c_contiguous
        view, descr = words(array.T if fortran else array)
        return _core.encode(view, descr, fortran, self.codec, None, self.verify, None, None)

    def decode(self, buf: Any, out: Any = None) -> Any:
        """The array, in the order and byte order that it had; into ``out`` if that is given."""
        opened = container(buf, None)
        array = whole(opened, 0, None)
        descr = opened.info()["images"][0]["descr"]
        if descr is not None:
            # Those who asked for bytes get the bytes that there were.
            array = array.astype(descr, order="K", copy=False)
        if out is None:
            return array
        target: NDArray[Any] = np.asarray(out)
        if target.nbytes != array.nbytes:
            raise UnsupportedError(f"out holds {target.nbytes} bytes, the chunk {array.nbytes}")
        target.reshape(-1, order="A").view(np.uint8)[...] = array.reshape(-1, order="A").view(np.uint8)
        return out

    def get_config(self) -> dict[str, Any]:
        """The configuration that is stored; ``verify`` does not matter to readers."""
        return {"id": self.codec_id, "codec": self.codec}

    def __repr__(self) -> str:
        return f"Noisefloor(codec={self.codec!r})"
