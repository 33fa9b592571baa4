"""Keeps SDKs from registering a subscription for a resource provider automatically: reads change nothing."""

from __future__ import annotations

from azure.core.pipeline.policies import SansIOHTTPPolicy

from azext_acrcmk.cloud.errors import missing_registration, read_error


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
