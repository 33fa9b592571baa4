"""Role definitions: built-in roles, and custom roles with their assignable scopes."""

from __future__ import annotations

import re
from typing import Any

from sandbox.core.clock import iso
from sandbox.core.web import AzureError, Reply, Request, Router
from sandbox.resource_manager import arm
from sandbox.resource_manager.access import require
from sandbox.resource_manager.hierarchy import covers
from sandbox.world import World

router = Router()
_DEFINITIONS = "Microsoft.Authorization/roleDefinitions"
_LIST = f"{{scope:path}}/providers/{_DEFINITIONS}"
_DEFINITION = f"{_LIST}/{{name}}"
_CLAUSE = re.compile(r"(?:(roleName|type) eq '([^']*)'|(atScopeAndBelow\(\)))", re.IGNORECASE)
_BLOCK = ("actions", "notActions", "dataActions", "notDataActions")


@router.route("GET", arm.HOST, _DEFINITION)
def get(world: World, request: Request) -> Reply:
    require(world, request.caller, f"{_DEFINITIONS}/read", request.path)
    guid = request.params["name"].lower()
    properties = world.role_definitions.get(guid)
    if properties is None:
        text = f"The specified role definition with ID '{guid.replace('-', '')}' does not exist."
        raise AzureError(404, "RoleDefinitionDoesNotExist", text)
    return Reply(200, document(guid, properties, request.params["scope"]))


@router.route("GET", arm.HOST, _LIST)
def list_definitions(world: World, request: Request) -> Reply:
    """Role definitions that can be assigned at a scope, or also below it with `atScopeAndBelow()`."""
    scope = request.params["scope"]
    require(world, request.caller, f"{_DEFINITIONS}/read", scope or "/")
    text = request.query.get("$filter", "")
    clauses = [_clause(part.strip(), text) for part in re.split(r"\s+and\s+", text) if part.strip()]
    below = any(clause[3] for clause in clauses)
    shown = [
        document(guid, properties, scope)
        for guid, properties in world.role_definitions.items()
        if _offered(properties, scope, below) and all(_holds(properties, clause) for clause in clauses)
    ]
    return Reply(200, {"value": shown})


@router.route("PUT", arm.HOST, _DEFINITION)
def put(world: World, request: Request) -> Reply:
    guid = request.params["name"].lower()
    properties = (request.body or {}).get("properties") or {}
    scopes = properties.get("assignableScopes") or [request.params["scope"]]
    for scope in scopes:
        require(world, request.caller, f"{_DEFINITIONS}/write", scope)
    existing = world.role_definitions.get(guid, {})
    if existing.get("type") == "BuiltInRole":
        text = f"The role definition '{existing['roleName']}' is built-in and can't be updated."
        raise AzureError(403, "RoleDefinitionIsReadOnly", text)
    name = properties.get("roleName") or ""
    if any(other != guid and entry["roleName"] == name for other, entry in world.role_definitions.items()):
        text = "A role definition cannot be updated with a name that already exists."
        raise AzureError(409, "RoleDefinitionWithSameNameExists", text)
    now = iso(world.now())
    blocks = [{key: block.get(key) or [] for key in _BLOCK} for block in properties.get("permissions") or []]
    world.role_definitions[guid] = {
        "roleName": name,
        "type": "CustomRole",
        "description": properties.get("description") or "",
        "assignableScopes": scopes,
        "permissions": blocks,
        "createdOn": existing.get("createdOn", now),
        "updatedOn": now,
        "createdBy": existing.get("createdBy", request.caller.object_id),
        "updatedBy": request.caller.object_id,
    }
    return Reply(201, document(guid, world.role_definitions[guid], request.params["scope"]))


@router.route("DELETE", arm.HOST, _DEFINITION)
def delete(world: World, request: Request) -> Reply:
    require(world, request.caller, f"{_DEFINITIONS}/delete", request.path)
    guid = request.params["name"].lower()
    properties = world.role_definitions.get(guid)
    if properties is None:
        return Reply(204)
    if any(a.role_definition_id.lower().endswith(guid) for a in world.role_assignments.values()):
        text = "There are existing role assignments referencing role (code: RoleDefinitionHasAssignments)"
        raise AzureError(400, "RoleDefinitionHasAssignments", text)
    return Reply(200, document(guid, world.role_definitions.pop(guid), request.params["scope"]))


def document(guid: str, properties: dict[str, Any], scope: str) -> dict[str, Any]:
    """A role definition. Its ID always starts at the subscription, whatever the scope of the request."""
    home = "/".join(scope.split("/")[:3]) if scope.lower().startswith("/subscriptions/") else ""
    return {
        "properties": properties,
        "id": f"{home}/providers/{_DEFINITIONS}/{guid}",
        "type": _DEFINITIONS,
        "name": guid,
    }


def _offered(properties: dict[str, Any], scope: str, below: bool) -> bool:
    return any(covers(home, scope) or (below and covers(scope, home)) for home in properties["assignableScopes"])


def _clause(part: str, text: str) -> re.Match[str]:
    match = _CLAUSE.fullmatch(part)
    if match is None:
        raise AzureError(400, "UnsupportedQuery", f"The filter '{text}' is not supported.")
    return match


def _holds(properties: dict[str, Any], clause: re.Match[str]) -> bool:
    if clause[3]:
        return True
    field = "roleName" if clause[1].lower() == "rolename" else "type"
    return properties[field].lower() == clause[2].lower()
