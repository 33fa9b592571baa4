"""User-assigned managed identities (recordings identity_put_201, identity_get_200)."""

from __future__ import annotations

import re
from typing import Any

from sandbox.core.web import AzureError, Reply, Request, Router
from sandbox.entra.directory import add_principal
from sandbox.resource_manager import arm
from sandbox.resource_manager.access import allowed, require
from sandbox.resource_manager.catalogue import region
from sandbox.resource_manager.hierarchy import covers
from sandbox.world import Identity, World

router = Router()
TYPE = "Microsoft.ManagedIdentity/userAssignedIdentities"
_LIST = f"/providers/{TYPE}"
_IDENTITY = f"/subscriptions/{{subscription}}/resourcegroups/{{group}}{_LIST}/{{name}}"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{2,127}")


@router.route("PUT", arm.HOST, _IDENTITY)
def put(world: World, request: Request) -> Reply:
    """Create an identity, or update its tags. Other services may not know the principal until it has replicated."""
    require(world, request.caller, f"{TYPE}/write", request.path)
    body = request.body if isinstance(request.body, dict) else {}
    resource_id = _id(request)
    existing = world.identities.get(resource_id.lower())
    if existing:
        existing.tags = body.get("tags") or {}
        return Reply(200, document(existing))
    identity = _create(world, resource_id, request.params["name"], _location(body), body.get("tags") or {})
    return Reply(201, document(identity), {"Location": resource_id}, world.settings.identity_answer_seconds)


@router.route("PATCH", arm.HOST, _IDENTITY)
def patch(world: World, request: Request) -> Reply:
    require(world, request.caller, f"{TYPE}/write", request.path)
    identity = _existing(world, request)
    identity.tags = (request.body or {}).get("tags", identity.tags) or {}
    return Reply(200, document(identity))


@router.route("GET", arm.HOST, _IDENTITY)
def get(world: World, request: Request) -> Reply:
    require(world, request.caller, f"{TYPE}/read", request.path)
    return Reply(200, document(_existing(world, request)))


@router.route("DELETE", arm.HOST, _IDENTITY)
def delete(world: World, request: Request) -> Reply:
    """Delete the identity and its principal. Its role assignments remain, for a principal that no longer exists."""
    require(world, request.caller, f"{TYPE}/delete", request.path)
    identity = world.identities.get(_id(request).lower())
    if identity is None:
        return Reply(204)
    _remove(world, identity)
    return Reply(200)


@router.route("GET", arm.HOST, f"/subscriptions/{{subscription}}{_LIST}")
@router.route("GET", arm.HOST, f"/subscriptions/{{subscription}}/resourcegroups/{{group}}{_LIST}")
def list_identities(world: World, request: Request) -> Reply:
    scope = request.path[: request.path.lower().index(_LIST.lower())]
    shown = [
        document(identity)
        for identity in world.identities.values()
        if covers(scope, identity.id) and allowed(world, request.caller.object_id, f"{TYPE}/read", identity.id)
    ]
    return Reply(200, {"value": shown})


def document(identity: Identity) -> dict[str, Any]:
    return {
        "location": identity.location,
        "tags": identity.tags,
        "id": identity.id,
        "name": identity.name,
        "type": TYPE,
        "properties": {
            "tenantId": identity.tenant,
            "principalId": identity.principal_id,
            "clientId": identity.client_id,
        },
    }


def remove_below(world: World, scope: str) -> None:
    for identity in list(world.identities.values()):
        if covers(scope, identity.id):
            _remove(world, identity)


def _create(world: World, resource_id: str, name: str, location: str, tags: dict[str, str]) -> Identity:
    if not _NAME.fullmatch(name):
        # The service's message was not recorded.
        text = f"The identity name '{name}' is invalid: 3 to 128 letters, digits, '-' or '_'."
        raise AzureError(400, "BadRequest", text)
    tenant = world.tenant_of(resource_id)
    principal = add_principal(world, name=name, tenant=tenant)
    identity = Identity(resource_id, name, location, tags, principal.object_id, principal.app_id, tenant)
    world.identities[resource_id.lower()] = identity
    return identity


def _remove(world: World, identity: Identity) -> None:
    del world.identities[identity.id.lower()]
    world.principals.pop(identity.principal_id, None)


def _existing(world: World, request: Request) -> Identity:
    identity = world.identities.get(_id(request).lower())
    if identity is None:
        raise arm.not_found(TYPE, (request.params["name"],), request.params["group"])
    return identity


def _id(request: Request) -> str:
    params = request.params
    return f"/subscriptions/{params['subscription'].lower()}/resourcegroups/{params['group']}{_LIST}/{params['name']}"


def _location(body: dict[str, Any]) -> str:
    if not body.get("location"):
        raise AzureError(400, "LocationRequired", "The location property is required for this definition.")
    location = region(body["location"])
    if location is None:
        raise AzureError(
            400,
            "LocationNotAvailableForResourceType",
            f"The provided location '{body['location']}' is not available for resource type '{TYPE}'.",
        )
    return location
