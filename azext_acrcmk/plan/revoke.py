"""Which grants of an identity can be taken from it, and the steps that revoke and restore a registry's key. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from azext_acrcmk.model.access import HSM_NEEDED_ACTIONS, NEEDED_ACTIONS, allows, key_scope
from azext_acrcmk.model.ids import same, within
from azext_acrcmk.model.state import ACCESS_POLICY, RoleGrant, Unknown, Vault


@dataclass(frozen=True)
class Grant:
    """One grant: a role assignment (`role`), or the key permissions of an access policy."""

    resource: str
    what: str
    role: RoleGrant | None = None
    permissions: tuple[str, ...] = ()


def revocable(
    vault: Vault, key_name: str, principal_id: str, roles: tuple[RoleGrant, ...] | Unknown
) -> tuple[list[Grant], list[RoleGrant]]:
    """The grants that let a principal use a key: those of its own on the key or vault, and those from elsewhere.

    The second are inherited from above the vault or come through a group, so removing them would hit others too.
    """
    if vault.access_model == ACCESS_POLICY:
        held = {p for policy in vault.policies if same(policy.object_id, principal_id) for p in policy.key_permissions}
        names = tuple(sorted(held))
        return ([Grant(vault.id, f"Access policy ({', '.join(names)})", permissions=names)] if names else []), []
    own, elsewhere = [], []
    actions = (HSM_NEEDED_ACTIONS if vault.is_hsm else NEEDED_ACTIONS).values()
    scope = key_scope(vault, key_name)
    for role in () if isinstance(roles, Unknown) else roles:
        if not within(scope, role.scope) or not any(allows(role, action) for action in actions):
            continue
        direct = same(role.principal_id, principal_id) and (vault.is_hsm or within(role.scope, vault.id))
        if direct:
            own.append(Grant(role.id, f"Role '{role.role_name}' at {role.scope}", role=role))
        else:
            elsewhere.append(role)
    return own, elsewhere
