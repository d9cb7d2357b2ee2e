"""The codecs of this build."""

from __future__ import annotations

from dataclasses import dataclass

from . import _core


@dataclass(frozen=True)
class Option:
    """An option of a codec: ``key=value`` behind the colon of a spec."""

    key: str
    #: Legal values, in words.
    values: str
    default: str
    help: str


@dataclass(frozen=True)
class Codec:
    """A codec of this build."""

    name: str
    #: What it is, in one line.
    summary: str
    #: Where it is defined: a paper, a standard, or a project page.
    source: str
    options: tuple[Option, ...]


def codecs() -> tuple[Codec, ...]:
    """The codecs of this build, with their options."""
    return tuple(
        Codec(
            one["name"],
            one["summary"],
            one["source"],
            tuple(Option(**option) for option in one["options"]),
        )
        for one in _core.codecs()
    )
