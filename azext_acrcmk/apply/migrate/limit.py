"""How many imports run at once: fewer while the service throttles, more again when it does not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from azext_acrcmk.cloud.waiting import Stop

# At first, and at most, unless a number is given. Azure publishes no limit; 50 is what the registry team's own tool for
# imports begins at a time (Azure/acr, samples/dotnetcore/registry-artifact-transfer, ImportConfiguration.cs).
FIRST, MOST = 8, 50
# After it was throttled, so many times as many successes are needed to try one more.
_CAREFUL = 10
# How often those that wait for a slot look whether the command is being stopped, in seconds: it does not wait for them.
_LOOK = 60.0


class Limit:
    """Slots that are taken by one thread each. Each success adds one until it is throttled; that takes one away, and
    from then on ten times as many successes as there are slots add one."""

    def __init__(self, given: int | None = None):
        self.most = given or MOST
        self._size, self._taken, self._good, self._throttled = given or FIRST, 0, 0, False
        self._condition = threading.Condition()

    @property
    def size(self) -> int:
        return self._size

    @contextmanager
    def slot(self, stop: Stop) -> Iterator[None]:
        """Waits for a slot, and gives it back. Raises Interrupted."""
        self._take(stop)
        try:
            yield
        finally:
            self._give_back()

    @contextmanager
    def aside(self, stop: Stop) -> Iterator[None]:
        """Gives a slot back for a while, and then waits for one again: who was throttled does not count as running."""
        self._give_back()
        try:
            yield
        finally:
            self._take(stop)

    def _take(self, stop: Stop) -> None:
        with self._condition:
            while self._taken >= self.size:
                self._condition.wait(_LOOK)
                stop.check()
            self._taken += 1

    def _give_back(self) -> None:
        with self._condition:
            self._taken -= 1
            self._condition.notify()

    def throttled(self) -> None:
        """The service took all but one of those that are running."""
        with self._condition:
            self._size, self._good, self._throttled = max(min(self._size, self._taken) - 1, 1), 0, True

    def succeeded(self) -> None:
        with self._condition:
            self._good += 1
            if self._good >= (self._size * _CAREFUL if self._throttled else 1) and self._size < self.most:
                self._size, self._good = self._size + 1, 0
                self._condition.notify()


class Queue:
    """Lets the imports of a repository in as long as there are fewer than can run: what one repository imports arrives
    together, and is seen together."""

    def __init__(self, limit: Limit):
        self._limit, self._waiting = limit, 0
        self._condition = threading.Condition()

    def enter(self, imports: int, stop: Stop) -> None:
        """Waits until there is room for more. Raises Interrupted."""
        with self._condition:
            while self._waiting >= self._limit.size:
                self._condition.wait(_LOOK)
                stop.check()
            self._waiting += imports

    def done(self) -> None:
        """One has ended."""
        with self._condition:
            self._waiting -= 1
            self._condition.notify()
