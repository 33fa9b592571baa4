"""Common parts of the sandbox's ARM resources: creator and time, location, paged lists."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from sandbox.core.web import AzureError, Caller, Request
from sandbox.resource_manager.arm import HOST
from sandbox.resource_manager.catalogue import region
from sandbox.world import World


@dataclass
class SystemData:
    """The `systemData` of a resource."""

    created_by: str
    created_by_type: str
    created: float
    modified_by: str
    modified_by_type: str
    modified: float

    @classmethod
    def by(cls, world: World, caller: Caller) -> SystemData:
        name, kind = _author(world, caller)
        return cls(name, kind, world.now(), name, kind, world.now())

    def touch(self, world: World, caller: Caller) -> None:
        self.modified_by, self.modified_by_type = _author(world, caller)
        self.modified = world.now()

    def document(self, write_time: Callable[[float], str]) -> dict[str, str]:
        return {
            "createdBy": self.created_by,
            "createdByType": self.created_by_type,
            "createdAt": write_time(self.created),
            "lastModifiedBy": self.modified_by,
            "lastModifiedByType": self.modified_by_type,
            "lastModifiedAt": write_time(self.modified),
        }


def _author(world: World, caller: Caller) -> tuple[str, str]:
    principal = world.principals.get(caller.object_id)
    return caller.name or caller.app_id, "User" if principal and principal.kind == "User" else "Application"


def body_of(request: Request) -> dict[str, Any]:
    """The JSON object in the body of a request."""
    if not isinstance(request.body, dict):
        raise AzureError(
            400, "InvalidRequestContent", "The request content was invalid and could not be deserialized: 'null'."
        )
    return request.body


def location_of(body: dict[str, Any], existing: Any, group: str) -> str:
    """The location in a PUT, which must not change for an existing resource."""
    if not body.get("location"):
        raise AzureError(400, "LocationRequired", "The location property is required for this definition.")
    location = region(body["location"])
    if location is None:
        raise AzureError(
            400,
            "LocationNotAvailableForResourceType",
            f"The provided location '{body['location']}' is not available for resource type.",
        )
    if existing and existing.location != location:
        raise AzureError(
            409,
            "InvalidResourceLocation",
            f"The resource '{existing.name}' already exists in location '{existing.location}' in resource group "
            f"'{group}'. A resource with the same name cannot be created in location '{location}'. Please select a new "
            "resource name.",
        )
    return location


def page(request: Request, items: list[dict[str, Any]], size: int) -> dict[str, Any]:
    """One page of a list, with a `nextLink` if there are more."""
    start = int(request.query.get("$skiptoken", "0"))
    shown: dict[str, Any] = {"value": items[start : start + size]}
    if start + size < len(items):
        version = quote(request.query.get("api-version", ""))
        shown["nextLink"] = f"https://{HOST}{quote(request.path)}?api-version={version}&$skipToken={start + size}"
    return shown
