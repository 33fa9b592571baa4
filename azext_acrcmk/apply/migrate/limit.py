"""How many imports run at once: fewer while the service throttles, more again when it does not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from azext_acrcmk.cloud.waiting import WAKE, Stop

# At first, and at most, unless a number is given (migrate facts 2.3).
FIRST, MOST = 8, 16


class Limit:
    """Slots that are taken by one thread each. Throttling halves them; as many successes as there are add one."""

    def __init__(self, given: int | None = None):
        self.most = given or MOST
        self._size, self._taken, self._good = float(given or FIRST), 0, 0
        self._condition = threading.Condition()

    @property
    def size(self) -> int:
        return int(self._size)

    @contextmanager
    def slot(self, stop: Stop) -> Iterator[None]:
        """Waits for a slot, and gives it back. Raises Interrupted."""
        with self._condition:
            while self._taken >= self.size:
                self._condition.wait(WAKE)
                stop.check()
            self._taken += 1
        try:
            yield
        finally:
            with self._condition:
                self._taken -= 1
                self._condition.notify_all()

    def throttled(self) -> None:
        with self._condition:
            self._size, self._good = max(self._size // 2, 1), 0

    def succeeded(self) -> None:
        with self._condition:
            self._good += 1
            if self._good >= self._size and self._size < self.most:
                self._size, self._good = self._size + 1, 0
                self._condition.notify_all()
