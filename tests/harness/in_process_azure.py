"""A sandbox without a server: requests are passed directly to the gateway."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from sandbox.core.web import Caller, Reply, Request
from sandbox.entra.directory import add_principal
from sandbox.resource_manager.gateway import dispatch
from sandbox.settings import Settings
from sandbox.world import OWNER_OBJECT_ID, SUBSCRIPTION, TENANT, Principal, ResourceGroup, World

ARM = "https://management.azure.com"
VAULT_AUDIENCE = "https://vault.azure.net"
HSM_AUDIENCE = "https://managedhsm.azure.net"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg"
VERSIONS = {"Microsoft.KeyVault": "2026-02-01", "Microsoft.ContainerRegistry": "2025-11-01"}
ENCRYPTION_USER = "e147488a-f6f5-4113-8e2d-b22465e65bf6"
CRYPTO_OFFICER = "14b46e9e-c2b7-41b4-b07b-48a6ebf60603"


class Azure:
    """Sends requests as a principal (by default the owner); its only state is the world."""

    def __init__(self, **settings: Any):
        self.world = World(Settings().with_changes(**settings))
        self.add_group(GROUP)
        self.owner = self.world.principals[OWNER_OBJECT_ID]

    def add_group(self, group_id: str, location: str = "westus") -> None:
        self.world.groups[group_id.lower()] = ResourceGroup(group_id, group_id.rsplit("/", 1)[-1], location)

    def send(
        self,
        method: str,
        url: str,
        body: Any = None,
        *,
        as_: Principal | None = None,
        token: bool = True,
        audience: str | None = None,
        address: str = "198.51.100.7",
        headers: dict[str, str] | None = None,
        content: bytes = b"",
    ) -> Reply:
        """Sends a request to a path of ARM; the default of `api-version` is the one that the extension uses."""
        parts = urlsplit(url if url.startswith("https://") else ARM + url)
        query = {name.lower(): value for name, value in parse_qsl(parts.query)}
        query.setdefault("api-version", self._version(parts.path, parts.hostname))
        who = as_ or self.owner
        audience = audience or _audience(parts.hostname)
        name = who.name if who.kind == "User" else who.app_id
        caller = Caller(who.object_id, who.app_id, TENANT, audience, name) if token else None
        request = Request(
            method, parts.hostname, unquote(parts.path), query, headers or {}, body, caller, address, content=content
        )
        return dispatch(self.world, request)

    def ok(self, method: str, url: str, body: Any = None, **more: Any) -> Any:
        """Sends a request that must succeed. Returns the body."""
        reply = self.send(method, url, body, **more)
        assert reply.status < 300, reply
        return reply.body

    def error(self, method: str, url: str, body: Any = None, **more: Any) -> tuple[int, dict[str, Any]]:
        """Sends a request that must fail. Returns status and error."""
        reply = self.send(method, url, body, **more)
        assert reply.status >= 400, reply
        return reply.status, reply.body["error"]

    def advance(self, seconds: float) -> None:
        self.world.clock.advance(seconds)

    def principal(self, role: str | None = None, scope: str = GROUP) -> Principal:
        """A new service principal, with a role if one is given."""
        principal = add_principal(self.world)
        if role:
            self.world.grant(principal.object_id, role, scope)
        return principal

    # Resources that tests require.

    def identity(self, name: str = "id1") -> dict[str, Any]:
        path = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}?api-version=2024-11-30"
        made = self.ok("PUT", path, {"location": "westus"})
        return {"id": made["id"], **made["properties"]}

    def vault(self, name: str = "vault1", *, group: str = GROUP, **properties: Any) -> str:
        """A vault; returns its id. Purge protection is enabled unless it is None."""
        body = vault_body(**{"enablePurgeProtection": True, **properties})
        return self.ok("PUT", f"{group}/providers/Microsoft.KeyVault/vaults/{name}", body)["id"]

    def key(self, vault_id: str, name: str = "key1", **properties: Any) -> dict[str, Any]:
        """A key created through ARM; returns its properties."""
        return self.ok("PUT", f"{vault_id}/keys/{name}", {"properties": {"kty": "RSA", **properties}})["properties"]

    def officer(self, vault_id: str) -> Principal:
        """A principal with all permissions on the keys of a vault that uses Azure RBAC."""
        return self.principal(CRYPTO_OFFICER, vault_id)

    def registry(self, name: str = "registry1", **more: Any) -> dict[str, Any]:
        return self.ok("PUT", registry_path(name), registry_body(**more))

    def get(self, path: str) -> dict[str, Any]:
        return self.ok("GET", path)

    def _version(self, path: str, host: str | None) -> str:
        if host != "management.azure.com":
            return "7.6-preview.2"
        namespace = path.lower().rpartition("/providers/")[2].partition("/")[0]
        return next((version for name, version in VERSIONS.items() if name.lower() == namespace), "2022-04-01")


def vault_path(name: str, group: str = GROUP) -> str:
    return f"{group}/providers/Microsoft.KeyVault/vaults/{name}"


def registry_path(name: str = "registry1", group: str = GROUP) -> str:
    return f"{group}/providers/Microsoft.ContainerRegistry/registries/{name}"


def vault_body(**properties: Any) -> dict[str, Any]:
    given = {name: value for name, value in properties.items() if value is not None}
    sku = {"family": "A", "name": given.pop("sku", "standard")}
    return {"location": "westus", "properties": {"tenantId": TENANT, "sku": sku, "accessPolicies": [], **given}}


def registry_body(
    identity: dict[str, Any] | None = None, key: str | None = None, sku: str = "Premium", **properties: Any
) -> dict[str, Any]:
    body: dict[str, Any] = {"location": "westus", "sku": {"name": sku}, "properties": properties}
    if identity:
        body["identity"] = {"type": "UserAssigned", "userAssignedIdentities": {identity["id"]: {}}}
    if key:
        body["properties"]["encryption"] = encryption(key, identity["clientId"])
    return body


def encryption(key: str, identity: str) -> dict[str, Any]:
    return {"status": "enabled", "keyVaultProperties": {"keyIdentifier": key, "identity": identity}}


def _audience(host: str | None) -> str:
    if host and host.endswith(".vault.azure.net"):
        return VAULT_AUDIENCE
    if host and host.endswith(".managedhsm.azure.net"):
        return HSM_AUDIENCE
    return "https://management.core.windows.net/"
