"""Asking Azure beforehand what it will allow. Whatever can't be asked is unknown, and stops nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from azext_acrcmk.cloud.bodies import registry_body, vault_body
from azext_acrcmk.cloud.clients import (
    KEY_VAULT_API_VERSION,
    PERMISSIONS_API_VERSION,
    REGISTRY_API_VERSION,
    ROLE_USAGE_API_VERSION,
    Clients,
    unregistered,
    wire,
)
from azext_acrcmk.cloud.errors import read_error
from azext_acrcmk.cloud.observe import together
from azext_acrcmk.model.goal import EnableGoal
from azext_acrcmk.model.ids import REGISTRY_TYPE, VAULT_TYPE, ArmId
from azext_acrcmk.model.preflight import Denial, Permission, Preflight, Questions
from azext_acrcmk.model.state import Identity, State, Unknown

_API_VERSIONS = {REGISTRY_TYPE: REGISTRY_API_VERSION, VAULT_TYPE: KEY_VAULT_API_VERSION}

# Stands in a policy check for the client id of an identity that is yet to be.
_NO_CLIENT_ID = "00000000-0000-0000-0000-000000000000"


def look_ahead(clients: Clients, asked: Questions, goal: EnableGoal, state: State, location: str) -> Preflight:
    """The answers to `asked`, all asked side by side."""
    subscription = goal.registry.subscription
    providers, permissions, denials, left = together(
        lambda: tuple((name, _provider_state(clients, subscription, name)) for name in asked.namespaces),
        lambda: tuple((scope, _permissions(clients, scope)) for scope in asked.scopes),
        lambda: _denials(clients, _contents(asked.parts, goal, state, location)),
        lambda: _role_assignments_left(clients, asked.quota_of) if asked.quota_of else None,
    )
    return Preflight(providers, permissions, denials, left)


def _asked(call: Callable[[], Any], action: str, scope: str) -> Any:
    """The answer, or Unknown for whatever reason there is none: a preflight is no reason to fail."""
    from azure.core.exceptions import AzureError

    try:
        return call()
    except AzureError as error:
        return Unknown(action, scope, read_error(error).message)


def _provider_state(clients: Clients, subscription: str, namespace: str) -> str | Unknown:
    providers = clients.resources(subscription).providers
    action = "Microsoft.Resources/subscriptions/providers/read"
    return _asked(lambda: providers.get(namespace).registration_state, action, f"/subscriptions/{subscription}")


def _permissions(clients: Clients, scope: str) -> tuple[Permission, ...] | Unknown:
    resources = clients.resources(scope.split("/")[2]).resources
    path = f"{scope}/providers/Microsoft.Authorization/permissions"

    def ask() -> tuple[Permission, ...]:
        found = resources.get_by_id(path, PERMISSIONS_API_VERSION, cls=wire).get("value") or ()
        return tuple(
            Permission(tuple(each.get("actions") or ()), tuple(each.get("notActions") or ())) for each in found
        )

    return _asked(ask, "Microsoft.Authorization/permissions/read", scope)


def _strings(body: dict[str, Any], name: str) -> tuple[str, ...]:
    return tuple(body.get(name) or ())


def _role_assignments_left(clients: Clients, subscription: str) -> int | Unknown:
    scope = f"/subscriptions/{subscription}"
    path = f"{scope}/providers/Microsoft.Authorization/roleAssignmentsUsageMetrics"
    resources = clients.resources(subscription).resources

    def ask() -> int:
        return int(resources.get_by_id(path, ROLE_USAGE_API_VERSION, cls=wire)["roleAssignmentsRemainingCount"])

    return _asked(ask, "Microsoft.Authorization/roleAssignmentsUsageMetrics/read", scope)


def _denials(clients: Clients, contents: Iterable[tuple[ArmId, dict[str, Any]]]) -> tuple[Denial, ...] | Unknown:
    found: list[Denial] = []
    for resource, content in contents:
        seen = _asked(lambda r=resource, c=content: _check(clients, r, c), "", resource.group_id)
        if isinstance(seen, Unknown):
            return seen
        found += seen
    return tuple(found)


def _contents(
    parts: tuple[str, ...], goal: EnableGoal, state: State, location: str
) -> Iterator[tuple[ArmId, dict[str, Any]]]:
    """What would be created, as the policy check wants it."""
    if "vault" in parts:
        yield goal.vault, {"type": VAULT_TYPE, "name": goal.vault.name, **vault_body(goal, location)}
    if "registry" in parts:
        identity = state.identity if isinstance(state.identity, Identity) else None
        client_id, id_ = (identity.client_id, identity.id) if identity else (_NO_CLIENT_ID, str(goal.identity))
        body = registry_body(goal, location, id_, client_id, goal.key)
        yield goal.registry, {"type": REGISTRY_TYPE, "name": goal.registry.name, **body}


def _check(clients: Clients, resource: ArmId, content: dict[str, Any]) -> list[Denial]:
    parameters = {"resourceDetails": {"resourceContent": content, "apiVersion": _API_VERSIONS[resource.type]}}
    restrictions = clients.policy_restrictions(resource.subscription)
    answer = restrictions.check_at_resource_group_scope(
        resource.group, parameters, cls=wire, raw_response_hook=unregistered
    )
    evaluations = (answer.get("contentEvaluationResult") or {}).get("policyEvaluations") or ()
    denials = []
    for each in evaluations:
        effect = ((each.get("effectDetails") or {}).get("policyEffect") or "Deny").lower()
        if (each.get("evaluationResult") or "").lower() == "noncompliant" and effect == "deny":
            policy = (each.get("policyInfo") or {}).get("policyAssignmentId") or ""
            denials.append(Denial(str(resource), policy.rsplit("/", 1)[-1]))
    return denials
