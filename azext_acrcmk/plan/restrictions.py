"""Locks and locations that block a plan. Pure."""

from __future__ import annotations

from shlex import quote

from azext_acrcmk.model.ids import short_location
from azext_acrcmk.model.preflight import Lock, Preflight
from azext_acrcmk.model.state import Unknown
from azext_acrcmk.plan.change import Change, Plan
from azext_acrcmk.plan.kinds import CreateIdentity, CreateRegistry, CreateVault
from azext_acrcmk.plan.obstacle import BLOCKED, UNDETERMINED, Obstacle
from azext_acrcmk.plan.permissions import ASSIGN_IDENTITY, OPERATION_READ, Permission, required_permissions

# How many locations are named.
MOST_NAMED = 12


def locked(plan: Plan, seen: Preflight) -> list[Obstacle]:
    """One for each lock that blocks a change of the plan, and one for each scope where locks can't be read."""
    found = []
    for lock in seen.locks:
        if isinstance(lock, Unknown):
            reason = f"Could not determine whether a lock blocks it: {lock.why}"
            found.append(Obstacle(UNDETERMINED, "lock", lock.scope, reason))
        elif forbidden := [change for change in plan.changing if _forbids(lock, change)]:
            steps = ", ".join(dict.fromkeys(change.step for change in forbidden))
            kind = "ReadOnly" if lock.read_only else "CanNotDelete"
            id_ = f"{lock.scope}/providers/Microsoft.Authorization/locks/{lock.name}"
            reason = (
                f"The {kind} lock '{lock.name}' does not allow this change ({steps}). To remove it temporarily: "
                f"az lock delete --ids {quote(id_)}"
            )
            found.append(Obstacle(BLOCKED, "lock", lock.scope, reason))
    return found


def _forbids(lock: Lock, change: Change) -> bool:
    """ReadOnly blocks changes and deletions, CanNotDelete only deletions, at the lock's scope and below (guard facts
    2.1). Neither applies to the data plane of a vault."""
    return any(
        permission.on.within(lock.scope) and (lock.read_only or permission.action.endswith("/delete"))
        for permission in required_permissions(change)
        if can_be_locked(permission)
    )


def can_be_locked(permission: Permission) -> bool:
    """Whether the action of a permission changes the resource that it is on; in a vault, no lock applies."""
    return not permission.data and permission.action not in (ASSIGN_IDENTITY, OPERATION_READ)


def misplaced(plan: Plan, seen: Preflight) -> list[Obstacle]:
    """Each resource to be created in a location that is not available for its subscription."""
    open_to, found = dict(seen.locations), []
    for change in plan.changes:
        if not isinstance(change, (CreateIdentity, CreateVault, CreateRegistry)) or not change.location:
            continue
        names = open_to.get((change.id.subscription, change.id.type.lower()))
        if names and short_location(change.location) not in names:
            others = ", ".join(names[:MOST_NAMED]) + (", ..." if len(names) > MOST_NAMED else "")
            reason = (
                f"The location '{change.location}' is not available for {change.id.type} in this subscription. "
                f"Choose another location with --location: {others}"
            )
            found.append(Obstacle(BLOCKED, change.step, change.resource, reason))
    return found
