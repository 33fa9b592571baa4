"""Many reads side by side, fair between the places that they go to, and that Ctrl-C ends at once."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from azext_acrcmk.cloud.transport import MOST_OF_A_FLEET
from azext_acrcmk.cloud.waiting import WAKE
from azext_acrcmk.model.value import Value, immutable

T = TypeVar("T")

# So many reads of one place may be under way in any case; where there are few places, each has its share.
LEAST_OF_A_PLACE = 8


class Throttled(Exception):
    """The place lets no read through now: try again after so many seconds."""

    def __init__(self, seconds: float):
        super().__init__(seconds)
        self.seconds = seconds


@immutable
class Rest(Value):
    """What `work` of for_each returns where its place is to be left alone for so many seconds."""

    seconds: float


@dataclass(eq=False)
class Place(Generic[T]):
    """Where reads go to, such as a subscription: what waits for it, how many are under way, and from when it may be
    asked again."""

    waiting: deque[T] = field(default_factory=deque)
    under_way: int = 0
    free_at: float = 0.0


class Queue(Generic[T]):
    """Gives out items in turn from each place, so that one with many does not keep the others waiting.

    No place has more reads under way than its share of `most` among those where something waits. One that throttles is
    left alone, and what it refused waits at its head. More items can be added, until it is closed.
    """

    def __init__(self, items: Iterable[T], place: Callable[[T], str], most: int):
        self._most, self._place = most, place
        self._places: dict[str, Place[T]] = {}
        # Those where something waits.
        self._turns: deque[Place[T]] = deque()
        self._changed = threading.Condition()
        self._idle, self._closed = 0, False
        self.add(items, deque.append)

    def add(self, items: Iterable[T], put: Callable[[deque[T], T], None] = deque.appendleft) -> None:
        """Items before all that wait at their places: what is begun is ended first, so that not much is left to be
        asked one after the other when little else is."""
        with self._changed:
            for item in items:
                place = self._places.setdefault(self._place(item), Place())
                if not place.waiting:
                    self._turns.append(place)
                put(place.waiting, item)
            self._wake()

    def take(self) -> tuple[Place[T], T] | None:
        """The next item, as soon as there is one and its place may be asked; None if it is closed."""
        with self._changed:
            while not self._closed:
                now = time.monotonic()
                if place := self._next(now):
                    item = place.waiting.popleft()
                    place.under_way += 1
                    if not place.waiting:
                        self._turns.remove(place)
                    self._wake()
                    return place, item
                self._idle += 1
                self._changed.wait(self._soonest(now))
                self._idle -= 1
            return None

    def _next(self, now: float) -> Place[T] | None:
        """The place whose turn it is, which is then the last."""
        share = max(LEAST_OF_A_PLACE, -(-self._most // max(len(self._turns), 1)))
        for _ in range(len(self._turns)):
            self._turns.rotate(-1)
            place = self._turns[-1]
            if place.under_way < share and place.free_at <= now:
                return place
        return None

    def _soonest(self, now: float) -> float | None:
        """The seconds until a place may be asked again; None where one first has to end a read."""
        times = [place.free_at - now for place in self._turns if place.free_at > now]
        return min(times, default=None)

    def end(self, place: Place[T], pause: float, again: T | None = None) -> None:
        """A read ended; its place is to be left alone for a while, and `again` was not let through."""
        with self._changed:
            place.under_way -= 1
            if pause:
                place.free_at = max(place.free_at, time.monotonic() + pause)
            if again is not None:
                if not place.waiting:
                    self._turns.append(place)
                place.waiting.appendleft(again)
            self._wake()

    def _wake(self) -> None:
        """One of those that wait: it wakes the next if there is more that can be taken."""
        if self._idle and self._turns:
            self._changed.notify()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()


def for_each(
    items: Iterable[T],
    work: Callable[[T], Any],
    then: Callable[[T], Iterable[T]] = lambda _: (),
    most: int = MOST_OF_A_FLEET,
    place: Callable[[T], str] = lambda _: "",
) -> None:
    """Calls `work` with each item in daemon threads, and `then` after each, in the thread of the caller: it returns
    further items.

    `work` may return a Rest for the item's place, or raise Throttled: then the item comes again. Raises the first other
    error, and what Ctrl-C raises: then nothing more is begun.
    """
    queue, ended = Queue(first := list(items), place, most), SimpleQueue()

    def worker() -> None:
        while taken := queue.take():
            where, item = taken
            try:
                rest = work(item)
                queue.end(where, rest.seconds if isinstance(rest, Rest) else 0.0)
                ended.put((item, None))
            except Throttled as throttled:
                queue.end(where, throttled.seconds, item)
            except BaseException as error:
                queue.close()
                ended.put((item, error))

    left, workers = len(first), 0
    # Python loses a signal that comes as the main thread begins to wait; other threads get none.
    wake = WAKE if threading.current_thread() is threading.main_thread() else None
    try:
        while left:
            while workers < min(most, left):
                threading.Thread(target=worker, daemon=True).start()
                workers += 1
            try:
                item, error = ended.get(timeout=wake)
            except Empty:
                continue
            if error is not None:
                raise error
            more = list(then(item))
            queue.add(more)
            left += len(more) - 1
    finally:
        queue.close()
