"""Scope maps of a registry: what tokens may do (recordings acr_scopemap_*).

Every registry has some of the system, which can't be changed; those names begin with an underscore.
"""

from __future__ import annotations

import re

from sandbox.core.clock import iso
from sandbox.core.web import Router
from sandbox.registry.parts import BUILT_IN, Change, Kind, Part, add, invalid
from sandbox.registry.record import Registry
from sandbox.resource_manager.common import SystemData
from sandbox.world import World

router = Router()
_ACTION = re.compile(
    r"repositories/(?P<repository>[a-z0-9._/*-]+)/(?:content/(?:read|write|delete)|metadata/(?:read|write))"
    r"|gateway/[A-Za-z0-9]+/(?:config|message)/(?:read|write)"
)
_PULL, _PUSH = "repositories/*/content/read", "repositories/*/content/write"
_READ, _WRITE = "repositories/*/metadata/read", "repositories/*/metadata/write"
_SYSTEM = {
    "_repositories_admin": (
        "Can perform all read, write and delete operations on the registry",
        (_READ, _WRITE, _PULL, _PUSH, "repositories/*/content/delete"),
    ),
    "_repositories_pull": ("Can pull any repository of the registry", (_PULL,)),
    "_repositories_pull_metadata_read": ("Can perform all read operations on the registry", (_PULL, _READ)),
    "_repositories_push": ("Can push to any repository of the registry", (_PULL, _PUSH)),
    "_repositories_push_metadata_write": (
        "Can perform all read and write operations on the registry",
        (_READ, _WRITE, _PULL, _PUSH),
    ),
}


def add_system_maps(world: World, registry: Registry) -> None:
    """Give a registry the scope maps that every registry has."""
    if f"{registry.id}/scopeMaps/{next(iter(_SYSTEM))}".lower() in world.parts:
        return
    for name, (description, actions) in _SYSTEM.items():
        system = SystemData("", "Application", world.now(), "", "Application", world.now())
        part = Part(f"{registry.id}/scopeMaps/{name}", "scopeMaps", name, registry.id, world.now(), system, {})
        part.properties = _properties("SystemDefined", world.now(), description, actions)
        world.parts[part.id.lower()] = part


def is_valid_action(action: str) -> bool:
    """Whether a scope map can have an action. A wildcard may only end the name of a repository."""
    match = _ACTION.fullmatch(action)
    return match is not None and "*" not in (match["repository"] or "")[:-1]


def _apply(change: Change, part: Part) -> None:
    _check_own(part)
    actions = change.value("actions") or []
    if wrong := [action for action in actions if not is_valid_action(action)]:
        raise invalid(f"The action '{wrong[0]}' is not valid.")
    if not actions:
        raise invalid("The actions of the scope map are missing.")
    part.properties = _properties("UserDefined", part.created, change.value("description"), actions)


def _properties(kind: str, created: float, description: str | None, actions: tuple[str, ...] | list[str]) -> dict:
    told = {"description": description} if description else {}
    return {**told, "type": kind, "creationDate": iso(created, suffix="+00:00"), "actions": list(actions)}


def _check_own(part: Part) -> None:
    if part.properties.get("type") == "SystemDefined":
        raise invalid(f"The scope map {part.name} is defined by the system and cannot be changed.")


def _check_deletion(world: World, registry: Registry, part: Part) -> None:
    _check_own(part)


BUILT_IN.append(add_system_maps)
add(
    router,
    Kind(
        "scopeMaps",
        _apply,
        named=re.compile(r"(?=.{5,50}$)[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*"),
        check_deletion=_check_deletion,
    ),
)
