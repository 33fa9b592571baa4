"""Requests that are sent again where the connection was lost, though the SDKs would not: a PATCH or POST."""

from __future__ import annotations

from azure.core.pipeline.policies import SansIOHTTPPolicy

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
