"""Waiting for Azure: bounded, with pauses that grow and honour Retry-After, and that Ctrl-C ends at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

T = TypeVar("T")


class Interrupted(Exception):
    """The command is being stopped; whatever was waited for goes on in Azure by itself."""


class Stop:
    """Asks all waits of a command to end. One for each run."""

    def __init__(self):
        self._event = threading.Event()

    def set(self) -> None:
        self._event.set()

    def pause(self, seconds: float) -> None:
        """Sleeps, or raises Interrupted as soon as the command is being stopped."""
        if self._event.wait(max(seconds, 0)):
            raise Interrupted()

    def check(self) -> None:
        self.pause(0)


def growing(first: float = 1.0, most: float = 15.0, factor: float = 1.5) -> Iterator[float]:
    """Pauses in seconds: `first`, then each longer by `factor`, up to `most`."""
    pause = first
    while True:
        yield pause
        pause = min(pause * factor, most)


def retrying(call: Callable[[], T], worth_it: Callable[[Exception], bool], stop: Stop, seconds: float) -> T:
    """The result of `call`, tried again while `worth_it` says so of its error, for at most `seconds`."""
    deadline = time.monotonic() + seconds
    pauses = growing()
    while True:
        try:
            return call()
        except Exception as error:
            pause = next(pauses)
            if time.monotonic() + pause > deadline or not worth_it(error):
                raise
        stop.pause(pause)


def poller(stop: Stop, final_state: str | None = None):
    """A polling method for the SDK's `begin_…` operations: looks soon, then ever less often.

    The SDK's own waits 30 seconds wherever the service sends no Retry-After, as Key Vault does not (wire facts 3.2).
    """
    from azure.mgmt.core.polling.arm_polling import ARMPolling

    class AdaptivePolling(ARMPolling):
        def __init__(self):
            options = {"final-state-via": final_state} if final_state else None
            super().__init__(timeout=0, lro_options=options)
            self._pauses = growing()

        def _extract_delay(self) -> float:
            return super()._extract_delay() or next(self._pauses)

        def _sleep(self, delay: float) -> None:
            stop.pause(delay)

    return AdaptivePolling()


# How long an operation on a registry that somebody else began may go on, in seconds.
SETTLE_TIMEOUT = 1800


def until_settled(
    look: Callable[[], T], settled: Callable[[T], bool], stop: Stop, seconds: float = SETTLE_TIMEOUT
) -> T:
    """What `look` sees once it is `settled`, or after `seconds`."""
    deadline = time.monotonic() + seconds
    pauses = growing()
    while not settled(seen := look()) and time.monotonic() < deadline:
        stop.pause(next(pauses))
    return seen
