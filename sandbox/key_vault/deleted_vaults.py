"""Soft-deleted vaults and the names of vaults (recordings vault_purge_*)."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from sandbox.core.clock import iso
from sandbox.core.web import AzureError, Reply, Request, Router
from sandbox.key_vault import rules
from sandbox.key_vault.key_store import DeletedVault, find_vault
from sandbox.key_vault.vaults import SERVICE_VERSION
from sandbox.resource_manager.access import require
from sandbox.resource_manager.arm import HOST
from sandbox.resource_manager.common import body_of
from sandbox.world import Operation, World

router = Router()
_PROVIDER = "/subscriptions/{subscription}/providers/Microsoft.KeyVault"
_DELETED = f"{_PROVIDER}/locations/{{location}}/deletedVaults/{{name}}"


@router.route("POST", HOST, f"{_PROVIDER}/checkNameAvailability")
def check_name_availability(world: World, request: Request) -> Reply:
    scope = f"/subscriptions/{request.params['subscription']}"
    require(world, request.caller, "Microsoft.KeyVault/checkNameAvailability/read", scope)
    name = str(body_of(request).get("name") or "")
    try:
        rules.check_name(name)
    except AzureError as error:
        return _name_answer("AccountNameInvalid", error.message)
    if find_vault(world, name) or name.lower() in world.deleted_vaults:
        return _name_answer("AlreadyExists", rules.name_taken(name).message)
    return Reply(200, {"nameAvailable": True}, dict(SERVICE_VERSION))


@router.route("GET", HOST, f"{_PROVIDER}/deletedVaults")
def list_deleted(world: World, request: Request) -> Reply:
    subscription = request.params["subscription"]
    require(world, request.caller, "Microsoft.KeyVault/deletedVaults/read", f"/subscriptions/{subscription}")
    shown = [
        document(deleted)
        for deleted in world.deleted_vaults.values()
        if rules.same_place(deleted, subscription, deleted.vault.location)
    ]
    return Reply(200, {"value": shown}, dict(SERVICE_VERSION))


@router.route("GET", HOST, _DELETED)
def get_deleted(world: World, request: Request) -> Reply:
    require(world, request.caller, "Microsoft.KeyVault/locations/deletedVaults/read", request.path)
    return Reply(200, document(_find(world, request)), dict(SERVICE_VERSION))


@router.route("POST", HOST, f"{_DELETED}/purge")
def purge(world: World, request: Request) -> Reply:
    scope = request.path.rsplit("/", 1)[0]
    require(world, request.caller, "Microsoft.KeyVault/locations/deletedVaults/purge/action", scope)
    deleted = _find(world, request)
    if deleted.vault.purge_protection:
        raise AzureError(405, "MethodNotAllowed", "Operation 'DeletedVaultPurge' is not allowed.")
    operation = Operation(
        id=f"purge-{world.new_guid()}",
        kind="NotStarted",
        due=world.now() + world.settings.vault_dns_seconds,  # the duration of a purge is not recorded
        finish=lambda: world.deleted_vaults.pop(deleted.vault.name.lower(), None),
    )
    world.operations[operation.id] = operation
    return Reply(202, None, _location(request, operation))


@router.route("GET", HOST, f"{_PROVIDER}/locations/{{location}}/operationResults/{{operation}}")
def purge_result(world: World, request: Request) -> Reply:
    scope = f"/subscriptions/{request.params['subscription']}"
    require(world, request.caller, "Microsoft.KeyVault/locations/operationResults/read", scope)
    operation = world.operations.get(request.params["operation"].lower())
    if operation is None:
        raise AzureError(404, "NotFound", f"The operation '{request.params['operation']}' could not be found.")
    if operation.settle(world.now()) == "Succeeded":
        return Reply(200, None, dict(SERVICE_VERSION))
    created = datetime.fromtimestamp(world.now(), timezone.utc)
    answer = {"createdDateTime": f"{created:%Y-%m-%d %H:%M:%S}Z", "status": operation.kind}
    return Reply(202, answer, _location(request, operation))


def document(deleted: DeletedVault) -> dict[str, Any]:
    """A deleted vault, by the specification."""
    vault = deleted.vault
    subscription = vault.id.split("/")[2]
    properties: dict[str, Any] = {
        "vaultId": vault.id,
        "location": vault.location,
        "tags": vault.tags,
        "deletionDate": iso(deleted.deleted, digits=0).replace(".", ""),
        "scheduledPurgeDate": iso(deleted.purge_at, digits=0).replace(".", ""),
    }
    if vault.purge_protection:
        properties["purgeProtectionEnabled"] = True
    return {
        "id": f"/subscriptions/{subscription}/providers/Microsoft.KeyVault/locations/{vault.location}/deletedVaults/"
        f"{vault.name}",
        "name": vault.name,
        "type": "Microsoft.KeyVault/deletedVaults",
        "properties": properties,
    }


def _find(world: World, request: Request) -> DeletedVault:
    name = request.params["name"]
    deleted = world.deleted_vaults.get(name.lower())
    location = request.params["location"].replace(" ", "").lower()
    if deleted is None or not rules.same_place(deleted, request.params["subscription"], location):
        raise AzureError(404, "DeletedVaultNotFound", f"The specified deleted vault '{name}' does not exist.")
    return deleted


def _name_answer(reason: str, message: str) -> Reply:
    return Reply(200, {"nameAvailable": False, "reason": reason, "message": message}, dict(SERVICE_VERSION))


def _location(request: Request, operation: Operation) -> dict[str, str]:
    params = request.params
    url = (
        f"https://{HOST}/subscriptions/{params['subscription']}/providers/Microsoft.KeyVault/locations/"
        f"{params['location']}/operationResults/{operation.id}?api-version={request.query['api-version']}"
    )
    return SERVICE_VERSION | {"Location": url}
