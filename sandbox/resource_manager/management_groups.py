"""Management groups, as far as one reads them by name."""

from __future__ import annotations

from typing import Any

from sandbox.core.web import AzureError, Reply, Request, Router
from sandbox.resource_manager import arm
from sandbox.resource_manager.access import require
from sandbox.resource_manager.hierarchy import MANAGEMENT_GROUPS
from sandbox.world import TENANT, ManagementGroup, World

router = Router()
TYPE = MANAGEMENT_GROUPS


@router.route("GET", arm.HOST, f"/providers/{TYPE}/{{name}}")
def get(world: World, request: Request) -> Reply:
    require(world, request.caller, f"{TYPE}/read", request.path)
    group = world.management_groups.get(request.params["name"].lower())
    if group is None:  # text and code not confirmed
        name = request.params["name"]
        raise AzureError(404, "NotFound", f"'/providers/{TYPE}/{name}' not found")
    return Reply(200, document(world, group))


def document(world: World, group: ManagementGroup) -> dict[str, Any]:
    parent = world.management_groups.get(group.parent.lower())
    details: dict[str, Any] = {"version": 1}
    if parent:
        details["parent"] = {"id": parent.id, "name": parent.name, "displayName": parent.display_name}
    return {
        "id": group.id,
        "type": TYPE,
        "name": group.name,
        "properties": {"tenantId": TENANT, "displayName": group.display_name, "details": details},
    }
