"""Request bodies that create a resource or change a registry, in wire format. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from azext_acrcmk.model.access import NEEDED_ACTIONS
from azext_acrcmk.model.ids import ArmId, KeyId, Scope
from azext_acrcmk.model.state import RBAC, Registry
from azext_acrcmk.plan.kinds import CreateGroup, CreateIdentity, CreateKey, CreateRegistry, CreateVault, RecoverVault


def located_body(change: CreateGroup | CreateIdentity) -> dict[str, Any]:
    return with_tags({"location": change.location}, change.tags)


def vault_body(change: CreateVault, principal: str | None = None) -> dict[str, Any]:
    """A vault with soft delete and purge protection. `principal` is the object id of the identity that its access
    policy is for: if that was added later, a second run could replace it with none."""
    properties: dict[str, Any] = {
        "tenantId": change.tenant,
        "sku": {"family": "A", "name": change.sku},
        "enableSoftDelete": True,
        "softDeleteRetentionInDays": change.retention_days,
        "enablePurgeProtection": True,
        "enableRbacAuthorization": change.permission_model == RBAC,
    }
    if principal:
        properties["accessPolicies"] = [access_policy(change.tenant, principal)]
    if change.public_network_access:
        properties["publicNetworkAccess"] = change.public_network_access
    if change.is_closed:
        properties["networkAcls"] = {"bypass": "AzureServices", "defaultAction": "Deny"}
    return with_tags({"location": change.location, "properties": properties}, change.tags)


def access_policy(tenant: Any, principal: Any, permissions: Iterable[str] = NEEDED_ACTIONS) -> dict[str, Any]:
    """By default with what a registry requires."""
    return {"tenantId": tenant, "objectId": principal, "permissions": {"keys": list(permissions)}}


def recovery_body(change: RecoverVault) -> dict[str, Any]:
    """Recovers a soft-deleted vault unchanged."""
    properties = {
        "tenantId": change.tenant,
        "sku": {"family": "A", "name": "standard"},
        "createMode": "recover",
    }
    return {"location": change.location, "properties": properties}


def key_body(change: CreateKey) -> dict[str, Any]:
    """A key that permits only what a registry requires."""
    properties: dict[str, Any] = {
        "kty": change.type,
        "keySize": change.size,
        "keyOps": ["wrapKey", "unwrapKey"],
        "attributes": {"enabled": True},
    }
    if change.expires:
        # The policy's expiry time holds for the versions after the first (service facts 9, row 7).
        properties["attributes"]["exp"] = int(change.expires.timestamp())
    if policy := rotation_policy(change):
        properties["rotationPolicy"] = policy
    return with_tags({"properties": properties}, change.tags)


def rotation_policy(change: CreateKey) -> dict[str, Any] | None:
    """The key's rotation policy in wire format, or None if neither period nor lifetime is given."""
    if not change.rotation_period and not change.lifetime:
        return None
    policy: dict[str, Any] = {"lifetimeActions": []}
    if change.rotation_period:
        trigger = {"timeAfterCreate": change.rotation_period}
        policy["lifetimeActions"].append({"trigger": trigger, "action": {"type": "rotate"}})
    if change.lifetime:
        policy["attributes"] = {"expiryTime": change.lifetime}
    return policy


def role_assignment_body(scope: Scope, role: str, principal_id: str, delegated: ArmId | None = None) -> dict[str, Any]:
    """A role, by its GUID, of an identity at `scope`. `delegated` is the identity's id where that is of another tenant
    than the login's, as with Azure Lighthouse."""
    definition = f"/subscriptions/{scope.subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    properties = {"roleDefinitionId": definition, "principalId": principal_id, "principalType": "ServicePrincipal"}
    if delegated:
        properties["delegatedManagedIdentityResourceId"] = str(delegated)
    return {"properties": properties}


def registry_body(change: CreateRegistry, client_id: str, key: KeyId) -> dict[str, Any]:
    """A Premium registry encrypted with `key` through the identity with `client_id`."""
    properties = {"encryption": encryption_block(client_id, str(key)), **change.options.properties}
    body = {
        "location": change.location,
        "sku": {"name": "Premium"},
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {str(change.identity): {}}},
        "properties": properties,
    }
    return with_tags(body, change.tags)


def encryption_body(client_id: str, key: KeyId) -> dict[str, Any]:
    """A PATCH that gives a registry a key. `client_id` may be "system"."""
    return {"properties": {"encryption": encryption_block(client_id, str(key))}}


def encryption_block(client_id: Any, key: Any) -> dict[str, Any]:
    """`client_id` is an identity's, or "system"; `key` is its URI. In templates, both can be expressions."""
    return {"status": "enabled", "keyVaultProperties": {"identity": client_id, "keyIdentifier": key}}


def assigned_block(registry: Registry, new: ArmId | None, named: list[ArmId], others_stay: bool) -> dict[str, Any]:
    """Assigns a `new` user-assigned identity, or (None) enables the system-assigned one, and names those that are
    already assigned. `others_stay` says that some remain, named or not."""
    users = [str(each) for each in (*named, *([new] if new else []))]
    return identities_block(users, new is None or bool(registry.system_principal_id), others_stay)


def identities_block(users: list[Any], system: bool, others_stay: bool = False) -> dict[str, Any]:
    """The identities of a registry: user-assigned ones by their ids, and the `system`-assigned one."""
    kinds = [*(["SystemAssigned"] if system else []), *(["UserAssigned"] if users or others_stay else [])]
    block: dict[str, Any] = {"type": ", ".join(kinds) or "None"}
    return {**block, "userAssignedIdentities": {each: {} for each in users}} if users else block


def with_tags(body: dict[str, Any], tags: dict[str, str] | None) -> dict[str, Any]:
    return body if tags is None else {**body, "tags": tags}
