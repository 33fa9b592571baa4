"""What Resource Manager checks before a deployment starts: permissions, policies, API versions, groups."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sandbox.core.web import Caller, Request
from sandbox.resource_manager import arm, policies
from sandbox.resource_manager.access import allowed
from sandbox.resource_manager.deployments import errors
from sandbox.resource_manager.deployments.language.evaluate import Unknown, has_unknown
from sandbox.resource_manager.deployments.preparation import Groups, Prepared, prepare
from sandbox.resource_manager.deployments.records import Target
from sandbox.resource_manager.deployments.resources import DEPLOYMENTS, GROUPS, Resource
from sandbox.world import World

_GROUP_TYPE = "Microsoft.Resources/subscriptions/resourceGroups"
_SHORT_CIRCUIT = (
    "A nested deployment got short-circuited and all its resources got skipped from validation. This is due to a "
    "nested template having a parameter that was not fully evaluated (contains a reference() function). Please see "
    "https://aka.ms/WhatIfEvalStopped for more guidance."
)


@dataclass
class Survey:
    """All resources that a deployment would create, including nested ones; and nested deployments still unknown."""

    resources: list[Resource] = field(default_factory=list)
    diagnostics: list[dict[str, str]] = field(default_factory=list)


def survey(world: World, caller: Caller, prepared: Prepared) -> Survey:
    """What a deployment would create. Raises AzureError if a nested template is invalid or its group is missing."""
    found = Survey()
    _survey(world, caller, prepared, found, _new_groups(prepared))
    return found


def check(world: World, caller: Caller, found: Survey, level: str = "Provider") -> None:
    """Reject a deployment if a problem with its resources is already known."""
    level = level.lower()
    if level == "template":
        return
    if level != "providernorbac":
        _check_rights(world, caller, found.resources)
    for resource in found.resources:
        arm.check_api_version(_request(resource, caller), arm.parse(resource.id))
    _check_policies(world, found.resources)


def action_type(resource_type: str) -> str:
    """The type of a resource as in actions."""
    return _GROUP_TYPE if resource_type.lower() == GROUPS.lower() else resource_type


def nested_target(resource: Resource) -> Target:
    return Target(resource.scopes[0], resource.scopes[1] if len(resource.scopes) > 1 else None, resource.names[0])


def _survey(world: World, caller: Caller, prepared: Prepared, found: Survey, groups: Groups) -> None:
    for resource in prepared.plan.resources:
        if not resource.made:
            continue
        found.resources.append(resource)
        if not resource.nests:
            continue
        target = nested_target(resource)
        if target.group and target.scope.lower() not in world.groups and target.scope.lower() not in groups:
            raise arm.group_not_found(target.group)
        if _is_opaque(resource.probed):
            diagnostic = {"code": "NestedDeploymentShortCircuited", "level": "Warning", "message": _SHORT_CIRCUIT}
            found.diagnostics.append({**diagnostic, "target": resource.id})
            continue
        nested = prepare(world, caller, target, resource.body(resource.probed), groups)
        _survey(world, caller, nested, found, groups | _new_groups(nested))


def _is_opaque(properties: Any) -> bool:
    """Whether parameters of a nested deployment are not known yet, so that its resources can't be checked."""
    return isinstance(properties, dict) and has_unknown({**properties, "template": None})


def _new_groups(prepared: Prepared) -> Groups:
    resources = prepared.plan.resources
    return {each.id.lower(): each.sent for each in resources if each.made and each.type.lower() == GROUPS.lower()}


def _check_rights(world: World, caller: Caller, resources: list[Resource]) -> None:
    client = f"The client '{caller.name or caller.app_id}' with object id '{caller.object_id}'"
    refused = []
    for resource in resources:
        action = f"{action_type(resource.type)}/write"
        if not allowed(world, caller.object_id, action, resource.id):
            refused.append(
                f"Authorization failed for template resource '{resource.name}' of type '{resource.type}'. {client} "
                f"does not have permission to perform action '{action}' at scope '{resource.id}'."
            )
    if refused:
        raise errors.unauthorized(refused)


def _check_policies(world: World, resources: list[Resource]) -> None:
    details = [refusal for resource in resources for refusal in _refusals(world, resource)]
    if details:
        raise errors.disallowed(details)


def _refusals(world: World, resource: Resource) -> Iterator[dict[str, Any]]:
    """The policies that deny a resource, as far as the values that they evaluate are known."""
    if not world.policies or resource.type.lower() == DEPLOYMENTS.lower():
        return
    body, kind = resource.body(resource.probed), action_type(resource.type)
    for policy in policies.broken_by(world, kind, resource.id, body):
        if policy.condition and _is_unknown(body, policy.condition["field"]):
            continue
        yield errors.document(policies.refusal(policy, kind, resource.names[-1], body))


def _is_unknown(body: Any, path: str) -> bool:
    for part in path.split("."):
        if isinstance(body, Unknown):
            return True
        body = body.get(part) if isinstance(body, dict) else None
    return isinstance(body, Unknown)


def _request(resource: Resource, caller: Caller) -> Request:
    body = resource.body(resource.probed)
    return Request("PUT", arm.HOST, resource.id, {"api-version": resource.api_version}, body=body, caller=caller)
