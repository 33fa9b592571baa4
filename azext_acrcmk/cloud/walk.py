"""Searches the subscriptions of a login: limited in number and time, and never fails.

The result includes what was not searched: of hundreds of subscriptions, some return errors.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from threading import BoundedSemaphore
from typing import Any, TypeVar

from azext_acrcmk.cloud.reads import read_if_possible
from azext_acrcmk.cloud.transport import MOST_AT_ONCE
from azext_acrcmk.cloud.waiting import done, in_thread
from azext_acrcmk.model.problem import not_searched
from azext_acrcmk.model.state import ABSENT, Absent, Unknown

T = TypeVar("T")

# How many subscriptions are searched besides the first one, and for how many seconds in total.
MOST_OTHERS = 100
SECONDS = 30.0

_NO_ANSWER = "no response in time"

Rest = Callable[[list[str]], tuple[T, tuple[Unknown, ...]]]


class Walk:
    """One search through subscriptions. `unsearched` are the places that were not searched, each with the reason."""

    def __init__(self, subscriptions: Sequence[str]):
        self._end = time.monotonic() + SECONDS
        first, *others = dict.fromkeys(subscriptions)
        self._first, self._others, self._too_many = first, others[:MOST_OTHERS], others[MOST_OTHERS:]
        self._left_out = _left_out(len(self._too_many))
        self.unsearched: tuple[Unknown, ...] = ()

    def everywhere(self, read: Callable[[str], T], action: str, rest: Rest[T] | None = None) -> list[T]:
        """What `read` finds in each subscription that can be read. Requires permission `action`. `rest` searches those
        that are too many, and says what is not sure of them."""
        found = self._look([self._first, *self._others], read, action)
        if rest and self._too_many:
            (answer,) = _until(self._end, [lambda: read_if_possible(lambda: rest(self._too_many), "", "")])
            if isinstance(answer, tuple):
                more, self._left_out = answer
                found.append(more)
        self._leave_out_rest()
        return found

    def first_found(self, read: Callable[[str], T | Absent], action: str) -> T | Absent | Unknown:
        """What `read` finds in the first subscription, otherwise in any of the others; unknown rather than absent."""
        found = self._look([self._first], read, action)
        if not any(found) and self._others:
            found = self._look(self._others, read, action)
            self._leave_out_rest()
        if there := next((each for each in found if each), None):
            return there
        return unknown_of(self.unsearched) if self.unsearched else ABSENT

    def _leave_out_rest(self) -> None:
        # First, because they are the most.
        self.unsearched = (*self._left_out, *self.unsearched)

    def _look(self, places: list[str], read: Callable[[str], T], action: str) -> list[T]:
        calls = [partial(self._read, place, read, action) for place in places]
        seen = list(zip(places, _until(self._end, calls), strict=True))
        answers = [_unanswered(place) if answer is None else answer for place, answer in seen]
        self.unsearched += tuple(each for each in answers if isinstance(each, Unknown))
        return [each for each in answers if not isinstance(each, (Unknown, Absent))]

    @staticmethod
    def _read(place: str, read: Callable[[str], T], action: str) -> T | Absent | Unknown:
        return read_if_possible(lambda: read(place), action, f"/subscriptions/{place}")


def unknown_of(unsearched: tuple[Unknown, ...]) -> Unknown:
    """Everything that was not searched as one value."""
    first, *rest = unsearched
    if first.denied and not rest:
        return first
    if all(each.denied for each in unsearched):
        return Unknown(first.action, first.scope, not_searched(unsearched), places=unsearched)
    return Unknown("", first.scope, not_searched(unsearched), denied=False, places=unsearched)


def _unanswered(place: str) -> Unknown:
    return Unknown("", f"/subscriptions/{place}", _NO_ANSWER, denied=False)


def _left_out(count: int) -> tuple[Unknown, ...]:
    if not count:
        return ()
    which = f"{count} further subscriptions" if count > 1 else "1 further subscription"
    return (Unknown("", which, f"at most {MOST_OTHERS} others are searched", denied=False),)


def _until(end: float, calls: list[Callable[[], Any]]) -> list[Any]:
    """The results of calls made in parallel; None for those that have not ended by `end`. These continue unobserved."""
    slots = BoundedSemaphore(MOST_AT_ONCE)

    def in_turn(call: Callable[[], Any]) -> Any:
        with slots:
            return call() if time.monotonic() < end else None

    futures = [in_thread(partial(in_turn, call)) for call in calls]
    return [future.result() if done(future, end - time.monotonic()) else None for future in futures]
