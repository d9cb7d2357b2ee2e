"""Frames for machine learning: published datasets streamed from their hub, simulators of known
entropy, and folders of your own; as arrays, without any framework.

A build with the feature ``datasets`` is needed (docs/python.md).
"""

from __future__ import annotations

import operator
import os
from collections.abc import Iterator
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._errors import RequestError

__all__ = ["Dataset", "load"]


class Dataset:
    """Images of uint16 in a fixed order, (rows, columns) or (planes, rows, columns).

    It has a length and is indexed, so that ``torch.utils.data.DataLoader`` and others take it as
    it is, with any number of workers, and shuffle it. A file is fetched, and checked against its
    digest, when an image of it is first asked for; it is then kept in a cache of bounded size.
    """

    def __init__(self, reference: str, split: str | None, data: str | None) -> None:
        self._arguments = (reference, split, data)
        self._dataset = _core.Dataset.open(reference, split, data)
        #: The name of every image.
        self.names: tuple[str, ...] = tuple(self._dataset.names())

    def __reduce__(self) -> tuple[Any, ...]:
        # Another process opens it again: only the arguments travel.
        return (Dataset, self._arguments)

    @property
    def card(self) -> dict[str, str]:
        """What the data are: name, title, instrument, licence, origin, view, split, digest."""
        return self._dataset.card()

    def __len__(self) -> int:
        return len(self.names)

    @overload
    def __getitem__(self, index: int) -> NDArray[np.uint16]: ...
    @overload
    def __getitem__(self, index: slice) -> list[NDArray[np.uint16]]: ...
    def __getitem__(self, index: int | slice) -> NDArray[np.uint16] | list[NDArray[np.uint16]]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        place = operator.index(index)
        if not -len(self) <= place < len(self):
            raise IndexError(f"there is no image {place}, the dataset has {len(self)}")
        return self._dataset.image(place % len(self))

    def __iter__(self) -> Iterator[NDArray[np.uint16]]:
        for place in range(len(self)):
            yield self._dataset.image(place)

    def __repr__(self) -> str:
        card = self.card
        name = f"{card['name']}/{card['view']}@{card['split']}"
        return f"<noisefloor.datasets.Dataset {name}: {len(self)} images>"


def load(
    name: str | os.PathLike[str],
    split: str | None = None,
    *,
    data: str | os.PathLike[str] | None = None,
    streaming: bool = True,
) -> Dataset:
    """A dataset by name, such as ``"keck"`` or ``"sim-star-field"``, or a folder of image files.

    :param name: ``NAME[/VIEW]`` of what ``noisefloor data list`` lists, the path of a manifest
        (docs/data.md), of a folder or of a file.
    :param split: such as ``"train"`` or ``"test"``; that of the manifest by default.
    :param data: a folder that holds the files, instead of the hub.
    :param streaming: files are fetched when their images are asked for; otherwise all of them now.
    :raises RequestError: if there is no such dataset, split or file, or no network.
    """
    reference = os.fspath(name)
    if split is not None and "@" in reference:
        raise RequestError(f"{reference}: a split is named twice, {split!r} and in the name")
    dataset = Dataset(reference, split, None if data is None else os.fspath(data))
    if not streaming:
        for _ in dataset:
            pass
    return dataset
