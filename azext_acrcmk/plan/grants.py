"""The grants through which an identity has access to a key, and the tag that records those that were removed. Pure."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace

from azext_acrcmk.model.access import (
    ENCRYPTION_USER,
    HSM_ENCRYPTION_USER,
    HSM_NEEDED_ACTIONS,
    NEEDED_ACTIONS,
    allows,
    describe_maybe_groups,
    key_scope,
    may_unwrap,
    maybe_groups,
    own_policies,
    reaches,
)
from azext_acrcmk.model.ids import ArmId, Id, KeyId, Scope, same
from azext_acrcmk.model.state import NotLoaded, RoleGrant, Unknown, Vault
from azext_acrcmk.model.value import Value, immutable
from azext_acrcmk.plan.change import Change
from azext_acrcmk.plan.kinds import AddAccessPolicy, AssignRole, RemoveAccessPolicy, RemoveRole
from azext_acrcmk.rules import Facts

# The registry's tag that records what `revoke` removed, if that is not what `restore` grants by default; and the tag of
# a key version that it disabled, so that `restore` enables exactly that, on any machine.
REVOKED_TAG = "acrcmk-revoked"

_TAGGED_ROLE = re.compile(r"(?P<role>[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})@(?P<on>[a-z/]+)", re.IGNORECASE)
_TAGGED_POLICY = re.compile(r"policy:((all|get|wrapKey|unwrapKey)(\+(get|wrapKey|unwrapKey))*)")


@immutable
class Grant(Value):
    """A grant to a principal: a role (by GUID, on the `vault` or the `key`), or key permissions in the vault's access
    policy.

    In a managed HSM `on` is `key`, or the scope within it: / or /keys. `role` is the assignment where it exists, and
    `spelled` are the permissions as the existing policy spells them.
    """

    vault: Vault
    key: KeyId
    principal: Id
    role_id: Id | str = ""
    on: str = "vault"
    permissions: tuple[str, ...] = ()
    role: RoleGrant | None = None
    spelled: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The form used in the registry's tag."""
        return f"{self.role_id}@{self.on}" if self.role_id else f"policy:{'+'.join(self.permissions)}"

    @property
    def on_key(self) -> bool:
        return self.on == "key"

    @property
    def resource(self) -> Scope | ArmId:
        if self.role:
            return self.role.id
        return self._scope if self.role_id else self.vault.id

    @property
    def what(self) -> str:
        """In words."""
        if not self.role_id:
            return f"Access policy ({', '.join(self.permissions)})"
        name = f"'{self.role.role_name}'" if self.role else self.role_id
        return f"Role {name} on {_place(self.on)}"

    @property
    def _scope(self) -> Scope:
        if self.on_key:
            return key_scope(self.vault, self.key.name)
        return Scope(self.on) if self.vault.is_hsm else self.vault.id.as_scope

    def removal(self, reason: str) -> RemoveRole | RemoveAccessPolicy:
        if self.role:
            return RemoveRole(vault=self.vault.id, host=self.vault.host, role=self.role, reason=reason)
        return RemoveAccessPolicy(
            vault=self.vault.id, principal=self.principal, permissions=self.spelled, reason=reason
        )

    def giving(self, reason: str, waits_for: tuple[Change, ...] = ()) -> AssignRole | AddAccessPolicy:
        """The change that grants it again."""
        if not self.role_id:
            return AddAccessPolicy(
                vault=self.vault.id,
                principal=self.principal,
                permissions=self.permissions,
                reason=reason,
                after=waits_for,
            )
        return AssignRole(
            vault=self.vault.id,
            principal=self.principal,
            scope=self._scope,
            role_id=self.role_id,
            key=self.key,
            reason=reason,
            after=waits_for,
        )


def narrowest_grant(vault: Vault, key: KeyId, principal: Id) -> Grant:
    """What a registry needs, and no more: the role on the key alone. An access policy is always on the vault."""
    if vault.uses_policies:
        return Grant(vault, key, principal, permissions=tuple(NEEDED_ACTIONS))
    return Grant(vault, key, principal, HSM_ENCRYPTION_USER if vault.is_hsm else ENCRYPTION_USER, "key")


def vault_grant(vault: Vault, key: KeyId, principal: Id) -> Grant:
    """As `narrowest_grant`, with a role on all keys of the vault."""
    narrowest = narrowest_grant(vault, key, principal)
    return narrowest if vault.is_hsm or vault.uses_policies else replace(narrowest, on="vault")


@immutable
class OtherGrant(Value):
    """What is not a principal's own on the key or vault, and gives or may give it access: `what`, and `why` it is left,
    in words."""

    what: str
    why: str
    resource: Scope | ArmId


