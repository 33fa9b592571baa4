"""One import after the other is begun, waited for, and judged by what the new registry shows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import nullcontext

from azext_acrcmk.apply.migrate.arrivals import Arrivals
from azext_acrcmk.apply.migrate.limit import Limit
from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.cloud.errors import ServiceError, UnexpectedResponse, read_error, same_code
from azext_acrcmk.cloud.imports import begin_import, import_body, poll_import
from azext_acrcmk.cloud.login_server import LoginServer
from azext_acrcmk.cloud.waiting import NOT_YET_TIMEOUT, Pauses, Stop, asked_pause, not_yet
from azext_acrcmk.model.ids import ArmId
from azext_acrcmk.model.value import Value, immutable
from azext_acrcmk.plan.migrate.images import Import

# How long an import may run before it is begun again, in seconds: some never end (migrate facts 2.3).
IMPORT_TIMEOUT = 1200
# How often an import is begun: what failed once may succeed.
TRIES = 3
# After so many failures in a row it is looked for the cause, and each is tried only once.
SUSPICIOUS = 10
# How many imports in a row may fail before no other is begun.
MOST_FAILURES = 100
# How long its beginning is repeated while Azure throttles it, or does not answer, in seconds.
PATIENCE = 600
# The service asks for this pause between two polls, in seconds, if it says nothing.
_POLL = 10.0
# How often the first import is looked for, in seconds; later, each tenth of the time that it has taken.
_FIRST = 0.3
_PASSING = frozenset({0, 408, 429, 500, 502, 503, 504})
# What no other import can succeed after either.
_FATAL = ("AuthorizationFailed", "LinkedAuthorizationFailed", "ResourceNotFound", "ResourceGroupNotFound",
          "InvalidAuthenticationToken", "ReadOnlyDisabledSubscription", "ScopeLocked")  # fmt: skip


@immutable
class Failure(Value):
    """An import that failed, or that did not end within its time (no error)."""

    each: Import
    error: ServiceError | None
    tries: int

    @property
    def is_conflict(self) -> bool:
        return self.error is not None and _is_lasting(self.error)

    @property
    def message(self) -> str:
        return self.error.message if self.error else f"It did not finish within {IMPORT_TIMEOUT} seconds."


class NothingSucceeds(Exception):
    """So many imports in a row have failed that the others would too; the message is the last one's."""


class Importer:
    """Imports from one registry into another. Safe for threads.

    `look_for_cause` is called after several failures in a row; it raises what is the matter with the new registry.
    """

    def __init__(
        self,
        clients: Clients,
        source: ArmId,
        target: ArmId,
        server: LoginServer,
        limit: Limit,
        stop: Stop,
        look_for_cause: Callable[[], None],
    ):
        self._clients, self._source, self._target = clients, source, target
        self._limit, self._stop, self._look_for_cause = limit, stop, look_for_cause
        self._arrivals = Arrivals(server)
        # How long the last ones took once they had begun, in seconds: the next is looked for when it may have ended.
        self._typical: float | None = None
        self._free_at, self._failed = 0.0, 0
        self._lock = threading.Lock()

    def run(self, each: Import) -> Failure | None:
        """Imports a manifest; None once the new registry has it. Raises AzureError or NothingSucceeds where others
        would fail too."""
        failure = self._tried(each)
        with self._lock:
            self._failed = self._failed + 1 if failure and not failure.is_conflict else 0
            failed = self._failed
        if failure and failed >= MOST_FAILURES:
            raise NothingSucceeds(failure.message)
        if failed and failed % SUSPICIOUS == 0:
            self._look_for_cause()
        return failure

    def _tried(self, each: Import) -> Failure | None:
        from azure.core.exceptions import AzureError

        failure: Failure | None = None
        for tries in range(1, TRIES + 1 if self._failed < SUSPICIOUS else 2):
            with self._limit.slot(self._stop):
                try:
                    if self._once(each):
                        self._limit.succeeded()
                        return None
                    failure = Failure(each, None, tries)
                except AzureError as error:
                    said = read_error(error)
                    if isinstance(error, UnexpectedResponse) or _is_fatal(said):
                        raise
                    if self._arrivals.has_now(each, each.tags):
                        return None
                    failure = Failure(each, said, tries)
                    if _is_lasting(said):
                        break
        return failure

    def _once(self, each: Import) -> bool:
        """Whether an import succeeded, or the new registry shows it. Raises the error that it ended with."""
        url, asked = self._begin(each)
        began = time.monotonic()
        with self._arrivals.expecting(each):
            ended = url is None or self._wait(each, url, asked)
        if ended:
            took = time.monotonic() - began
            with self._lock:
                self._typical = took if self._typical is None else self._typical + (took - self._typical) / 4
            return True
        return self._arrivals.has_now(each, each.tags)

    def _begin(self, each: Import) -> tuple[str | None, float | None]:
        from azure.core.exceptions import AzureError

        body = import_body(self._source, each.source_image, each.target_tags, (each.repository,), each.force)
        pauses = Pauses(self._stop, first=1.0)
        while True:
            self._stop.pause(self._free_at - time.monotonic())
            try:
                return begin_import(self._clients, self._target, body)
            except AzureError as error:
                said, asked = read_error(error), asked_pause(error)
                early = not_yet(error, (self._target.name.lower(),)) is not None
                if isinstance(error, UnexpectedResponse) or not (early or said.status in _PASSING):
                    raise
                refused = said.status == 429
                if refused:
                    self._limit.throttled()
                    with self._lock:
                        self._free_at = max(self._free_at, time.monotonic() + (asked or 1.0))
                # A new registry may be unknown to some front end of Azure for a while.
                with self._limit.aside(self._stop) if refused else nullcontext():
                    if not pauses.another(NOT_YET_TIMEOUT if early else PATIENCE, asked):
                        raise

    def _wait(self, each: Import, url: str, asked: float | None) -> bool:
        """Whether an import ended in time: the registry is looked at often, the operation as often as it asks for, so
        that a failure is seen only then."""
        began = time.monotonic()
        poll_at = began + (asked or _POLL)
        typical = self._typical
        pause, more = (_FIRST, _FIRST) if typical is None else (max(typical * 0.95, 0.1), max(typical * 0.15, 0.1))
        while time.monotonic() < began + IMPORT_TIMEOUT:
            self._stop.pause(pause)
            if self._arrivals.has(each, within=more / 2):
                return True
            if time.monotonic() >= poll_at:
                ended, asked = self._poll(url)
                if ended:
                    return True
                poll_at = time.monotonic() + (asked or _POLL)
            pause, more = min(more, _POLL), more * 1.2 if typical else max((time.monotonic() - began) / 10, _FIRST)
        return False

    def _poll(self, url: str) -> tuple[bool, float | None]:
        """As the service answers. Who may not read the operation still sees in the registry that it has ended."""
        from azure.core.exceptions import AzureError

        try:
            return poll_import(self._clients, self._target, url)
        except AzureError as error:
            said = read_error(error)
            passing = said.status in _PASSING or same_code(said, "AuthorizationFailed")
            if isinstance(error, UnexpectedResponse) or not passing:
                raise
            return False, asked_pause(error)


def _is_fatal(said: ServiceError) -> bool:
    return said.status == 401 or any(same_code(said, code) for code in _FATAL)


def _is_lasting(said: ServiceError) -> bool:
    """An error that a second try does not change: a tag exists on another manifest."""
    return said.status == 409 or same_code(said, "Conflict") or "already exists" in said
