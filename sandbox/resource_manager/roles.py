"""Role assignments, their quota, and effective permissions (recordings roleassignment_*; facts: service.md 2.4)."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any

from sandbox.core.clock import iso
from sandbox.core.web import AzureError, Reply, Request, Router
from sandbox.entra.directory import known
from sandbox.resource_manager import arm
from sandbox.resource_manager.access import compact, identities_of, permissions_at, require
from sandbox.resource_manager.hierarchy import covers, reaches
from sandbox.world import TENANT, RoleAssignment, World

router = Router()
_ASSIGNMENTS = "Microsoft.Authorization/roleAssignments"
_LIST = f"{{scope:path}}/providers/{_ASSIGNMENTS}"
_ASSIGNMENT = f"{_LIST}/{{name}}"
_PRINCIPAL_TYPES = ("User", "Group", "ServicePrincipal", "ForeignGroup", "Device")
_ASSIGNED_TO = re.compile(r"assignedTo\('([^']*)'\)", re.IGNORECASE)
_PRINCIPAL = re.compile(r"principalId eq '?([^']*)'?", re.IGNORECASE)

Test = Callable[[RoleAssignment], bool]


@router.route("PUT", arm.HOST, _ASSIGNMENT)
def put(world: World, request: Request) -> Reply:
    """Create a role assignment. It can't be changed; the same request again returns it."""
    require(world, request.caller, f"{_ASSIGNMENTS}/write", request.path)
    wanted = _read(world, request)
    existing = world.role_assignments.get(wanted.id.lower())
    if existing:
        if _triple(existing) != _triple(wanted):
            raise AzureError(
                400,
                "RoleAssignmentUpdateNotPermitted",
                "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
            )
        return Reply(201, document(existing, answer_to_put=True))
    _check_principal(world, request, wanted)
    _check_unique(world, wanted)
    _check_limit(world, wanted)
    world.role_assignments[wanted.id.lower()] = wanted
    return Reply(201, document(wanted, answer_to_put=True), ready=world.settings.role_seconds)


@router.route("GET", arm.HOST, _ASSIGNMENT)
def get(world: World, request: Request) -> Reply:
    require(world, request.caller, f"{_ASSIGNMENTS}/read", request.path)
    assignment = world.role_assignments.get(_id(request).lower())
    if assignment is None:
        name = request.params["name"]
        raise AzureError(404, "RoleAssignmentNotFound", f"The role assignment '{name}' is not found.")
    return Reply(200, document(assignment))


@router.route("DELETE", arm.HOST, _ASSIGNMENT)
def delete(world: World, request: Request) -> Reply:
    require(world, request.caller, f"{_ASSIGNMENTS}/delete", request.path)
    assignment = world.role_assignments.pop(_id(request).lower(), None)
    if assignment is None:
        return Reply(204)
    if world.settings.role_removal_seconds:
        world.removed_assignments.append((world.now(), assignment))
    return Reply(200, document(assignment))


@router.route("GET", arm.HOST, _LIST)
def list_assignments(world: World, request: Request) -> Reply:
    """Assignments at, above and below a scope; `atScope()` leaves out those below."""
    scope = request.params["scope"]
    require(world, request.caller, f"{_ASSIGNMENTS}/read", scope or "/")
    tests = _tests(world, request.query.get("$filter", ""), scope)
    shown = [
        document(assignment)
        for assignment in world.role_assignments.values()
        if all(test(assignment) for test in tests)
        and (reaches(world, assignment.scope, scope) or reaches(world, scope, assignment.scope))
    ]
    return Reply(200, {"value": shown})


@router.route("GET", arm.HOST, "{scope:path}/providers/Microsoft.Authorization/permissions")
def list_permissions(world: World, request: Request) -> Reply:
    """The caller's permissions at a scope: the permission blocks of all its roles.

    Not confirmed: that it requires no permission (`permissions/read` exists), and that it ignores deny assignments.
    """
    blocks = permissions_at(world, request.caller.object_id, request.params["scope"])
    return Reply(200, {"value": blocks})


@router.route(
    "GET", arm.HOST, "/subscriptions/{subscription}/providers/Microsoft.Authorization/roleAssignmentsUsageMetrics"
)
def usage(world: World, request: Request) -> Reply:
    """The number and limit of a subscription's role assignments (specification 2019-08-01-preview and its example).

    The name of the permission follows the pattern of all types; not confirmed.
    """
    scope = f"/subscriptions/{request.params['subscription']}"
    require(world, request.caller, "Microsoft.Authorization/roleAssignmentsUsageMetrics/read", scope)
    limit, count = world.settings.role_assignment_limit, _count(world, scope)
    answer = {
        "subscriptionId": request.params["subscription"],
        "roleAssignmentsLimit": limit,
        "roleAssignmentsCurrentCount": count,
        "roleAssignmentsRemainingCount": max(limit - count, 0),
    }
    return Reply(200, answer)


def document(assignment: RoleAssignment, answer_to_put: bool = False) -> dict[str, Any]:
    moment = iso(assignment.created)
    return {
        "properties": {
            "roleDefinitionId": assignment.role_definition_id,
            "principalId": assignment.principal_id,
            "principalType": assignment.principal_type,
            "scope": assignment.scope,
            "condition": assignment.condition,
            "conditionVersion": "2.0" if assignment.condition else None,
            "createdOn": moment,
            "updatedOn": moment,
            # The response to the PUT does not include the creator, later ones do.
            "createdBy": None if answer_to_put else assignment.created_by,
            "updatedBy": assignment.created_by,
            "delegatedManagedIdentityResourceId": assignment.delegated,
            "description": assignment.description,
        },
        "id": assignment.id,
        "type": _ASSIGNMENTS,
        "name": assignment.name,
    }


