"""Ids by which Azure knows a request again."""

from __future__ import annotations

import uuid

from azure.core.pipeline.policies import SansIOHTTPPolicy


class RequestIds(SansIOHTTPPolicy):
    """Leaves requests the id that the CLI gives to all of a command, until `renewed` is set: then each has its own.

    A request that was refused as its subscription was not registered for a resource provider is refused again after
    it has been, if it comes with the same id (so says azure-mgmt-core, which changes it for its own second try).

    Give it to an SDK's client among the `per_retry_policies`: what is set before overwrites what an operation sets.
    """

    renewed = False

    def on_request(self, request) -> None:
        if self.renewed:
            request.http_request.headers["x-ms-client-request-id"] = str(uuid.uuid4())
