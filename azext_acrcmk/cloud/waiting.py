"""Waiting for Azure: bounded, with pauses that grow and honour Retry-After, and that Ctrl-C ends at once."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from math import inf
from typing import TypeVar

from azext_acrcmk.cloud.errors import missing_registration, parsing_responses, read_error

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


# Python loses a signal that comes just as the main thread begins to wait, until it wakes up: so often, in seconds.
WAKE = 0.5


def done(future: Future, within: float = inf) -> bool:
    """Whether a call in a thread has ended, waited for so many seconds, and so that Ctrl-C is not lost."""
    end = time.monotonic() + within
    while not future.done() and time.monotonic() < end:
        with contextlib.suppress(FutureTimeoutError):
            future.exception(WAKE)
    return future.done()


def result_of(future: Future[T]) -> T:
    """The result of a call in a thread."""
    done(future)
    return future.result()


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


# Each pause between two looks is longer by a twentieth. What one waits for is then seen late by at most about a
# twentieth of the time it took, and to wait for long takes few looks.
GROWTH = 1.05


class Pauses:
    """The pauses between looks at one thing, in seconds: `first`, then ever longer ones, up to `most`."""

    def __init__(self, stop: Stop, first: float = 0.5, most: float = 15.0):
        self._stop, self._next, self._most = stop, first, most
        self._began = time.monotonic()

    def another(self, within: float = inf, asked: float | None = None) -> bool:
        """Makes the next pause, where the service asked for one (Retry-After) that one.

        False, at once, where it would end later than `within` seconds after the first look. Raises Interrupted.
        """
        pause = asked or self._next
        if time.monotonic() + pause > self._began + within:
            return False
        self._stop.pause(pause)
        self._next = min(self._next * GROWTH, self._most)
        return True


def asked_pause(error: Exception) -> float | None:
    """The seconds after which a refusal asks to be tried again, if it does."""
    response = getattr(error, "response", None)
    # An operation that failed is told by an answer that is no refusal, and nothing to be asked for again.
    if response is None or response.status_code < 400:
        return None
    value = response.headers.get("Retry-After") or ""
    return float(value) if value.isdigit() else None


def retrying(call: Callable[[], T], worth_it: Callable[[Exception], bool], stop: Stop, seconds: float) -> T:
    """The result of `call`, tried again while `worth_it` says so of its error, for at most `seconds`."""
    pauses = Pauses(stop)
    while True:
        try:
            return call()
        except Exception as error:
            if not worth_it(error):
                raise
            failure = error
        if not pauses.another(seconds, asked_pause(failure)):
            raise failure


# How long a resource may be busy with another change of it, in seconds.
CONFLICT_TIMEOUT = 60
# A 409 that does not pass: the name is taken, what has it must be recovered first, or nothing may be changed there.
_LASTING = ("already in use", "deleted state", "deleted but recoverable", "ScopeLocked", "ReadOnlyDisabledSubscription")


def when_free(change: Callable[[], T], stop: Stop) -> T:
    """The result of a change, tried again while another change of the same resource is under way."""
    return retrying(change, _busy, stop, CONFLICT_TIMEOUT)


def _busy(error: Exception) -> bool:
    said = read_error(error)
    lasting = missing_registration(said) or any(words in said for words in _LASTING)
    return said.status == 409 and not lasting


def poller(stop: Stop, final_state: str | None = None):
    """A polling method for the SDK's `begin_…` operations: looks at once, then ever less often.

    The SDK's own waits 30 seconds wherever the service sends no Retry-After.
    """
    from azure.mgmt.core.polling.arm_polling import ARMPolling

    class AdaptivePolling(ARMPolling):
        def __init__(self):
            options = {"final-state-via": final_state} if final_state else None
            super().__init__(timeout=0, lro_options=options)
            self._pauses = Pauses(stop)

        def run(self) -> None:
            with parsing_responses():
                super().run()

        def _delay(self) -> None:
            self._pauses.another(asked=self._extract_delay())

    return AdaptivePolling()


# How long an operation on a registry that somebody else began may go on, in seconds.
SETTLE_TIMEOUT = 1800


def until_settled(
    look: Callable[[], T], settled: Callable[[T], bool], stop: Stop, seconds: float = SETTLE_TIMEOUT
) -> T:
    """What `look` sees once it is `settled`, or after `seconds`."""
    pauses = Pauses(stop)
    while not settled(seen := look()) and pauses.another(seconds):
        pass
    return seen
