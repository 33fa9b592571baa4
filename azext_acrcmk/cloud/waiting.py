"""Waiting for Azure: bounded, with pauses that grow and honour Retry-After, and that Ctrl-C ends at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import TypeVar

from azext_acrcmk.cloud.errors import missing_registration, read_error

T = TypeVar("T")


def in_thread(call: Callable[[], T]) -> Future[T]:
    """Runs a call beside others, in a thread that keeps no process alive: Ctrl-C need not wait for a silent Azure."""
    future: Future[T] = Future()

    def work() -> None:
        try:
            future.set_result(call())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return future


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


# How long a resource may be busy with another change of it, in seconds.
CONFLICT_TIMEOUT = 60
# A 409 that does not pass: the name is taken, or what has it must be recovered first.
_LASTING = ("already in use", "deleted state", "deleted but recoverable")


def when_free(change: Callable[[], T], stop: Stop) -> T:
    """The result of a change, tried again while another change of the same resource is under way."""
    return retrying(change, _busy, stop, CONFLICT_TIMEOUT)


def _busy(error: Exception) -> bool:
    said = read_error(error)
    lasting = missing_registration(said) or any(words in said for words in _LASTING)
    return said.status == 409 and not lasting


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
