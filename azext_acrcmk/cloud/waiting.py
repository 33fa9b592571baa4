"""Waits for Azure: bounded, with growing pauses that respect Retry-After, and ended by Ctrl-C immediately."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from math import inf
from typing import TypeVar

from azext_acrcmk.cloud.errors import missing_registration, parsing_responses, read_error, same_code
from azext_acrcmk.model.ids import Id, Scope

T = TypeVar("T")


def in_thread(call: Callable[[], T]) -> Future[T]:
    """Runs a call in a daemon thread, so that Ctrl-C does not wait for a response from Azure."""
    future: Future[T] = Future()

    def work() -> None:
        try:
            future.set_result(call())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return future


# Python handles a signal that arrives just as the main thread starts waiting only when it wakes up: this interval.
WAKE = 0.5


def done(future: Future, within: float = inf) -> bool:
    """Whether a call in a thread ends within this many seconds; handles Ctrl-C while waiting."""
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
    """The command is being stopped; the operation that it waited for continues in Azure."""


class Stop:
    """Ends all waits of a command. One for each run."""

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


# The end of a wait is noticed late by at most these parts of it, or the first pause: long waits need few requests.
OF_A_TRY = 1 / 20
# Reads cost little. A new vault's name takes a quarter of a minute to be in DNS.
OF_A_READ = 1 / 40


class Pauses:
    """The pauses between tries of the same thing, or `reads`, in seconds: growing from `first` up to `most`. Those
    between reads stay short for longer."""

    def __init__(self, stop: Stop, first: float = 0.5, most: float = 15.0, reads: bool = False):
        self._stop, self._first, self._most, self._reads = stop, first, most, reads
        self._began, self._waited = time.monotonic(), 0.0

    def another(self, within: float = inf, asked: float | None = None) -> bool:
        """Waits for the next pause, or for the one that the service requested (Retry-After).

        Returns False immediately if it would end later than `within` seconds after the first read. Raises Interrupted.
        """
        grown = max(self._first, self._waited * OF_A_READ) if self._reads else self._first + self._waited * OF_A_TRY
        pause = asked or min(grown, self._most)
        if time.monotonic() + pause > self._began + within:
            return False
        self._stop.pause(pause)
        self._waited += pause
        return True


def asked_pause(error: Exception) -> float | None:
    """The seconds after which an error response asks for a retry, if it does."""
    response = getattr(error, "response", None)
    # A failed operation is reported in a successful response, which must not be retried.
    if response is None or response.status_code < 400:
        return None
    value = response.headers.get("Retry-After") or ""
    return float(value) if value.isdigit() else None


def retrying(
    call: Callable[[], T], worth_it: Callable[[Exception], bool], stop: Stop, seconds: float, first: float = 0.5
) -> T:
    """The result of `call`, retried for at most `seconds` while `worth_it` is true for its error.

    `first` is the first pause, in seconds.
    """
    pauses = Pauses(stop, first)
    while True:
        try:
            return call()
        except Exception as error:
            if not worth_it(error):
                raise
            failure = error
        if not pauses.another(seconds, asked_pause(failure)):
            raise failure


# How long to wait for another change of the same resource, in seconds.
CONFLICT_TIMEOUT = 60
# A permanent 409: the name is in use, its owner must be recovered first, or the scope is read-only.
_LASTING = ("already in use", "deleted state", "deleted but recoverable", "ScopeLocked", "ReadOnlyDisabledSubscription")


def when_free(change: Callable[[], T], stop: Stop) -> T:
    """The result of a change, retried while another change of the same resource is in progress."""
    return retrying(change, _busy, stop, CONFLICT_TIMEOUT)


def _busy(error: Exception) -> bool:
    said = read_error(error)
    lasting = missing_registration(said) or any(words in said for words in _LASTING)
    return said.status == 409 and not lasting


# How long other front ends of Azure may take to know what was just created, in seconds (service facts 9, row 8).
NOT_YET_TIMEOUT = 300
_MISSING = (
    "ResourceGroupNotFound",
    "ResourceNotFound",
    "ParentResourceNotFound",
    "NotFound",
    "FailedIdentityOperation",
)


# "The Resource 'Microsoft.KeyVault/vaults/x' under resource group 'g' was not found." and the like.
_IS_MISSING = re.compile(
    r"resource(?: group)? '([^']+)'(?: under resource group '[^']*')? (?:was |could )?not", re.IGNORECASE
)


def not_yet(error: Exception, created: Collection[Id]) -> str | None:
    """The name of what was just `created` and is missing by an error: it is not absent, only not known yet."""
    said = read_error(error)
    missing = _IS_MISSING.search(said.message)
    if not missing or not any(same_code(said, code) for code in _MISSING):
        return None
    name = Id(Scope(missing[1]).name)
    return name if name in created else None


def poller(stop: Stop, ended: Callable[[], None] = lambda: None):
    """A polling method for the SDK's `begin_…` operations: polls immediately, then less and less often.

    The SDK's own waits 30 seconds if the service sends no Retry-After. Calls `ended` when a poll shows that the
    operation has succeeded, before the SDK reads its result.
    """
    from azure.mgmt.core.polling.arm_polling import ARMPolling

    class AdaptivePolling(ARMPolling):
        def __init__(self):
            super().__init__(timeout=0, lro_options={"final-state-via": "azure-async-operation"})
            self._pauses = Pauses(stop, reads=True)

        def run(self) -> None:
            with parsing_responses():
                super().run()

        def update_status(self) -> None:
            super().update_status()
            if self.status().lower() == "succeeded":
                ended()

        def _delay(self) -> None:
            self._pauses.another(asked=self._extract_delay())

    return AdaptivePolling()


# How long to wait for an operation on a registry that was started elsewhere, in seconds.
SETTLE_TIMEOUT = 1800


def until_settled(
    look: Callable[[], T], settled: Callable[[T], bool], stop: Stop, seconds: float = SETTLE_TIMEOUT
) -> T:
    """The result of `look` once it is `settled`, or after `seconds`."""
    pauses = Pauses(stop, reads=True)
    while not settled(seen := look()) and pauses.another(seconds):
        pass
    return seen
