"""Lets identities of a fleet use their keys, or not quite."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.fleet import plan
from sandbox.fleet.names import Names
from sandbox.key_vault.key_store import Vault
from sandbox.resource_manager.builtin_roles import CRYPTO_SERVICE_ENCRYPTION_USER
from sandbox.world import OWNER_OBJECT_ID, TENANT, DenyAssignment, Principal, RoleAssignment, World

_OFFICER = "14b46e9e-c2b7-41b4-b07b-48a6ebf60603"
_READER = "21090545-7ca7-4776-b22c-e363652d74d2"
_NEEDED = ["get", "wrapKey", "unwrapKey"]
_KEYS = "Microsoft.KeyVault/vaults/keys"
_CONDITION = "@Resource[Microsoft.KeyVault/vaults/keys:Name] StringLike 'prod-*'"


@dataclass
class Granter:
    """Makes role assignments and access policies in a world, at one moment."""

    world: World
    names: Names
    created: float

    def assign(self, principal_id: str, kind: str, role: str, scope: str, condition: str | None = None) -> None:
        guid = self.names.guid()
        home = "/".join(scope.split("/")[:3]) if scope.startswith("/subscriptions/") else ""
        assignment = RoleAssignment(
            id=f"{scope}/providers/Microsoft.Authorization/roleAssignments/{guid}",
            name=guid,
            scope=scope,
            role_definition_id=f"{home}/providers/Microsoft.Authorization/roleDefinitions/{role}",
            principal_id=principal_id,
            principal_type=kind,
            created=self.created,
            created_by=OWNER_OBJECT_ID,
            condition=condition,
        )
        self.world.role_assignments[assignment.id.lower()] = assignment

    def officers(self, vault: Vault, group: Principal) -> None:
        """The people who look after a vault's keys."""
        if vault.rbac:
            self.assign(group.object_id, "Group", _OFFICER, vault.id)
        else:
            _add_policy(vault, group.object_id, ["all"])

    def grant(self, registry: plan.RegistryPlan, vault: Vault, key: str, principal: Principal) -> None:
        """Let the identity of a registry use its key, as far as its plan says."""
        damage = registry.damage
        if damage == "grant missing":
            return
        by_role = bool(vault.rbac) != (damage == "grant of the other kind")
        if not by_role:
            given = {"grant partial": ["get"], "grant too wide": ["all"]}
            _add_policy(vault, principal.object_id, given.get(damage, _NEEDED))
            return
        who = self._group_of(principal) if damage == "grant through group" else principal
        role = {"grant partial": _READER, "grant too wide": _OFFICER}.get(damage, CRYPTO_SERVICE_ENCRYPTION_USER)
        condition = _CONDITION if damage == "grant conditional" else None
        self.assign(who.object_id, who.kind, role, self._scope(registry, vault, key), condition)
        if damage == "grant denied":
            self._deny(f"{vault.id}/keys/{key}", principal)

    def _scope(self, registry: plan.RegistryPlan, vault: Vault, key: str) -> str:
        if registry.granted_at == plan.AT_KEY:
            return f"{vault.id}/keys/{key}"
        if registry.granted_at == plan.AT_GROUP:
            return vault.id.partition("/providers/")[0]
        if registry.granted_at == plan.AT_MANAGEMENT_GROUP:
            branch = self.names.branch(registry.key.vault.subscription)
            return self.world.management_groups[branch].id
        return vault.id

    def _group_of(self, principal: Principal) -> Principal:
        guid = self.names.guid()
        group = Principal(guid, "Group", name=f"{principal.name}-keys", created=self.created)
        self.world.principals[guid] = group
        principal.groups.add(guid)
        return group

    def _deny(self, scope: str, principal: Principal) -> None:
        guid = self.names.guid()
        denied = DenyAssignment(
            id=f"{scope}/providers/Microsoft.Authorization/denyAssignments/{guid}",
            name=guid,
            scope=scope,
            display_name="Keys of the managed application",
            permissions=[
                {
                    "actions": [],
                    "notActions": [],
                    "dataActions": [f"{_KEYS}/wrap/action", f"{_KEYS}/unwrap/action"],
                    "notDataActions": [],
                }
            ],
            principals=[{"id": principal.object_id, "type": principal.kind}],
            excluded=[],
            created=self.created,
        )
        self.world.deny_assignments[denied.id.lower()] = denied


def _add_policy(vault: Vault, object_id: str, permissions: list[str]) -> None:
    policy: dict[str, Any] = {"tenantId": TENANT, "objectId": object_id, "permissions": {"keys": permissions}}
    vault.access_policies.append(policy)
