"""Managed HSMs through Azure Resource Manager, their keys, and their local role-based access control.

From the specification and the documentation (facts: service.md 1.1, row 8); not recorded. PUT creates and activates
an HSM immediately; in Azure that takes minutes, and requires downloading the security domain.
"""

from __future__ import annotations

from typing import Any

from sandbox.core.clock import iso
from sandbox.core.web import AzureError, Reply, Request, Router
from sandbox.key_vault import data_plane, hsm_store
from sandbox.key_vault.data_plane import user_of
from sandbox.key_vault.hsm_store import LOCAL_ROLES, LocalAssignment, ManagedHsm
from sandbox.key_vault.key_material import Key
from sandbox.key_vault.key_store import HSM_SUFFIX, find_store
from sandbox.key_vault.vault_keys import check_shown, create_key, version_document
from sandbox.key_vault.vault_keys import document as key_document
from sandbox.resource_manager.access import require
from sandbox.resource_manager.arm import HOST, not_found
from sandbox.resource_manager.common import SystemData, body_of, location_of
from sandbox.resource_manager.hierarchy import covers
from sandbox.world import World

router = Router()
TYPE = "Microsoft.KeyVault/managedHSMs"
_BELOW = f"/providers/{TYPE}"
_GROUP = "/subscriptions/{subscription}/resourceGroups/{group}"
_HSM = f"{_GROUP}{_BELOW}/{{name}}"
_ROLES = "/{scope:path}/providers/Microsoft.Authorization"
_ROOT_ROLES = "/providers/Microsoft.Authorization"


@router.route("PUT", HOST, _HSM)
def put(world: World, request: Request) -> Reply:
    require(world, request.caller, f"{TYPE}/write", request.path)
    body = body_of(request)
    existing = world.managed_hsms.get(request.path.lower())
    location = location_of(body, existing, request.params["group"])
    wanted = body.get("properties") or {}
    hsm = existing or _create(world, request, location, wanted)
    hsm.tags = body.get("tags") or {}
    hsm.network_acls = wanted.get("networkAcls", hsm.network_acls)
    hsm.public_network_access = wanted.get("publicNetworkAccess") or "Enabled"
    return Reply(200 if existing else 201, document(hsm))


@router.route("GET", HOST, _HSM)
def get(world: World, request: Request) -> Reply:
    require(world, request.caller, f"{TYPE}/read", request.path)
    return Reply(200, document(_existing(world, request)))


@router.route("GET", HOST, f"{_GROUP}{_BELOW}")
@router.route("GET", HOST, f"/subscriptions/{{subscription}}{_BELOW}")
def list_hsms(world: World, request: Request) -> Reply:
    scope = request.path[: request.path.lower().index(_BELOW.lower())]
    require(world, request.caller, f"{TYPE}/read", scope)
    return Reply(200, {"value": [document(hsm) for hsm in world.managed_hsms.values() if covers(scope, hsm.id)]})


@router.route("GET", HOST, "/subscriptions/{subscription}/providers/Microsoft.KeyVault/deletedManagedHSMs")
def list_deleted(world: World, request: Request) -> Reply:
    """Always empty: the sandbox does not delete single managed HSMs. (`az keyvault list-deleted` requests it.)"""
    scope = f"/subscriptions/{request.params['subscription']}"
    require(world, request.caller, "Microsoft.KeyVault/deletedManagedHsms/read", scope)
    return Reply(200, {"value": []})


@router.route("PUT", HOST, f"{_HSM}/keys/{{key}}")
def create_key_if_not_exist(world: World, request: Request) -> Reply:
    require(world, request.caller, f"{TYPE}/keys/write", request.path)
    hsm, body = _existing(world, request), body_of(request)
    key = hsm.keys.get(request.params["key"].lower())
    if key is None:
        key = create_key(world, hsm, request.params["key"], body.get("properties") or {}, body.get("tags") or {})
    return Reply(200, key_document(hsm, key))


@router.route("GET", HOST, f"{_HSM}/keys")
def list_keys(world: World, request: Request) -> Reply:
    require(world, request.caller, f"{TYPE}/keys/read", request.path)
    hsm = _existing(world, request)
    return Reply(200, {"value": [key_document(hsm, key) for key in hsm.keys.values()]})


@router.route("GET", HOST, f"{_HSM}/keys/{{key}}")
def get_key(world: World, request: Request) -> Reply:
    require(world, request.caller, f"{TYPE}/keys/read", request.path)
    hsm, key = _existing_key(world, request)
    check_shown(world, [key.latest])
    return Reply(200, key_document(hsm, key))


