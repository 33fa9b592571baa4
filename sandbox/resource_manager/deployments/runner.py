"""Runs a deployment on the sandbox's clock: resources in the order of their dependencies, otherwise in parallel. Each
step is an operation of the world, due when the previous step has ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.core.web import AzureError, Caller, Reply
from sandbox.resource_manager.deployments import errors
from sandbox.resource_manager.deployments.language.errors import TemplateError
from sandbox.resource_manager.deployments.preparation import Prepared
from sandbox.resource_manager.deployments.reading import ITSELF, Reader, error_of, send, status_name
from sandbox.resource_manager.deployments.records import Deployment, Step, resource_info
from sandbox.resource_manager.deployments.resources import Resource
from sandbox.resource_manager.resources import everything
from sandbox.world import Operation, World

_TERMINAL = ("Succeeded", "Failed", "Canceled")
_PROVIDERS = "2021-04-01"  # api-version for registering a provider


class Run:
    """A running deployment. A failure does not stop resources that don't depend on the failed one."""

    def __init__(self, world: World, caller: Caller, prepared: Prepared, deployment: Deployment):
        self._world, self._caller, self._deployment = world, caller, deployment
        self._plan = prepared.plan
        self._reader = Reader(world, caller, prepared.plan, deployment)
        self._waiting = {at for at, resource in enumerate(self._plan.resources) if not resource.existing}
        self._running: dict[int, Step] = {}
        self._done: set[int] = set()
        self._failures: dict[int, dict[str, Any]] = {}
        self._fatal: AzureError | None = None

    def begin(self) -> None:
        self._later(0, self._start)

    def _later(self, seconds: float, step: Callable[..., None], *arguments: Any) -> None:
        """Run something after a delay, unless the deployment is canceled or deleted before."""
        world = self._world
        operation = Operation(f"deployment-{world.new_guid()}", "Running", world.now() + seconds)

        def happen() -> None:
            del world.operations[operation.id]
            if (
                self._deployment.active
                and world.deployments.get(self._deployment.target.id.lower()) is self._deployment
            ):
                step(*arguments)

        operation.finish = happen
        world.operations[operation.id] = operation

    def _start(self) -> None:
        self._deployment.state = "Running"
        self._advance()

    def _advance(self) -> None:
        """Start all resources whose dependencies are deployed; end if nothing is running."""
        backwards = self._world.settings.deployment_order == "reverse"
        ready = [] if self._fatal else [at for at in self._waiting if self._plan.needs[at] <= self._done]
        for at in sorted(ready, reverse=backwards):
            self._waiting.discard(at)
            self._launch(at)
        if not self._running:
            self._later(self._world.settings.deployment_seconds, self._end)

    def _launch(self, at: int) -> None:
        resource = self._plan.resources[at]
        try:
            properties = resource.properties(self._reader.reference)
        except TemplateError as error:
            self._fatal = errors.unprocessable_resource(resource.id, resource.place, error)
            return
        except AzureError as error:
            self._failures[at] = errors.document(error)
            return
        if not resource.condition:
            return
        info = resource_info(resource.id, resource.type, resource.name)
        self._running[at] = step = Step("Create", self._world.now(), info)
        self._deployment.steps.append(step)
        self._register(at, resource.body(properties))

    def _register(self, at: int, body: dict[str, Any]) -> None:
        """Register the provider if necessary, as Azure does for the types in a template, then continue."""
        resource, world = self._plan.resources[at], self._world
        namespace = resource.type.partition("/")[0]
        subscription = resource.id.split("/")[2]
        state = world.providers.get((subscription.lower(), namespace.lower()), "Registered")
        if state == "Registered":
            self._put(at, body)
            return
        if state != "Registering":
            path = f"/subscriptions/{subscription}/providers/{namespace}/register"
            reply = send(world, self._caller, "POST", path, _PROVIDERS)
            if reply.status >= 400:
                self._later(0, self._fail, at, error_of(reply), reply.status)
                return
        self._later(world.settings.deployment_poll_seconds, self._register, at, body)

    def _put(self, at: int, body: dict[str, Any]) -> None:
        resource, version = self._plan.resources[at], self._plan.resources[at].api_version
        if "onlyifnotexists" in resource.options:
            reply = send(self._world, self._caller, "GET", resource.id, version)
            if reply.status != 404:
                self._later(reply.seconds, self._answered, at, reply)
                return
        reply = send(self._world, self._caller, "PUT", resource.id, version, body)
        self._later(reply.seconds, self._answered, at, reply)

    def _answered(self, at: int, reply: Reply) -> None:
        """Wait for the end of the provider's operation."""
        resource = self._plan.resources[at]
        headers = {name.lower(): value for name, value in reply.headers.items()}
        if reply.status >= 400:
            self._fail(at, error_of(reply), reply.status)
        elif resource.nests:
            self._wait_for_nested(at, self._world.deployments[resource.id.lower()], reply.status)
        elif "azure-asyncoperation" in headers:
            operation = headers["azure-asyncoperation"].partition("?")[0].rpartition("/")[2]
            seconds = float(headers.get("retry-after", self._world.settings.deployment_poll_seconds))
            self._poll(at, lambda: self._operation_state(operation), reply.status, seconds)
        else:
            state, seconds = _state(reply), self._world.settings.deployment_poll_seconds
            if state in _TERMINAL:
                self._settle(at, state, None, reply.status)
            else:
                self._poll(at, lambda: self._resource_state(resource), reply.status, seconds)

    def _poll(
        self, at: int, look: Callable[[], tuple[str, dict[str, Any] | None]], status: int, seconds: float
    ) -> None:
        state, error = look()
        if state in _TERMINAL:
            self._settle(at, state, error, status)
        else:
            self._later(seconds, self._poll, at, look, status, seconds)

    def _operation_state(self, operation_id: str) -> tuple[str, dict[str, Any] | None]:
        operation = self._world.operations[operation_id]
        return operation.settle(self._world.now()), operation.error

    def _resource_state(self, resource: Resource) -> tuple[str, dict[str, Any] | None]:
        reply = send(self._world, ITSELF, "GET", resource.id, resource.api_version)
        return ("Failed", error_of(reply)) if reply.status >= 400 else (_state(reply), None)

    def _settle(self, at: int, state: str, error: dict[str, Any] | None, status: int) -> None:
        if state == "Succeeded":
            self._succeed(at, status)
        else:
            failure = errors.resource_failed(self._plan.resources[at].id, state, [error] if error else [])
            self._fail(at, failure, 409)

    def _wait_for_nested(self, at: int, nested: Deployment, status: int) -> None:
        def end() -> None:
            if self._deployment.active:
                self._settle(at, nested.state, nested.error, status)

        if nested.active:
            nested.listeners.append(end)
        else:
            end()

    def _succeed(self, at: int, status: int) -> None:
        self._running.pop(at).end(self._world.now(), "Succeeded", status_name(status))
        self._done.add(at)
        self._advance()

    def _fail(self, at: int, error: dict[str, Any], status: int) -> None:
        message = {"status": "Failed", "error": error}
        self._running.pop(at).end(self._world.now(), "Failed", status_name(status), message)
        self._failures[at] = error
        self._advance()

    def _end(self) -> None:
        deployment = self._deployment
        made = [self._plan.resources[at] for at in sorted(self._done)]
        deployment.output_resources = [info for resource in made for info in self._output_resources(resource)]
        if self._fatal:
            finish(self._world, deployment, "Failed", errors.document(self._fatal))
            return
        if self._failures:
            details = [self._failures[at] for at in sorted(self._failures)]
            finish(self._world, deployment, "Failed", errors.deployment_failed(deployment.target.id, details))
            return
        refused = self._delete_others() if deployment.mode == "Complete" and deployment.target.group else []
        if refused:
            finish(self._world, deployment, "Failed", errors.deployment_failed(deployment.target.id, refused))
            return
        self._evaluate_outputs()

    def _output_resources(self, resource: Resource) -> list[dict[str, str]]:
        return (
            self._world.deployments[resource.id.lower()].output_resources if resource.nests else [{"id": resource.id}]
        )

    def _evaluate_outputs(self) -> None:
        now, deployment = self._world.now(), self._deployment
        step = Step("EvaluateDeploymentOutput", now)
        try:
            outputs, wrong = self._plan.evaluate_outputs(self._reader.reference)
            if wrong:
                raise errors.outputs_failed(wrong)
        except AzureError as error:
            step.end(now, "Failed", status_name(error.status), {"error": errors.document(error)})
            deployment.steps.append(step)
            finish(self._world, deployment, "Failed", errors.document(error))
            return
        step.end(now, "Succeeded", "OK")
        deployment.steps.append(step)
        deployment.outputs = outputs
        finish(self._world, deployment, "Succeeded", None)

    def _delete_others(self) -> list[dict[str, Any]]:
        """Delete what is in the group but not in the template. Returns the errors."""
        made = self._deployment.output_resources
        kept = {each["id"].lower() for each in made} | {each.id.lower() for each in self._plan.resources}
        group = f"{self._deployment.target.scope}/".lower()
        refused = []
        for entry in list(everything(self._world)):
            if entry["id"].lower() in kept or not entry["id"].lower().startswith(group):
                continue
            now = self._world.now()
            step = Step("Delete", now, resource_info(entry["id"], entry["type"], entry["name"]))
            self._deployment.steps.append(step)
            reply = send(self._world, self._caller, "DELETE", entry["id"], DELETE_VERSIONS[entry["type"]])
            failed = reply.status >= 400
            refused += [error_of(reply)] if failed else []
            step.end(now, "Failed" if failed else "Succeeded", status_name(reply.status))
        return refused


# The api-version for deleting resources in complete mode, by type.
DELETE_VERSIONS = {
    "Microsoft.ManagedIdentity/userAssignedIdentities": "2024-11-30",
    "Microsoft.KeyVault/vaults": "2026-02-01",
    "Microsoft.KeyVault/managedHSMs": "2026-02-01",
    "Microsoft.ContainerRegistry/registries": "2025-04-01",
    "Microsoft.Resources/templateSpecs": "2022-02-01",
}


def finish(world: World, deployment: Deployment, state: str, error: dict[str, Any] | None) -> None:
    """End a deployment, and notify its callers."""
    deployment.state, deployment.error, deployment.finished = state, error, world.now()
    listeners, deployment.listeners = deployment.listeners, []
    for tell in listeners:
        tell()


def _state(reply: Reply) -> str:
    """The provisioning state of a resource; most have none and exist immediately."""
    properties = reply.body.get("properties") if isinstance(reply.body, dict) else None
    return (properties or {}).get("provisioningState") or "Succeeded"
