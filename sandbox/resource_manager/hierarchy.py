"""What lies in what: scopes within scopes, and above subscriptions the management groups, the tenant's root on top."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from sandbox.world import TENANT, ManagementGroup, World

MANAGEMENT_GROUPS = "Microsoft.Management/managementGroups"
_GROUP = re.compile(rf"/providers/{MANAGEMENT_GROUPS}/([^/]+)(?:/.*)?", re.IGNORECASE)


def covers(outer: str, inner: str) -> bool:
    """Whether `inner` is the scope `outer` or lies below it, as far as the ids tell: management groups need a world."""
    outer, inner = outer.rstrip("/").lower(), inner.rstrip("/").lower()
    return inner == outer or inner.startswith(outer + "/")


def reaches(world: World, outer: str, inner: str) -> bool:
    """Whether `inner` is the scope `outer` or lies below it, also in a subscription of a management group."""
    if covers(outer, inner):
        return True
    group = group_of(outer)
    return bool(group) and group.lower() in (each.name.lower() for each in chain(world, inner))


def chain(world: World, scope: str) -> Iterator[ManagementGroup]:
    """The management groups that a scope lies in, the nearest first. A management group lies in itself."""
    parts = scope.lower().split("/")
    in_subscription = len(parts) > 2 and parts[1] == "subscriptions"
    name = world.subscription_parents.get(parts[2], TENANT) if in_subscription else group_of(scope)
    group = world.management_groups.get(name.lower())
    while group:
        yield group
        group = world.management_groups.get(group.parent.lower())


def group_of(scope: str) -> str:
    """The name of the management group that a scope is, or is made in; nothing for any other scope."""
    match = _GROUP.fullmatch(scope)
    return match[1] if match else ""


def add_management_group(
    world: World, name: str, parent: str = "", subscriptions: Iterable[str] = ()
) -> ManagementGroup:
    """A management group below another (the root, unless told), with subscriptions moved into it."""
    if parent and parent.lower() not in world.management_groups:
        raise ValueError(f"There is no management group '{parent}'.")
    group = ManagementGroup(name, name, parent or TENANT)
    world.management_groups[name.lower()] = group
    for subscription in subscriptions:
        if subscription.lower() not in world.subscriptions:
            raise ValueError(f"There is no subscription '{subscription}'.")
        world.subscription_parents[subscription.lower()] = name
    return group