def find_grants(
    vault: Vault,
    key: KeyId,
    principal: Id,
    roles: tuple[RoleGrant, ...] | Unknown | NotLoaded,
    individuals: frozenset[Id] = frozenset(),
) -> tuple[list[Grant], list[OtherGrant]]:
    """The grants by which a principal has access to a key: its own on the key or vault, and others.

    The second are roles that are inherited from above the vault, come through a group or can't be read, and access
    policies that may be a group's: removing them would affect others too. Of them only those count by which a registry
    would keep its access without the first.
    """
    if vault.uses_policies:
        groups = maybe_groups(vault, principal, individuals)
        others = [OtherGrant(describe_maybe_groups(groups), "it is not the identity's own", vault.id)]
        return _policy_grants(vault, key, principal), others if groups else []
    own, elsewhere = [], []
    actions = (HSM_NEEDED_ACTIONS if vault.is_hsm else NEEDED_ACTIONS).values()
    scope = key_scope(vault, key.name)
    for role in roles if isinstance(roles, tuple) else ():
        if not reaches(role, scope):
            continue
        here = role.principal_id == principal and (vault.is_hsm or role.scope.within(vault.id))
        if here and any(allows(role, action) for action in actions):
            on = "key" if role.scope == scope else str(role.scope) if vault.is_hsm else "vault"
            own.append(Grant(vault, key, principal, role.role_id, on, role=role))
        elif may_unwrap(role, vault.is_hsm):
            what = f"Role '{role.role_name}' at {role.scope}"
            elsewhere.append(OtherGrant(what, "it is inherited, comes through a group or can't be read", role.id))
    return own, elsewhere


def _policy_grants(vault: Vault, key: KeyId, principal: Id) -> list[Grant]:
    held = [permission for policy in own_policies(vault, principal) for permission in policy.key_permissions]
    names = tuple(name for name in ("all", *NEEDED_ACTIONS) if any(same(name, each) for each in held))
    spelled = tuple(each for each in dict.fromkeys(held) if any(same(name, each) for name in names))
    return [Grant(vault, key, principal, permissions=names, spelled=spelled)] if names else []


def needs_tag(grants: list[Grant]) -> bool:
    """Whether `restore` requires a tag: the grants are not the one that it makes by default."""
    return not _is_only(grants, narrowest_grant(grants[0].vault, grants[0].key, grants[0].principal))


def gives_enough_without_tag(grants: list[Grant]) -> bool:
    """Whether what `restore` grants without a tag is as good for the registry, though maybe on the key alone."""
    first = grants[0]
    usual = vault_grant(first.vault, first.key, first.principal)
    return not needs_tag(grants) or _is_only(grants, usual)


def _is_only(grants: list[Grant], one: Grant) -> bool:
    return [(each.role_id, each.on, set(each.permissions)) for each in grants] == [
        (one.role_id, one.on, set(one.permissions))
    ]


def tag_of(facts: Facts, grants: list[Grant]) -> str:
    """The tag for grants that are removed: their subject, and each of them."""
    return " ".join((_subject(facts), *map(str, grants)))


def _subject(facts: Facts) -> str:
    return tag_subject(facts.state.vault.id, facts.encryption.key.name, facts.principal)


def tag_subject(vault: ArmId, key_name: str, principal: Id | None) -> str:
    """Identifies the use of one key by one identity, in as few characters as a tag allows."""
    return hashlib.sha256(f"{vault}|{key_name}|{principal}".lower().encode()).hexdigest()[:12]


def tagged_grants(facts: Facts) -> list[Grant]:
    """The grants that the registry's tag records; none if it is about another vault, key or identity.

    Anyone who can write the registry's tags can write this one, so entries that `revoke` would not write are ignored.
    """
    vault, key = facts.state.vault, facts.encryption.key
    subject, *entries = facts.registry.tags.get(REVOKED_TAG, "").split(" ")
    if subject != _subject(facts):
        return []
    grants = []
    for entry in entries:
        if match := _TAGGED_POLICY.fullmatch(entry):
            grants.append(Grant(vault, key, facts.principal, permissions=tuple(match[1].split("+"))))
        elif (match := _TAGGED_ROLE.fullmatch(entry)) and match["on"] in _places(vault):
            grants.append(Grant(vault, key, facts.principal, Id(match["role"]), match["on"]))
    return grants


def cover(grants: list[Grant], tagged: list[Grant]) -> bool:
    """Whether `grants` include all that are `tagged`, at the same scopes."""

    def gives(grant: Grant, other: Grant) -> bool:
        in_place = grant.role_id == other.role_id and grant.on == other.on
        return in_place and {p.lower() for p in grant.permissions} >= {p.lower() for p in other.permissions}

    return all(any(gives(grant, each) for grant in grants) for each in tagged)


def _places(vault: Vault) -> tuple[str, ...]:
    return ("/", "/keys", "key") if vault.is_hsm else ("vault", "key")


def _place(on: str) -> str:
    return f"{on} of the managed HSM" if on.startswith("/") else f"the {on}"
