"""How far a long read is, and how long it still takes."""

from __future__ import annotations

import time
from collections.abc import Iterable

# Before so many seconds, what is left can't be told from how it began.
_SECONDS_TO_TELL = 3.0


class Pace:
    """Counts what is done of a number of things, in one thread."""

    def __init__(self, what: str, total: int):
        self._what, self._total, self._done = what, total, 0
        self._began = time.monotonic()

    def expect(self, number: int = 1) -> None:
        """So many more are to be done."""
        self._total += number

    def count(self, number: int = 1) -> None:
        self._done += number

    @property
    def ended(self) -> bool:
        return self._done >= self._total

    def told(self) -> str:
        """In words: `Reading keys: 200 of 6000, about 25 s left`."""
        gone = time.monotonic() - self._began
        counted = f"{self._what}: {self._done} of {self._total}"
        if not self._done or self.ended or gone < _SECONDS_TO_TELL:
            return counted
        left = gone / self._done * (self._total - self._done)
        return f"{counted}, about {left:.0f} s left" if left < 120 else f"{counted}, about {left / 60:.0f} min left"


class Paces:
    """Those of several things, of which the first that has not ended is told."""

    def __init__(self) -> None:
        self._paces: dict[str, Pace] = {}

    def expect(self, whats: Iterable[str]) -> None:
        for what in whats:
            self._paces.setdefault(what, Pace(what, 0)).expect()

    def count(self, what: str) -> None:
        self._paces[what].count()

    def told(self) -> str:
        paces = list(self._paces.values())
        return next((each for each in paces if not each.ended), paces[-1]).told()