@router.route("GET", HOST, f"{_HSM}/keys/{{key}}/versions")
def list_versions(world: World, request: Request) -> Reply:
    require(world, request.caller, f"{TYPE}/keys/versions/read", request.path)
    hsm, key = _existing_key(world, request)
    check_shown(world, key.versions, listed=True)
    return Reply(200, {"value": [version_document(hsm, key, version) for version in key.versions]})


@router.route("GET", HOST, f"{_HSM}/keys/{{key}}/versions/{{version}}")
def get_version(world: World, request: Request) -> Reply:
    require(world, request.caller, f"{TYPE}/keys/versions/read", request.path)
    hsm, key = _existing_key(world, request)
    version = key.version(request.params["version"])
    if version is None:
        names = (hsm.name, key.name, request.params["version"])
        raise not_found(f"{TYPE}/keys/versions", names, request.params["group"])
    check_shown(world, [version])
    return Reply(200, version_document(hsm, key, version))


@data_plane.serve(router, "GET", f"{_ROLES}/roleDefinitions", f"{_ROOT_ROLES}/roleDefinitions", suffixes=(HSM_SUFFIX,))
def list_role_definitions(world: World, hsm: ManagedHsm, request: Request) -> Reply:
    _require_local(world, hsm, request, "roleDefinitions/read/action")
    return Reply(200, {"value": [_role(role) for role in LOCAL_ROLES]})


@data_plane.serve(
    router, "GET", f"{_ROLES}/roleDefinitions/{{id}}", f"{_ROOT_ROLES}/roleDefinitions/{{id}}", suffixes=(HSM_SUFFIX,)
)
def get_role_definition(world: World, hsm: ManagedHsm, request: Request) -> Reply:
    _require_local(world, hsm, request, "roleDefinitions/read/action")
    role = request.params["id"].lower()
    if role not in LOCAL_ROLES:
        raise AzureError(404, "RoleDefinitionNotFound", f"The role definition {role} does not exist.")
    return Reply(200, _role(role))


@data_plane.serve(router, "GET", f"{_ROLES}/roleAssignments", f"{_ROOT_ROLES}/roleAssignments", suffixes=(HSM_SUFFIX,))
def list_role_assignments(world: World, hsm: ManagedHsm, request: Request) -> Reply:
    _require_local(world, hsm, request, "roleAssignments/read/action")
    return Reply(200, {"value": [_assignment(made) for made in hsm.assignments.values()]})


@data_plane.serve(
    router, "PUT", f"{_ROLES}/roleAssignments/{{id}}", f"{_ROOT_ROLES}/roleAssignments/{{id}}", suffixes=(HSM_SUFFIX,)
)
def put_role_assignment(world: World, hsm: ManagedHsm, request: Request) -> Reply:
    _require_local(world, hsm, request, "roleAssignments/write/action")
    wanted = body_of(request).get("properties") or {}
    role = str(wanted.get("roleDefinitionId", "")).rsplit("/", 1)[-1].lower()
    if role not in LOCAL_ROLES:
        raise AzureError(400, "BadParameter", f"The role definition {role} does not exist.")
    if request.params["id"].lower() in hsm.assignments:
        raise AzureError(409, "RoleAssignmentExists", "The role assignment already exists.")
    scope = "/" + (request.params.get("scope") or "").strip("/")
    made = LocalAssignment(request.params["id"], scope, role, str(wanted.get("principalId")), world.now())
    hsm.assignments[made.name.lower()] = made
    return Reply(201, _assignment(made))


@data_plane.serve(
    router,
    "GET DELETE",
    f"{_ROLES}/roleAssignments/{{id}}",
    f"{_ROOT_ROLES}/roleAssignments/{{id}}",
    suffixes=(HSM_SUFFIX,),
)
def get_or_delete_role_assignment(world: World, hsm: ManagedHsm, request: Request) -> Reply:
    verb = "read" if request.method == "GET" else "delete"
    _require_local(world, hsm, request, f"roleAssignments/{verb}/action")
    made = hsm.assignments.get(request.params["id"].lower())
    if made is None:
        raise AzureError(404, "RoleAssignmentNotFound", f"The role assignment {request.params['id']} does not exist.")
    if request.method == "DELETE":
        made.removed = world.now()
        hsm.removed.append(hsm.assignments.pop(made.name.lower()))
    return Reply(200, _assignment(made))


