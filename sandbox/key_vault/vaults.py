"""Key vaults through Azure Resource Manager: create, update, read, list, delete, and access policies.

Bodies follow the recordings vault_*; messages follow facts service.md 2.2. From memory, not recorded: messages about
names, retention and `enableSoftDelete`.
"""

from __future__ import annotations

from typing import Any

from sandbox.core.clock import iso
from sandbox.core.web import AzureError, Reply, Request, Router
from sandbox.key_vault import rules
from sandbox.key_vault.key_material import DAY
from sandbox.key_vault.key_store import DeletedVault, Vault, find_vault
from sandbox.resource_manager.access import require
from sandbox.resource_manager.arm import HOST, not_found
from sandbox.resource_manager.common import SystemData, body_of, location_of
from sandbox.resource_manager.hierarchy import covers
from sandbox.world import World

router = Router()
TYPE = "Microsoft.KeyVault/vaults"
SERVICE_VERSION = {"x-ms-keyvault-service-version": "1.5.1232.0"}
_BELOW = "/providers/Microsoft.KeyVault/vaults"
_GROUP = "/subscriptions/{subscription}/resourceGroups/{group}"
_VAULT = f"{_GROUP}{_BELOW}/{{name}}"


@router.route("PUT", HOST, _VAULT)
def put(world: World, request: Request) -> Reply:
    require(world, request.caller, f"{TYPE}/write", request.path)
    body = body_of(request)
    existing = world.vaults.get(request.path.lower())
    location = location_of(body, existing, request.params["group"])
    properties = rules.required_properties(world, body)
    if existing:
        return _update(world, request, existing, body, whole=True)
    recovering = str(properties.get("createMode", "")).lower() == "recover"
    _check_name(world, request, location, recovering)
    if recovering:
        return _recover(world, request)
    return _create(world, request, body, location)


@router.route("PATCH", HOST, _VAULT)
def patch(world: World, request: Request) -> Reply:
    require(world, request.caller, f"{TYPE}/write", request.path)
    return _update(world, request, existing_vault(world, request), body_of(request), whole=False)


@router.route("GET", HOST, _VAULT)
def get(world: World, request: Request) -> Reply:
    require(world, request.caller, f"{TYPE}/read", request.path)
    return Reply(200, document(existing_vault(world, request), world.now()), _headers(world))


@router.route("GET", HOST, f"{_GROUP}{_BELOW}")
@router.route("GET", HOST, f"/subscriptions/{{subscription}}{_BELOW}")
def list_vaults(world: World, request: Request) -> Reply:
    scope = request.path[: request.path.lower().index(_BELOW.lower())]
    require(world, request.caller, f"{TYPE}/read", scope)
    shown = [document(vault, world.now()) for vault in world.vaults.values() if covers(scope, vault.id)]
    return Reply(200, {"value": shown}, dict(SERVICE_VERSION))


@router.route("DELETE", HOST, _VAULT)
def delete(world: World, request: Request) -> Reply:
    require(world, request.caller, f"{TYPE}/delete", request.path)
    vault = world.vaults.get(request.path.lower())
    if vault is None:
        return Reply(204)
    soft_delete(world, vault)
    return Reply(200, None, dict(SERVICE_VERSION))


@router.route("PUT", HOST, f"{_VAULT}/accessPolicies/{{change}}")
def change_access_policies(world: World, request: Request) -> Reply:
    """Add, replace or remove access policies without sending the whole vault (specification, not recorded)."""
    require(world, request.caller, f"{TYPE}/accessPolicies/write", vault_id(request))
    vault = existing_vault(world, request)
    given = rules.read_policies((body_of(request).get("properties") or {}).get("accessPolicies") or [])
    policies = rules.combine_policies(vault.access_policies, given, request.params["change"].lower())
    vault.set_policies(policies, world.now())
    vault.system.touch(world, request.caller)
    answer = {
        "id": f"{vault.id}/accessPolicies/",
        "type": f"{TYPE}/accessPolicies",
        "properties": {"accessPolicies": policies},
    }
    return Reply(200, answer, dict(SERVICE_VERSION), ready=world.settings.policy_seconds)


def existing_vault(world: World, request: Request) -> Vault:
    """The vault in a path, or in a path below it."""
    vault = world.vaults.get(vault_id(request).lower())
    if vault is None:
        raise not_found(TYPE, (request.params["name"],), request.params["group"])
    return vault


