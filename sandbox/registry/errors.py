"""Errors as the registry provider itself returns them."""

from __future__ import annotations

from sandbox.core.web import AzureError, Reply


class ProviderError(AzureError):
    """With a status beside the error (recordings acr_scopemap_get_404, acr_create_name_in_use_409)."""

    def reply(self) -> Reply:
        reply = super().reply()
        reply.body["status"] = "Failed"
        return reply
