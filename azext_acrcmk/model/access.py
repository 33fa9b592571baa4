"""The access of an identity to a key: role assignments or access policies, compared with what a registry requires."""

from __future__ import annotations

import re
from functools import lru_cache

from azext_acrcmk.model.ids import ArmId, Id, Scope
from azext_acrcmk.model.state import AccessPolicy, DenyAssignment, Holder, NotLoaded, RoleGrant, Unknown, Vault
from azext_acrcmk.model.value import Value, immutable

# Key Vault Crypto Service Encryption User: exactly the data actions a registry needs (service facts 4.1).
ENCRYPTION_USER = "e147488a-f6f5-4113-8e2d-b22465e65bf6"
ENCRYPTION_USER_NAME = "Key Vault Crypto Service Encryption User"

# Its counterpart in a managed HSM, whose roles are local to it (service facts 1.1, row 8).
HSM_ENCRYPTION_USER = "33413926-3206-4cdd-b39a-83574fe37a17"
HSM_ENCRYPTION_USER_NAME = "Managed HSM Crypto Service Encryption User"

NEEDED_ACTIONS = {
    "get": "Microsoft.KeyVault/vaults/keys/read",
    "wrapKey": "Microsoft.KeyVault/vaults/keys/wrap/action",
    "unwrapKey": "Microsoft.KeyVault/vaults/keys/unwrap/action",
}
HSM_NEEDED_ACTIONS = {
    "get": "Microsoft.KeyVault/managedHsm/keys/read/action",
    "wrapKey": "Microsoft.KeyVault/managedHsm/keys/wrap/action",
    "unwrapKey": "Microsoft.KeyVault/managedHsm/keys/unwrap/action",
}


@immutable
class Source(Value):
    """The source of access: a role (`kind` role) at a scope, or a vault's access policy (`kind` access-policy)."""

    kind: str
    name: str
    scope: Scope
    inherited: bool = False
    through_group: bool = False


@immutable
class Access(Value):
    """`granted` is None if it isn't known. `missing` are the missing permissions of get, wrapKey and unwrapKey, and
    `denied_by` the deny assignments that block them."""

    granted: bool | None
    sources: tuple[Source, ...] = ()
    missing: tuple[str, ...] = ()
    unknown: Unknown | None = None
    denied_by: tuple[str, ...] = ()


def key_scope(vault: Vault, key_name: str) -> Scope:
    """The scope of a key in role assignments: its ARM id, or in a managed HSM its path."""
    return Scope(f"/keys/{key_name}") if vault.is_hsm else key_in(vault.id, key_name)


def key_in(vault: ArmId, key_name: str) -> Scope:
    """The ARM id of a key in a key vault."""
    return Scope(f"{vault}/keys/{key_name}")


_KEY_ACTIONS = ("microsoft.keyvault/vaults/keys/", "microsoft.keyvault/managedhsm/keys/")


def access_to(
    vault: Vault,
    key_name: str,
    principal_id: Id,
    roles: tuple[RoleGrant, ...] | Unknown | NotLoaded,
    individuals: frozenset[Id] = frozenset(),
) -> Access:
    """The access of `principal_id` to a key, by the vault's permission model.

    `individuals` are the object ids of principals that are not groups.
    """
    if vault.uses_policies:
        return _by_policy(vault, principal_id, individuals)
    needed = HSM_NEEDED_ACTIONS if vault.is_hsm else NEEDED_ACTIONS
    return access_by_roles(key_scope(vault, key_name), principal_id, roles, needed)


def _by_policy(vault: Vault, principal_id: Id, individuals: frozenset[Id]) -> Access:
    own = own_policies(vault, principal_id)
    missing = tuple(name for name in NEEDED_ACTIONS if not any(policy.permits(name) for policy in own))
    permissions = sorted({permission.lower() for policy in own for permission in policy.key_permissions})
    sources = (Source("access-policy", ", ".join(permissions), vault.id.as_scope),) if permissions else ()
    groups = maybe_groups(vault, principal_id, individuals)
    if missing and groups:
        return Access(None, sources, missing, Unknown(why=f"{describe_maybe_groups(groups)}.", denied=False))
    return Access(not missing, sources, missing)


def own_policies(vault: Vault, principal_id: Id) -> list[AccessPolicy]:
    """The access policies of a principal itself, not of an application on its behalf."""
    return [each for each in vault.policies if each.object_id == principal_id and not each.application_id]


def maybe_groups(vault: Vault, principal_id: Id, individuals: frozenset[Id]) -> list[AccessPolicy]:
    """The access policies that may grant a principal access to the key as a member of a group.

    Azure Resource Manager does not show the type of a principal: one that is not known to be an individual may be a
    group.
    """
    return [
        policy
        for policy in vault.policies
        if policy.permits("unwrapKey")
        and not policy.application_id
        and policy.object_id != principal_id
        and policy.object_id not in individuals
    ]


def describe_maybe_groups(policies: list[AccessPolicy]) -> str:
    """A sentence about the policies of `maybe_groups`."""
    names = ", ".join(policy.object_id for policy in policies)
    return f"The vault has an access policy with unwrapKey for {names}, which may be a group of the identity"


