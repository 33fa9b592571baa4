"""Connected registries, private endpoint connections, tasks and agent pools of a registry: only lists, which the
control API fills. In Azure the first two begin elsewhere: one is activated on site, and one comes with an endpoint.
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
_LISTED = (PRIVATE_ENDPOINTS, CONNECTED, "tasks", "agentPools")


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


def add_listed(world: World, registry: Registry, kind: str, name: str, properties: dict[str, Any]) -> str:
    """Add a task, an agent pool or a connected registry. Returns its id."""
    if kind not in _LISTED[1:]:
        raise ValueError(f"What is of the kind '{kind}' is not only listed.")
    return _put(world, registry, kind, name, properties).id


def _put(world: World, registry: Registry, kind: str, name: str, properties: dict[str, Any]) -> Part:
    now = world.now()
    system = SystemData("", "Application", now, "", "Application", now)
    part = Part(f"{registry.id}/{kind}/{name}", kind, name, registry.id, now, system, properties)
    world.parts[part.id.lower()] = part
    return part


for _kind in _LISTED:
    add(router, Kind(_kind))
