"""What can be known in advance about whether changes will be allowed."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from azext_acrcmk.model.access import matches
from azext_acrcmk.model.ids import ArmId, Id, Scope
from azext_acrcmk.model.state import Unknown
from azext_acrcmk.model.value import Value, immutable


@immutable
class NewResource(Value):
    """A resource to be created or changed, by its id. `scope` is where to check policies: its resource group, or the
    subscription if the group does not exist yet. `details` is its content in the form that the policy check requires;
    `before` is the same as it is now, if it exists."""

    resource: str
    scope: Scope
    details: dict[str, Any] = field(hash=False)
    before: dict[str, Any] | None = field(default=None, hash=False)


@immutable
class Questions(Value):
    """What to ask in advance: the registration of `providers` (subscription and namespace), the caller's permissions
    at `scopes`, whether policies deny `resources`, whether the name of a new vault is free,
    where a role is to be assigned, how many assignments `quota_of` has left, and which locks there
    are at or above `locked`."""

    providers: tuple[tuple[Id, str], ...]
    scopes: tuple[Scope, ...]
    resources: tuple[NewResource, ...]
    new_vault: ArmId | None
    quota_of: Id | None
    locked: tuple[Scope, ...] = ()


@immutable
class Allowed(Value):
    """What one of the caller's roles allows, with wildcards."""

    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()

    def permits(self, action: str) -> bool:
        return matches(self.actions, action) and not matches(self.not_actions, action)

    def permits_data(self, action: str) -> bool:
        return matches(self.data_actions, action) and not matches(self.not_data_actions, action)


@immutable
class Denial(Value):
    """A policy assignment that would deny a resource. `why` is from the evaluation: fields, values, reasons."""

    resource: str
    policy: str
    why: str = ""


@immutable
class Lock(Value):
    """A management lock at `scope`, which applies there and below."""

    scope: Scope
    name: str
    read_only: bool


@immutable
class Preflight(Value):
    """`providers` are registration states by subscription and namespace, `permissions` the caller's by the scope they
    were asked for, `denials` what policies would deny or what of it can't be read, `role_assignments_left` the quota's
    rest, `locations` those that the subscription may use for a type of resource (both in lower case), `locks` those at
    or above a scope, `policy_advice` what may satisfy a policy. None where nobody had to ask."""

    providers: tuple[tuple[tuple[Id, str], str | Unknown], ...] = ()
    permissions: tuple[tuple[Scope, tuple[Allowed, ...] | Unknown], ...] = ()
    denials: tuple[Denial | Unknown, ...] = ()
    vault_name_free: bool | Unknown | None = None
    role_assignments_left: int | Unknown | None = None
    locations: tuple[tuple[tuple[Id, str], tuple[str, ...]], ...] = ()
    locks: tuple[Lock | Unknown, ...] = ()
    policy_advice: tuple[str, ...] = ()
