"""Policies of the pipelines through which clients send requests: what may be sent where, and what is noticed of it.

The `per_call_policies` of a client see a request once, the `per_retry_policies` each time that it is sent.
"""

from __future__ import annotations

import re
import threading
import uuid

from azure.core.pipeline.policies import SansIOHTTPPolicy

from azext_acrcmk.cloud.errors import UnexpectedResponse, missing_registration, read_error

# So simple that all URL parsers agree on the host.
_URL = re.compile(r"https://([a-z0-9.-]+)(:\d+)?([/?].*)?", re.IGNORECASE | re.DOTALL)


class OnlyTo(SansIOHTTPPolicy):
    """Rejects every request to a host other than `host` or its subdomains, before it is sent.

    Pass it to an SDK client in the `per_retry_policies`, so that it also sees redirects. Subdomains are the
    regional hosts of Azure Resource Manager, to which its operations can link.
    """

    def __init__(self, host: str):
        self._host = host.lower()

    def on_request(self, request) -> None:
        url = request.http_request.url
        match = _URL.fullmatch(url)
        host = match[1].lower() if match else ""
        if host != self._host and not host.endswith(f".{self._host}"):
            raise UnexpectedResponse(
                f"a link in the response points to {url[:100]!r}, outside {self._host}. No request was sent there."
            )


class NeverRegister(SansIOHTTPPolicy):
    """Raises the error of a request whose subscription is not registered, before azure-mgmt-core sees it and
    registers it. Changes register with `registering`, which reports it.

    Pass it to an SDK client in the `per_retry_policies`: they run after those of azure-mgmt-core.
    """

    def on_response(self, request, response) -> None:
        from azure.core.exceptions import ClientAuthenticationError

        answer = response.http_response
        if answer.status_code != 409:
            return
        if hasattr(answer, "read"):
            answer.read()  # the body of a long operation's first response is read only on request
        # Of all errors of the SDKs, this is the class after which they do not retry.
        error = ClientAuthenticationError(response=answer)
        if missing_registration(read_error(error)):
            raise error


# What azure.core sends again by itself.
_ALWAYS = ("HEAD", "GET", "PUT", "DELETE", "OPTIONS", "TRACE")
# Each PATCH here says what is to be in the end, and each POST to Resource Manager only asks, or registers a provider.
TO_MANAGEMENT = frozenset((*_ALWAYS, "PATCH", "POST"))
# A POST to a vault creates a key or a version each time.
TO_VAULT = frozenset((*_ALWAYS, "PATCH"))


class SendAgain(SansIOHTTPPolicy):
    """Has the SDK's retry policy send requests of these methods again. Give it among the `per_call_policies`."""

    def __init__(self, methods: frozenset[str]):
        self._methods = methods

    def on_request(self, request) -> None:
        request.context.options.setdefault("retry_on_methods", self._methods)


class RequestIds(SansIOHTTPPolicy):
    """Keeps the ID that the CLI sets for all requests of a command, until `renewed` is set: then each has its own.

    A request that was rejected because its subscription was not registered for a resource provider is rejected again
    after registration if it has the same ID (according to azure-mgmt-core, which changes it for its own retry).

    Pass it to an SDK client in the `per_retry_policies`: earlier policies would overwrite what an operation sets.
    """

    renewed = False

    def on_request(self, request) -> None:
        if self.renewed:
            request.http_request.headers["x-ms-client-request-id"] = str(uuid.uuid4())


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
