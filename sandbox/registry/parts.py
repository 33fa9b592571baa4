"""What lies below a registry in Azure Resource Manager: replications, webhooks, scope maps and the like.

Each kind is a `Kind` in a file of its own, which says what is particular about it; what they share is here. Facts:
migrate.md 3.1 and 5; recordings acr_webhook_*, acr_scopemap_*, acr_token_*; statuses that Azure's SDK accepts.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from sandbox.core.clock import iso
from sandbox.core.web import AzureError, Caller, Reply, Request, Router
from sandbox.registry import results
from sandbox.registry.errors import ProviderError
from sandbox.registry.record import REGISTRY, TYPE, Registry
from sandbox.resource_manager.access import require
from sandbox.resource_manager.arm import HOST, not_found
from sandbox.resource_manager.common import SystemData, body_of, page
from sandbox.world import Operation, World

# Each adds what every registry has from the beginning, if it is not there.
BUILT_IN: list[Callable[[World, Registry], None]] = []


@dataclass
class Part:
    """A resource below a registry. `secret` is what it never returns."""

    id: str
    kind: str
    name: str
    registry: str  # its id
    created: float
    system: SystemData
    properties: dict[str, Any]
    location: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    identity: dict[str, Any] | None = None
    secret: dict[str, Any] = field(default_factory=dict)
    operation: Operation | None = None

    @property
    def type(self) -> str:
        return f"{TYPE}/{self.kind}"


@dataclass(frozen=True)
class Change:
    """A PUT or PATCH of a part that is being checked. `old` is what it is so far; `whole` means a PUT."""

    world: World
    registry: Registry
    caller: Caller
    name: str
    body: dict[str, Any]
    old: Part | None
    whole: bool

    @property
    def wanted(self) -> dict[str, Any]:
        """The properties in the request."""
        return self.body.get("properties") or {}

    def value(self, name: str, default: Any = None) -> Any:
        """A property as it is to be: as requested, as it was (in a PATCH), or the default."""
        if self.wanted.get(name) is not None:
            return self.wanted[name]
        return self.old.properties.get(name, default) if self.old and not self.whole else default


@dataclass(frozen=True)
class Kind:
    """One kind of part. `apply` checks a change, and sets the properties (and more) of the part; a kind without it is
    only read. `check_deletion` refuses a deletion, `deleted` follows it. Changes of `slow` kinds are operations."""

    name: str
    apply: Callable[[Change, Part], None] | None = None
    named: re.Pattern[str] = re.compile(r"[A-Za-z0-9]{5,50}")
    tracked: bool = False  # it has a location and tags, and stands in the list of resources
    slow: bool = False
    operation: str = ""  # how ids of its operations begin
    check_deletion: Callable[[World, Registry, Part], None] = lambda world, registry, part: None
    deleted: Callable[[World, Part], None] = lambda world, part: None


def parts_of(world: World, registry: Registry, kind: str) -> list[Part]:
    """The parts of a kind that a registry has, by name."""
    wanted = registry.id.lower()
    found = [part for part in world.parts.values() if part.kind == kind and part.registry.lower() == wanted]
    return sorted(found, key=lambda part: part.name.lower())


def add(router: Router, kind: Kind) -> None:
    """Serve a kind of parts."""
    many, one = f"{REGISTRY}/{kind.name}", f"{REGISTRY}/{kind.name}/{{part}}"

    def get(world: World, request: Request) -> Reply:
        require(world, request.caller, f"{TYPE}/{kind.name}/read", request.path)
        return Reply(200, document(world, existing(world, request, kind.name)), _headers(request))

    def list_all(world: World, request: Request) -> Reply:
        require(world, request.caller, f"{TYPE}/{kind.name}/read", request.path.rpartition("/")[0])
        registry = registry_of(world, request)
        shown = [document(world, part) for part in parts_of(world, registry, kind.name)]
        return Reply(200, page(request, shown, world.settings.registry_page_size), _headers(request))

    def change(world: World, request: Request) -> Reply:
        require(world, request.caller, f"{TYPE}/{kind.name}/write", request.path)
        return _change(world, request, kind)

    def delete(world: World, request: Request) -> Reply:
        require(world, request.caller, f"{TYPE}/{kind.name}/delete", request.path)
        return _delete(world, request, kind)

    def status(world: World, request: Request) -> Reply:
        part_id = request.path.partition("/operationStatuses/")[0]
        require(world, request.caller, f"{TYPE}/{kind.name}/operationStatuses/read", part_id)
        operation = world.operations.get(request.params["operation"].lower())
        if operation is None:
            raise _unknown(request.params["operation"])
        return Reply(200, {"status": operation.settle(world.now())}, _polling(world, request, part_id, operation))

    router.route("GET", HOST, many)(list_all)
    router.route("GET", HOST, one)(get)
    if kind.apply:
        router.route("PUT PATCH", HOST, one)(change)
        router.route("DELETE", HOST, one)(delete)
    if kind.slow:
        router.route("GET", HOST, f"{one}/operationStatuses/{{operation}}")(status)


def registry_of(world: World, request: Request) -> Registry:
    """The registry in a request's path."""
    params = request.params
    registry = world.registries.get(REGISTRY.format(**params).lower())
    if registry is None:
        raise not_found(TYPE, (params["name"],), params["group"])
    for built_in in BUILT_IN:
        built_in(world, registry)
    return registry


