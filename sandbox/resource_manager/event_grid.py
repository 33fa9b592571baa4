"""Event Grid subscriptions on resources: made and listed. Nothing is ever sent, and no other request is served.

Of the REST reference (Microsoft.EventGrid, event subscriptions): a destination is required, and the address of a
webhook is not returned, only its base.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from sandbox.core.web import AzureError, Reply, Request, Router
from sandbox.resource_manager.access import require
from sandbox.resource_manager.arm import HOST
from sandbox.resource_manager.common import body_of
from sandbox.world import World

router = Router()
TYPE = "Microsoft.EventGrid/eventSubscriptions"
_SUBSCRIPTIONS = f"{{scope:path}}/providers/{TYPE}"


@router.route("PUT", HOST, f"{_SUBSCRIPTIONS}/{{name}}")
def put(world: World, request: Request) -> Reply:
    scope, name = request.params["scope"], request.params["name"]
    require(world, request.caller, f"{TYPE}/write", scope)
    given = body_of(request).get("properties") or {}
    destination = given.get("destination") or {}
    if not destination.get("endpointType"):
        raise AzureError(400, "InvalidRequest", "A destination is required.")
    properties = {**given, "destination": _shown(destination), "topic": scope, "provisioningState": "Succeeded"}
    made = {"id": f"{scope}/providers/{TYPE}/{name}", "name": name, "type": TYPE, "properties": properties}
    world.event_subscriptions[made["id"].lower()] = made
    return Reply(201, made)


@router.route("GET", HOST, _SUBSCRIPTIONS)
def list_subscriptions(world: World, request: Request) -> Reply:
    """Those of a resource itself."""
    scope = request.params["scope"]
    require(world, request.caller, f"{TYPE}/read", scope)
    found = [
        each for each in world.event_subscriptions.values() if each["properties"]["topic"].lower() == scope.lower()
    ]
    return Reply(200, {"value": found})


def _shown(destination: dict[str, Any]) -> dict[str, Any]:
    properties = dict(destination.get("properties") or {})
    url = urlsplit(properties.pop("endpointUrl", ""))
    if url.netloc:
        properties["endpointBaseUrl"] = f"{url.scheme}://{url.netloc}{url.path}"
    return {**destination, "properties": properties}
