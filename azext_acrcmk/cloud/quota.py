"""The pace of queries: as many as the quota lets through, which its headers tell; then none until it begins again."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping

from azext_acrcmk.cloud.waiting import Stop

_LEFT, _RESET = "x-ms-user-quota-remaining", "x-ms-user-quota-resets-after"


class Quota:
    """Of one caller, used by several threads. Until the first answer only `untold` queries are let through."""

    def __init__(self, stop: Stop, untold: int = 1):
        self._stop = stop
        self._changed = threading.Condition()
        self._left, self._most, self._under_way = untold, untold, 0
        self._begins_again: float | None = None

    def take(self) -> None:
        """Waits until a query is let through. Raises Interrupted."""
        while True:
            with self._changed:
                now = time.monotonic()
                if self._begins_again is not None and now >= self._begins_again:
                    self._left, self._begins_again = self._most, None
                if self._left > 0:
                    self._left -= 1
                    self._under_way += 1
                    return
                wait = self._begins_again - now if self._begins_again is not None else None
                if wait is None:
                    # Those under way will tell.
                    self._changed.wait(0.5)
            self._stop.pause(min(wait or 0, 0.5))

    def told(self, headers: Mapping[str, str]) -> float | None:
        """What an answer says of the quota; without headers the query got none. Returns the seconds until it begins
        again, where it is used up."""
        left, seconds = (headers.get(_LEFT) or "").strip(), resets_after(headers)
        with self._changed:
            self._under_way -= 1
            if left.isdigit():
                self._most = max(self._most, int(left) + 1)
                # Those under way are not counted in it, or not yet.
                self._left = max(int(left) - self._under_way, 0)
            elif self._begins_again is None:
                self._left = max(self._left, 1)
            if seconds is not None and self._left <= 0:
                self._begins_again = time.monotonic() + seconds
            elif self._left <= 0 and self._begins_again is None and not self._under_way:
                self._left = 1  # nobody says when it begins again
            self._changed.notify_all()
            return seconds if self._left <= 0 else None


def resets_after(headers: Mapping[str, str]) -> float | None:
    """The seconds of a header such as 00:00:05, at least one."""
    found = re.fullmatch(r"(\d+):(\d\d):(\d\d)(?:\.\d+)?", (headers.get(_RESET) or "").strip())
    if not found:
        return None
    hours, minutes, seconds = map(int, found.groups())
    return float(max(hours * 3600 + minutes * 60 + seconds, 1))
