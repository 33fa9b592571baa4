"""Makes what a test needs to exist, and reads what a command has left, by plain requests: quicker than by `az`."""

from __future__ import annotations

import re
import uuid
from typing import Any

from azext_acrcmk.model.access import ENCRYPTION_USER
from azext_acrcmk.model.ids import HSM_TYPE, IDENTITY_TYPE, REGISTRY_TYPE, VAULT_TYPE, ArmId, default_vault_name
from sandbox.client import Sandbox
from sandbox.world import OWNER_OBJECT_ID, SUBSCRIPTION, TENANT

LOCATION = "westeurope"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg"
REGISTRY = ArmId(SUBSCRIPTION, "rg", REGISTRY_TYPE, "myregistry")
# What `enable` makes where nothing is named.
IDENTITY = ArmId(SUBSCRIPTION, "rg", IDENTITY_TYPE, "myregistry-cmk")
VAULT = ArmId(SUBSCRIPTION, "rg", VAULT_TYPE, default_vault_name(REGISTRY))
KEY = "myregistry-cmk"
ENABLE = "acr cmk enable -n myregistry -g rg"

CRYPTO_OFFICER = "14b46e9e-c2b7-41b4-b07b-48a6ebf60603"
_VERSIONS = {
    "Microsoft.Authorization": "2022-04-01",
    "Microsoft.ContainerRegistry": "2025-04-01",
    "Microsoft.KeyVault": "2026-02-01",
    "Microsoft.ManagedIdentity": "2024-11-30",
}
_ASKING = re.compile(
    r"/(checkNameAvailability|checkPolicyRestrictions|acquirePolicyToken|Microsoft.ResourceGraph/resources|token|exchange)$",
    re.IGNORECASE,
)


