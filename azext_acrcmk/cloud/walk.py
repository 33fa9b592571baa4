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
# How many are read without asking Resource Graph where to look, or with it if nothing irreversible depends on it.
NEAR = 10
SECONDS = 30.0

NOT_SHOWN = "not shown by Resource Graph"
_NO_ANSWER = "no response in time"


class Walk:
    """One search through subscriptions. `unsearched` are the places that were not searched, each with the reason."""

    def __init__(self, subscriptions: Sequence[str]):
        self._end = time.monotonic() + SECONDS
        first, *others = dict.fromkeys(subscriptions)
        self._first, self._others = first, others[:MOST_OTHERS]
        self._left_out = left_out(len(others) - len(self._others), f"at most {MOST_OTHERS} others are searched")
        self.unsearched: tuple[Unknown, ...] = ()

    def everywhere(self, read: Callable[[str], T], action: str) -> list[T]:
        """What `read` finds in each subscription that can be read. Requires permission `action`."""
        found = self._look([self._first, *self._others], read, action)
        self._leave_out_rest()
        return found

    def first_found(
        self,
        read: Callable[[str], T | Absent],
        action: str,
        ask: Callable[[], Sequence[str]] | None = None,
        beyond: bool = False,
    ) -> T | Absent | Unknown:
        """What `read` finds in the first subscription, otherwise in any of the others; unknown rather than absent.
        `ask` says where to look first if they are many; and with `beyond`, where else if it is in none of them: not all
        subscriptions need be in `az account list`."""
        found = self._look([self._first], read, action)
        asks_first = ask and not any(found) and len(self._others) >= NEAR
        shown = self._new(ask(), [self._first]) if asks_first else []
        found += self._look(shown, read, action)
        if not any(found) and self._others:
            found = self._look(self._new(self._others, shown), read, action)
            self._leave_out_rest()
        if ask and beyond and not asks_first and not any(found):
            found = self._look(self._new(ask(), [self._first, *self._others]), read, action)
        if there := next((each for each in found if each), None):
            return there
        return unknown_of(self.unsearched) if self.unsearched else ABSENT

    @staticmethod
    def _new(places: Sequence[str], known: Sequence[str]) -> list[str]:
        return [each for each in dict.fromkeys(places) if each not in known]

    def _leave_out_rest(self) -> None:
        # First, because they are the most.
        self.unsearched = (*self._left_out, *self.unsearched)

    def _look(self, places: list[str], read: Callable[[str], T], action: str) -> list[T]:
        answers = read_places(places, read, action, self._end)
        self.unsearched += tuple(each for each in answers if isinstance(each, Unknown))
        return [each for each in answers if not isinstance(each, (Unknown, Absent))]


def unknown_of(unsearched: tuple[Unknown, ...]) -> Unknown:
    """Everything that was not searched as one value."""
    first, *rest = unsearched
    if first.denied and not rest:
        return first
    if all(each.denied for each in unsearched):
        return Unknown(first.action, first.scope, not_searched(unsearched), places=unsearched)
    return Unknown("", first.scope, not_searched(unsearched), denied=False, places=unsearched)


def read_places(places: Sequence[str], read: Callable[[str], T], action: str, end: float) -> list[T | Absent | Unknown]:
    """What `read` finds in each of the subscriptions, read in parallel; unknown where it can't be read by `end`."""

    def in_one(place: str) -> T | Absent | Unknown:
        return read_if_possible(lambda: read(place), action, f"/subscriptions/{place}")

    answers = _until(end, [partial(in_one, place) for place in places])
    return [_unanswered(place) if it is None else it for place, it in zip(places, answers, strict=True)]


def left_out(count: int, why: str, what: str = "subscription") -> tuple[Unknown, ...]:
    """So many that are not named one by one, as one value; none if there are none."""
    which = f"{count} further {what}{'' if count == 1 else 's'}"
    return (Unknown("", which, why, denied=False),) if count > 0 else ()


def _unanswered(place: str) -> Unknown:
    return Unknown("", f"/subscriptions/{place}", _NO_ANSWER, denied=False)


def _until(end: float, calls: list[Callable[[], Any]]) -> list[Any]:
    """The results of calls made in parallel; None for those that have not ended by `end`. These continue unobserved."""
    slots = BoundedSemaphore(MOST_AT_ONCE)

    def in_turn(call: Callable[[], Any]) -> Any:
        with slots:
            return call() if time.monotonic() < end else None

    futures = [in_thread(partial(in_turn, call)) for call in calls]
    return [future.result() if done(future, end - time.monotonic()) else None for future in futures]
