"""`what-if`: what a deployment would change, computed from the existing resources and the template.

Properties that are not in the template don't change. Values that are known only after the deployment appear as
expressions, and so count as changed (facts templates.md 1.6).
"""

from __future__ import annotations

from typing import Any

from sandbox import services
from sandbox.core.web import AzureError, Caller, Request
from sandbox.resource_manager.access import allowed
from sandbox.resource_manager.arm import HOST
from sandbox.resource_manager.deployments.language.evaluate import Unknown, find_key
from sandbox.resource_manager.deployments.preflight import Survey
from sandbox.resource_manager.deployments.preparation import Prepared
from sandbox.resource_manager.deployments.reading import error_of, send
from sandbox.resource_manager.deployments.resources import Resource
from sandbox.resource_manager.hierarchy import covers
from sandbox.resource_manager.resources import everything
from sandbox.world import World

_COMPARED = ("location", "tags", "sku", "kind", "identity", "zones", "properties")
_MISSING = object()


def changes(
    world: World, caller: Caller, prepared: Prepared, found: Survey, payloads: bool = True
) -> list[dict[str, Any]]:
    """A change for each resource, including the other resources in the group."""
    shown = [_change(world, caller, resource, payloads) for resource in found.resources if not resource.nests]
    named = {resource.id.lower() for resource in found.resources}
    if prepared.target.group:
        kind = "Delete" if prepared.mode == "Complete" else "Ignore"
        for entry in everything(world):
            there = covers(prepared.target.scope, entry["id"]) and entry["id"].lower() not in named
            if there and allowed(world, caller.object_id, f"{entry['type']}/read", entry["id"]):
                before = {"before": entry} if payloads else {}
                shown.append({"resourceId": entry["id"], "changeType": kind, **before})
    return sorted(shown, key=lambda change: change["resourceId"].lower())


def _change(world: World, caller: Caller, resource: Resource, payloads: bool) -> dict[str, Any]:
    found = {"resourceId": resource.id}
    if not services.find(Request("GET", HOST, resource.id)):
        return found | {"changeType": "Unsupported", "unsupportedReason": "The resource can't be read."}
    after = _after(resource)
    reply = send(world, caller, "GET", resource.id, resource.api_version)
    if reply.status == 404:
        return found | {"changeType": "Create"} | ({"after": after} if payloads else {})
    if reply.status >= 400:
        error = error_of(reply)
        raise AzureError(reply.status, error["code"], error["message"])
    if "onlyifnotexists" in resource.options:
        return found | {"changeType": "NoChange"}
    before = {"apiVersion": resource.api_version, **reply.body}
    before = {name: value for name, value in before.items() if name not in ("systemData", "etag")}
    delta = [
        part for name in _COMPARED if name in after for part in _delta(name, before.get(name, _MISSING), after[name])
    ]
    found["changeType"] = "Modify" if delta else "NoChange"
    return found | ({"before": before, "after": _merged(before, after), "delta": delta} if payloads else {})


def _after(resource: Resource) -> dict[str, Any]:
    body = _shown(resource.body(resource.probed))
    head = {"apiVersion": resource.api_version, "id": resource.id, "name": resource.names[-1], "type": resource.type}
    return head | body


def _shown(value: Any) -> Any:
    """A value, with expressions for what is not known."""
    if isinstance(value, Unknown):
        return value.text
    if isinstance(value, dict):
        return {name: _shown(item) for name, item in value.items()}
    return [_shown(item) for item in value] if isinstance(value, list) else value


def _merged(before: Any, after: Any) -> Any:
    """The result of the deployment: the existing resource merged with the template."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return after
    result = dict(before)
    for name, value in after.items():
        key = find_key(result, name) or name
        result[key] = _merged(result.get(key), value)
    return result


def _delta(path: str, before: Any, after: Any) -> list[dict[str, Any]]:
    if isinstance(before, dict) and isinstance(after, dict):
        return [part for name, value in after.items() for part in _member_delta(path, before, name, value)]
    if isinstance(before, list) and isinstance(after, list):
        children = _array_delta(before, after)
        change = {"path": path, "propertyChangeType": "Array", "before": before, "after": after, "children": children}
        return [change] if children else []
    if before is _MISSING:
        return [] if after in (None, {}, []) else [{"path": path, "propertyChangeType": "Create", "after": after}]
    return [] if _same(before, after) else [_modify(path, before, after)]


def _member_delta(path: str, before: dict[str, Any], name: str, value: Any) -> list[dict[str, Any]]:
    key = find_key(before, name)
    return _delta(f"{path}.{key or name}", before[key] if key else _MISSING, value)


def _array_delta(before: list[Any], after: list[Any]) -> list[dict[str, Any]]:
    pairs = list(zip(before, after, strict=False))
    found = [part for at, (left, right) in enumerate(pairs) for part in _delta(str(at), left, right)]
    more, gone = range(len(pairs), len(after)), range(len(pairs), len(before))
    found += [{"path": str(at), "propertyChangeType": "Create", "after": after[at]} for at in more]
    return found + [{"path": str(at), "propertyChangeType": "Delete", "before": before[at]} for at in gone]


def _modify(path: str, before: Any, after: Any) -> dict[str, Any]:
    return {"path": path, "propertyChangeType": "Modify", "before": before, "after": after}


def _same(before: Any, after: Any) -> bool:
    """Whether values are equal as services compare them: tiers, locations and the like are case-insensitive."""
    if isinstance(before, str) and isinstance(after, str):
        return before.replace(" ", "").lower() == after.replace(" ", "").lower()
    return before == after
