"""NumPy's basic indexing, as boxes that can be read."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: First and last (excluded) index along an axis.
Range = tuple[int, int]


def take(
    shape: tuple[int, ...], key: Any, read: Callable[[list[Range]], NDArray[Any]]
) -> NDArray[Any] | np.generic:
    """What ``array[key]`` gives for an array of ``shape`` of which ``read`` gives boxes.

    Integers, slices (with steps), ``...`` and tuples of these; other keys raise ``IndexError``
    as NumPy's do.
    """
    keys = list(key) if isinstance(key, tuple) else [key]
    dots = [place for place, one in enumerate(keys) if one is Ellipsis]
    if len(dots) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    if not dots:
        dots = [len(keys)]
        keys.append(Ellipsis)
    given = len(keys) - 1
    if given > len(shape):
        raise IndexError(
            f"too many indices: the image has {len(shape)} axes, {given} were indexed"
        )
    keys[dots[0] : dots[0] + 1] = [slice(None)] * (len(shape) - given)

    ranges: list[Range] = []
    inside: list[int | slice] = []
    for axis, (length, one) in enumerate(zip(shape, keys, strict=True)):
        if isinstance(one, slice):
            first, _, step = one.indices(length)
            count = len(range(*one.indices(length)))
            last = first + (count - 1) * step
            low, high = (first, last) if step > 0 else (last, first)
            ranges.append((low, high + 1) if count else (0, 0))
            inside.append(slice(None, None, step))
            continue
        if isinstance(one, (bool, np.bool_)):
            raise IndexError("expected integers, slices and '...'; read the image to use a mask")
        try:
            index = operator.index(one)
        except TypeError:
            raise IndexError(
                f"{one!r} is no index; expected integers, slices and '...'"
            ) from None
        if not -length <= index < length:
            raise IndexError(
                f"index {index} is out of bounds for axis {axis} with size {length}"
            )
        index %= length
        ranges.append((index, index + 1))
        inside.append(0)
    box = read(ranges)
    taken: NDArray[Any] | np.generic = box[tuple(inside)]
    return taken
