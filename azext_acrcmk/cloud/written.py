"""Whether Azure accepted the last write of this thread: a poll that fails after it does not undo it."""

from __future__ import annotations

import threading

from azure.core.pipeline.policies import SansIOHTTPPolicy

_WRITES = ("PUT", "PATCH", "POST", "DELETE")
_thread = threading.local()


class SeeWrites(SansIOHTTPPolicy):
    """Notes the status of each write. Give it among the `per_call_policies`."""

    def on_response(self, request, response) -> None:
        if request.http_request.method in _WRITES:
            _thread.accepted = response.http_response.status_code < 300


def forget_writes() -> None:
    """As if this thread had written nothing."""
    _thread.accepted = False


def remember_write() -> None:
    """As if the last write of this thread had been accepted: an earlier one was, and counts."""
    _thread.accepted = True


def last_write_accepted() -> bool:
    return getattr(_thread, "accepted", False)