def document(hsm: ManagedHsm) -> dict[str, Any]:
    return {
        "id": hsm.id,
        "name": hsm.name,
        "type": TYPE,
        "location": hsm.location,
        "tags": hsm.tags,
        "sku": {"family": "B", "name": "Standard_B1"},
        "systemData": hsm.system.document(lambda moment: iso(moment, digits=3)),
        "properties": {
            "tenantId": hsm.tenant_id,
            "hsmUri": f"{hsm.uri}/",
            "initialAdminObjectIds": hsm.administrators,
            "enableSoftDelete": True,
            "softDeleteRetentionInDays": hsm.retention_days,
            "enablePurgeProtection": hsm.purge_protection,
            "provisioningState": "Succeeded",
            "statusMessage": "The Managed HSM is provisioned and ready to use.",
            "publicNetworkAccess": hsm.public_network_access,
            "networkAcls": hsm.network_acls or {"bypass": "AzureServices", "defaultAction": "Allow"},
            "securityDomainProperties": {"activationStatus": "Active", "activationStatusMessage": ""},
        },
    }


def remove_below(world: World, scope: str) -> None:
    for hsm in [hsm for hsm in world.managed_hsms.values() if covers(scope, hsm.id)]:
        del world.managed_hsms[hsm.id.lower()]


def pass_time(world: World) -> None:
    for hsm in world.managed_hsms.values():
        hsm.pass_time(world.now())


def _create(world: World, request: Request, location: str, wanted: dict[str, Any]) -> ManagedHsm:
    params = request.params
    hsm = ManagedHsm(
        id=f"/subscriptions/{params['subscription']}/resourceGroups/{params['group']}{_BELOW}/{params['name']}",
        name=params["name"],
        location=location,
        tags={},
        system=SystemData.by(world, request.caller),
        retention_days=wanted.get("softDeleteRetentionInDays") or 90,
        purge_protection=wanted.get("enablePurgeProtection") is True,
        tenant_id=world.tenant_of(request.path),
        administrators=list(wanted.get("initialAdminObjectIds") or ()),
    )
    if find_store(world, hsm.host):
        raise AzureError(409, "ManagedHsmAlreadyExists", f"The managed HSM name '{hsm.name}' is already in use.")
    for administrator in hsm.administrators:
        name = world.new_guid()
        hsm.assignments[name] = LocalAssignment(name, "/", hsm_store.ADMINISTRATOR, administrator, world.now())
    world.managed_hsms[hsm.id.lower()] = hsm
    return hsm


def _existing(world: World, request: Request) -> ManagedHsm:
    params = request.params
    hsm_id = f"/subscriptions/{params['subscription']}/resourceGroups/{params['group']}{_BELOW}/{params['name']}"
    hsm = world.managed_hsms.get(hsm_id.lower())
    if hsm is None:
        raise not_found(TYPE, (params["name"],), params["group"])
    return hsm


def _existing_key(world: World, request: Request) -> tuple[ManagedHsm, Key]:
    hsm = _existing(world, request)
    key = hsm.keys.get(request.params["key"].lower())
    if key is None:
        raise not_found(f"{TYPE}/keys", (hsm.name, request.params["key"]), request.params["group"])
    return hsm, key


def _require_local(world: World, hsm: ManagedHsm, request: Request, action: str) -> None:
    user, full = user_of(request), f"Microsoft.KeyVault/managedHsm/{action}"
    if not hsm.allows({user.object_id.lower()}, full, "/", world.now(), world.now()):
        message = f"User {user.object_id} does not have permission to perform {full} on /."
        raise AzureError(403, "Forbidden", message, inner="ForbiddenByRbac")


def _role(role: str) -> dict[str, Any]:
    name, actions = LOCAL_ROLES[role]
    permissions = [{"actions": [], "notActions": [], "dataActions": list(actions), "notDataActions": []}]
    return {
        "id": f"Microsoft.KeyVault/providers/Microsoft.Authorization/roleDefinitions/{role}",
        "name": role,
        "type": "Microsoft.Authorization/roleDefinitions",
        "properties": {
            "roleName": name,
            "type": "AKVBuiltInRole",
            "description": "",
            "assignableScopes": ["/"],
            "permissions": permissions,
        },
    }


def _assignment(made: LocalAssignment) -> dict[str, Any]:
    return {
        "id": f"{made.scope.rstrip('/')}/providers/Microsoft.Authorization/roleAssignments/{made.name}",
        "name": made.name,
        "type": "Microsoft.Authorization/roleAssignments",
        "properties": {
            "scope": made.scope,
            "roleDefinitionId": f"Microsoft.KeyVault/providers/Microsoft.Authorization/roleDefinitions/{made.role}",
            "principalId": made.principal_id,
        },
    }
