"""What a run makes in Azure, under names of its own."""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass
from typing import Any

from live.azure import Azure, Failed

REGISTRY_VERSION = "2025-04-01"
VAULT_VERSION = "2026-02-01"
ROLE_VERSION = "2022-04-01"
DATA_VERSION = "7.5"
ENCRYPTION_USER = "e147488a-f6f5-4113-8e2d-b22465e65bf6"
CRYPTO_OFFICER = "14b46e9e-c2b7-41b4-b07b-48a6ebf60603"
RETENTION_DAYS = 7
# By this tag of the group a later look knows that a run has made it.
TAG = "acrcmk-live"


@dataclass(frozen=True)
class Place:
    """The names of everything. Those of keys and identities are the same in every run, and tell nothing."""

    subscription: str
    tenant: str
    caller: str  # object id
    location: str
    token: str

    @property
    def group(self) -> str:
        return f"acrcmk-live-{self.token}"

    @property
    def registry(self) -> str:
        return f"acrcmklive{self.token}"

    @property
    def vault(self) -> str:
        return f"acrcmk-keys-{self.token}"

    @property
    def open_vault(self) -> str:
        """The one with access policies, and without purge protection."""
        return f"acrcmk-open-{self.token}"

    @property
    def group_id(self) -> str:
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.group}"

    @property
    def registry_id(self) -> str:
        return f"{self.group_id}/providers/Microsoft.ContainerRegistry/registries/{self.registry}"

    def vault_id(self, name: str = "") -> str:
        return f"{self.group_id}/providers/Microsoft.KeyVault/vaults/{name or self.vault}"

    def identity_id(self, name: str) -> str:
        return f"{self.group_id}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"

    def secrets(self, account: dict[str, Any]) -> dict[str, str]:
        """What a report must not tell of this place, and what stands for it."""
        user = account.get("user") or {}
        told = {
            self.registry: "<registry>",
            self.open_vault: "<open-vault>",
            self.group: "<group>",
            self.vault: "<vault>",
            self.token: "<token-of-the-run>",
            self.subscription: "<subscription>",
            self.tenant: "<tenant>",
            self.caller: "<caller>",
            str(user.get("name") or ""): "<user>",
            str(account.get("name") or ""): "<subscription-name>",
            str(account.get("homeTenantId") or ""): "<tenant>",
            str(account.get("tenantDefaultDomain") or ""): "<domain>",
            str(account.get("tenantDisplayName") or ""): "<tenant-name>",
        }
        return {value: stand_in for value, stand_in in told.items() if value}


def find_place(azure: Azure, account: dict[str, Any], location: str) -> Place:
    """A place that isn't there yet."""
    token = azure.must("account", "get-access-token", debug=False)["accessToken"]
    return Place(account["id"], account["tenantId"], _object_id(token), location, secrets.token_hex(3))


def _object_id(token: str) -> str:
    """Who has the token. Asking Microsoft Graph takes a right that not everybody has."""
    claims = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["oid"]


def make_group(azure: Azure, place: Place) -> None:
    """Raises Failed where it can't be made, or is there already."""
    if azure.must("group", "exists", "--name", place.group):
        raise Failed(f"There is a resource group '{place.group}' already.")
    azure.must("group", "create", "--name", place.group, "--location", place.location, "--tags", f"{TAG}={place.token}")
