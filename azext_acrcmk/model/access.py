"""Whether an identity may use a key: role assignments or access policies against what a registry needs."""

from __future__ import annotations

import re
from dataclasses import dataclass

from azext_acrcmk.model.ids import same, within
from azext_acrcmk.model.state import ACCESS_POLICY, RoleGrant, Unknown, Vault

# Key Vault Crypto Service Encryption User: exactly the data actions a registry needs (service facts 4.1).
ENCRYPTION_USER = "e147488a-f6f5-4113-8e2d-b22465e65bf6"
ENCRYPTION_USER_NAME = "Key Vault Crypto Service Encryption User"
HSM_ENCRYPTION_USER_NAME = "Managed HSM Crypto Service Encryption User"

NEEDED_ACTIONS = {
    "get": "Microsoft.KeyVault/vaults/keys/read",
    "wrapKey": "Microsoft.KeyVault/vaults/keys/wrap/action",
    "unwrapKey": "Microsoft.KeyVault/vaults/keys/unwrap/action",
}


@dataclass(frozen=True)
class Source:
    """Where a grant comes from: a role (`kind` role) at a scope, or a vault's access policy (`kind` access-policy)."""

    kind: str
    name: str
    scope: str
    inherited: bool = False
    through_group: bool = False


@dataclass(frozen=True)
class Access:
    """`granted` None means it can't be seen. `missing` names what lacks of get, wrapKey and unwrapKey."""

    granted: bool | None
    sources: tuple[Source, ...] = ()
    missing: tuple[str, ...] = ()
    unknown: Unknown | None = None


def access_to(vault: Vault, key_scope: str, principal_id: str, roles: tuple[RoleGrant, ...] | Unknown) -> Access:
    """What `principal_id` may do with the key at `key_scope` (its ARM id), by the vault's own access model."""
    if vault.is_hsm:
        # Local RBAC of a managed HSM is on its data plane, which the caller may well not reach.
        return Access(None, unknown=Unknown("Microsoft.KeyVault/managedHsm/roleAssignments/read/action", vault.id))
    if vault.access_model == ACCESS_POLICY:
        return _by_policy(vault, principal_id)
    return access_by_roles(key_scope, principal_id, roles)


def _by_policy(vault: Vault, principal_id: str) -> Access:
    permissions: set[str] = set()
    for policy in vault.policies:
        if same(policy.object_id, principal_id) and not policy.application_id:
            permissions |= policy.key_permissions
    missing = [name for name in NEEDED_ACTIONS if not permissions & {name.lower(), "all"}]
    source = Source("access-policy", ", ".join(sorted(permissions)), vault.id)
    return Access(not missing, (source,) if permissions else (), tuple(missing))


def access_by_roles(key_scope: str, principal_id: str, roles: tuple[RoleGrant, ...] | Unknown) -> Access:
    """What role assignments let `principal_id` do with the key at `key_scope`, in a vault with Azure RBAC."""
    if isinstance(roles, Unknown):
        return Access(None, unknown=roles)
    reaching = [role for role in roles if within(key_scope, role.scope)]
    certain = [role for role in reaching if not role.uncertain]
    missing = [name for name, action in NEEDED_ACTIONS.items() if not any(allows(role, action) for role in certain)]
    helping = [role for role in certain if any(allows(role, action) for action in NEEDED_ACTIONS.values())]
    sources = tuple(
        Source(
            "role",
            role.role_name,
            role.scope,
            inherited=not within(role.scope, _vault_of(key_scope)),
            through_group=not same(role.principal_id, principal_id),
        )
        for role in helping
    )
    if missing and (doubt := next((role.uncertain for role in reaching if role.uncertain), None)):
        return Access(None, sources, tuple(missing), Unknown(why=doubt))
    return Access(not missing, sources, tuple(missing))


def allows(role: RoleGrant, action: str) -> bool:
    """Whether the role's data actions, less its not-data-actions, hold `action`."""
    return _matches(role.data_actions, action) and not _matches(role.not_data_actions, action)


def _matches(patterns: tuple[str, ...], action: str) -> bool:
    return any(re.fullmatch(re.escape(each).replace(r"\*", ".*"), action, re.IGNORECASE) for each in patterns)


def _vault_of(key_scope: str) -> str:
    return key_scope.split("/keys/", 1)[0]
