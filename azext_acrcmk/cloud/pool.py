"""Many reads side by side, fair between the places that they go to, and that Ctrl-C ends at once."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from itertools import zip_longest
from queue import Empty, SimpleQueue
from typing import TypeVar

from azext_acrcmk.cloud.transport import MOST_OF_A_FLEET
from azext_acrcmk.cloud.waiting import WAKE

T = TypeVar("T")


def fair(items: Iterable[T], place: Callable[[T], str]) -> list[T]:
    """The items in turn from each place: one with many does not keep the others waiting."""
    by_place: dict[str, list[T]] = {}
    for item in items:
        by_place.setdefault(place(item), []).append(item)
    rounds = zip_longest(*([(each,) for each in some] for some in by_place.values()))
    return [each[0] for some in rounds for each in some if each is not None]


def for_each(
    items: Iterable[T], work: Callable[[T], None], count: Callable[[], None], most: int = MOST_OF_A_FLEET
) -> None:
    """Calls `work` with each item in daemon threads, and `count` after each. Raises the first error, and what Ctrl-C
    raises: then nothing more is begun."""
    waiting, ended = deque(items), SimpleQueue()
    left = len(waiting)

    def worker() -> None:
        while True:
            try:
                item = waiting.popleft()
            except IndexError:
                return
            try:
                work(item)
                ended.put(None)
            except BaseException as error:
                waiting.clear()
                ended.put(error)

    for _ in range(min(most, left)):
        threading.Thread(target=worker, daemon=True).start()
    try:
        while left:
            try:
                error = ended.get(timeout=WAKE)  # woken: Python loses a signal that comes as it begins to wait
            except Empty:
                continue
            if error is not None:
                raise error
            left -= 1
            count()
    finally:
        waiting.clear()
