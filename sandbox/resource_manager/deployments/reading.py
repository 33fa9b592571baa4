"""The requests of a deployment to the services of the sandbox, and the results of `reference` while it runs."""

from __future__ import annotations

import copy
from typing import Any

from sandbox.core.web import AzureError, Caller, Reply, Request
from sandbox.resource_manager import arm, gateway
from sandbox.resource_manager.access import RESOURCE_MANAGER
from sandbox.resource_manager.deployments import graph
from sandbox.resource_manager.deployments.records import Deployment, Step, resource_info
from sandbox.resource_manager.deployments.template import Plan
from sandbox.world import TENANT, World

ITSELF = Caller(RESOURCE_MANAGER, "", TENANT, arm.AUDIENCES[0])


def send(world: World, caller: Caller, method: str, path: str, version: str, body: Any = None) -> Reply:
    """Send a request as its caller, immediately. The service gets a copy of the body.

    A template can contain values that no client sends. If a service fails on them, the deployment still ends.
    """
    request = Request(method, arm.HOST, path, {"api-version": version}, body=copy.deepcopy(body), caller=caller)
    try:
        return gateway.answer(world, request)
    except Exception as error:
        message = f"The sandbox failed: {type(error).__name__}: {error}"
        return AzureError(500, "InternalServerError", message).reply()


def error_of(reply: Reply) -> dict[str, Any]:
    """The error in a response."""
    found = reply.body.get("error") if isinstance(reply.body, dict) else None
    return found or {"code": str(reply.status), "message": "The request was refused."}


class Reader:
    """Resolves `reference` with the caller's permissions, except for resources of the deployment referenced by name."""

    def __init__(self, world: World, caller: Caller, plan: Plan, deployment: Deployment):
        self._world, self._caller, self._plan, self._deployment = world, caller, plan, deployment
        self._read: set[str] = set()

    def reference(self, *arguments: Any) -> Any:
        """The properties of a resource, or the whole resource with 'Full'. Raises AzureError if it can't be read."""
        name = graph.check_reference(self._plan.index, arguments)
        target = self._plan.index.one(name)
        own = target is not None and target.made
        by_name = own and not name.startswith("/")
        resource_id = target.id if target else self._absolute(name)
        version = next((each for each in arguments[1:2] if isinstance(each, str)), None)
        version = version or (target.api_version if target else "")
        reply = send(self._world, ITSELF if by_name else self._caller, "GET", resource_id, version)
        if not own:
            self._note(resource_id, reply)
        if reply.status >= 400:
            error = error_of(reply)
            raise AzureError(reply.status, error["code"], error["message"])
        body = copy.deepcopy(reply.body)
        if any(str(each).lower() == "full" for each in arguments[2:]):
            return body | {"apiVersion": version, "resourceId": resource_id}
        return body.get("properties", body)

    def _absolute(self, name: str) -> str:
        return name if name.startswith("/") else f"{self._deployment.target.scope}/providers/{name}"

    def _note(self, resource_id: str, reply: Reply) -> None:
        """Add an operation `Read`, once for each resource outside the deployment."""
        if resource_id.lower() in self._read:
            return
        self._read.add(resource_id.lower())
        parsed = arm.parse(resource_id)
        info = resource_info(resource_id, parsed.type, "/".join(parsed.names))
        now, failed = self._world.now(), reply.status >= 400
        step = Step("Read", now, info)
        code = status_name(reply.status)
        step.end(now, "Failed" if failed else "Succeeded", code, {"error": error_of(reply)} if failed else None)
        self._deployment.steps.append(step)


def status_name(status: int) -> str:
    """A status as in operations."""
    names = {
        200: "OK",
        201: "Created",
        202: "Accepted",
        204: "NoContent",
        400: "BadRequest",
        401: "Unauthorized",
        403: "Forbidden",
        404: "NotFound",
        409: "Conflict",
        429: "TooManyRequests",
        500: "InternalServerError",
    }
    return names.get(status, str(status))
