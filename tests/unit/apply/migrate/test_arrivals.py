"""What has arrived is looked up once for all that look at the same time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from azext_acrcmk.apply.migrate.arrivals import Arrivals
from azext_acrcmk.plan.migrate.images import Import

IMPORTS = [Import("app", f"sha256:{each}", (f"v{each}",)) for each in range(4)]


class Slow:
    """A login server whose first list is sent only when it may be."""

    def __init__(self):
        self.reads = 0
        self.begun, self.may_end = threading.Event(), threading.Event()

    def newest(self, _repository: str, _most: int) -> dict[str, tuple[str, ...]]:
        self.reads += 1
        self.begun.set()
        assert self.may_end.wait(10)
        return {IMPORTS[1].digest: IMPORTS[1].tags}


class Clock:
    """A clock that stands still until it is set, and counts who looks at it."""

    def __init__(self):
        self.now, self.looks = 100.0, threading.Semaphore(0)

    def monotonic(self) -> float:
        self.looks.release()
        return self.now


def test_who_waits_for_a_list_does_not_read_it_again_however_long_it_took(monkeypatch):
    server, clock = Slow(), Clock()
    monkeypatch.setattr("azext_acrcmk.apply.migrate.arrivals.time", clock)
    arrivals = Arrivals(server)
    with ExitStack() as going_on, ThreadPoolExecutor(len(IMPORTS)) as threads:
        for each in IMPORTS:
            going_on.enter_context(arrivals.expecting(each))
        seen = [threads.submit(arrivals.has, IMPORTS[0], within=0.5)]
        assert server.begun.wait(10)
        looked = 2  # to see whether it is old, and when it is read
        seen += [threads.submit(arrivals.has, each, within=0.5) for each in IMPORTS[1:]]
        for _ in range(looked + len(IMPORTS[1:])):
            clock.looks.acquire(timeout=1)
        clock.now += 10
        server.may_end.set()
        assert [each.result(10) for each in seen] == [False, True, False, False]
    assert server.reads == 1
