"""Resource groups: create, read, tag, list, and delete with all their resources."""

from __future__ import annotations

from typing import Any

from sandbox import services
from sandbox.core.web import AzureError, Reply, Request, Router
from sandbox.resource_manager import arm
from sandbox.resource_manager.access import allowed, require
from sandbox.resource_manager.catalogue import REGIONS, region
from sandbox.resource_manager.hierarchy import covers
from sandbox.world import Operation, ResourceGroup, World

router = Router()
_GROUP = "/subscriptions/{subscription}/resourcegroups/{group}"
_TYPE = "Microsoft.Resources/subscriptions/resourceGroups"
_RETRY_AFTER = "15"  # the Retry-After of a group's deletion in seconds


@router.route("PUT", arm.HOST, _GROUP)
def put(world: World, request: Request) -> Reply:
    require(world, request.caller, f"{_TYPE}/write", request.path)
    location = _location(request)
    group_id = _id(request)
    existing = world.groups.get(group_id.lower())
    if existing and existing.location != location:
        raise AzureError(
            409,
            "InvalidResourceGroupLocation",
            f"Invalid resource group location '{location}'. The Resource group already exists in location "
            f"'{existing.location}'.",
        )
    group = existing or ResourceGroup(group_id, request.params["group"], location, created=world.now())
    group.tags = request.body.get("tags") or {}
    world.groups[group_id.lower()] = group
    return Reply(200 if existing else 201, document(group))


@router.route("PATCH", arm.HOST, _GROUP)
def patch(world: World, request: Request) -> Reply:
    require(world, request.caller, f"{_TYPE}/write", request.path)
    group = _existing(world, request)
    group.tags = (request.body or {}).get("tags", group.tags) or {}
    return Reply(200, document(group))


@router.route("GET", arm.HOST, _GROUP)
def get(world: World, request: Request) -> Reply:
    require(world, request.caller, f"{_TYPE}/read", request.path)
    return Reply(200, document(_existing(world, request)))


@router.route("HEAD", arm.HOST, _GROUP)
def exists(world: World, request: Request) -> Reply:
    require(world, request.caller, f"{_TYPE}/read", request.path)
    return Reply(204 if _id(request).lower() in world.groups else 404)


@router.route("GET", arm.HOST, "/subscriptions/{subscription}/resourcegroups")
def list_groups(world: World, request: Request) -> Reply:
    scope = f"/subscriptions/{request.params['subscription']}"
    shown = [
        document(group)
        for group in world.groups.values()
        if covers(scope, group.id) and allowed(world, request.caller.object_id, f"{_TYPE}/read", group.id)
    ]
    return Reply(200, {"value": shown})


@router.route("DELETE", arm.HOST, _GROUP)
def delete(world: World, request: Request) -> Reply:
    """Delete the group and all its resources: 202 with a Location to poll until it returns 200."""
    require(world, request.caller, f"{_TYPE}/delete", request.path)
    group = _existing(world, request)
    operation = Operation(
        id=f"group-{world.new_guid()}",
        kind="Deleting",
        due=world.now() + world.settings.group_delete_seconds,
        finish=lambda: _remove(world, group),
    )
    world.operations[operation.id] = operation
    return _accepted(request, operation)


@router.route("GET", arm.HOST, "/subscriptions/{subscription}/operationresults/{operation}")
def operation_result(world: World, request: Request) -> Reply:
    operation = world.operations.get(request.params["operation"])
    if operation is None:
        raise AzureError(404, "NotFound", f"The operation '{request.params['operation']}' could not be found.")
    return Reply(200, operation.answer) if operation.done else _accepted(request, operation)


def document(group: ResourceGroup) -> dict[str, Any]:
    return {
        "id": group.id,
        "name": group.name,
        "type": "Microsoft.Resources/resourceGroups",
        "location": group.location,
        "tags": group.tags,
        "properties": {"provisioningState": "Succeeded"},
    }


def _remove(world: World, group: ResourceGroup) -> None:
    services.remove_below(world, group.id)
    world.groups.pop(group.id.lower(), None)


def _accepted(request: Request, operation: Operation) -> Reply:
    location = (
        f"https://{arm.HOST}/subscriptions/{request.params['subscription']}/operationresults/{operation.id}"
        f"?api-version={request.query['api-version']}"
    )
    return Reply(202, None, {"Location": location, "Retry-After": _RETRY_AFTER})


def _existing(world: World, request: Request) -> ResourceGroup:
    group = world.groups.get(_id(request).lower())
    if group is None:
        raise arm.group_not_found(request.params["group"])
    return group


def _id(request: Request) -> str:
    return f"/subscriptions/{request.params['subscription'].lower()}/resourceGroups/{request.params['group']}"


def _location(request: Request) -> str:
    wanted = request.body.get("location") if isinstance(request.body, dict) else None
    if not wanted:
        raise AzureError(400, "LocationRequired", "The location property is required for this definition.")
    location = region(wanted)
    if location is None:
        raise AzureError(
            400,
            "LocationNotAvailableForResourceGroup",
            f"The provided location '{wanted}' is not available for resource group. List of available regions is "
            f"'{','.join(REGIONS)}'.",
        )
    return location
