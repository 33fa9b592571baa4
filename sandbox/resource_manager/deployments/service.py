"""The HTTP API of deployments, in a resource group and at a subscription (facts templates.md 2.4 and 2.5)."""

from __future__ import annotations

from typing import Any

from sandbox.core.web import AzureError, Reply, Request, Router
from sandbox.resource_manager import arm
from sandbox.resource_manager.access import GATEWAY, allowed, require
from sandbox.resource_manager.arm import HOST
from sandbox.resource_manager.deployments import errors, preflight, what_if
from sandbox.resource_manager.deployments.language.evaluate import find_key
from sandbox.resource_manager.deployments.preparation import Prepared, prepare
from sandbox.resource_manager.deployments.records import OPERATIONS, Deployment, Target
from sandbox.resource_manager.deployments.resources import DEPLOYMENTS
from sandbox.resource_manager.deployments.runner import Run, finish
from sandbox.resource_manager.hierarchy import covers
from sandbox.world import Operation, World

router = Router()
_GROUP = "/subscriptions/{subscription}/resourcegroups/{group}"
_SUBSCRIPTION = "/subscriptions/{subscription}"
_BELOW = f"/providers/{DEPLOYMENTS}"
_WEEK = 7 * 86_400.0


def _both(methods: str, below: str) -> Any:
    """Add a handler for a path below a group and below a subscription."""

    def add(handler: Any) -> Any:
        router.route(methods, HOST, f"{_GROUP}{below}")(handler)
        return router.route(methods, HOST, f"{_SUBSCRIPTION}{below}")(handler)

    return add


@_both("POST", f"{_BELOW}/{{name}}/validate")
def validate(world: World, request: Request) -> Reply:
    target = _target(world, request)
    require(world, request.caller, f"{DEPLOYMENTS}/validate/action", target.id)
    prepared = prepare(world, request.caller, target, request.body)
    found = _checked(world, request, prepared)
    shown = prepared.record(world.now(), request.caller).document(world.now(), accepted=True)
    shown["properties"] |= {
        "provisioningState": "Succeeded",
        "duration": "PT0S",
        "validatedResources": [{"id": resource.id} for resource in found.resources],
    }
    if found.diagnostics:
        shown["properties"]["diagnostics"] = found.diagnostics
    return Reply(200, shown)


@_both("POST", f"{_BELOW}/{{name}}/whatIf")
def preview(world: World, request: Request) -> Reply:
    """What a deployment would change, returned at the Location, as are the errors of a template."""
    target = _target(world, request)
    require(world, request.caller, f"{DEPLOYMENTS}/whatIf/action", target.id)
    try:
        result = _previewed(world, request, target)
    except AzureError as error:
        result = {"status": "Failed", "error": errors.document(error)}
    operation = Operation(f"whatif-{world.new_guid()}", "Running", world.now() + world.settings.deployment_seconds)
    operation.answer = result
    world.operations[operation.id] = operation
    url = f"https://{HOST}/subscriptions/{target.subscription}/operationresults/{operation.id}"
    return Reply(202, None, {"Location": f"{url}?api-version={request.query['api-version']}"})


@_both("PUT", f"{_BELOW}/{{name}}")
def put(world: World, request: Request) -> Reply:
    """Start a deployment, unless a problem with it is already known."""
    target = _target(world, request)
    require(world, request.caller, f"{DEPLOYMENTS}/write", target.id)
    before = world.deployments.get(target.id.lower())
    if before and before.active:
        raise _still_active(before)
    prepared = prepare(world, request.caller, target, request.body)
    _check_place(before, prepared)
    _checked(world, request, prepared)
    deployment = prepared.record(world.now(), request.caller)
    world.deployments[target.id.lower()] = deployment
    Run(world, request.caller, prepared, deployment).begin()
    url = f"https://{HOST}{target.id}/operationStatuses/{deployment.operation}"
    headers = {"Azure-AsyncOperation": f"{url}?api-version={request.query['api-version']}"}
    return Reply(200 if before else 201, deployment.document(world.now(), accepted=True), headers)


@_both("GET", f"{_BELOW}/{{name}}")
def get(world: World, request: Request) -> Reply:
    return Reply(200, _existing(world, request, "read").document(world.now()))


@_both("HEAD", f"{_BELOW}/{{name}}")
def exists(world: World, request: Request) -> Reply:
    target = _target(world, request)
    require(world, request.caller, f"{DEPLOYMENTS}/read", target.id)
    return Reply(204 if target.id.lower() in world.deployments else 404)


@_both("GET", _BELOW)
def list_deployments(world: World, request: Request) -> Reply:
    scope = _target(world, request).scope
    shown = [
        deployment.document(world.now())
        for deployment in world.deployments.values()
        if deployment.target.scope.lower() == scope.lower()
        and allowed(world, request.caller.object_id, f"{DEPLOYMENTS}/read", deployment.target.id)
    ]
    return Reply(200, {"value": sorted(shown, key=lambda each: each["properties"]["timestamp"], reverse=True)})


@_both("DELETE", f"{_BELOW}/{{name}}")
def delete(world: World, request: Request) -> Reply:
    """Delete a deployment, but not its resources."""
    target = _target(world, request)
    require(world, request.caller, f"{DEPLOYMENTS}/delete", target.id)
    deployment = world.deployments.get(target.id.lower())
    if deployment and deployment.active:
        raise _still_active(deployment)
    world.deployments.pop(target.id.lower(), None)
    return Reply(204)


