"""Deployments as stored in the world, and as returned."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.core.clock import iso
from sandbox.resource_manager.deployments import ids
from sandbox.resource_manager.deployments.parameters import Parameter
from sandbox.resource_manager.deployments.resources import DEPLOYMENTS
from sandbox.world import World

ACTIVE = ("Accepted", "Running")
OPERATIONS = f"{DEPLOYMENTS}/operations"


@dataclass(frozen=True)
class Target:
    """The scope of a deployment: a group, or a subscription if `group` is None."""

    subscription: str
    group: str | None
    name: str

    @property
    def scope(self) -> str:
        return ids.scope_of(self.subscription, self.group)

    @property
    def id(self) -> str:
        return ids.provider_id(self.scope, DEPLOYMENTS, [self.name])


@dataclass
class Step:
    """An operation of a deployment on one resource."""

    kind: str  # Create, Read, Delete or EvaluateDeploymentOutput
    started: float
    target: dict[str, str] | None = None
    state: str = "Running"
    finished: float | None = None
    status_code: str = "OK"
    message: dict[str, Any] | None = None
    id: str = field(default_factory=lambda: _digits(16))
    tracking: str = field(default_factory=World.new_guid)

    def end(self, now: float, state: str, status_code: str, message: dict[str, Any] | None = None) -> None:
        self.state, self.finished, self.status_code, self.message = state, now, status_code, message

    def document(self, deployment_id: str, now: float) -> dict[str, Any]:
        end = now if self.finished is None else self.finished
        shown: dict[str, Any] = {
            "provisioningOperation": self.kind,
            "provisioningState": self.state,
            "timestamp": iso(end),
            "duration": duration(end - self.started),
            "trackingId": self.tracking,
        }
        if self.finished is not None:
            shown |= {"statusCode": self.status_code, "statusMessage": self.message}
        if self.target:
            shown |= {"serviceRequestId": str(uuid.uuid5(uuid.NAMESPACE_OID, self.tracking))}
            shown["targetResource"] = self.target
        return {"id": f"{deployment_id}/operations/{self.id}", "operationId": self.id, "properties": shown}


@dataclass
class Deployment:
    target: Target
    mode: str
    template: dict[str, Any]
    template_hash: str
    parameters: dict[str, Any]
    started: float
    caller_id: str
    providers: list[dict[str, Any]]
    dependencies: list[dict[str, Any]]
    location: str | None = None
    tags: dict[str, str] | None = None
    template_link: dict[str, Any] | None = None
    state: str = "Accepted"
    finished: float | None = None
    outputs: dict[str, Any] | None = None
    output_resources: list[dict[str, str]] = field(default_factory=list)
    error: dict[str, Any] | None = None
    steps: list[Step] = field(default_factory=list)
    correlation: str = field(default_factory=World.new_guid)
    operation: str = field(default_factory=lambda: f"0858{_digits(16)}")
    listeners: list[Callable[[], None]] = field(default_factory=list)

    @property
    def active(self) -> bool:
        return self.state in ACTIVE

    def document(self, now: float, accepted: bool = False) -> dict[str, Any]:
        """The deployment as it is now, or as in the response to its PUT."""
        end = now if self.finished is None else self.finished
        shown: dict[str, Any] = {
            "templateHash": self.template_hash,
            "parameters": self.parameters,
            "mode": self.mode,
            "provisioningState": "Accepted" if accepted else self.state,
            "timestamp": iso(end),
            "duration": duration(end - self.started),
            "correlationId": self.correlation,
            "providers": self.providers,
            "dependencies": self.dependencies,
        }
        if self.template_link:
            shown["templateLink"] = self.template_link
        if not accepted and not self.active:
            shown |= {} if self.error else {"outputs": self.outputs or {}}
            shown["outputResources"] = self.output_resources
            shown |= {"error": self.error} if self.error else {}
        target = self.target
        found = {"id": target.id, "name": target.name, "type": DEPLOYMENTS, "properties": shown}
        found |= {"location": self.location} if self.location else {}
        return found | ({"tags": self.tags} if self.tags else {})


def shown_parameters(parameters: dict[str, Parameter]) -> dict[str, Any]:
    """Parameters as deployments return them: the first letter in lowercase, secrets without their value."""
    return {
        each.name[:1].lower() + each.name[1:]: {"type": each.type} | ({} if each.secret else {"value": each.value})
        for each in parameters.values()
    }


def _digits(count: int) -> str:
    return f"{uuid.uuid4().int % 10**count:0{count}d}"


def duration(seconds: float) -> str:
    """A duration in the format of .NET, such as `PT27.0709147S`."""
    minutes, rest = divmod(max(seconds, 0.0), 60)
    hours, minutes = divmod(int(minutes), 60)
    text = f"{rest:.7f}".rstrip("0").rstrip(".")
    parts = [f"{hours}H" if hours else "", f"{minutes}M" if minutes else "", f"{text}S" if text != "0" else ""]
    return f"PT{''.join(parts) or '0S'}"


def resource_info(resource_id: str, resource_type: str, name: str) -> dict[str, str]:
    return {"id": resource_id, "resourceType": resource_type, "resourceName": name}
