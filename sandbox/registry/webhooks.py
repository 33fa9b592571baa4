"""Webhooks of a registry (recording acr_webhook_put_200). URL and headers are never returned but by getCallbackConfig.

No event is ever sent. The number of webhooks of each tier is documented; texts of refusals are assumed.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from sandbox.core.web import Reply, Request, Router
from sandbox.registry.parts import Change, Kind, Part, add, existing, invalid, parts_of
from sandbox.registry.record import REGISTRY, TYPE
from sandbox.resource_manager.access import require
from sandbox.resource_manager.arm import HOST
from sandbox.resource_manager.catalogue import region
from sandbox.world import World

router = Router()
_WEBHOOK = f"{REGISTRY}/webhooks/{{part}}"
_ACTIONS = ("push", "delete", "quarantine", "chart_push", "chart_delete")
_MOST = {"Basic": 2, "Standard": 10, "Premium": 500}


@router.route("POST", HOST, f"{_WEBHOOK}/getCallbackConfig")
def get_callback_config(world: World, request: Request) -> Reply:
    require(world, request.caller, f"{TYPE}/webhooks/getCallbackConfig/action", request.path.rpartition("/")[0])
    return Reply(200, dict(existing(world, request, "webhooks").secret))


@router.route("POST", HOST, f"{_WEBHOOK}/ping")
def ping(world: World, request: Request) -> Reply:
    require(world, request.caller, f"{TYPE}/webhooks/ping/action", request.path.rpartition("/")[0])
    existing(world, request, "webhooks")
    return Reply(200, {"id": world.new_guid()})


@router.route("POST", HOST, f"{_WEBHOOK}/listEvents")
def list_events(world: World, request: Request) -> Reply:
    require(world, request.caller, f"{TYPE}/webhooks/listEvents/action", request.path.rpartition("/")[0])
    existing(world, request, "webhooks")
    return Reply(200, {"value": []})


def _apply(change: Change, part: Part) -> None:
    if change.old is None:
        _check_new(change)
        part.location = region(change.body["location"])
    uri = change.wanted.get("serviceUri") or (part.secret.get("serviceUri") if not change.whole else None)
    if not uri or urlsplit(uri).scheme not in ("http", "https"):
        raise invalid("The service URI of the webhook is missing or not valid.")
    actions = change.value("actions") or []
    if not actions or set(actions) - set(_ACTIONS):
        raise invalid("The actions of the webhook are missing or not valid.")
    headers = change.wanted.get("customHeaders")
    if headers is None:
        headers = {} if change.whole else part.secret["customHeaders"]
    status = change.value("status", "enabled")
    if status not in ("enabled", "disabled"):
        raise invalid(f"The status '{status}' is not valid.")
    part.secret = {"serviceUri": uri, "customHeaders": headers}
    properties: dict[str, Any] = {"status": status, "scope": change.value("scope", ""), "actions": list(actions)}
    part.properties = properties


def _check_new(change: Change) -> None:
    world, registry = change.world, change.registry
    regions = {registry.location, *(each.location for each in parts_of(world, registry, "replications"))}
    location = region(str(change.body.get("location") or ""))
    if location not in regions:
        raise invalid(f"Registry {registry.name} is not in location '{change.body.get('location')}'.")
    most = _MOST[registry.sku]
    if len(parts_of(world, registry, "webhooks")) >= most:
        raise invalid(f"A registry of the {registry.sku} SKU can have at most {most} webhooks.", "QuotaExceeded")


add(router, Kind("webhooks", _apply, tracked=True))