def document(vault: Vault, now: float) -> dict[str, Any]:
    """A vault as the service returns it. Its URI ends with a slash once the name is in DNS (see vault_create_*)."""
    ready = now >= vault.dns_at
    return {
        "id": vault.id,
        "name": vault.name,
        "type": TYPE,
        "location": vault.location,
        "tags": vault.tags,
        "systemData": vault.system.document(lambda moment: iso(moment, digits=3)),
        "properties": rules.properties(vault)
        | {
            "vaultUri": f"{vault.uri}/" if ready else vault.uri,
            "provisioningState": "Succeeded" if ready else "RegisteringDns",
            "publicNetworkAccess": vault.public_network_access,
        },
    }


def soft_delete(world: World, vault: Vault) -> None:
    """Soft-delete a vault. Its role assignments are deleted permanently (facts: service.md 1.2)."""
    del world.vaults[vault.id.lower()]
    now = world.now()
    world.deleted_vaults[vault.name.lower()] = DeletedVault(vault, now, now + vault.retention_days * DAY)
    gone = [name for name, assignment in world.role_assignments.items() if covers(vault.id, assignment.scope)]
    for name in gone:
        del world.role_assignments[name]


def remove_below(world: World, scope: str) -> None:
    for vault in [vault for vault in world.vaults.values() if covers(scope, vault.id)]:
        soft_delete(world, vault)


def pass_time(world: World) -> None:
    """What Key Vault does automatically: rotate keys by policy, purge deleted vaults and keys after the retention."""
    now = world.now()
    for vault in world.vaults.values():
        vault.pass_time(now)
    for name in [name for name, deleted in world.deleted_vaults.items() if deleted.purge_at <= now]:
        del world.deleted_vaults[name]


def _create(world: World, request: Request, body: dict[str, Any], location: str) -> Reply:
    wanted = body["properties"]
    now, settings = world.now(), world.settings
    ready = settings.vault_answer_seconds + settings.vault_dns_seconds
    vault = Vault(
        id=vault_id(request),
        name=request.params["name"],
        location=location,
        tags=body.get("tags") or {},
        system=SystemData.by(world, request.caller),
        retention_days=rules.retention(wanted, None),
        tenant_id=wanted["tenantId"].lower(),
        rbac=rules.default_model(request.query["api-version"]),
        dns_at=now + ready,
    )
    rules.apply(vault, wanted, whole=True, now=now, new=True)
    world.vaults[vault.id.lower()] = vault
    answer = document(vault, now=vault.dns_at - 1)
    return Reply(200, answer, _headers(world), settings.vault_answer_seconds, ready)


def _update(world: World, request: Request, vault: Vault, body: dict[str, Any], whole: bool) -> Reply:
    wanted = body.get("properties") or {}
    rules.check_update(world, request.caller, vault, wanted)
    rules.apply(vault, wanted, whole=whole, now=world.now())
    if "tags" in body or whole:
        vault.tags = body.get("tags") or {}
    vault.system.touch(world, request.caller)
    return Reply(200, document(vault, world.now()), _headers(world))


def _recover(world: World, request: Request) -> Reply:
    deleted = world.deleted_vaults.pop(request.params["name"].lower())
    vault = deleted.vault
    world.vaults[vault.id.lower()] = vault
    vault.system.touch(world, request.caller)
    return Reply(200, document(vault, world.now()), _headers(world), world.settings.vault_answer_seconds)


def _check_name(world: World, request: Request, location: str, recovering: bool) -> None:
    name = request.params["name"]
    rules.check_name(name)
    if find_vault(world, name):
        raise rules.name_taken(name)
    deleted = world.deleted_vaults.get(name.lower())
    visible = deleted is not None and rules.same_place(deleted, request.params["subscription"], location)
    if deleted and not visible:
        raise rules.name_taken(name)
    if deleted and not (recovering and deleted.vault.id.lower() == request.path.lower()):
        raise AzureError(
            409,
            "ConflictError",
            "A vault with the same name already exists in deleted state. You need to either recover or purge existing "
            "key vault. Follow this link https://go.microsoft.com/fwlink/?linkid=2149745 for more information on soft "
            "delete.",
        )
    if recovering and not deleted:
        # The service's message is not known.
        raise AzureError(404, "VaultNotFound", f"The deleted vault '{name}' could not be found.")


def vault_id(request: Request) -> str:
    params = request.params
    return f"/subscriptions/{params['subscription']}/resourceGroups/{params['group']}{_BELOW}/{params['name']}"


def _headers(world: World) -> dict[str, str]:
    headers = dict(SERVICE_VERSION)
    if world.settings.vault_retry_after is not None:
        headers["Retry-After"] = str(world.settings.vault_retry_after)
    return headers