def existing(world: World, request: Request, kind: str) -> Part:
    """The part in a request's path. The provider's own 404 (recording acr_scopemap_get_404)."""
    part = world.parts.get(f"{registry_of(world, request).id}/{kind}/{request.params['part']}".lower())
    if part is None:
        raise _unknown(request.params["part"])
    return part


def document(world: World, part: Part, state: str = "") -> dict[str, Any]:
    """A part as the service returns it, with the given provisioning state or its own."""
    state = state or (part.operation.settle(world.now()) if part.operation else "Succeeded")
    shown: dict[str, Any] = {"type": part.type, "id": part.id, "name": part.name}
    if part.location:
        shown |= {"location": part.location, "tags": part.tags}
    if part.identity:
        shown["identity"] = part.identity
    properties = deepcopy(part.properties) | {"provisioningState": state}
    return shown | {"systemData": part.system.document(_offset), "properties": properties}


def invalid(message: str, code: str = "InvalidParameters", status: int = 400) -> AzureError:
    """A refusal; codes and texts are assumed unless a caller says otherwise."""
    return AzureError(status, code, message)


def _change(world: World, request: Request, kind: Kind) -> Reply:
    registry, body, whole = registry_of(world, request), body_of(request), request.method == "PUT"
    old = world.parts.get(request.path.lower())
    name = request.params["part"]
    if old is None and not whole:
        raise _unknown(name)
    if old is None and not kind.named.fullmatch(name):
        raise invalid(f"The name '{name}' is not valid for {kind.name}.", "InvalidResourceName")
    part = deepcopy(old) if old else _blank(world, request, registry, kind)
    kind.apply(Change(world, registry, request.caller, name, body, old, whole), part)
    if kind.tracked and (whole or body.get("tags") is not None):
        part.tags = dict(body.get("tags") or {})
    part.system.touch(world, request.caller)
    world.parts[part.id.lower()] = part
    if not kind.slow:
        return Reply(200, document(world, part), _headers(request))
    state = "Updating" if old else "Creating"
    part.operation = Operation(f"{kind.operation}-{uuid.uuid1()}", state, world.now() + world.settings.part_seconds)
    world.operations[part.operation.id] = part.operation
    headers = _polling(world, request, part.id, part.operation)
    return Reply(201, document(world, part, state), headers, ready=world.settings.part_seconds)


def _blank(world: World, request: Request, registry: Registry, kind: Kind) -> Part:
    name = request.params["part"]
    return Part(
        id=f"{registry.id}/{kind.name}/{name}",
        kind=kind.name,
        name=name,
        registry=registry.id,
        created=world.now(),
        system=SystemData.by(world, request.caller),
        properties={},
    )


def _delete(world: World, request: Request, kind: Kind) -> Reply:
    """Gone at once; kinds whose changes are operations have one for this as well (facts: migrate.md 3.1)."""
    registry = registry_of(world, request)
    part = world.parts.get(request.path.lower())
    if part is None:
        return Reply(204, None, _headers(request))
    kind.check_deletion(world, registry, part)
    del world.parts[part.id.lower()]
    kind.deleted(world, part)
    if not kind.slow:
        return Reply(200, None, _headers(request))
    due = world.now() + world.settings.part_seconds
    operation = Operation(f"{kind.operation}-{uuid.uuid1()}", "Deleting", due)
    world.results[operation.id] = world.operations[operation.id] = operation
    return Reply(202, None, results.headers(world, request, part.location or registry.location, operation))


def _polling(world: World, request: Request, part_id: str, operation: Operation) -> dict[str, str]:
    url = f"https://{HOST}{part_id}/operationStatuses/{operation.id}?api-version={request.query['api-version']}"
    headers = {"Azure-AsyncOperation": url} | _headers(request)
    if world.settings.registry_retry_after is not None:
        headers["Retry-After"] = str(world.settings.registry_retry_after)
    return headers


def _headers(request: Request) -> dict[str, str]:
    return {"api-supported-versions": request.query["api-version"]}


def _unknown(name: str) -> AzureError:
    return ProviderError(404, "ResourceNotFound", f"The resource {name} could not be found.")


def _offset(moment: float) -> str:
    return iso(moment, suffix="+00:00")
