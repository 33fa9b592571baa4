"""Who may do what: Azure role-based access control over the world's role assignments.

Facts: an assignment applies to its scope and everything below; a role grants what its `actions` match and its
`notActions` do not; data actions are separate, so Owner (`actions: *`) can't use a key; group members have the group's
roles. Conditions on assignments are stored, not evaluated. A deny assignment overrides every role (documentation:
role-based-access-control/deny-assignments); it takes effect with the same delay as a role assignment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from sandbox.core.web import AzureError, Caller
from sandbox.resource_manager.hierarchy import reaches
from sandbox.world import DenyAssignment, RoleAssignment, World

GATEWAY = {"x-ms-failure-cause": "gateway"}
EVERYONE = "00000000-0000-0000-0000-000000000000"  # the principal of type SystemDefined that represents everyone
RESOURCE_MANAGER = "resource-manager"  # polls providers for a deployment's resources; no user


def require(world: World, caller: Caller, action: str, scope: str) -> None:
    """Raise Azure Resource Manager's error if the caller has no permission for `action` at `scope`.

    The text about deny assignments is quoted in documentation and user reports (AKS node resource groups, managed
    applications); their Id in it is the GUID without dashes.
    """
    if not _granted(world, caller.object_id, action, scope):
        message = (
            f"{_client(caller)} does not have authorization to perform action '{action}' over scope '{scope}' or the "
            "scope is invalid. If access was recently granted, please refresh your credentials."
        )
        raise AzureError(403, "AuthorizationFailed", message, headers=GATEWAY)
    denied = denial(world, caller.object_id, action, scope)
    if denied:
        message = (
            f"{_client(caller)} has permission to perform action '{action}' on scope '{scope}'; however, the access is "
            f"denied because of the deny assignment with name '{denied.display_name}' and Id '{compact(denied.name)}' "
            f"at scope '{denied.scope}'."
        )
        raise AzureError(403, "DenyAssignmentAuthorizationFailed", message, headers=GATEWAY)


def require_linked(
    world: World, caller: Caller, action_done: str, scope: str, linked_action: str, linked_scope: str
) -> None:
    """Reject a write at `scope` that refers to `linked_scope` if the caller can't perform `linked_action` there."""
    if allowed(world, caller.object_id, linked_action, linked_scope):
        return
    on = f"on the linked scope(s) '{linked_scope}' or the linked scope(s) are invalid"
    if _granted(world, caller.object_id, linked_action, linked_scope):  # message from a user report (ARO-RP #423)
        on = (
            "on the '0' linked scope(s) '' or the linked scope(s) are invalid and is blocked by deny assignments on "
            f"the '1' linked scope(s) '{linked_scope}'"
        )
    message = (
        f"{_client(caller)} has permission to perform action '{action_done}' on scope '{scope}'; however, it does not "
        f"have permission to perform action '{linked_action}' {on}."
    )
    raise AzureError(403, "LinkedAuthorizationFailed", message, headers=GATEWAY)


def allowed(world: World, object_id: str, action: str, scope: str) -> bool:
    """Whether a principal has permission for a control plane action. A new assignment takes effect immediately."""
    return _allowed(world, object_id, action, scope)


def allowed_control_keys(world: World, object_id: str, action: str, scope: str) -> bool:
    """The same for ARM keys, where Key Vault uses its own, delayed copy of the assignments."""
    return _allowed(world, object_id, action, scope, min_age=world.settings.control_role_seconds)


def allowed_data(world: World, object_id: str, data_action: str, scope: str) -> bool:
    """Whether a principal has permission for a data action.

    New assignments count after `settings.role_seconds`, removed ones for `settings.role_removal_seconds` more.
    """
    return _allowed(world, object_id, data_action, scope, data=True, min_age=world.settings.role_seconds)


def denial(
    world: World, object_id: str, action: str, scope: str, *, data: bool = False, min_age: float = 0
) -> DenyAssignment | None:
    """The deny assignment that denies a principal an action at a scope, or None."""
    if object_id == RESOURCE_MANAGER:
        return None
    names, latest = identities_of(world, object_id), world.now() - min_age
    for denied in world.deny_assignments.values():
        in_force = _is_enforced(denied) and denied.created <= latest and _concerns(denied, names)
        if not in_force or not applies(world, denied, scope):
            continue
        if any(_includes(block, action, data) for block in denied.permissions):
            return denied
    return None


def denials_of(world: World, object_id: str, action: str) -> list[DenyAssignment]:
    """The deny assignments that forbid a principal a control-plane action, wherever that is."""
    names = identities_of(world, object_id)
    return [
        denied
        for denied in world.deny_assignments.values()
        if _is_enforced(denied)
        and _concerns(denied, names)
        and any(_includes(block, action, data=False) for block in denied.permissions)
    ]


