"""Container registries through Azure Resource Manager (recordings acr_* and old2022_acr_*)."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from sandbox.core.web import AzureError, Reply, Request, Router
from sandbox.registry import conflicts, encryption, identity, rules
from sandbox.registry.record import REGISTRY, TYPE, Registry, document, find_registry
from sandbox.resource_manager.access import require
from sandbox.resource_manager.arm import HOST, not_found
from sandbox.resource_manager.common import SystemData, body_of, location_of, page
from sandbox.resource_manager.hierarchy import covers
from sandbox.world import Operation, World

router = Router()
_BELOW = f"/providers/{TYPE}"
_GROUP = "/subscriptions/{subscription}/resourceGroups/{group}"


@router.route("POST", HOST, "/subscriptions/{subscription}/providers/Microsoft.ContainerRegistry/checkNameAvailability")
def check_name_availability(world: World, request: Request) -> Reply:
    scope = f"/subscriptions/{request.params['subscription']}"
    require(world, request.caller, "Microsoft.ContainerRegistry/checkNameAvailability/read", scope)
    name = str(body_of(request).get("name") or "")
    if not rules.is_legal_name(name):
        answer = {"nameAvailable": False, "reason": "Invalid", "message": rules.NAME_RULE}
    elif find_registry(world, name):
        message = f"The registry {name} is already in use."
        answer = {"nameAvailable": False, "reason": "AlreadyExists", "message": message}
    else:
        answer = {"nameAvailable": True}
    return Reply(200, answer, _headers(request))


@router.route("PUT", HOST, REGISTRY)
def put(world: World, request: Request) -> Reply:
    require(world, request.caller, f"{TYPE}/write", request.path)
    body = body_of(request)
    existing = world.registries.get(request.path.lower())
    location = location_of(body, existing, request.params["group"])
    rules.check_name(world, request.params["name"], existing)
    registry = replace(existing) if existing else _blank(world, request, location)
    # A registry whose creation failed was never encrypted, and can be created again. (Assumed; not recorded.)
    new = existing is None or (existing.encryption is None and existing.creation_failed(world.now()))
    registry.tags = _tags(body)
    change = _apply(world, request, registry, body, new=new, whole=True)
    return _start(world, request, registry, existing, change)


@router.route("PATCH", HOST, REGISTRY)
def patch(world: World, request: Request) -> Reply:
    """Changes of key or identity are asynchronous; all others take effect immediately (facts: wire.md 3.4)."""
    require(world, request.caller, f"{TYPE}/write", request.path)
    existing = _existing(world, request)
    body = body_of(request)
    registry = replace(existing)
    if body.get("tags") is not None:
        registry.tags = _tags(body)
    change = _apply(world, request, registry, body, new=False, whole=False)
    if change.key or change.identities:
        return _start(world, request, registry, existing, change)
    registry.system.touch(world, request.caller)
    world.registries[registry.id.lower()] = registry
    return Reply(200, document(registry, request.query["api-version"], world.now()), _headers(request))


@router.route("GET", HOST, REGISTRY)
def get(world: World, request: Request) -> Reply:
    require(world, request.caller, f"{TYPE}/read", request.path)
    registry = _existing(world, request)
    ended = registry.operation.due if registry.operation and registry.operation.kind == "Creating" else None
    if ended is not None and 0 <= world.now() - ended < world.settings.registry_lag_seconds:
        raise not_found(TYPE, (request.params["name"],), request.params["group"])
    return Reply(200, document(registry, request.query["api-version"], world.now()), _headers(request))


@router.route("GET", HOST, f"{_GROUP}{_BELOW}")
@router.route("GET", HOST, f"/subscriptions/{{subscription}}{_BELOW}")
def list_registries(world: World, request: Request) -> Reply:
    scope = request.path[: request.path.lower().index(_BELOW.lower())]
    require(world, request.caller, f"{TYPE}/read", scope)
    version = request.query["api-version"]
    found = sorted((item for item in world.registries.values() if covers(scope, item.id)), key=lambda item: item.id)
    shown = [document(registry, version, world.now()) for registry in found]
    return Reply(200, page(request, shown, world.settings.registry_page_size), _headers(request))


@router.route("DELETE", HOST, REGISTRY)
def delete(world: World, request: Request) -> Reply:
    require(world, request.caller, f"{TYPE}/delete", request.path)
    registry = world.registries.get(request.path.lower())
    if registry is None:
        return Reply(204, None, _headers(request))
    _remove(world, registry)
    return Reply(200, None, _headers(request))


@router.route("GET", HOST, f"{REGISTRY}/operationStatuses/{{operation}}")
def operation_status(world: World, request: Request) -> Reply:
    registry_id = request.path[: request.path.lower().rindex("/operationstatuses/")]
    require(world, request.caller, f"{TYPE}/operationStatuses/read", registry_id)
    operation = world.operations.get(request.params["operation"].lower())
    if operation is None:
        names = (request.params["name"], request.params["operation"])
        raise not_found(f"{TYPE}/operationStatuses", names, request.params["group"])
    status = operation.settle(world.now())
    answer: dict[str, Any] = {"status": status}
    if status in ("Failed", "Canceled"):
        answer["error"] = operation.error
    return Reply(200, answer, _operation_headers(world, request, registry_id, operation))


def remove_below(world: World, scope: str) -> None:
    for registry in [registry for registry in world.registries.values() if covers(scope, registry.id)]:
        _remove(world, registry)


def pass_time(world: World) -> None:
    encryption.adopt_new_versions(world)


def _tags(body: dict[str, Any]) -> dict[str, str]:
    """The tags of a body; Azure Resource Manager limits values to 256 characters."""
    tags = body.get("tags") or {}
    if too_long := next((value for value in tags.values() if len(value) > 256), None):
        raise AzureError(
            400,
            "InvalidTagValueLength",  # as quoted in github.com/Azure-Samples/azure-search-openai-demo/issues/1997
            f"Tag value too large.  Following tag value '{too_long}' exceeded the maximum length. Maximum allowed "
            "length for tag value - '256' characters.",
        )
    return tags


def _blank(world: World, request: Request, location: str) -> Registry:
    params = request.params
    return Registry(
        id=f"/subscriptions/{params['subscription']}/resourceGroups/{params['group']}{_BELOW}/{params['name']}",
        name=params["name"],
        location=location,
        tags={},
        sku="",
        system=SystemData.by(world, request.caller),
        policies_changed=world.now(),
    )


def _apply(
    world: World, request: Request, registry: Registry, body: dict[str, Any], *, new: bool, whole: bool
) -> rules.Change:
    """Apply the body to a copy of the registry, or reject it."""
    properties = body.get("properties") or {}
    trusting = rules.trusts_content(registry)
    rules.apply(registry, body, request.query["api-version"], world.now(), new=new, whole=whole)
    changed = identity.apply(world, request.caller, registry, body.get("identity"), whole=whole)
    choice = encryption.choose(registry, properties, new=new, whole=whole)
    rules.check_tier(registry, choice is not None)
    if not trusting:
        rules.check_content_trust(registry, choice is not None)
    conflicts.check_policies(world, registry)
    if choice and changed and rules.is_present_choice(registry, choice):
        choice = None  # only the identities change; a removed identity could no longer be checked for access to the key
    return rules.Change(choice, changed)


def _start(
    world: World, request: Request, registry: Registry, existing: Registry | None, change: rules.Change
) -> Reply:
    """Start the operation of a change, and return the registry with the change (or, in a stale response, without)."""
    settings, now = world.settings, world.now()
    answer_after = settings.registry_patch_answer_seconds if existing else settings.registry_answer_seconds
    work = settings.registry_patch_seconds if existing else settings.registry_seconds
    kind = "Creating" if existing is None or existing.creation_failed(now) else "Updating"
    operation = Operation(f"registries-{uuid.uuid1()}", kind, now + answer_after + work, before=existing)
    failure = _engage(world, registry, change.key)
    if failure:
        operation.finish = lambda: _engage_late(world, registry, change.key, operation)
    identity.remove_old_principal(world, existing, registry)
    identity.renew_credential(world, registry)
    before = existing.encryption_document() if existing else {"status": "disabled"}
    registry.stale = (before, existing and existing.identity_document()) if settings.stale_first_answer else None
    registry.operation = operation
    if existing:
        registry.system.touch(world, request.caller)
    world.operations[operation.id] = operation
    world.registries[registry.id.lower()] = registry
    answer = document(registry, request.query["api-version"], now, state=kind)
    headers = _operation_headers(world, request, registry.id, operation)
    return Reply(201, answer, headers, answer_after, answer_after + work)


def _engage(world: World, registry: Registry, choice: encryption.KeyChoice | None) -> AzureError | None:
    """Encrypt with the chosen key. Returns the error with which the operation ends, or raises it immediately."""
    if choice is None:
        return None
    identity.credential_for(world, registry, choice.identity)
    try:
        registry.encryption = encryption.engage(world, registry, choice)
    except AzureError as error:
        if world.settings.cmk_failure == "sync":
            raise
        return error
    return None


def _engage_late(world: World, registry: Registry, choice: encryption.KeyChoice, operation: Operation) -> None:
    try:
        registry.encryption = encryption.engage(world, registry, choice)
    except AzureError as error:
        operation.error = {"code": error.code, "message": error.message}


def _existing(world: World, request: Request) -> Registry:
    registry = world.registries.get(request.path.lower())
    if registry is None:
        raise not_found(TYPE, (request.params["name"],), request.params["group"])
    return registry


def _remove(world: World, registry: Registry) -> None:
    del world.registries[registry.id.lower()]
    for key in [key for key, part in world.parts.items() if covers(registry.id, part.registry)]:
        del world.parts[key]
    identity.remove_old_principal(world, registry, None)


def _headers(request: Request) -> dict[str, str]:
    return {"api-supported-versions": request.query["api-version"]}


def _operation_headers(world: World, request: Request, registry_id: str, operation: Operation) -> dict[str, str]:
    version = request.query["api-version"]
    url = f"https://{HOST}{registry_id}/operationStatuses/{operation.id}?api-version={version}"
    headers = _headers(request) | {"Azure-AsyncOperation": url}
    if world.settings.registry_retry_after is not None:
        headers["Retry-After"] = str(world.settings.registry_retry_after)
    return headers
