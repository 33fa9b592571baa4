"""What can be known beforehand of whether changes will be allowed."""

from __future__ import annotations

from dataclasses import dataclass

from azext_acrcmk.model.state import Unknown


@dataclass(frozen=True)
class Questions:
    """What to ask beforehand: the state of providers by namespace, the caller's permissions at scopes (a group's or
    subscription's id in lower case), whether policies deny the parts named (`vault`, `registry`), and, where a role is
    to be assigned, how many assignments the subscription `quota_of` has left."""

    namespaces: tuple[str, ...]
    scopes: tuple[str, ...]
    parts: tuple[str, ...]
    quota_of: str | None


@dataclass(frozen=True)
class Permission:
    """What one of the caller's roles allows, with wildcards."""

    actions: tuple[str, ...]
    not_actions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Denial:
    """A policy assignment that would deny a resource."""

    resource: str
    policy: str


@dataclass(frozen=True)
class Preflight:
    """`providers` are registration states by namespace, `permissions` the caller's by the id of a group or
    subscription in lower case, `role_assignments_left` the quota's rest. None where nobody had to look."""

    providers: tuple[tuple[str, str | Unknown], ...] = ()
    permissions: tuple[tuple[str, tuple[Permission, ...] | Unknown], ...] = ()
    denials: tuple[Denial, ...] | Unknown = ()
    role_assignments_left: int | Unknown | None = None
