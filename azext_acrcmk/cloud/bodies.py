"""What is sent to create a vault, a key, a grant and a registry, in wire format."""

from __future__ import annotations

from typing import Any

from azext_acrcmk.model.goal import EnableGoal
from azext_acrcmk.model.ids import KeyId
from azext_acrcmk.model.state import RBAC, Registry


def vault_body(goal: EnableGoal, location: str) -> dict[str, Any]:
    """A vault with soft delete and purge protection."""
    properties: dict[str, Any] = {
        "tenantId": goal.tenant,
        "sku": {"family": "A", "name": goal.new_vault_sku},
        "enableSoftDelete": True,
        "softDeleteRetentionInDays": goal.new_retention_days,
        "enablePurgeProtection": True,
        "enableRbacAuthorization": goal.new_permission_model == RBAC,
        "accessPolicies": [],
    }
    if goal.restrict_vault_network:
        properties["networkAcls"] = {"bypass": "AzureServices", "defaultAction": "Deny"}
    return with_tags({"location": location, "properties": properties}, goal.tags)


def key_body(goal: EnableGoal) -> dict[str, Any]:
    """A key that can do what a registry needs, and no more."""
    properties: dict[str, Any] = {
        "kty": goal.key_type,
        "keySize": goal.new_key_size,
        "keyOps": ["wrapKey", "unwrapKey"],
        "attributes": {"enabled": True},
    }
    if policy := rotation_policy(goal):
        properties["rotationPolicy"] = policy
    return with_tags({"properties": properties}, goal.tags)


def rotation_policy(goal: EnableGoal) -> dict[str, Any] | None:
    """The key's rotation policy in wire format, or None where neither period nor lifetime is asked for."""
    if not goal.rotation_period and not goal.key_lifetime:
        return None
    policy: dict[str, Any] = {"lifetimeActions": []}
    if goal.rotation_period:
        trigger = {"timeAfterCreate": goal.rotation_period}
        policy["lifetimeActions"].append({"trigger": trigger, "action": {"type": "rotate"}})
    if goal.key_lifetime:
        policy["attributes"] = {"expiryTime": goal.key_lifetime}
    return policy


def role_assignment_body(scope: str, role: str, principal_id: str) -> dict[str, Any]:
    """A role, by its GUID, of an identity at `scope`."""
    subscription = scope.split("/")[2]
    definition = f"/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    properties = {"roleDefinitionId": definition, "principalId": principal_id, "principalType": "ServicePrincipal"}
    return {"properties": properties}


def registry_body(goal: EnableGoal, location: str, identity_id: str, client_id: str, key: KeyId) -> dict[str, Any]:
    """A Premium registry encrypted with `key` through the identity."""
    options = goal.options
    properties: dict[str, Any] = {"encryption": encryption_block(client_id, key)}
    if options.admin_enabled is not None:
        properties["adminUserEnabled"] = options.admin_enabled
    if options.public_network_enabled is not None:
        properties["publicNetworkAccess"] = "Enabled" if options.public_network_enabled else "Disabled"
    if options.new_default_action is not None:
        properties["networkRuleSet"] = {"defaultAction": options.new_default_action}
    if options.allow_trusted_services is not None:
        properties["networkRuleBypassOptions"] = "AzureServices" if options.allow_trusted_services else "None"
    if options.zone_redundancy is not None:
        properties["zoneRedundancy"] = options.zone_redundancy
    body = {
        "location": location,
        "sku": {"name": "Premium"},
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {identity_id: {}}},
        "properties": properties,
    }
    return with_tags(body, goal.tags)


def encryption_block(identity: str, key: KeyId) -> dict[str, Any]:
    """`identity` is a client id, or "system"."""
    return {"status": "enabled", "keyVaultProperties": {"keyIdentifier": str(key), "identity": identity}}


def attached_block(registry: Registry, identity_id: str | None) -> dict[str, Any]:
    """A PATCH that attaches a user-assigned identity, or (None) turns on the system-assigned one, and detaches none.

    A PATCH merges: an entry attaches, null detaches, and what is left out stays, so that `az acr identity remove` has
    to PUT (service facts 1.9). To name an identity takes a right on it, and that it still exists: only the new one is.
    """
    if identity_id:
        kinds = "SystemAssigned, UserAssigned" if registry.system_principal_id else "UserAssigned"
        return {"type": kinds, "userAssignedIdentities": {identity_id: {}}}
    attached = {each.id: {} for each in registry.attached}
    # Recorded with those that are attached already, without them not.
    users = {"userAssignedIdentities": attached} if attached else {}
    return {"type": "SystemAssigned, UserAssigned" if attached else "SystemAssigned", **users}


def with_tags(body: dict[str, Any], tags: dict[str, str] | None) -> dict[str, Any]:
    return body if tags is None else {**body, "tags": tags}
