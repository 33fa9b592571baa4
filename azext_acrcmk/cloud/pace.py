"""How far a long read is, and how long it still takes."""

from __future__ import annotations

import time

# Before so many seconds, what is left can't be told from how it began.
_SECONDS_TO_TELL = 3.0


class Pace:
    """Counts what is done of a number of things, in one thread."""

    def __init__(self, what: str, total: int):
        self._what, self._total, self._done = what, total, 0
        self._began = time.monotonic()

    def count(self, number: int = 1) -> None:
        self._done += number

    def told(self) -> str:
        """In words: `Reading keys: 200 of 6000, about 25 s left`."""
        gone = time.monotonic() - self._began
        counted = f"{self._what}: {self._done} of {self._total}"
        if not self._done or self._done >= self._total or gone < _SECONDS_TO_TELL:
            return counted
        left = gone / self._done * (self._total - self._done)
        return f"{counted}, about {left:.0f} s left" if left < 120 else f"{counted}, about {left / 60:.0f} min left"
