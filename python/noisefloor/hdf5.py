"""HDF5 datasets whose chunks are containers, through h5py.

>>> import h5py, noisefloor.hdf5  # doctest: +SKIP
>>> file.create_dataset("counts", data=frames, chunks=(1, 512, 512), **noisefloor.hdf5.filter())

Reading needs the import alone. Other programs find the filter as a plug-in: docs/python.md.
"""

from __future__ import annotations

from typing import Any

import h5py

from . import _core
from ._errors import SpecError

__all__ = ["FILTER_ID", "LEVELS", "filter"]

#: Number of the filter in files: private, until one is registered with the HDF Group.
FILTER_ID: int

#: Levels of `floor`, in the order of their numbers in files.
LEVELS = ("fast", "default", "high", "max")

FILTER_ID, _ADDRESS = _core.hdf5_filter()


def filter(level: str = "default") -> dict[str, Any]:
    """Arguments of ``create_dataset`` for datasets of uint16, int16, uint8 or int8.

    Every chunk is coded by ``floor`` of this level, decoded again and compared. Datasets of other
    types are refused when they are created.
    """
    if level not in LEVELS:
        raise SpecError(f"there is no level {level!r}, expected {', '.join(LEVELS)}")
    return {"compression": FILTER_ID, "compression_opts": (LEVELS.index(level),)}


if not h5py.h5z.filter_avail(FILTER_ID):
    h5py.h5z.register_filter(_ADDRESS)
