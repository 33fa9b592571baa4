"""IDs by which Azure recognizes a repeated request."""

from __future__ import annotations

import uuid

from azure.core.pipeline.policies import SansIOHTTPPolicy


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
