"""What can be known beforehand of whether changes will be allowed."""

from __future__ import annotations

from dataclasses import dataclass

from azext_acrcmk.model.state import Unknown


@dataclass(frozen=True)
class Part:
    """Something to be created, by the `name` and `resource` of its step. `scope` is where to ask for policies: its
    resource group, or the subscription where that is yet to be."""

    name: str
    resource: str
    scope: str


@dataclass(frozen=True)
class Questions:
    """What to ask beforehand: the registration of `providers` (subscription and namespace), the caller's permissions
    at `scopes` (ids in lower case), whether policies deny `parts` and whether a new vault's name is free among them,
    and, where a role is to be assigned, how many assignments the subscription `quota_of` has left."""

    providers: tuple[tuple[str, str], ...]
    scopes: tuple[str, ...]
    parts: tuple[Part, ...]
    quota_of: str | None


@dataclass(frozen=True)
class Permission:
    """What one of the caller's roles allows, with wildcards."""

    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Denial:
    """A policy assignment that would deny a resource."""

    resource: str
    policy: str


@dataclass(frozen=True)
class Preflight:
    """`providers` are registration states by subscription and namespace, `permissions` the caller's by the scope they
    were asked for, `denials` what policies would deny or what of it can't be seen, `role_assignments_left` the quota's
    rest. None where nobody had to look."""

    providers: tuple[tuple[tuple[str, str], str | Unknown], ...] = ()
    permissions: tuple[tuple[str, tuple[Permission, ...] | Unknown], ...] = ()
    denials: tuple[Denial | Unknown, ...] = ()
    vault_name_free: bool | Unknown | None = None
    role_assignments_left: int | Unknown | None = None
