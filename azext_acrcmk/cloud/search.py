"""Searches all subscriptions that a login sees: by Resource Graph, and directly where that is not enough.

Resource Graph can be minutes behind, and is silent about what it does not show. So what it finds is read directly, and
so are the nearest subscriptions, at the same time as it is asked; where the result decides about something that can't
be undone, as many as the limits allow. If it can't be asked, all of these are read directly.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

from azext_acrcmk.cloud.asked import Asked, Seen
from azext_acrcmk.cloud.errors import UnexpectedResponse
from azext_acrcmk.cloud.walk import MOST_OTHERS, NEAR, NOT_SHOWN, SECONDS, left_out, read_places
from azext_acrcmk.model.ids import Id
from azext_acrcmk.model.problem import ONLY_BY_GRAPH
from azext_acrcmk.model.state import Absent, Unknown
from azext_acrcmk.model.value import Value, immutable

T = TypeVar("T")

# How long Resource Graph may take if much depends on it, in seconds.
LONG_PATIENCE = 20.0
_UNLISTED = "subscriptions that are not in `az account list`"


@immutable
class How(Generic[T], Value):
    """How to search: `directly` finds in one subscription, which requires permission `action`; `of_row` reads a row of
    Resource Graph, or gives None for one that is not meant; `place` is the subscription of what was found."""

    directly: Callable[[str], list[T]]
    action: str
    of_row: Callable[[dict], T | None]
    place: Callable[[T], Id]


class Search(Generic[T]):
    """One search, of the first of the subscriptions and all others. It never fails."""

    def __init__(self, how: How[T], subscriptions: Sequence[str], asked: Asked, patience: float, thorough: bool):
        self._how, self._asked, self._patience, self._thorough = how, asked, patience, thorough
        self._known = tuple(dict.fromkeys(map(Id, subscriptions)))
        self._end = time.monotonic() + SECONDS
        self._read: dict[Id, list[T] | Unknown] = {}
        self._seen: Seen | Unknown = Unknown()

    def begin(self, near: Iterable[str] = ()) -> None:
        """Reads the nearest directly, the first and `near`, while Resource Graph is asked."""
        most = len(self._known) if self._thorough else NEAR
        self._look([self._known[0], *near, *self._known[1:most]])
        self._seen = self._asked.within(min(self._patience, self._end - time.monotonic()))
        if isinstance(self._seen, Unknown):
            self._look(self._known)

    def end(self, near: Iterable[str] = ()) -> tuple[list[T] | Unknown, tuple[Unknown, ...]]:
        """What was found, and the places that were not searched, or not directly. Those in which Resource Graph found
        something are read before, and more that are `near`. Unknown if the first can't be read."""
        seen = self._seen if isinstance(self._seen, Seen) else None
        rows, unread = self._of_rows(seen.rows) if seen else ([], 0)
        shown = seen.subscriptions if seen else frozenset()
        self._look([*near, *map(self._how.place, rows)], 1 + 2 * MOST_OTHERS)
        if self._thorough:
            self._look(sorted(shown))
        own = self._read[self._known[0]]
        if isinstance(own, Unknown):
            return own, ()
        read = {place: some for place, some in self._read.items() if not isinstance(some, Unknown)}
        found = [each for some in read.values() for each in some]
        found += [each for each in rows if self._how.place(each) not in read]
        failed = tuple(each for each in self._read.values() if isinstance(each, Unknown))
        # First what is not named one by one, because it is the most.
        return found, (*self._left(seen, unread), *failed)

    def _left(self, seen: Seen | None, unread: int) -> tuple[Unknown, ...]:
        """What was not read directly, and what Resource Graph does not tell of it."""
        if seen is None:
            rest, why = len(set(self._known) - self._read.keys()), self._seen.why.rstrip(".")
            most = f"at most {MOST_OTHERS} others are searched without Resource Graph, which can't be asked: {why}"
            others = Unknown("", _UNLISTED, f"Resource Graph can't be asked: {why}", denied=False)
            return (*left_out(rest, most), *((others,) if self._thorough and not rest else ()))
        by_graph = len(seen.subscriptions - self._read.keys())
        unseen = len(set(self._known) - self._read.keys() - seen.subscriptions)
        beyond = Unknown("", "subscriptions after the first 10,000", "not in Resource Graph's result", denied=False)
        return (
            *left_out(by_graph, ONLY_BY_GRAPH),
            *left_out(unseen, NOT_SHOWN),
            *left_out(seen.missing + unread, "counted by Resource Graph, but not returned", "resource"),
            *((beyond,) if seen.cut else ()),
        )

    def _of_rows(self, rows: Iterable[dict]) -> tuple[list[T], int]:
        """What the rows say, and how many can't be read."""
        found, unread = [], 0
        for row in rows:
            try:
                one = self._how.of_row(row)
            except UnexpectedResponse:
                unread += 1
                continue
            found += [one] if one is not None else []
        return found, unread

    def _look(self, places: Iterable[str], most: int = 1 + MOST_OTHERS) -> None:
        """Reads these subscriptions directly, unless they have been, until there are `most`."""
        new = [each for each in dict.fromkeys(map(Id, places)) if each not in self._read]
        new = new[: max(most - len(self._read), 0)]
        for place, answer in zip(new, read_places(new, self._how.directly, self._how.action, self._end), strict=True):
            self._read[place] = [] if isinstance(answer, Absent) else answer