@_both("POST", f"{_BELOW}/{{name}}/cancel")
def cancel(world: World, request: Request) -> Reply:
    """Cancel a deployment: nothing more is started, but operations in progress continue."""
    deployment = _existing(world, request, "cancel/action")
    if not deployment.active:
        name, state = deployment.target.name, deployment.state
        raise AzureError(  # text from memory
            409,
            "DeploymentCannotBeCancelled",
            f"The deployment '{name}' cannot be cancelled because its provisioning state is '{state}'.",
            headers=GATEWAY,
        )
    finish(world, deployment, "Canceled", None)
    return Reply(204)


@_both("POST", f"{_BELOW}/{{name}}/exportTemplate")
def export(world: World, request: Request) -> Reply:
    return Reply(200, {"template": _existing(world, request, "exportTemplate/action").template})


@_both("GET", f"{_BELOW}/{{name}}/operationStatuses/{{operation}}")
def status(world: World, request: Request) -> Reply:
    deployment = _existing(world, request, "operationStatuses/read")
    if request.params["operation"] != deployment.operation:
        text = f"The operation '{request.params['operation']}' could not be found."
        raise AzureError(404, "DeploymentOperationNotFound", text, headers=GATEWAY)
    error = {"error": deployment.error} if deployment.error else {}
    return Reply(200, {"status": deployment.state, **error})


@_both("GET", "/deployments/{name}/operations")
@_both("GET", f"{_BELOW}/{{name}}/operations")
def list_operations(world: World, request: Request) -> Reply:
    """List operations. The path that `az` uses has `/providers/Microsoft.Resources` only below a subscription."""
    deployment = _existing(world, request, "operations/read")
    return Reply(200, {"value": [step.document(deployment.target.id, world.now()) for step in deployment.steps]})


@_both("GET", "/deployments/{name}/operations/{operation}")
@_both("GET", f"{_BELOW}/{{name}}/operations/{{operation}}")
def get_operation(world: World, request: Request) -> Reply:
    deployment = _existing(world, request, "operations/read")
    wanted = request.params["operation"].lower()
    found = next((step for step in deployment.steps if step.id.lower() == wanted), None)
    if found is None:
        raise arm.not_found(OPERATIONS, (deployment.target.name, wanted), deployment.target.group or "")
    return Reply(200, found.document(deployment.target.id, world.now()))


def remove_below(world: World, scope: str) -> None:
    for key, deployment in list(world.deployments.items()):
        if covers(scope, deployment.target.id):
            del world.deployments[key]


def _target(world: World, request: Request) -> Target:
    """The deployment in a path, with the spelling of its group as created."""
    subscription, group = request.params["subscription"], request.params.get("group")
    if group:
        known = world.groups.get(f"/subscriptions/{subscription}/resourceGroups/{group}".lower())
        group = known.name if known else group
    return Target(subscription, group, request.params.get("name", ""))


def _existing(world: World, request: Request, action: str) -> Deployment:
    target = _target(world, request)
    require(world, request.caller, f"{DEPLOYMENTS}/{action}", target.id)
    deployment = world.deployments.get(target.id.lower())
    if deployment is None:
        text = f"Deployment '{target.name}' could not be found."
        raise AzureError(404, "DeploymentNotFound", text, headers=GATEWAY)
    return deployment


def _checked(world: World, request: Request, prepared: Prepared) -> preflight.Survey:
    properties = request.body["properties"]
    level = properties.get(find_key(properties, "validationLevel") or "") or "Provider"
    if str(level).lower() not in ("template", "provider", "providernorbac"):
        raise errors.invalid_deployment(f"The validation level '{level}' is not known.")
    found = preflight.survey(world, request.caller, prepared)
    preflight.check(world, request.caller, found, str(level))
    return found


def _previewed(world: World, request: Request, target: Target) -> dict[str, Any]:
    prepared = prepare(world, request.caller, target, request.body)
    found = _checked(world, request, prepared)
    settings = request.body["properties"].get("whatIfSettings")
    payloads = not isinstance(settings, dict) or settings.get("resultFormat") != "ResourceIdOnly"
    shown = {"changes": what_if.changes(world, request.caller, prepared, found, payloads)}
    if found.diagnostics:
        shown["diagnostics"] = found.diagnostics
    return {"status": "Succeeded", "properties": shown}


def _check_place(before: Deployment | None, prepared: Prepared) -> None:
    if before and before.location != prepared.location:
        name = prepared.target.name
        raise AzureError(
            409,
            "InvalidDeploymentLocation",
            f"Invalid deployment location '{prepared.location}'. The deployment '{name}' already exists in location "
            f"'{before.location}'.",
            headers=GATEWAY,
        )


def _still_active(deployment: Deployment) -> AzureError:
    since, until = (_american(moment) for moment in (deployment.started, deployment.started + _WEEK))
    return AzureError(
        409,
        "DeploymentActive",
        f"Unable to edit or replace deployment '{deployment.target.name}': previous deployment from '{since}' is still "
        f"active (expiration time is '{until}'). Please see https://aka.ms/arm-deploy for usage details.",
        headers=GATEWAY,
    )


def _american(moment: float) -> str:
    """A time in US format, such as 7/2/2018 12:08:13 PM."""
    from datetime import datetime, timezone

    when = datetime.fromtimestamp(moment, timezone.utc)
    return f"{when.month}/{when.day}/{when.year} {when.hour % 12 or 12}:{when:%M:%S %p}"
