"""Diagnostic settings of resources: where their logs and metrics go (Microsoft.Insights, 2021-05-01-preview).

Nothing is ever logged. Rules from the documentation: a destination is required, and at most five settings a resource.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.core.web import AzureError, Reply, Request, Router
from sandbox.resource_manager.access import require
from sandbox.resource_manager.arm import HOST
from sandbox.resource_manager.common import body_of
from sandbox.resource_manager.hierarchy import covers
from sandbox.world import World

router = Router()
TYPE = "Microsoft.Insights/diagnosticSettings"
_SETTINGS = f"{{scope:path}}/providers/{TYPE}"
_DESTINATIONS = ("storageAccountId", "workspaceId", "eventHubAuthorizationRuleId", "marketplacePartnerId")
_FIELDS = (*_DESTINATIONS, "serviceBusRuleId", "eventHubName", "metrics", "logs", "logAnalyticsDestinationType")
_MOST = 5


@dataclass
class Setting:
    id: str
    scope: str
    name: str
    properties: dict[str, Any]


@router.route("PUT", HOST, f"{_SETTINGS}/{{name}}")
def put(world: World, request: Request) -> Reply:
    scope, name = request.params["scope"], request.params["name"]
    require(world, request.caller, f"{TYPE}/write", scope)
    given = body_of(request).get("properties") or {}
    if not any(given.get(each) for each in _DESTINATIONS):
        raise AzureError(400, "BadRequest", "At least one data sink needs to be specified.")
    others = [each for each in _of(world, scope) if each.name.lower() != name.lower()]
    if len(others) >= _MOST:
        raise AzureError(409, "Conflict", f"A resource can have at most {_MOST} diagnostic settings.")
    properties = {field: given.get(field) for field in _FIELDS}
    properties |= {"metrics": given.get("metrics") or [], "logs": given.get("logs") or []}
    setting = Setting(f"{scope}/providers/{TYPE}/{name}", scope, name, properties)
    world.diagnostics[setting.id.lower()] = setting
    return Reply(200, document(setting))


@router.route("GET", HOST, f"{_SETTINGS}/{{name}}")
def get(world: World, request: Request) -> Reply:
    require(world, request.caller, f"{TYPE}/read", request.params["scope"])
    setting = world.diagnostics.get(request.path.lower())
    if setting is None:
        name = request.params["name"]
        raise AzureError(404, "ResourceNotFound", f"The diagnostic setting '{name}' doesn't exist.")
    return Reply(200, document(setting))


@router.route("GET", HOST, _SETTINGS)
def list_settings(world: World, request: Request) -> Reply:
    """Those of a resource itself."""
    require(world, request.caller, f"{TYPE}/read", request.params["scope"])
    return Reply(200, {"value": [document(each) for each in _of(world, request.params["scope"])]})


@router.route("DELETE", HOST, f"{_SETTINGS}/{{name}}")
def delete(world: World, request: Request) -> Reply:
    require(world, request.caller, f"{TYPE}/delete", request.params["scope"])
    return Reply(200 if world.diagnostics.pop(request.path.lower(), None) else 204)


def remove_below(world: World, scope: str) -> None:
    for key, setting in list(world.diagnostics.items()):
        if covers(scope, setting.scope):
            del world.diagnostics[key]


def document(setting: Setting) -> dict[str, Any]:
    return {"id": setting.id, "type": TYPE, "name": setting.name, "properties": setting.properties}


def _of(world: World, scope: str) -> list[Setting]:
    return [each for each in world.diagnostics.values() if each.scope.lower() == scope.lower()]
