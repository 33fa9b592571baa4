"""Asks Azure beforehand what it will allow. What can't be determined is unknown and does not stop the command."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from azext_acrcmk.cloud.clients import Clients, wire
from azext_acrcmk.cloud.errors import parsing_responses, read_error
from azext_acrcmk.cloud.fields import part, parts, scope_id, text, texts
from azext_acrcmk.cloud.policies import policy_evaluation, token_advice
from azext_acrcmk.cloud.reads import get_vault, in_parallel, is_vault_name_free
from azext_acrcmk.cloud.transport import PATIENCE
from azext_acrcmk.model.api_versions import API_VERSIONS
from azext_acrcmk.model.ids import ArmId, Id, Scope, same, short_location
from azext_acrcmk.model.preflight import Allowed, Denial, Lock, NewResource, Preflight, Questions
from azext_acrcmk.model.state import Unknown, Vault


def look_ahead(clients: Clients, asked: Questions) -> Preflight:
    """The answers to the questions `asked`, requested in parallel."""
    providers, permissions, denials, free, left, locks = in_parallel(
        lambda: _each(lambda provider: (provider, _provider(clients, *provider)), asked.providers),
        lambda: _each(lambda scope: (scope, _permissions(clients, scope)), asked.scopes),
        lambda: _each(lambda new: _denials(clients, new), asked.resources),
        lambda: _vault_name_is_free(clients, asked.new_vault) if asked.new_vault else None,
        lambda: _role_assignments_left(clients, asked.quota_of) if asked.quota_of else None,
        lambda: _each(lambda scope: _locks(clients, scope), asked.locked),
    )
    return Preflight(
        tuple((name, _registration(seen)) for name, seen in providers),
        permissions,
        tuple(denial for found in denials for denial in found),
        free,
        left,
        tuple(each for name, seen in providers for each in _locations(*name, seen)),
        tuple(dict.fromkeys(lock for found in locks for lock in found)),
        token_advice() if any(denials) else (),
    )


def _each(ask: Callable[[Any], Any], about: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(in_parallel(*(partial(ask, each) for each in about)))


def _asked(call: Callable[[], Any], action: str, scope: str) -> Any:
    """The answer, or Unknown after any failure: a preflight must not fail the command."""
    from azure.core.exceptions import AzureError

    try:
        with parsing_responses():
            return call()
    except AzureError as error:
        return Unknown(action, scope, read_error(error).message, denied=False)


def _provider(clients: Clients, subscription: str, namespace: str) -> dict[str, Any] | Unknown:
    scope = f"/subscriptions/{subscription}"
    version = API_VERSIONS["Microsoft.Resources/providers"]
    return _asked(
        lambda: clients.arm(subscription).get(f"{scope}/providers/{namespace}", version, **PATIENCE),
        "Microsoft.Resources/subscriptions/providers/read",
        scope,
    )


def _registration(provider: dict[str, Any] | Unknown) -> str | Unknown:
    return provider if isinstance(provider, Unknown) else text(provider, "registrationState") or ""


def _locations(
    subscription: Id, namespace: str, provider: dict[str, Any] | Unknown
) -> list[tuple[tuple[Id, str], tuple[str, ...]]]:
    """The locations for each of a provider's types, by their short names."""
    if isinstance(provider, Unknown):
        return []
    return [
        (
            (subscription, f"{namespace}/{text(each, 'resourceType')}".lower()),
            tuple(short_location(name) for name in texts(each, "locations")),
        )
        for each in parts(provider, "resourceTypes")
    ]


def _locks(clients: Clients, scope: Scope) -> list[Lock | Unknown]:
    """Those at or above a scope. They are listed with all below it, whatever is asked for."""
    type_ = "Microsoft.Authorization/locks"
    path = f"{scope}/providers/{type_}"

    def ask() -> list[Lock]:
        found = clients.arm(scope.subscription).pages(path, API_VERSIONS[type_], **PATIENCE)
        return [lock for each in found if scope.within((lock := _lock(each)).scope)]

    seen = _asked(ask, f"{type_}/read", scope)
    return [seen] if isinstance(seen, Unknown) else seen


def _lock(body: dict[str, Any]) -> Lock:
    level = text(part(body, "properties"), "level")
    return Lock(scope_id(body, "id").extended, text(body, "name") or "", same(level, "ReadOnly"))