def access_by_roles(
    scope: Scope,
    principal_id: Id,
    roles: tuple[RoleGrant, ...] | Unknown | NotLoaded,
    needed: dict[str, str] = NEEDED_ACTIONS,
) -> Access:
    """The access of `principal_id` to the key at `scope` by role assignments."""
    if not isinstance(roles, tuple):
        return Access(None, unknown=roles if isinstance(roles, Unknown) else Unknown())
    reaching = [role for role in roles if reaches(role, scope)]
    certain = [role for role in reaching if not role.uncertain]
    missing = [name for name, action in needed.items() if not any(_effective(role, action) for role in certain)]
    denied = (each for role in certain for each in role.denied_by if any(_denies(each, needed[m]) for m in missing))
    denied_by = tuple(sorted({each.name for each in denied}))
    helping = [role for role in certain if any(allows(role, action) for action in needed.values())]
    sources = tuple(
        Source(
            "role",
            role.role_name,
            role.scope,
            inherited=not role.scope.within(scope.parent),
            through_group=role.principal_id != principal_id,
        )
        for role in helping
    )
    if missing and (doubt := next((role.uncertain for role in reaching if role.uncertain), None)):
        return Access(None, sources, tuple(missing), Unknown(why=doubt), denied_by)
    return Access(not missing, sources, tuple(missing), denied_by=denied_by)


def reaches(role: RoleGrant, scope: Scope) -> bool:
    """Whether a role of those that Azure lists for a scope applies there.

    A management group is above the subscription without being in its id: Azure lists only those that are.
    """
    return role.scope.management_group is not None or scope.within(role.scope)


def excess_of(vault: Vault, principal_id: Id, roles: tuple[RoleGrant, ...] | Unknown | NotLoaded) -> list[str]:
    """The roles or permissions of `principal_id` beyond get, wrapKey and unwrapKey."""
    if vault.uses_policies:
        held = {p.lower() for policy in own_policies(vault, principal_id) for p in policy.key_permissions}
        return sorted(held - {name.lower() for name in NEEDED_ACTIONS})
    return sorted({f"role '{role.role_name}'" for role in roles or () if _is_wide(role.data_actions, vault.is_hsm)})


@lru_cache(maxsize=1024)
def _is_wide(data_actions: tuple[str, ...], hsm: bool) -> bool:
    """Whether they include more on keys than a registry requires."""
    needed = {each.lower() for each in (HSM_NEEDED_ACTIONS if hsm else NEEDED_ACTIONS).values()}
    return not needed.issuperset(each.lower() for each in data_actions if _on_keys(each))


def _on_keys(pattern: str) -> bool:
    """Whether a data action, or a pattern, applies to keys of vaults or managed HSMs."""
    named = pattern.lower().split("*", 1)[0]
    return any(place.startswith(named) or named.startswith(place) for place in _KEY_ACTIONS)


def allows(role: RoleGrant, action: str) -> bool:
    """Whether the role's data actions, without its not-data-actions, include `action`."""
    return matches(role.data_actions, action) and not matches(role.not_data_actions, action)


def may_unwrap(role: RoleGrant, hsm: bool) -> bool:
    """Whether the role may permit to unwrap with the key, which is enough for a registry to keep working.

    A role that can't be read may permit anything.
    """
    unwrap = (HSM_NEEDED_ACTIONS if hsm else NEEDED_ACTIONS)["unwrapKey"]
    return _effective(role, unwrap) or bool(role.uncertain and not role.data_actions)


def holders_by_policy(vault: Vault) -> tuple[Holder, ...]:
    """The principals that can unwrap with the keys of a vault with access policies."""
    return tuple(
        Holder(
            policy.object_id,
            f"access policy ({', '.join(policy.key_permissions)})"
            + (f" for the application {policy.application_id}" if policy.application_id else ""),
        )
        for policy in vault.policies
        if policy.permits("unwrapKey")
    )


def holders_by_role(roles: tuple[RoleGrant, ...], hsm: bool) -> tuple[Holder, ...]:
    """The principals that can, or may, unwrap with a key by roles that apply to it."""
    return tuple(
        Holder(role.principal_id, f"role '{role.role_name}' at {role.scope}") for role in roles if may_unwrap(role, hsm)
    )


def _effective(role: RoleGrant, action: str) -> bool:
    return allows(role, action) and not any(_denies(each, action) for each in role.denied_by)


def _denies(denied: DenyAssignment, action: str) -> bool:
    return matches(denied.data_actions, action) and not matches(denied.not_data_actions, action)


@lru_cache(maxsize=4096)
def matches(patterns: tuple[str, ...], action: str) -> bool:
    """Whether one of a role's patterns, with * for anything, matches `action`.

    `/*/` also matches no segment: the role Managed Identity Operator has `userAssignedIdentities/*/assign/action`.
    """
    return any(_pattern(each).fullmatch(action) for each in patterns)


@lru_cache(maxsize=1024)
def _pattern(text: str) -> re.Pattern[str]:
    regex = re.escape(text).replace(r"/\*/", "/(.*/)?").replace(r"\*", ".*")
    return re.compile(regex, re.IGNORECASE)
