"""Lossless compression of raw 16-bit astronomical images.

>>> import numpy as np, noisefloor
>>> frame = np.random.default_rng(1).poisson(900, (128, 128)).astype("uint16")
>>> data = noisefloor.encode(frame, "floor:level=fast")
>>> bool((noisefloor.decode(data) == frame).all())
True
"""

from ._coding import add_profile, decode, encode, info, limit
from ._codecs import Codec, Option, codecs
from ._core import __version__
from ._errors import (
    BackendError,
    DamagedError,
    Error,
    FormatError,
    LimitError,
    MismatchError,
    RequestError,
    SpecError,
    UnsupportedError,
)
from ._image import Image, open
from ._pairs import *  # noqa: F403
from ._pairs import __all__ as _pairs

__all__ = [
    "BackendError",
    "Codec",
    "DamagedError",
    "Error",
    "FormatError",
    "Image",
    "LimitError",
    "MismatchError",
    "Option",
    "RequestError",
    "SpecError",
    "UnsupportedError",
    "__version__",
    "add_profile",
    "codecs",
    "decode",
    "encode",
    "info",
    "limit",
    "open",
]
__all__ += _pairs
