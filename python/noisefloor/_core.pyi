"""The compiled half of the package. Import `noisefloor` instead: nothing here is promised."""

from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Archive",
    "Archivist",
    "Bounded",
    "Container",
    "Dataset",
    "Decoder",
    "Encoder",
    "Fits",
    "__version__",
    "add_profile",
    "codecs",
    "decode_tile",
    "encode",
    "codes_arrays",
    "encode_bounded",
    "encode_tile",
    "hdf5_filter",
    "noise_estimates",
    "normalise_spec",
    "quantise",
    "with_profile",
]
__version__: str

_Pair: TypeAlias = tuple[int, int]
_Task: TypeAlias = tuple[str, int, int, str | None]

@final
class Archivist:
    def __new__(
        cls,
        sources: str | PathLike[str],
        archive: str | PathLike[str],
        spec: str,
        force: bool,
        max_memory_bytes: int | None,
        profile: str | PathLike[str] | None,
        embed_profile: bool,
    ) -> Archivist: ...
    def spec(self) -> str: ...
    def row(self, task: _Task, threads: int) -> str: ...

@final
class Archive:
    @staticmethod
    def begin(
        sources: str | PathLike[str], archive: str | PathLike[str], spec: str, delete: bool
    ) -> Archive: ...
    def tasks(self) -> list[_Task]: ...
    def found(self) -> tuple[int, int, list[tuple[Path, str]]]: ...
    def failure(self, task: _Task, reason: str) -> str: ...
    def settle(self, rows: list[str]) -> list[tuple[Path, str]]: ...
    def finish(self) -> list[tuple[Path, str]]: ...
    def sum(self) -> dict[str, int]: ...
    def close(self) -> None: ...

@final
class Bounded:
    @staticmethod
    def open(path: str | PathLike[str], max_memory_bytes: int | None) -> Bounded: ...
    @staticmethod
    def of_bytes(data: bytes, max_memory_bytes: int | None) -> Bounded: ...
    def read(self, array: int, threads: int | None) -> NDArray[Any]: ...
    def read_region(
        self, array: int, region: tuple[_Pair, _Pair, _Pair], threads: int | None
    ) -> NDArray[Any]: ...
    def info(self) -> dict[str, Any]: ...

@final
class Container:
    @staticmethod
    def open(path: str | PathLike[str], max_memory_bytes: int | None) -> Container: ...
    @staticmethod
    def of_bytes(data: bytes, max_memory_bytes: int | None) -> Container: ...
    @property
    def bound_dn(self) -> int | None: ...
    def read(self, image: int, threads: int | None) -> NDArray[Any]: ...
    def read_region(
        self, image: int, region: tuple[_Pair, _Pair, _Pair], threads: int | None
    ) -> NDArray[Any]: ...
    def info(self) -> dict[str, Any]: ...

@final
class Fits:
    @staticmethod
    def open(path: str | PathLike[str], max_memory_bytes: int | None) -> Fits: ...
    @staticmethod
    def of_bytes(data: bytes, max_memory_bytes: int | None) -> Fits: ...
    def hdus(self) -> list[dict[str, Any]]: ...
    def cards(self, hdu: int) -> list[tuple[str, Any, str]]: ...
    def read(self, hdu: int, ranges: list[_Pair], threads: int | None) -> NDArray[Any]: ...

@final
class Dataset:
    @staticmethod
    def open(
        reference: str, split: str | None, data: str | PathLike[str] | None
    ) -> Dataset: ...
    def names(self) -> list[str]: ...
    def image(self, index: int) -> NDArray[np.uint16]: ...
    def card(self) -> dict[str, str]: ...

@final
class Encoder:
    def __new__(cls) -> Encoder: ...
    def encode(
        self,
        symbols: NDArray[np.uint16],
        means: NDArray[np.int32],
        scales: NDArray[np.uint16],
        weights: NDArray[np.uint16],
        components: int,
    ) -> None: ...
    def finish(self) -> bytes: ...

@final
class Decoder:
    def __new__(cls, stream: NDArray[np.uint8]) -> Decoder: ...
    def decode(
        self,
        means: NDArray[np.int32],
        scales: NDArray[np.uint16],
        weights: NDArray[np.uint16],
        components: int,
    ) -> NDArray[np.uint16]: ...
    def finish(self) -> None: ...

def codecs() -> list[dict[str, Any]]: ...
def normalise_spec(spec: str) -> str: ...
def encode(
    array: NDArray[Any],
    descr: str,
    fortran: bool,
    codec: str,
    tile: tuple[int, int, int] | None,
    verify: bool,
    threads: int | None,
    max_memory_bytes: int | None,
    profile: str | PathLike[str] | None = None,
    embed_profile: bool = False,
) -> bytes: ...
def codes_arrays(codec: str) -> bool: ...
def encode_bounded(
    array: NDArray[Any],
    bound: str | None,
    noise: tuple[float, float, float] | None,
    dither: bool | None,
    codec: str,
    tile: tuple[int, int, int] | None,
    threads: int | None,
) -> bytes: ...
def encode_tile(array: NDArray[Any], descr: str, codec: str, threads: int | None) -> bytes: ...
def decode_tile(
    stream: NDArray[np.uint8], shape: tuple[int, int, int], codec: str, threads: int | None
) -> NDArray[np.uint16]: ...
def hdf5_filter() -> tuple[int, int]: ...
def noise_estimates(array: NDArray[Any], descr: str, threads: int | None) -> list[dict[str, Any]]: ...
def quantise(
    means: NDArray[np.float64],
    scales: NDArray[np.float64],
    weights: NDArray[np.float64],
    components: int,
) -> tuple[NDArray[np.int32], NDArray[np.uint16], NDArray[np.uint16]]: ...

def add_profile(path: str | PathLike[str]) -> str: ...
def with_profile(spec: str, id: str) -> str: ...
