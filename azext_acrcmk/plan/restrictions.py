"""What locks and locations forbid of a plan. Pure."""

from __future__ import annotations

from azext_acrcmk.model.ids import short_location, within
from azext_acrcmk.model.preflight import Lock, Preflight
from azext_acrcmk.model.state import Unknown
from azext_acrcmk.plan.change import Change, CreateIdentity, CreateRegistry, CreateVault, Plan
from azext_acrcmk.plan.obstacle import BLOCKED, UNDETERMINED, Obstacle
from azext_acrcmk.plan.permissions import ASSIGN_IDENTITY, OPERATION_READ, Permission, required_permissions

# How many locations are named.
MOST_NAMED = 12


def locked(plan: Plan, seen: Preflight) -> list[Obstacle]:
    """One for each lock that forbids a change of the plan, and one for what can't be read at a place."""
    found = []
    for lock in seen.locks:
        if isinstance(lock, Unknown):
            reason = f"Whether a lock forbids it can't be read: {lock.why}"
            found.append(Obstacle(UNDETERMINED, "lock", lock.scope, reason))
        elif forbidden := [change for change in plan.changing if _forbids(lock, change)]:
            steps = ", ".join(dict.fromkeys(change.step for change in forbidden))
            kind = "ReadOnly" if lock.read_only else "CanNotDelete"
            reason = (
                f"The {kind} lock '{lock.name}' doesn't allow it ({steps}). Have it removed for as long as this takes: "
                f"az lock delete --ids {lock.scope}/providers/Microsoft.Authorization/locks/{lock.name}"
            )
            found.append(Obstacle(BLOCKED, "lock", lock.scope, reason))
    return found


def _forbids(lock: Lock, change: Change) -> bool:
    """ReadOnly forbids what writes and deletes, CanNotDelete what deletes, at the lock's scope and below (guard facts
    2.1). Neither reaches what the data plane of a vault does."""
    return any(
        within(permission.on, lock.scope) and (lock.read_only or permission.action.endswith("/delete"))
        for permission in required_permissions(change)
        if can_be_locked(permission)
    )


def can_be_locked(permission: Permission) -> bool:
    """Whether what a permission is for changes the resource that it is on."""
    return permission.action not in (ASSIGN_IDENTITY, OPERATION_READ)


def misplaced(plan: Plan, seen: Preflight) -> list[Obstacle]:
    """Each resource to be created where its subscription may not have it."""
    open_to, found = dict(seen.locations), []
    for change in plan.changes:
        if not isinstance(change, (CreateIdentity, CreateVault, CreateRegistry)) or not change.location:
            continue
        names = open_to.get((change.id.subscription.lower(), change.id.type.lower()))
        if names and short_location(change.location) not in names:
            others = ", ".join(names[:MOST_NAMED]) + (", ..." if len(names) > MOST_NAMED else "")
            reason = (
                f"'{change.location}' is no location in which the subscription may have {change.id.type}. "
                f"Choose another with --location: {others}"
            )
            found.append(Obstacle(BLOCKED, change.step, change.resource, reason))
    return found
