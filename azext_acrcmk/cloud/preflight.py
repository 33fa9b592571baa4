"""Asking Azure beforehand what it will allow. Whatever can't be asked is unknown, and stops nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from azext_acrcmk.cloud.bodies import key_body, registry_body, role_assignment_body, vault_body, with_tags
from azext_acrcmk.cloud.clients import (
    KEY_VAULT_API_VERSION,
    PERMISSIONS_API_VERSION,
    REGISTRY_API_VERSION,
    RESOURCES_API_VERSION,
    ROLE_USAGE_API_VERSION,
    Clients,
    unregistered,
    wire,
)
from azext_acrcmk.cloud.errors import read_error, understanding
from azext_acrcmk.cloud.fields import part, parts, text, texts
from azext_acrcmk.cloud.observe import together, vault_name_is_free
from azext_acrcmk.model.access import ENCRYPTION_USER
from azext_acrcmk.model.goal import EnableGoal
from azext_acrcmk.model.ids import GROUP_TYPE, IDENTITY_TYPE, REGISTRY_TYPE, ROLE_ASSIGNMENT_TYPE, VAULT_TYPE, ArmId
from azext_acrcmk.model.preflight import Denial, Part, Permission, Preflight, Questions
from azext_acrcmk.model.state import Identity, State, Unknown

# Stands in a policy check for the ids of an identity that is yet to be.
_NO_ID = "00000000-0000-0000-0000-000000000000"


def look_ahead(clients: Clients, asked: Questions, goal: EnableGoal, state: State, location: str) -> Preflight:
    """The answers to `asked`, all asked side by side."""
    new_vault = any(part.name == "vault" for part in asked.parts)
    providers, permissions, denials, free, left = together(
        lambda: _each(lambda provider: (provider, _provider_state(clients, *provider)), asked.providers),
        lambda: _each(lambda scope: (scope, _permissions(clients, scope)), asked.scopes),
        lambda: _each(lambda part: _denials(clients, part, _details(part, goal, state, location)), asked.parts),
        lambda: _vault_name_is_free(clients, goal.vault) if new_vault else None,
        lambda: _role_assignments_left(clients, asked.quota_of) if asked.quota_of else None,
    )
    denied = tuple(denial for found in denials for denial in found)
    return Preflight(providers, permissions, denied, free, left)


def _each(ask: Callable[[Any], Any], about: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(together(*(partial(ask, each) for each in about)))


def _asked(call: Callable[[], Any], action: str, scope: str) -> Any:
    """The answer, or Unknown for whatever reason there is none: a preflight is no reason to fail."""
    from azure.core.exceptions import AzureError

    try:
        with understanding():
            return call()
    except AzureError as error:
        return Unknown(action, scope, read_error(error).message)


def _provider_state(clients: Clients, subscription: str, namespace: str) -> str | Unknown:
    scope = f"/subscriptions/{subscription}"
    path = f"{scope}/providers/{namespace}"

    def ask() -> str:
        return text(clients.arm(subscription).get(path, RESOURCES_API_VERSION), "registrationState") or ""

    return _asked(ask, "Microsoft.Resources/subscriptions/providers/read", scope)


def _permissions(clients: Clients, scope: str) -> tuple[Permission, ...] | Unknown:
    path = f"{scope}/providers/Microsoft.Authorization/permissions"

    def ask() -> tuple[Permission, ...]:
        found = parts(clients.arm(scope.split("/")[2]).get(path, PERMISSIONS_API_VERSION), "value")
        fields = ("actions", "notActions", "dataActions", "notDataActions")
        return tuple(Permission(*(texts(each, name) for name in fields)) for each in found)

    return _asked(ask, "Microsoft.Authorization/permissions/read", scope)


def _vault_name_is_free(clients: Clients, vault: ArmId) -> bool | Unknown:
    action, scope = "Microsoft.KeyVault/checkNameAvailability/read", f"/subscriptions/{vault.subscription}"
    return _asked(lambda: vault_name_is_free(clients, vault.subscription, vault.name), action, scope)


def _role_assignments_left(clients: Clients, subscription: str) -> int | Unknown:
    scope = f"/subscriptions/{subscription}"
    path = f"{scope}/providers/Microsoft.Authorization/roleAssignmentsUsageMetrics"

    def ask() -> int:
        return int(clients.arm(subscription).get(path, ROLE_USAGE_API_VERSION)["roleAssignmentsRemainingCount"])

    return _asked(ask, "Microsoft.Authorization/roleAssignmentsUsageMetrics/read", scope)


def _details(part: Part, goal: EnableGoal, state: State, location: str) -> dict[str, Any]:
    """What would be created, as the policy check wants it: a partial content, and for what lies in or on a resource
    that resource's id as `scope` (CheckRestrictionsResourceDetails of the SDK)."""
    identity = state.identity if isinstance(state.identity, Identity) else None
    plain = with_tags({"location": location}, goal.tags)
    if part.name == "group":
        return _resource(GROUP_TYPE, goal.registry.group, plain)
    if part.name == "identity":
        return _resource(IDENTITY_TYPE, goal.identity.name, plain)
    if part.name == "vault":
        body = vault_body(goal, location)
        return _resource(VAULT_TYPE, goal.vault.name, body, apiVersion=KEY_VAULT_API_VERSION)
    if part.name == "key":
        versioned = {"apiVersion": KEY_VAULT_API_VERSION, "scope": str(goal.vault)}
        return _resource(f"{VAULT_TYPE}/keys", goal.key_name, key_body(goal), **versioned)
    if part.name == "grant":
        principal = identity.principal_id if identity else _NO_ID
        body = role_assignment_body(part.resource, ENCRYPTION_USER, principal)
        return _resource(ROLE_ASSIGNMENT_TYPE, _NO_ID, body, scope=part.resource)
    client_id, id_ = (identity.client_id, identity.id) if identity else (_NO_ID, str(goal.identity))
    body = registry_body(goal, location, id_, client_id, goal.key)
    return _resource(REGISTRY_TYPE, goal.registry.name, body, apiVersion=REGISTRY_API_VERSION)


def _resource(type_: str, name: str, body: dict[str, Any], **more: str) -> dict[str, Any]:
    return {"resourceContent": {"type": type_, "name": name, **body}, **more}


def _denials(clients: Clients, new: Part, details: dict[str, Any]) -> list[Denial | Unknown]:
    """The policies that would deny what is to be made, as far as they are in force at its scope."""
    seen = _asked(lambda: _check(clients, new.scope, details), "", new.scope)
    if isinstance(seen, Unknown):
        return [seen]
    found = []
    for each in parts(part(seen, "contentEvaluationResult"), "policyEvaluations"):
        effect = (text(part(each, "effectDetails"), "policyEffect") or "Deny").lower()
        if (text(each, "evaluationResult") or "").lower() == "noncompliant" and effect == "deny":
            policy = text(part(each, "policyInfo"), "policyAssignmentId") or ""
            found.append(Denial(new.resource, policy.rsplit("/", 1)[-1]))
    return found


def _check(clients: Clients, scope: str, details: dict[str, Any]) -> dict[str, Any]:
    """What Azure Policy says of a resource in a group, or in a group yet to be of a subscription."""
    _, _, subscription, *group = scope.split("/")
    restrictions, options = clients.policy_restrictions(subscription), {"cls": wire, "raw_response_hook": unregistered}
    if group:
        return restrictions.check_at_resource_group_scope(group[1], {"resourceDetails": details}, **options)
    return restrictions.check_at_subscription_scope({"resourceDetails": details}, **options)
