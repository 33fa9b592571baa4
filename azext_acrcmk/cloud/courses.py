"""Reads that follow from each other.

A course is what has to be known of one thing, in the order in which it can be asked for. Many go on side by side, and
what several of them wait for is read once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from azext_acrcmk.model.value import Value, immutable


@immutable
class Read(Value):
    """A read `of` something, from a place such as a subscription; `what` it is of in words, of which there are few."""

    of: Hashable
    what: str = field(compare=False)
    place: str = field(compare=False)
    call: Callable[[], Any] = field(compare=False)


# The reads that must have ended before it goes on, time after time.
Course = Iterator[Collection[Read]]


@dataclass(eq=False, slots=True)
class _Waiting:
    """A course, and how many reads it waits for."""

    course: Course
    missing: int = 0


class Courses:
    """`reads` are those that can begin at once."""

    def __init__(self, courses: Iterable[Course]):
        self._waiting: dict[Hashable, list[_Waiting]] = {}
        self._ended: set[Hashable] = set()
        self.reads = [read for each in courses for read in self._go_on(_Waiting(each))]

    def ended(self, read: Read) -> list[Read]:
        """The reads that can begin when this one has ended."""
        self._ended.add(read.of)
        more: list[Read] = []
        for each in self._waiting.pop(read.of):
            each.missing -= 1
            if not each.missing:
                more += self._go_on(each)
        return more

    def _go_on(self, waiting: _Waiting) -> list[Read]:
        for needed in waiting.course:
            missing = {read.of: read for read in needed if read.of not in self._ended}
            if missing:
                waiting.missing = len(missing)
                new = [read for of, read in missing.items() if of not in self._waiting]
                for of in missing:
                    self._waiting.setdefault(of, []).append(waiting)
                return new
        return []