def remove_below(world: World, scope: str) -> None:
    """The assignments of a deleted scope are deleted with it."""
    for key, assignment in list(world.role_assignments.items()):
        if covers(scope, assignment.scope):
            del world.role_assignments[key]


def _read(world: World, request: Request) -> RoleAssignment:
    properties = (request.body or {}).get("properties") if isinstance(request.body, dict) else None
    if not properties or not properties.get("roleDefinitionId") or not properties.get("principalId"):
        raise AzureError(400, "BadRequestFormat", "The request was incorrectly formatted.")
    name = request.params["name"]
    if not _is_guid(name):
        text = f"The role assignment ID '{name}' is not valid. The role assignment ID must be a GUID."
        raise AzureError(400, "InvalidRoleAssignmentId", text)
    role = properties["roleDefinitionId"]
    guid = role.rsplit("/", 1)[-1].lower()
    if guid not in world.role_definitions:
        text = f"The specified role definition with ID '{compact(guid)}' does not exist."
        raise AzureError(400, "RoleDefinitionDoesNotExist", text)
    return RoleAssignment(
        id=_id(request),
        name=name,
        scope=request.params["scope"] or "/",
        role_definition_id=role,
        principal_id=properties["principalId"],
        principal_type=properties.get("principalType") or "",
        created=world.now(),
        created_by=request.caller.object_id,
        condition=properties.get("condition"),
        description=properties.get("description"),
        delegated=properties.get("delegatedManagedIdentityResourceId"),
    )


def _check_principal(world: World, request: Request, wanted: RoleAssignment) -> None:
    if wanted.principal_type and wanted.principal_type not in _PRINCIPAL_TYPES:
        raise AzureError(400, "InvalidPrincipalType", f"Principal type '{wanted.principal_type}' is not valid.")
    principal = known(world, wanted.principal_id, typed=bool(wanted.principal_type))
    if principal is None:
        raise AzureError(
            400,
            "PrincipalNotFound",
            f"Principal {compact(wanted.principal_id)} does not exist in the directory {TENANT}. Check that you have "
            "the correct principal ID. If you are creating this principal and then immediately assigning a role, "
            "this error might be related to a replication delay. In this case, set the role assignment principalType "
            "property to a value, such as ServicePrincipal, User, or Group.  See https://aka.ms/docs-principaltype",
        )
    if wanted.principal_type and wanted.principal_type != principal.kind:
        raise AzureError(
            400,
            "UnmatchedPrincipalType",
            f"The PrincipalId '{compact(wanted.principal_id)}' has type '{principal.kind}' , which is different from "
            f"specified PrinciaplType '{wanted.principal_type}'.",  # sic, as the service spells it
        )
    if principal.tenant != request.caller.tenant_id and not wanted.delegated:
        # Azure Lighthouse: of another tenant's managed identity the resource must be named (documentation: Lighthouse,
        # deploy-policy-remediation; the answer is assumed).
        tenant = request.caller.tenant_id
        text = f"Principal {compact(wanted.principal_id)} does not exist in the directory {tenant}."
        raise AzureError(400, "PrincipalNotFound", text)
    wanted.principal_type = principal.kind


def _check_unique(world: World, wanted: RoleAssignment) -> None:
    for other in world.role_assignments.values():
        if _triple(other) == _triple(wanted):
            name = compact(other.name)
            text = f"The role assignment already exists. The ID of the existing role assignment is {name}."
            raise AzureError(409, "RoleAssignmentExists", text)


def _check_limit(world: World, wanted: RoleAssignment) -> None:
    subscription = "/".join(wanted.scope.split("/")[:3])
    if _count(world, subscription) >= world.settings.role_assignment_limit:
        text = "No more role assignments can be created (code: RoleAssignmentLimitExceeded)"
        raise AzureError(400, "RoleAssignmentLimitExceeded", text)


def _count(world: World, subscription: str) -> int:
    return sum(covers(subscription, assignment.scope) for assignment in world.role_assignments.values())


def _triple(assignment: RoleAssignment) -> tuple[str, str, str]:
    role = assignment.role_definition_id.rsplit("/", 1)[-1]
    return assignment.scope.rstrip("/").lower(), role.lower(), assignment.principal_id.lower()


def _tests(world: World, text: str, scope: str) -> list[Test]:
    clauses = [part.strip() for part in re.split(r"\s+and\s+", text) if part.strip()]
    tests: list[Test] = []
    for clause in clauses:
        if clause.lower() == "atscope()":
            tests.append(lambda assignment: reaches(world, assignment.scope, scope))
        elif match := _ASSIGNED_TO.fullmatch(clause):
            names = identities_of(world, match[1])
            # First, as it is the quickest of them.
            tests.insert(0, lambda assignment, names=names: assignment.principal_id.lower() in names)
        elif (match := _PRINCIPAL.fullmatch(clause)) and len(clauses) == 1:
            # `principalId eq` with `atScope()` is rejected (azure-cli calls it a limitation of the API).
            wanted = match[1].lower()
            tests.append(lambda assignment, wanted=wanted: assignment.principal_id.lower() == wanted)
        else:
            text = (
                "The filter is not supported. Supported filters are either 'atScope()' or 'principalId eq '{value}' "
                "or assignedTo('{value}')'."
            )
            raise AzureError(400, "UnsupportedQuery", text)
    return tests


def _id(request: Request) -> str:
    return f"{request.params['scope']}/providers/{_ASSIGNMENTS}/{request.params['name']}"


def _is_guid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False
