"""The sandbox's clock: real time, scaled and advanced, so that tests need not wait for Azure's delays."""

from __future__ import annotations

import time
from datetime import datetime, timezone


class Clock:
    """Seconds since the epoch, running `scale` times as fast as the wall clock, and movable by `advance`."""

    def __init__(self, scale: float = 1.0):
        self._origin = time.time()
        self._started = time.monotonic()
        self.scale = scale
        self._offset = 0.0

    def now(self) -> float:
        return self._origin + (time.monotonic() - self._started) * self.scale + self._offset

    def advance(self, seconds: float) -> None:
        self._offset += seconds

    def run_at(self, scale: float) -> None:
        """Change the scale from now on."""
        self._origin, self._started, self._offset = self.now(), time.monotonic(), 0.0
        self.scale = scale

    def real(self, seconds: float) -> float:
        """How many wall-clock seconds `seconds` of the sandbox take."""
        return seconds / self.scale


def iso(seconds: float, digits: int = 7, suffix: str = "Z") -> str:
    """A time as Azure writes it: 2023-12-21T23:57:13.3199686Z (the services differ in digits and suffix)."""
    text = datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="microseconds")[:26] + "0"
    return text[: 20 + digits] + suffix
