"""Connected registries and private endpoint connections of a registry: only lists, which the control API fills.

In Azure both begin elsewhere: a connected registry is activated on site, and a connection comes with an endpoint.
"""

from __future__ import annotations

from typing import Any

from sandbox.core.web import Router
from sandbox.registry.parts import Kind, Part, add
from sandbox.registry.record import Registry
from sandbox.resource_manager.common import SystemData
from sandbox.world import World

router = Router()
PRIVATE_ENDPOINTS, CONNECTED = "privateEndpointConnections", "connectedRegistries"


def add_private_endpoint(world: World, registry: Registry, endpoint: str, status: str = "Approved") -> str:
    """Connect a private endpoint, by its id. Returns the id of the connection."""
    state = {"status": status, "description": "", "actionsRequired": "None"}
    properties = {"privateEndpoint": {"id": endpoint}, "privateLinkServiceConnectionState": state}
    name = f"{endpoint.rpartition('/')[2]}.{world.new_guid()}"
    part = _put(world, registry, PRIVATE_ENDPOINTS, name, properties)
    shown = {
        "id": part.id,
        "name": name,
        "type": part.type,
        "properties": properties | {"provisioningState": "Succeeded"},
    }
    registry.private_endpoints = [*registry.private_endpoints, shown]
    return part.id


def add_connected_registry(world: World, registry: Registry, name: str) -> str:
    """Connect a registry on site. Returns the id of the connected registry."""
    properties = {
        "mode": "ReadOnly",
        "connectionState": "Online",
        "activation": {"status": "Active"},
        "parent": {"syncProperties": {"tokenId": f"{registry.id}/tokens/{name}-sync", "schedule": "* * * * *"}},
        "clientTokenIds": [],
        "logging": {"logLevel": "Information", "auditLogStatus": "Disabled"},
    }
    return _put(world, registry, CONNECTED, name, properties).id


def _put(world: World, registry: Registry, kind: str, name: str, properties: dict[str, Any]) -> Part:
    now = world.now()
    system = SystemData("", "Application", now, "", "Application", now)
    part = Part(f"{registry.id}/{kind}/{name}", kind, name, registry.id, now, system, properties)
    world.parts[part.id.lower()] = part
    return part


add(router, Kind(PRIVATE_ENDPOINTS))
add(router, Kind(CONNECTED))
