"""Azure Policy assignments with the effects `deny` and `modify`, as in a landing zone."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from sandbox.core.web import AzureError
from sandbox.resource_manager.hierarchy import covers
from sandbox.world import World

_MISSING = object()


@dataclass(frozen=True)
class DenyPolicy:
    """Rejects writes of a resource type: all, or those that match `condition`. It is written as in a policy rule,
    {"field": "properties.x", "equals"|"notEquals"|"notIn"|"exists": value}. Azure itself assigns some (`by_azure`),
    such as that of the regions a subscription may use. One that requires an `external` evaluation denies what comes
    without its token (see policy_tokens.py)."""

    name: str
    type: str
    scope: str
    condition: dict[str, Any] | None = None
    reason: str = ""
    by_azure: bool = False
    external: bool = False

    @property
    def assignment_id(self) -> str:
        return f"{self.scope}/providers/Microsoft.Authorization/policyAssignments/{self.name}"

    @property
    def definition_id(self) -> str:
        return f"{self.scope}/providers/Microsoft.Authorization/policyDefinitions/{self.name}"

    def denies(self, body: Any, partial: bool) -> bool:
        """Whether a request body is denied. A partial body (PATCH) is evaluated only if it has the field."""
        if not self.condition:
            return True
        value = _value(body, self.condition["field"])
        if partial and value is _MISSING:
            return False
        if "exists" in self.condition:
            return (value is not _MISSING) == bool(self.condition["exists"])
        if "notIn" in self.condition:
            return _fold(value) not in [_fold(each) for each in self.condition["notIn"]]
        if "equals" in self.condition:
            return _fold(value) == _fold(self.condition["equals"])
        return _fold(value) != _fold(self.condition["notEquals"])


@dataclass(frozen=True)
class ModifyPolicy:
    """Changes the content of writes of a resource type before its provider sees them: all, or those that match
    `condition`. `operations` are written as in a policy rule: {"operation": "add"|"addOrReplace"|"remove", "field":
    "properties.x", "value"?}; `add` leaves a value that is there (documentation: governance/policy effect-modify)."""

    name: str
    type: str
    scope: str
    operations: tuple[dict[str, Any], ...]
    condition: dict[str, Any] | None = None

    def denies(self, _body: Any, partial: bool) -> bool:
        return False

    def changed(self, body: Any) -> Any:
        made = copy.deepcopy(body)
        for each in self.operations:
            *parents, last = each["field"].split(".")
            place = made
            for parent in parents:
                place = place.setdefault(parent, {})
            if each["operation"] == "remove":
                place.pop(last, None)
            elif each["operation"] == "addOrReplace" or last not in place:
                place[last] = each["value"]
        return made


def modify(world: World, method: str, resource_type: str, scope: str, body: Any) -> Any:
    """The body of a write as policies at or above its scope change it."""
    for policy in _about(world, resource_type, scope):
        matches = DenyPolicy(policy.name, policy.type, policy.scope, policy.condition).denies
        if isinstance(policy, ModifyPolicy) and isinstance(body, dict) and matches(body, method == "PATCH"):
            body = policy.changed(body)
    return body


def check(world: World, method: str, resource_type: str, name: str, scope: str, body: Any, token: str = "") -> None:
    """Reject a write that a policy at or above its scope denies. `token` proves an external evaluation."""
    broken = broken_by(world, resource_type, scope, body, partial=method == "PATCH")
    if world.policy_tokens.get(token) == (method, scope.lower()):
        broken = [policy for policy in broken if not policy.external]
    if broken:
        raise refusal(broken[0], resource_type, name, body)


def broken_by(world: World, resource_type: str, scope: str, body: Any, *, partial: bool = False) -> list[DenyPolicy]:
    """The policies at or above a scope that deny this body of a resource."""
    return [policy for policy in _about(world, resource_type, scope) if policy.denies(body, partial=partial)]


def _about(world: World, resource_type: str, scope: str) -> list[DenyPolicy | ModifyPolicy]:
    return [
        policy
        for policy in world.policies
        if policy.type.lower() == resource_type.lower() and covers(policy.scope, scope)
    ]


def refusal(policy: DenyPolicy, resource_type: str, name: str, body: Any) -> AzureError:
    """The details of an error about a resource that a policy denies."""
    if policy.by_azure:  # as users report it (Azure/static-web-apps#1743, azure-cli#32567)
        text = f"Resource '{name}' was disallowed by Azure: {policy.reason}."
        return AzureError(403, "RequestDisallowedByAzure", text, headers={"x-ms-failure-cause": "gateway"}, target=name)
    reason = policy.reason or policy.name
    info = {
        "evaluationDetails": {"evaluatedExpressions": expressions(policy, resource_type, body)},
        "policyDefinitionId": policy.definition_id,
        "policyDefinitionName": policy.name,
        "policyDefinitionDisplayName": policy.name,
        "policyDefinitionEffect": "deny",
        "policyAssignmentId": policy.assignment_id,
        "policyAssignmentName": policy.name,
        "policyAssignmentDisplayName": policy.name,
        "policyAssignmentScope": policy.scope,
        "policyExemptionIds": [],
    }
    return AzureError(
        403,
        "RequestDisallowedByPolicy",
        f"Resource '{name}' was disallowed by policy. Reasons: '{reason}'. See error details for policy resource IDs.",
        headers={"x-ms-failure-cause": "gateway"},
        target=name,
        additionalInfo=[{"type": "PolicyViolation", "info": info}],
    )


def expressions(policy: DenyPolicy, resource_type: str, body: Any) -> list[dict[str, Any]]:
    """The fields and values that a policy rule compared, as errors and previews show them."""
    field = {"result": "True", "expressionKind": "Field"}
    kind = {"expressionValue": resource_type, "targetValue": resource_type, "operator": "Equals"}
    found = [{**field, "expression": "type", "path": "type", **kind}]
    if policy.condition:
        operator, target = next((key, value) for key, value in policy.condition.items() if key != "field")
        path = policy.condition["field"]
        name = f"{resource_type}/{path.removeprefix('properties.')}" if path.startswith("properties.") else path
        shown = {"expression": name, "path": path}
        if (value := _value(body, path)) is not _MISSING:
            shown["expressionValue"] = value
        found.append({**field, **shown, "targetValue": target, "operator": operator[0].upper() + operator[1:]})
    return found


def _value(body: Any, path: str) -> Any:
    for part in path.split("."):
        if not isinstance(body, dict) or part not in body:
            return _MISSING
        body = body[part]
    return _MISSING if body is None else body


def _fold(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value