def _permissions(clients: Clients, scope: Scope) -> tuple[Allowed, ...] | Unknown:
    """What the caller may do. An empty list is in contradiction to what he has read there, so it decides nothing."""
    path = f"{scope}/providers/Microsoft.Authorization/permissions"
    action = "Microsoft.Authorization/permissions/read"

    def ask() -> tuple[Allowed, ...] | Unknown:
        found = clients.arm(scope.subscription).pages(
            path, API_VERSIONS["Microsoft.Authorization/permissions"], **PATIENCE
        )
        fields = ("actions", "notActions", "dataActions", "notDataActions")
        held = tuple(Allowed(*(texts(each, name) for name in fields)) for each in found)
        return held or Unknown(action, scope, "the response names no permission, not even that to read.", denied=False)

    return _asked(ask, action, scope)


def _vault_name_is_free(clients: Clients, vault: ArmId) -> bool | Unknown:
    """Whether the vault can be created; also where another run has just created this very one."""

    def ask() -> bool | Unknown:
        free = is_vault_name_free(clients, vault.subscription, vault.name)
        return True if free is False and isinstance(get_vault(clients, vault), Vault) else free

    action, scope = "Microsoft.KeyVault/checkNameAvailability/read", f"/subscriptions/{vault.subscription}"
    return _asked(ask, action, scope)


def _role_assignments_left(clients: Clients, subscription: str) -> int | Unknown:
    scope = f"/subscriptions/{subscription}"
    type_ = "Microsoft.Authorization/roleAssignmentsUsageMetrics"
    path = f"{scope}/providers/{type_}"

    def ask() -> int:
        return int(
            clients.arm(subscription).get(path, API_VERSIONS[type_], **PATIENCE)["roleAssignmentsRemainingCount"]
        )

    return _asked(ask, f"{type_}/read", scope)


def _denials(clients: Clients, new: NewResource) -> list[Denial | Unknown]:
    """The policies in force at its scope that would deny a resource. Of those that deny an existing one as it is, it is
    unknown whether they concern its change: Azure does not document whether all of it is judged then."""
    if clients.acquires_policy_tokens:
        # Azure judges each change by its token, which a question can't have.
        return [Unknown("", new.scope, "its token is acquired only with the change.", denied=False)]
    after = _denied(clients, new, new.details)
    if not after or isinstance(after[0], Unknown) or new.before is None:
        return after
    already = {each.policy for each in _denied(clients, new, new.before) if isinstance(each, Denial)}
    return [_unsure(each, new) if each.policy in already else each for each in after]


def _unsure(denial: Denial, new: NewResource) -> Unknown:
    why = f"the policy {denial.policy} denies {new.resource} already as it is"
    return Unknown("", new.scope, f"{why} ({denial.why})." if denial.why else f"{why}.", denied=False)


def _denied(clients: Clients, new: NewResource, details: dict[str, Any]) -> list[Denial | Unknown]:
    seen = _asked(lambda: _check(clients, new.scope, details), "", new.scope)
    if isinstance(seen, Unknown):
        return [seen]
    found = []
    for each in parts(part(seen, "contentEvaluationResult"), "policyEvaluations"):
        effect = (text(part(each, "effectDetails"), "policyEffect") or "Deny").lower()
        if (text(each, "evaluationResult") or "").lower() == "noncompliant" and effect == "deny":
            policy = scope_id(part(each, "policyInfo"), "policyAssignmentId")
            if not policy:
                return [Unknown("", new.scope, "the response names no policy.", denied=False)]
            found.append(Denial(new.resource, policy.name, policy_evaluation(part(each, "evaluationDetails"))))
    return found


def _check(clients: Clients, scope: Scope, details: dict[str, Any]) -> dict[str, Any]:
    """The evaluation of Azure Policy for a resource in a group, or in a future group of a subscription."""
    _, _, subscription, *group = scope.split("/")
    restrictions, options = clients.policy_restrictions(subscription), {"cls": wire, **PATIENCE}
    if group:
        return restrictions.check_at_resource_group_scope(group[1], {"resourceDetails": details}, **options)
    return restrictions.check_at_subscription_scope({"resourceDetails": details}, **options)