class Seed:
    """What it changes does not show in the request log, so that tests find there only what `az` sent."""

    def __init__(self, azure: Sandbox):
        self._azure = azure

    def group(self, name: str = "rg", subscription: str = SUBSCRIPTION) -> str:
        return self.put(f"/subscriptions/{subscription}/resourceGroups/{name}", {"location": LOCATION})["id"]

    def identity(self, id_: object = IDENTITY) -> dict[str, Any]:
        """Its id, clientId and principalId."""
        made = self.put(id_, {"location": LOCATION})
        return {"id": made["id"], **made["properties"]}

    def vault(self, id_: object = VAULT, sku: str = "standard", **properties: Any) -> str:
        """A vault, protected from purge unless told otherwise by None; returns its id."""
        wanted = {"tenantId": TENANT, "sku": {"family": "A", "name": sku}, "accessPolicies": []}
        wanted |= {"enablePurgeProtection": True, **properties}
        given = {name: value for name, value in wanted.items() if value is not None}
        return self.put(id_, {"location": LOCATION, "properties": given})["id"]

    def hsm(self, name: str = "myhsm", **properties: Any) -> str:
        """An activated managed HSM that the owner administers; returns its id."""
        wanted = {"tenantId": TENANT, "initialAdminObjectIds": [OWNER_OBJECT_ID], "enablePurgeProtection": True}
        body = {"location": LOCATION, "sku": {"family": "B", "name": "Standard_B1"}, "properties": wanted | properties}
        return self.put(f"{GROUP}/providers/{HSM_TYPE}/{name}", body)["id"]

    def key(self, vault: object = VAULT, name: str = KEY, **properties: Any) -> dict[str, Any]:
        """A key by the control plane; returns its properties, such as keyUri and keyUriWithVersion."""
        return self.put(f"{vault}/keys/{name}", {"properties": {"kty": "RSA", **properties}})["properties"]

    def change_key(self, method: str, uri: str, body: Any = None) -> None:
        """A request to the data plane, by somebody who may do all with keys by role."""
        officer = self._azure.principal((CRYPTO_OFFICER, f"/subscriptions/{SUBSCRIPTION}"))
        self._azure.unseen(method, uri, body, "7.5", officer)
        self._azure.clear_log()

    def grant(self, principal_id: str, scope: object = VAULT, role: str = ENCRYPTION_USER) -> None:
        """A role by its GUID."""
        properties = {
            "roleDefinitionId": f"/providers/Microsoft.Authorization/roleDefinitions/{role}",
            "principalId": principal_id,
        }
        path = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
        self.put(path, {"properties": properties})

    def role(self, *data_actions: str, actions: tuple[str, ...] = (), of: str = VAULT_TYPE) -> str:
        """A role of one's own with data actions on vaults, such as keys/read, and actions; returns its GUID."""
        guid, scope = str(uuid.uuid4()), f"/subscriptions/{SUBSCRIPTION}"
        permission = {"actions": list(actions), "dataActions": [f"{of}/{action}" for action in data_actions]}
        properties = {
            "roleName": "Ours",
            "type": "CustomRole",
            "permissions": [permission],
            "assignableScopes": [scope],
        }
        self.put(f"{scope}/providers/Microsoft.Authorization/roleDefinitions/{guid}", {"properties": properties})
        return guid

    def assignments(self, scope: object = VAULT) -> list[dict[str, Any]]:
        """The role assignments at and below a scope."""
        found = self.get(f"{scope}/providers/Microsoft.Authorization/roleAssignments")["value"]
        return [each for each in found if each["properties"]["scope"].lower().startswith(str(scope).lower())]

    def parts_without_grant(self, **vault: Any) -> dict[str, Any]:
        """Identity, vault and key as `enable` makes them; returns the identity."""
        self.key(self.vault(**vault), keyOps=["wrapKey", "unwrapKey"])
        return self.identity()

    def parts(self, **vault: Any) -> dict[str, Any]:
        """Identity, vault, key and grant as `enable` makes them; returns the identity."""
        identity = self.parts_without_grant(**vault)
        self.grant(identity["principalId"])
        return identity

    def encrypted(self, pinned: bool = False, **properties: Any) -> dict[str, Any]:
        """A registry with its parts as `enable` leaves them; returns the identity."""
        identity = self.parts()
        key = self.get(f"{VAULT}/keys/{KEY}")["properties"]["keyUriWithVersion" if pinned else "keyUri"]
        chosen = {"keyIdentifier": key, "identity": identity["clientId"]}
        self.registry(identity["id"], encryption={"status": "enabled", "keyVaultProperties": chosen}, **properties)
        return identity

    def registry(self, identity_id: str | None = None, sku: str = "Premium", **properties: Any) -> None:
        body: dict[str, Any] = {"location": LOCATION, "sku": {"name": sku}, "properties": properties}
        if identity_id:
            body["identity"] = {"type": "UserAssigned", "userAssignedIdentities": {identity_id: {}}}
        self.put(REGISTRY, body)

    def lock(self, scope: object, level: str, name: str = "ours") -> None:
        """A management lock: CanNotDelete or ReadOnly."""
        path = f"{scope}/providers/Microsoft.Authorization/locks/{name}"
        self._azure.unseen("PUT", path, {"properties": {"level": level}}, "2016-09-01")

    def put(self, path: object, body: dict[str, Any], api_version: str | None = None) -> dict[str, Any]:
        return self._arm("PUT", path, body, api_version)

    def patch(self, path: object, body: dict[str, Any]) -> None:
        self._arm("PATCH", path, body)

    def delete(self, path: object) -> None:
        self._arm("DELETE", path)

    def get(self, path: object) -> dict[str, Any]:
        return self._arm("GET", path)

    def _arm(self, method: str, path: object, body: Any = None, api_version: str | None = None) -> Any:
        namespace = str(path).rsplit("/providers/", 1)[-1].split("/", 1)[0]
        version = api_version or _VERSIONS.get(namespace, "2024-11-01")
        return self._azure.unseen(method, str(path), body, version, clear_log=method != "GET")


def changes(azure: Sandbox) -> list[str]:
    """The requests of the log that change something, as method and path."""
    return [
        f"{entry['method']} {entry['path']}"
        for entry in azure.log()
        if entry["method"] in ("PUT", "PATCH", "POST", "DELETE") and not _ASKING.search(entry["path"])
    ]


def outcomes(result: dict[str, Any]) -> dict[str, str]:
    """What became of each step, by the result of `enable`."""
    return {step["step"]: step["outcome"] for step in result["steps"]}


def bodies(azure: Sandbox, method: str, path: str) -> list[Any]:
    """What was sent by requests of the log with a method and a path that ends so."""
    matching = re.compile(rf".*{re.escape(path)}", re.IGNORECASE)
    return [entry["body"] for entry in azure.log() if entry["method"] == method and matching.fullmatch(entry["path"])]
