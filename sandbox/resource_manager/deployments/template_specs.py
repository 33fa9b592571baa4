"""Template specs: versioned templates stored in Azure, each with its form in the portal.

From the specification (2022-02-01); not recorded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sandbox.core.clock import iso
from sandbox.core.web import AzureError, Reply, Request, Router
from sandbox.resource_manager.access import allowed, require
from sandbox.resource_manager.arm import HOST, not_found
from sandbox.resource_manager.common import SystemData, body_of, location_of
from sandbox.resource_manager.hierarchy import covers
from sandbox.world import World

router = Router()
TYPE = "Microsoft.Resources/templateSpecs"
_BELOW = f"/providers/{TYPE}"
_GROUP = "/subscriptions/{subscription}/resourceGroups/{group}"
_SPEC = f"{_GROUP}{_BELOW}/{{name}}"
_VERSION = f"{_SPEC}/versions/{{version}}"


@dataclass
class Version:
    name: str
    location: str
    tags: dict[str, str]
    system: SystemData
    template: dict[str, Any]
    form: dict[str, Any] | None
    description: str | None


@dataclass
class TemplateSpec:
    id: str
    name: str
    location: str
    tags: dict[str, str]
    system: SystemData
    description: str | None = None
    display_name: str | None = None
    versions: dict[str, Version] = field(default_factory=dict)  # by name in lowercase


@router.route("PUT", HOST, _SPEC)
def put(world: World, request: Request) -> Reply:
    require(world, request.caller, f"{TYPE}/write", request.path)
    body = body_of(request)
    existing = world.template_specs.get(request.path.lower())
    location = location_of(body, existing, request.params["group"])
    spec = existing or TemplateSpec(
        _id(request), request.params["name"], location, {}, SystemData.by(world, request.caller)
    )
    wanted = body.get("properties") or {}
    spec.tags = body.get("tags") or {}
    spec.description, spec.display_name = wanted.get("description"), wanted.get("displayName")
    spec.system.touch(world, request.caller)
    world.template_specs[spec.id.lower()] = spec
    return Reply(200 if existing else 201, document(spec))


@router.route("GET", HOST, _SPEC)
def get(world: World, request: Request) -> Reply:
    require(world, request.caller, f"{TYPE}/read", request.path)
    return Reply(200, document(_existing(world, request), versions=_expands(request)))


@router.route("GET", HOST, f"{_GROUP}{_BELOW}")
@router.route("GET", HOST, f"/subscriptions/{{subscription}}{_BELOW}")
def list_specs(world: World, request: Request) -> Reply:
    scope = request.path[: request.path.lower().index(_BELOW.lower())]
    shown = [
        document(spec, versions=_expands(request))
        for spec in world.template_specs.values()
        if covers(scope, spec.id) and allowed(world, request.caller.object_id, f"{TYPE}/read", spec.id)
    ]
    return Reply(200, {"value": shown})


@router.route("DELETE", HOST, _SPEC)
def delete(world: World, request: Request) -> Reply:
    """Delete a spec with all its versions."""
    require(world, request.caller, f"{TYPE}/delete", request.path)
    return Reply(200 if world.template_specs.pop(request.path.lower(), None) else 204)


@router.route("PUT", HOST, _VERSION)
def put_version(world: World, request: Request) -> Reply:
    require(world, request.caller, f"{TYPE}/versions/write", request.path)
    spec, name, body = _existing(world, request), request.params["version"], body_of(request)
    existing = spec.versions.get(name.lower())
    location = location_of(body, existing or spec, request.params["group"])
    wanted = body.get("properties") or {}
    template, form = wanted.get("mainTemplate"), wanted.get("uiFormDefinition")
    if not isinstance(template, dict):
        raise _bad("mainTemplate")
    if form is not None and not isinstance(form, dict):
        raise _bad("uiFormDefinition")
    if wanted.get("linkedTemplates"):
        raise AzureError(400, "InvalidTemplateSpec", "The sandbox keeps no linked templates.")
    system = existing.system if existing else SystemData.by(world, request.caller)
    system.touch(world, request.caller)
    version = Version(name, location, body.get("tags") or {}, system, template, form, wanted.get("description"))
    spec.versions[name.lower()] = version
    return Reply(200 if existing else 201, version_document(spec, version))


@router.route("GET", HOST, _VERSION)
def get_version(world: World, request: Request) -> Reply:
    require(world, request.caller, f"{TYPE}/versions/read", request.path)
    spec = _existing(world, request)
    version = spec.versions.get(request.params["version"].lower())
    if version is None:
        raise not_found(f"{TYPE}/versions", (spec.name, request.params["version"]), request.params["group"])
    return Reply(200, version_document(spec, version))


@router.route("GET", HOST, f"{_SPEC}/versions")
def list_versions(world: World, request: Request) -> Reply:
    require(world, request.caller, f"{TYPE}/versions/read", request.path)
    spec = _existing(world, request)
    return Reply(200, {"value": [version_document(spec, version) for version in spec.versions.values()]})


@router.route("DELETE", HOST, _VERSION)
def delete_version(world: World, request: Request) -> Reply:
    require(world, request.caller, f"{TYPE}/versions/delete", request.path)
    spec = world.template_specs.get(_id(request).lower())
    gone = spec.versions.pop(request.params["version"].lower(), None) if spec else None
    return Reply(200 if gone else 204)


def document(spec: TemplateSpec, versions: bool = False) -> dict[str, Any]:
    properties: dict[str, Any] = _without_none(description=spec.description, displayName=spec.display_name)
    if versions:
        properties["versions"] = {each.name: _summary(each) for each in spec.versions.values()}
    return _resource(spec.id, spec.name, TYPE, spec) | {"properties": properties}


def version_document(spec: TemplateSpec, version: Version) -> dict[str, Any]:
    properties = _without_none(
        description=version.description, mainTemplate=version.template, uiFormDefinition=version.form
    )
    version_id = f"{spec.id}/versions/{version.name}"
    return _resource(version_id, version.name, f"{TYPE}/versions", version) | {"properties": properties}


def remove_below(world: World, scope: str) -> None:
    for key, spec in list(world.template_specs.items()):
        if covers(scope, spec.id):
            del world.template_specs[key]


def _resource(resource_id: str, name: str, kind: str, of: TemplateSpec | Version) -> dict[str, Any]:
    head = {"id": resource_id, "name": name, "type": kind, "location": of.location, "tags": of.tags}
    return head | {"systemData": of.system.document(iso)}


def _summary(version: Version) -> dict[str, Any]:
    times = {"timeCreated": iso(version.system.created), "timeModified": iso(version.system.modified)}
    return _without_none(description=version.description) | times


def _without_none(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _expands(request: Request) -> bool:
    return request.query.get("$expand", "").lower() == "versions"


def _existing(world: World, request: Request) -> TemplateSpec:
    spec = world.template_specs.get(_id(request).lower())
    if spec is None:
        raise not_found(TYPE, (request.params["name"],), request.params["group"])
    return spec


def _id(request: Request) -> str:
    params = request.params
    return f"/subscriptions/{params['subscription']}/resourceGroups/{params['group']}{_BELOW}/{params['name']}"


def _bad(member: str) -> AzureError:
    text = f"The property '{member}' of a template spec version has to be an object."  # from memory
    return AzureError(400, "InvalidTemplateSpec", text)
