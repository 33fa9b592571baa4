"""Geo-replications of a registry (facts: migrate.md 3.1, 4.4; service.md 1.1). Content is not copied: all are one.

The home region is in the list, too. Zone redundancy can't be changed later, and a replication that was just deleted
can't be created again (azure-rest-api-specs#18934). Refusals are assumed in code and text.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sandbox.core.web import Router
from sandbox.registry.conflicts import check_soft_delete
from sandbox.registry.parts import BUILT_IN, Change, Kind, Part, add, invalid, parts_of
from sandbox.registry.record import Registry
from sandbox.resource_manager.catalogue import region
from sandbox.world import World

router = Router()


def add_home(world: World, registry: Registry) -> None:
    """Give a registry its home region as a replication, as every Premium registry has."""
    part_id = f"{registry.id}/replications/{registry.location}"
    if registry.sku != "Premium" or part_id.lower() in world.parts:
        return
    part = Part(
        part_id, "replications", registry.location, registry.id, registry.system.created, replace(registry.system), {}
    )
    part.location = registry.location
    part.properties = _properties(True, registry.properties["zoneRedundancy"])
    world.parts[part_id.lower()] = part


def _properties(routed: bool, zones: str) -> dict[str, Any]:
    status = {"displayStatus": "Ready", "message": "", "timestamp": None}
    return {"status": status, "regionEndpointEnabled": routed, "zoneRedundancy": zones}


def _apply(change: Change, part: Part) -> None:
    world, registry, old = change.world, change.registry, change.old
    if registry.sku != "Premium":
        raise invalid("Replications are only supported for managed registries in Premium SKU.", "FeatureNotSupported")
    location = region(str(change.body.get("location") or (old.location if old else "")))
    if location is None:
        raise invalid(f"The location '{change.body.get('location')}' is not available.", "LocationNotAvailable")
    others = [each for each in parts_of(world, registry, "replications") if each.id != part.id]
    if old is None:
        _check_new(world, registry, part, location, [each.location for each in others])
    elif old.location != location:
        raise invalid(f"The location of replication {change.name} cannot be changed.", "InvalidResourceLocation", 409)
    zones = change.value("zoneRedundancy", old.properties["zoneRedundancy"] if old else "Disabled")
    if old and zones != old.properties["zoneRedundancy"]:
        raise invalid(f"The zone redundancy of replication {change.name} cannot be changed.")
    part.location = location
    part.properties = _properties(change.value("regionEndpointEnabled", True), zones)


def _check_new(world: World, registry: Registry, part: Part, location: str, others: list[str]) -> None:
    if location in (*others, registry.location):
        raise invalid(f"Registry {registry.name} is replicated to {location} already.", "Conflict", 409)
    check_soft_delete(registry, "geo-replication")
    since = world.now() - world.settings.deleted_replication_seconds
    if world.deleted_replications.get((registry.id.lower(), location), float("-inf")) > since:
        raise invalid(f"Replication {part.name} is being deleted and cannot be created.", "Conflict", 409)


def _check_deletion(world: World, registry: Registry, part: Part) -> None:
    if part.location == registry.location:
        raise invalid("The replication of the home region cannot be deleted.")


def _deleted(world: World, part: Part) -> None:
    world.deleted_replications[part.registry.lower(), part.location] = world.now()


BUILT_IN.append(add_home)
add(
    router,
    Kind(
        "replications",
        _apply,
        tracked=True,
        slow=True,
        operation="replications",
        check_deletion=_check_deletion,
        deleted=_deleted,
    ),
)
