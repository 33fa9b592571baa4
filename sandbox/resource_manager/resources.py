"""The generic list of resources by type and name, across the whole sandbox. It lags as the settings tell."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sandbox.core.clock import iso
from sandbox.core.web import AzureError, Reply, Request, Router
from sandbox.resource_manager import arm
from sandbox.resource_manager.access import allowed
from sandbox.resource_manager.hierarchy import covers
from sandbox.world import World

router = Router()
# The list does not tell the remaining reads of the caller (recording arm_list_registries_200).
_COUNTED = {"x-ms-ratelimit-remaining-subscription-global-reads": "16499"}
REGISTRIES = "Microsoft.ContainerRegistry/registries"  # the only type here that has identities
_CLAUSE = re.compile(r"\s*(resourceType|name|resourceGroup|location) eq '([^']*)'\s*", re.IGNORECASE)


@router.route("GET", arm.HOST, "/subscriptions/{subscription}/resources")
@router.route("GET", arm.HOST, "/subscriptions/{subscription}/resourcegroups/{group}/resources")
def list_resources(world: World, request: Request) -> Reply:
    """Resources that the caller has permission to read. Without any permission the list is empty, not an error."""
    scope = request.path.rsplit("/", 1)[0]
    wanted = _clauses(request.query.get("$filter", ""))
    shown = [
        entry
        for entry in _listed(world)
        if covers(scope, entry["id"])
        and all(_field(entry, name) == value for name, value in wanted)
        and allowed(world, request.caller.object_id, f"{entry['type']}/read", entry["id"])
    ]
    return Reply(200, {"value": shown}, dict(_COUNTED))


def before_change(world: World) -> None:
    if world.settings.resource_list_seconds and not world.listed:
        world.listed.append((world.now(), list(everything(world))))


def after_change(world: World) -> None:
    if world.settings.resource_list_seconds:
        world.listed.append((world.now(), list(everything(world))))


def _listed(world: World) -> list[dict[str, Any]]:
    """What the list shows now."""
    lag = world.settings.resource_list_seconds
    if not lag or not world.listed:
        return list(everything(world))
    older = [entries for moment, entries in world.listed if moment <= world.now() - lag]
    return older[-1] if older else world.listed[0][1]


def everything(world: World) -> Iterator[dict[str, Any]]:
    """Every tracked resource, in the short form of the list."""
    kinds = {
        "Microsoft.ManagedIdentity/userAssignedIdentities": world.identities,
        "Microsoft.KeyVault/vaults": world.vaults,
        "Microsoft.KeyVault/managedHSMs": world.managed_hsms,
        REGISTRIES: world.registries,
        "Microsoft.Resources/templateSpecs": world.template_specs,
    }
    for kind, resources in kinds.items():
        for resource in resources.values():
            entry = {
                "id": resource.id,
                "name": resource.name,
                "type": kind,
                "location": resource.location,
                "tags": dict(resource.tags or {}),
            }
            yield entry | (_of_registry(resource) if kind == REGISTRIES else {})
    for other in world.others.values():
        yield {name: other[name] for name in ("id", "name", "type", "location", "tags")}
    for part in world.parts.values():
        if part.location:  # a tracked resource, named by all that it lies in
            name = f"{part.registry.rpartition('/')[2]}/{part.name}"
            yield {"id": part.id, "name": name, "type": part.type, "location": part.location, "tags": dict(part.tags)}


def _of_registry(registry: Any) -> dict[str, Any]:
    """What the list has of a registry besides (recording arm_list_registries_200)."""
    shown = {
        "sku": {"name": registry.sku, "tier": registry.sku},
        "systemData": registry.system.document(iso),
    }
    identity = registry.identity_document()
    if identity:
        kinds = [kind[0].upper() + kind[1:] for kind in identity["type"].split(", ")]
        shown["identity"] = identity | {"type": ", ".join(kinds)}
    return shown


def _clauses(text: str) -> list[tuple[str, str]]:
    clauses = [_CLAUSE.fullmatch(part) for part in re.split(r"\s+and\s+", text, flags=re.IGNORECASE) if part]
    if None in clauses:
        raise AzureError(400, "InvalidFilterInQueryString", f"Invalid $filter '{text}' specified in the query string.")
    return [(clause[1].lower(), clause[2].lower()) for clause in clauses if clause]


def _field(entry: dict[str, Any], name: str) -> str:
    if name == "resourcegroup":
        return entry["id"].split("/")[4].lower()
    return entry["type" if name == "resourcetype" else name].lower()
