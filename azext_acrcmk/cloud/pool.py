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

T = TypeVar("T")

# So many reads of one place may be under way in any case; where there are few places, each has its share.
LEAST_OF_A_PLACE = 8


class Throttled(Exception):
    """The place lets no read through now: try again after so many seconds."""

    def __init__(self, seconds: float):
        super().__init__(seconds)
        self.seconds = seconds


@dataclass(frozen=True)
class Rest:
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

    No place has more reads under way than its share of `most`. One that throttles is left alone, and what it refused
    waits at its head.
    """

    def __init__(self, items: Iterable[T], place: Callable[[T], str], most: int):
        self._most = most
        self._places: dict[str, Place[T]] = {}
        self.count = 0
        for item in items:
            self._places.setdefault(place(item), Place()).waiting.append(item)
            self.count += 1
        self._turns = deque(self._places.values())
        self._changed = threading.Condition()
        self._closed = False

    def take(self) -> tuple[Place[T], T] | None:
        """The next item, as soon as a place may be asked; None if nothing is left."""
        with self._changed:
            while True:
                if self._closed or not self._turns:
                    return None
                now = time.monotonic()
                if place := self._next(now):
                    place.under_way += 1
                    return place, place.waiting.popleft()
                self._changed.wait(self._soonest(now))

    def _next(self, now: float) -> Place[T] | None:
        share = max(LEAST_OF_A_PLACE, -(-self._most // len(self._turns)))
        for _ in range(len(self._turns)):
            place = self._turns[0]
            self._turns.rotate(-1)
            if place.waiting and place.under_way < share and place.free_at <= now:
                return place
        return None

    def _soonest(self, now: float) -> float | None:
        """The seconds until a place may be asked again; None where one first has to end a read."""
        times = [place.free_at - now for place in self._turns if place.waiting and place.free_at > now]
        return min(times, default=None)

    def end(self, place: Place[T], pause: float, again: T | None = None) -> None:
        """A read ended; its place is to be left alone for a while, and `again` was not let through."""
        with self._changed:
            place.under_way -= 1
            if pause:
                place.free_at = max(place.free_at, time.monotonic() + pause)
            if again is not None:
                place.waiting.appendleft(again)
            ended = not place.waiting and not place.under_way and place in self._turns
            if ended:
                self._turns.remove(place)
            if ended or pause or again is not None:
                self._changed.notify_all()
            elif place.waiting:
                self._changed.notify()  # one more may be under way, and no other thread has anything new to do

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()


def for_each(
    items: Iterable[T],
    work: Callable[[T], Any],
    count: Callable[[], None],
    most: int = MOST_OF_A_FLEET,
    place: Callable[[T], str] = lambda _: "",
) -> None:
    """Calls `work` with each item in daemon threads, and `count` after each.

    `work` may return a Rest for the item's place, or raise Throttled: then the item comes again. Raises the first other
    error, and what Ctrl-C raises: then nothing more is begun.
    """
    queue, ended = Queue(items, place, most), SimpleQueue()

    def worker() -> None:
        while taken := queue.take():
            where, item = taken
            try:
                rest = work(item)
                queue.end(where, rest.seconds if isinstance(rest, Rest) else 0.0)
                ended.put(None)
            except Throttled as throttled:
                queue.end(where, throttled.seconds, item)
            except BaseException as error:
                queue.close()
                ended.put(error)

    for _ in range(min(most, queue.count)):
        threading.Thread(target=worker, daemon=True).start()
    left = queue.count
    # Python loses a signal that comes as the main thread begins to wait; other threads get none.
    wake = WAKE if threading.current_thread() is threading.main_thread() else None
    try:
        while left:
            try:
                error = ended.get(timeout=wake)
            except Empty:
                continue
            if error is not None:
                raise error
            left -= 1
            count()
    finally:
        queue.close()
