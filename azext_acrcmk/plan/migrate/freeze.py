"""The write lock of the old registry's repositories for the last pass. Pure.

Which of them were locked before is remembered in tags of the new registry, so that unfreezing leaves those locked."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

# Of the new registry. The first says that the old one is frozen, even if nothing was locked before.
TAG = "acrcmk-locked-before"
# A tag's value has at most 256 characters, a resource at most 50 tags.
_OF_A_TAG, _MOST_TAGS = 28, 20
MOST_LOCKED = _OF_A_TAG * _MOST_TAGS
_NOTHING = "-"


class TooManyLocked(Exception):
    """More repositories are locked than can be remembered."""


def remembered(locked: Iterable[str]) -> dict[str, str]:
    """The tags that remember these repositories. Raises TooManyLocked."""
    marks = sorted({_mark(name) for name in locked})
    if len(marks) > MOST_LOCKED:
        raise TooManyLocked
    pieces = [marks[at : at + _OF_A_TAG] for at in range(0, len(marks), _OF_A_TAG)] or [[]]
    return {_name(number): ",".join(piece) or _NOTHING for number, piece in enumerate(pieces)}


def locked_before(tags: dict[str, str]) -> frozenset[str] | None:
    """The marks of the repositories that were locked before; None if the old registry is not frozen."""
    if TAG not in tags:
        return None
    values = [value for name, value in tags.items() if _is_ours(name)]
    return frozenset(mark for value in values for mark in value.split(",") if mark != _NOTHING)


def was_locked(name: str, before: frozenset[str]) -> bool:
    return _mark(name) in before


def without_freeze(tags: dict[str, str]) -> dict[str, str]:
    """The tags of the new registry once the old one is no longer frozen."""
    return {name: value for name, value in tags.items() if not _is_ours(name)}


def _is_ours(name: str) -> bool:
    return name == TAG or name.startswith(f"{TAG}-")


def _name(number: int) -> str:
    return TAG if number == 0 else f"{TAG}-{number + 1}"


def _mark(name: str) -> str:
    """Eight characters for a name: of a thousand names, two have the same with a chance of one in ten thousand."""
    return f"{zlib.crc32(name.encode()):08x}"
