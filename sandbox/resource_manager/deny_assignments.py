"""Deny assignments, read-only as in api-version 2022-04-01 (specification and example GetDenyAssignmentByScope).

Azure creates them for managed applications, deployment stacks and the like; here the control API does. Creating them
as a user since 2024-07-01-preview (`az role deny-assignment create`) is not supported.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sandbox.core.clock import iso
from sandbox.core.web import AzureError, Reply, Request, Router
from sandbox.resource_manager import arm
from sandbox.resource_manager.access import EVERYONE, identities_of, require
from sandbox.resource_manager.hierarchy import covers, reaches
from sandbox.world import DenyAssignment, World

router = Router()
TYPE = "Microsoft.Authorization/denyAssignments"
_LIST = f"{{scope:path}}/providers/{TYPE}"
_CLAUSE = re.compile(r"(denyAssignmentName|principalId) eq '([^']*)'", re.IGNORECASE)
_ASSIGNED_TO = re.compile(r"assignedTo\('([^']*)'\)", re.IGNORECASE)
_SHOWS_DATES_SINCE = "2024-07-01"  # the SDK of 2022-04-01 has no dates; the version that added them is not confirmed

Test = Callable[[DenyAssignment], bool]


@router.route("GET", arm.HOST, _LIST)
def list_assignments(world: World, request: Request) -> Reply:
    """Deny assignments at, above and below a scope, or matching `$filter` (documentation of List For Scope)."""
    scope = request.params["scope"]
    require(world, request.caller, f"{TYPE}/read", scope or "/")
    tests = _tests(world, request.query.get("$filter", ""), scope)
    found = [
        denied
        for denied in world.deny_assignments.values()
        if (reaches(world, denied.scope, scope) or reaches(world, scope, denied.scope))
        and all(test(denied) for test in tests)
    ]
    return Reply(200, {"value": [document(denied, request.query["api-version"]) for denied in found]})


@router.route("GET", arm.HOST, f"{_LIST}/{{name}}")
def get(world: World, request: Request) -> Reply:
    require(world, request.caller, f"{TYPE}/read", request.path)
    denied = world.deny_assignments.get(request.path.lower())
    if denied is None:  # message and code not confirmed
        name = request.params["name"]
        raise AzureError(404, "DenyAssignmentNotFound", f"The deny assignment '{name}' is not found.")
    return Reply(200, document(denied, request.query["api-version"]))


def document(denied: DenyAssignment, api_version: str) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "denyAssignmentName": denied.display_name,
        "description": denied.description,
        "permissions": denied.permissions,
        "scope": denied.scope,
        "doNotApplyToChildScopes": denied.own_scope_only,
        "principals": denied.principals,
        "excludePrincipals": denied.excluded,
        "isSystemProtected": True,
    }
    if denied.condition:
        properties |= {"condition": denied.condition, "conditionVersion": "2.0"}
    if denied.effect != "enforced":  # not known whether the stable version returns it
        properties["denyAssignmentEffect"] = denied.effect
    if api_version >= _SHOWS_DATES_SINCE:
        moment = iso(denied.created)
        properties |= {"createdOn": moment, "updatedOn": moment, "createdBy": None, "updatedBy": None}
    return {"properties": properties, "id": denied.id, "type": TYPE, "name": denied.name}


def remove_below(world: World, scope: str) -> None:
    for key, denied in list(world.deny_assignments.items()):
        if covers(scope, denied.scope):
            del world.deny_assignments[key]


def _tests(world: World, text: str, scope: str) -> list[Test]:
    return [_test(world, clause.strip(), scope) for clause in re.split(r"\s+and\s+", text) if clause.strip()]


def _test(world: World, clause: str, scope: str) -> Test:
    if clause.lower() == "atscope()":
        return lambda denied: reaches(world, denied.scope, scope)
    if match := _ASSIGNED_TO.fullmatch(clause):  # not documented for deny assignments, but Az.Resources sends it
        names = identities_of(world, match[1]) | {EVERYONE}
        return lambda denied: any(principal["id"].lower() in names for principal in denied.principals)
    match = _CLAUSE.fullmatch(clause)
    if match is None:
        raise AzureError(400, "UnsupportedQuery", f"The filter '{clause}' is not supported.")  # message not confirmed
    wanted = match[2].lower()
    if match[1].lower() == "principalid":
        return lambda denied: any(principal["id"].lower() == wanted for principal in denied.principals)
    return lambda denied: denied.display_name.lower() == wanted
