"""Asks Azure beforehand what it will allow. What can't be determined is unknown and does not stop the command."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from threading import BoundedSemaphore
from typing import Any

from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.cloud.errors import parsing_responses, read_error
from azext_acrcmk.cloud.fields import part, parts, scope_id, text, texts
from azext_acrcmk.cloud.policies import policy_evaluation, token_advice
from azext_acrcmk.cloud.reads import get_vault, is_vault_name_free
from azext_acrcmk.cloud.transport import MOST_AT_ONCE, PATIENCE
from azext_acrcmk.cloud.waiting import in_thread, result_of
from azext_acrcmk.model.api_versions import API_VERSIONS
from azext_acrcmk.model.ids import ArmId, Id, Scope, same, short_location
from azext_acrcmk.model.preflight import Allowed, Denial, Lock, NewResource, Preflight, Questions
from azext_acrcmk.model.state import Unknown, Vault


class Ahead:
    """What a command asks in advance. Each question is asked once: as early as it may be expected, or else when the
    plan is made. Answers that the plan turns out not to need are not waited for."""

    def __init__(self, clients: Clients):
        self._clients = clients
        self._slots = BoundedSemaphore(MOST_AT_ONCE)
        self._begun: list[tuple[Callable[[Clients, Any], Any], Any, Future]] = []

    def begin(self, expected: Questions) -> None:
        """Asks, without waiting for an answer."""
        for ask, about in _all_of(expected):
            self._begin(ask, about)

    def answers(self, asked: Questions) -> Preflight:
        """The answers to the questions `asked`, requested in parallel."""
        self.begin(asked)
        providers = self._each(_provider, asked.providers)
        denials = [denial for _, found in self._each(_denials, asked.resources) for denial in found]
        locks = [lock for _, found in self._each(_locks, asked.locked) for lock in found]
        return Preflight(
            tuple((name, _registration(seen)) for name, seen in providers),
            self._each(get_permissions, asked.scopes),
            tuple(denials),
            self._answer(_vault_name_is_free, asked.new_vault) if asked.new_vault else None,
            self._answer(_role_assignments_left, asked.quota_of) if asked.quota_of else None,
            tuple(each for name, seen in providers for each in _locations(*name, seen)),
            tuple(dict.fromkeys(locks)),
            token_advice() if denials else (),
        )

    def _each(self, ask: Callable[[Clients, Any], Any], about: Iterable[Any]) -> tuple[tuple[Any, Any], ...]:
        return tuple((each, self._answer(ask, each)) for each in about)

    def _answer(self, ask: Callable[[Clients, Any], Any], about: Any) -> Any:
        return result_of(self._begin(ask, about))

    def _begin(self, ask: Callable[[Clients, Any], Any], about: Any) -> Future:
        for known, subject, answer in self._begun:
            if known is ask and subject == about:
                return answer

        def in_turn() -> Any:
            with self._slots:
                return ask(self._clients, about)

        answer = in_thread(in_turn)
        self._begun.append((ask, about, answer))
        return answer


def _all_of(asked: Questions) -> Iterator[tuple[Callable[[Clients, Any], Any], Any]]:
    yield from ((_provider, each) for each in asked.providers)
    yield from ((get_permissions, each) for each in asked.scopes)
    yield from ((_denials, each) for each in asked.resources)
    yield from ((_vault_name_is_free, each) for each in (asked.new_vault,) if each)
    yield from ((_role_assignments_left, each) for each in (asked.quota_of,) if each)
    yield from ((_locks, each) for each in asked.locked)


def _asked(call: Callable[[], Any], action: str, scope: str) -> Any:
    """The answer, or Unknown after any failure: a preflight must not fail the command."""
    from azure.core.exceptions import AzureError

    try:
        with parsing_responses():
            return call()
    except AzureError as error:
        return Unknown(action, scope, read_error(error).message, denied=False)


def _provider(clients: Clients, provider: tuple[Id, str]) -> dict[str, Any] | Unknown:
    subscription, namespace = provider
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


def get_permissions(clients: Clients, scope: Scope) -> tuple[Allowed, ...] | Unknown:
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
    type_ = "Microsoft.PolicyInsights/checkPolicyRestrictions"
    path, body = f"{scope}/providers/{type_}", {"resourceDetails": details}
    return clients.arm(scope.subscription).post(path, API_VERSIONS[type_], body, **PATIENCE)