def permissions_at(world: World, object_id: str, scope: str) -> list[dict[str, Any]]:
    """The permission blocks of all roles that a principal has at a scope."""
    return [block for role in _assignments_of(world, object_id, scope, 0) for block in _blocks(world, role)]


def identities_of(world: World, object_id: str) -> set[str]:
    """A principal and the groups it is in, directly or through other groups."""
    found: set[str] = set()
    waiting = [object_id]
    while waiting:
        current = waiting.pop().lower()
        if current not in found:
            found.add(current)
            principal = world.principals.get(current)
            waiting.extend(principal.groups if principal else ())
    return found


def assignments_of(world: World, object_id: str) -> list[RoleAssignment]:
    """The role assignments of a principal and of the groups it is in, wherever they are."""
    return [each for name in identities_of(world, object_id) for each in world.role_assignments.of(name)]


def scopes_granted(world: World, object_id: str, action: str) -> set[str]:
    """Where a principal's roles give it a control-plane action: there, and below."""
    return {
        assignment.scope
        for assignment in assignments_of(world, object_id)
        if any(_includes(block, action, data=False) for block in _blocks(world, assignment))
    }


def matches(pattern: str, action: str) -> bool:
    """Whether an action matches a pattern of a role definition."""
    return _regex(pattern).fullmatch(action) is not None


def compact(guid: str) -> str:
    """A GUID as messages of Microsoft.Authorization write it."""
    return guid.replace("-", "")


def _client(caller: Caller) -> str:
    return f"The client '{caller.name or caller.app_id}' with object id '{caller.object_id}'"


def _allowed(world: World, object_id: str, action: str, scope: str, **how: Any) -> bool:
    return _granted(world, object_id, action, scope, **how) and not denial(world, object_id, action, scope, **how)


def _granted(world: World, object_id: str, action: str, scope: str, *, data: bool = False, min_age: float = 0) -> bool:
    if object_id == RESOURCE_MANAGER:
        return True
    assignments = [*_assignments_of(world, object_id, scope, min_age)]
    assignments += _removed_of(world, object_id, scope) if data else []
    return any(_includes(block, action, data) for given in assignments for block in _blocks(world, given))


def _removed_of(world: World, object_id: str, scope: str) -> list[RoleAssignment]:
    """The removed assignments that the data plane still goes by."""
    names, earliest = identities_of(world, object_id), world.now() - world.settings.role_removal_seconds
    return [
        assignment
        for removed, assignment in world.removed_assignments
        if removed > earliest and assignment.principal_id.lower() in names and reaches(world, assignment.scope, scope)
    ]


def _includes(block: dict[str, Any], action: str, data: bool) -> bool:
    """Whether a permission block, of a role or of a deny assignment, includes an action and does not exclude it."""
    given, exempted = ("dataActions", "notDataActions") if data else ("actions", "notActions")
    named = any(matches(pattern, action) for pattern in block.get(given) or ())
    return named and not any(matches(pattern, action) for pattern in block.get(exempted) or ())


def _is_enforced(denied: DenyAssignment) -> bool:
    """Whether it has an effect. A condition is stored, and is never true."""
    return denied.effect == "enforced" and denied.condition is None


def _concerns(denied: DenyAssignment, names: set[str]) -> bool:
    subjects = {principal["id"].lower() for principal in denied.principals}
    exempt = {principal["id"].lower() for principal in denied.excluded}
    return (EVERYONE in subjects or bool(subjects & names)) and not exempt & names


def applies(world: World, denied: DenyAssignment, scope: str) -> bool:
    """Whether a deny assignment holds at a scope."""
    if denied.own_scope_only:
        return denied.scope.rstrip("/").lower() == scope.rstrip("/").lower()
    return reaches(world, denied.scope, scope)


def _assignments_of(world: World, object_id: str, scope: str, min_age: float) -> Iterator[RoleAssignment]:
    latest = world.now() - min_age
    names = identities_of(world, object_id)
    for assignment in (each for name in names for each in world.role_assignments.perhaps_at(name, scope)):
        in_force = not min_age or assignment.created <= latest
        if in_force and reaches(world, assignment.scope, scope):
            yield assignment


def _blocks(world: World, assignment: RoleAssignment) -> list[dict[str, Any]]:
    definition = world.role_definitions.get(assignment.role_definition_id.rsplit("/", 1)[-1].lower())
    return definition["permissions"] if definition else []


@lru_cache(maxsize=4096)
def _regex(pattern: str) -> re.Pattern[str]:
    # `vaults/*/read` includes `vaults/read`: Key Vault Reader can read the vault itself, and Managed Identity
    # Operator has `userAssignedIdentities/*/assign/action` only.
    escaped = re.escape(pattern).replace(r"/\*/", "/(.*/)?").replace(r"\*", ".*")
    return re.compile(escaped, re.IGNORECASE)
