"""No SDK registers a subscription for a resource provider by itself: what only reads must not."""

from __future__ import annotations

from azure.core.pipeline.policies import SansIOHTTPPolicy

from azext_acrcmk.cloud.errors import missing_registration, read_error


class NeverRegister(SansIOHTTPPolicy):
    """Raises the refusal of a request whose subscription is not registered, before azure-mgmt-core sees it and
    registers. Changes register by `registering`, where they say so.

    Give it to an SDK's client among the `per_retry_policies`: they are nearer to the wire than azure-mgmt-core's own.
    """

    def on_response(self, request, response) -> None:
        from azure.core.exceptions import ClientAuthenticationError

        answer = response.http_response
        if answer.status_code != 409:
            return
        if hasattr(answer, "read"):
            answer.read()  # the first answer of a long operation is not read before it is asked for
        # Of all errors of the SDKs this is the kind that they don't try again after.
        error = ClientAuthenticationError(response=answer)
        if missing_registration(read_error(error)):
            raise error
