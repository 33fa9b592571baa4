"""How long requests to a login server wait after the registry has throttled some."""

from __future__ import annotations

import threading
import time


class Throttling:
    """Until when to wait, by what a request counts as (reads, writes, tokens) and by what it is about: a repository, or
    the scopes of a token. Safe for threads.

    The documented limits are of the registry and of the caller, each for reads, writes and tokens (migrate facts 1). So
    where two repositories are throttled at the same time, all of the kind wait. One alone does not hold up others.
    """

    def __init__(self):
        self._until: dict[str, dict[str, float]] = {}
        self._all_until: dict[str, float] = {}
        self._lock = threading.Lock()

    def seconds(self, kind: str, about: str) -> float:
        """How long a request has to wait; not above zero if it does not."""
        with self._lock:
            until = max(self._until.get(kind, {}).get(about, 0.0), self._all_until.get(kind, 0.0))
        return until - time.monotonic()

    def refused(self, kind: str, about: str, seconds: float) -> None:
        """A request was told to wait."""
        now = time.monotonic()
        with self._lock:
            waiting = {name: until for name, until in self._until.get(kind, {}).items() if until > now}
            waiting[about] = max(waiting.get(about, 0.0), now + seconds)
            self._until[kind] = waiting
            if len(waiting) > 1:
                self._all_until[kind] = max(self._all_until.get(kind, 0.0), *waiting.values())
