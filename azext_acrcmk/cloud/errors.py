"""Service errors, read from whatever the SDKs raise, and what they most likely mean."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from azure.core.exceptions import ClientAuthenticationError

from azext_acrcmk.model.problem import taken_vault_name


class Misunderstood(ClientAuthenticationError):
    """An answer that makes no sense, or leads to where nothing may be sent.

    Of all errors of the SDKs this is the kind that they don't try again after.
    """

    def __init__(self, message: str):
        super().__init__(message)
        self.status_code = 200


@contextmanager
def understanding() -> Iterator[None]:
    """Around calls of SDKs: whatever they stumble over in an answer is raised as Misunderstood."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise Misunderstood(f"{type(error).__name__}: {str(error)[:200]}") from error


@dataclass(frozen=True)
class ServiceError:
    """What the service said. `inner` is the code of the inner error; `status` 0 where no answer came.

    `ended` is "Failed" or "Canceled" where an operation that had been accepted ended so. `advice` is the CLI's own, of
    what its sign-in says.
    """

    status: int
    code: str
    message: str
    inner: str = ""
    ended: str = ""
    details: tuple[dict[str, Any], ...] = field(default=(), hash=False)
    additional: tuple[dict[str, Any], ...] = field(default=(), hash=False)
    advice: tuple[str, ...] = ()

    def __contains__(self, text: str) -> bool:
        """Whether the code, the inner code or the message has `text`."""
        return any(text.lower() in part.lower() for part in (self.code, self.inner, self.message))


def read_error(error: BaseException) -> ServiceError:
    """The service's answer behind an SDK exception; a connection failure has status 0."""
    response = getattr(error, "response", None)
    status = getattr(error, "status_code", None) or getattr(response, "status_code", None) or 0
    answer = _body(response)
    errors = answer.get("errors")  # the data plane of registries has a list of them
    body = errors[0] if isinstance(errors, list) and errors else answer.get("error", answer)
    body = body if isinstance(body, dict) else {}
    ended = str(answer.get("status") or "")
    inner = body.get("innererror") or {}
    return ServiceError(
        status=status,
        code=str(body.get("code") or ""),
        # What SDKs say of an answer without a message can go on with all of it, be it a proxy's whole page.
        message=str(body.get("message") or str(getattr(error, "message", None) or error).partition("\n")[0]),
        inner=str(inner.get("code") or "") if isinstance(inner, dict) else "",
        ended=ended if ended in ("Failed", "Canceled") else "",
        details=_dicts(body.get("details")),
        additional=_dicts(body.get("additionalInfo")),
        advice=getattr(error, "advice", ()),
    )


def _dicts(value: Any) -> tuple[dict[str, Any], ...]:
    return tuple(each for each in value if isinstance(each, dict)) if isinstance(value, list) else ()


def _body(response: Any) -> dict[str, Any]:
    try:
        body = json.loads(response.text())
    except (AttributeError, RecursionError, TypeError, ValueError):
        return {}
    return body if isinstance(body, dict) else {}


@dataclass(frozen=True)
class Explanation:
    """An error in the user's words: what failed and most likely why, and what to do next."""

    message: str
    advice: tuple[str, ...] = ()


def key_access_refused(error: ServiceError) -> bool:
    """The registry's catch-all for a key it can't use (service facts A1; its code is not published)."""
    return "Failed to access KeyId" in error


def explain(error: ServiceError) -> Explanation:
    """The cause and the next step of an error that the services document; else the service's own words."""
    for code, explanation in _EXPLANATIONS.items():
        if same_code(error, code):
            return explanation(error)
    if error.ended:
        return Explanation(
            f"Azure accepted the operation, and it ended as {error.ended}: {_said(error)}",
            ("If it ends so again, ask for the cause: az monitor activity-log list --resource-id <the registry's ID>",),
        )
    if explanation := _BY_STATUS.get(error.status):
        return explanation(error)
    if not error.code:
        return _misunderstood(error) if error.status < 400 else _no_error_of_azure(error)
    return Explanation(_said(error))


def _said(error: ServiceError) -> str:
    return f"{error.message} ({error.code or error.status})"


def same_code(error: ServiceError, code: str) -> bool:
    return code.lower() in (error.code.lower(), error.inner.lower())


def _authorization_failed(error: ServiceError) -> Explanation:
    action, scope = _quoted(r"perform action '([^']+)'", error), _quoted(r"over scope '([^']+)'", error)
    if not action:
        return Explanation(error.message)
    return Explanation(
        f"You don't have permission '{action}' on {scope}.",
        (
            f"Have a role with this permission assigned to you on {scope} or above it.",
            "If that was done a short while ago, log in again: az login",
        ),
    )


def _linked_authorization_failed(error: ServiceError) -> Explanation:
    action = _quoted(r"perform action '([^']+)' on the linked", error)
    scope = _quoted(r"linked scope\(s\) '([^']+)'", error)
    return Explanation(
        f"You don't have permission '{action}' on {scope}, or that identity no longer exists.",
        (
            "To attach an identity to a registry takes the role 'Managed Identity Operator' on the identity: "
            f'az role assignment create --role "Managed Identity Operator" --assignee <you> --scope {scope}',
        ),
    )


def _disallowed_by_policy(error: ServiceError) -> Explanation:
    infos = _dicts([each.get("info") for each in error.additional])
    names = [info.get("policyAssignmentDisplayName") or info.get("policyAssignmentName") for info in infos]
    policy = ", ".join(dict.fromkeys(str(name) for name in names if name))
    return Explanation(
        f"A policy does not allow this{f': {policy}' if policy else ''}. {error.message}",
        ("Choose options that the policy allows, or have its owner exempt the resource.",),
    )


def missing_registration(error: ServiceError) -> str | None:
    """The resource provider that the subscription has to be registered for, where that is the error."""
    if not same_code(error, "MissingSubscriptionRegistration"):
        return None
    targets = [str(each["target"]) for each in error.details if each.get("target")]
    return targets[0] if targets else _quoted(r"use namespace '([^']+)'", error)


def _not_registered(error: ServiceError) -> Explanation:
    namespace = missing_registration(error)
    return Explanation(
        f"The subscription is not registered to use {namespace}.",
        (f"Register it: az provider register --namespace {namespace} --wait",),
    )


def _vault_exists(error: ServiceError) -> Explanation:
    name = _quoted(r"vault name '([^']+)'", error)
    return Explanation(*taken_vault_name(name))


def _vault_deleted(error: ServiceError) -> Explanation:
    return Explanation(
        "A soft-deleted key vault has this name, and you can't see it, or another change of the vault is under way. "
        f"{error.message}",
        (
            "To recover it takes 'Microsoft.KeyVault/deletedVaults/read' on the subscription. "
            "Or choose another name with --key-vault.",
        ),
    )


def _name_in_use(error: ServiceError) -> Explanation:
    return Explanation(error.message, ("Registry names are global. Choose another.",))


def _locked(error: ServiceError) -> Explanation:
    group = _quoted(r"(?i)/resourceGroups/([^/']+)", error)
    return Explanation(
        f"A lock does not allow it: {error.message}",
        (
            f"See the locks: az lock list{f' --resource-group {group}' if group else ''}",
            "Have the lock removed for as long as this takes (az lock delete), then run the same command again.",
        ),
    )


def _read_only(error: ServiceError) -> Explanation:
    return Explanation(error.message, ("Have the subscription enabled again, then run the same command again.",))


def _quota(error: ServiceError) -> Explanation:
    return Explanation(
        f"A quota of the subscription is used up: {error.message}",
        ("Have the quota raised (az quota, or a support request), or delete what is no longer needed.",),
    )


def _role_limit(error: ServiceError) -> Explanation:
    return Explanation(
        f"The subscription has no role assignments left: {error.message}",
        (
            "Use a vault with access policies (--permission-model access-policy), an identity that already has the "
            "role, or remove assignments that are no longer needed.",
        ),
    )


def _throttled(error: ServiceError) -> Explanation:
    return Explanation(
        f"Azure is throttling requests: {error.message}",
        ("Wait a few minutes, then run the same command again; it goes on from where it stopped.",),
    )


def _unauthenticated(error: ServiceError) -> Explanation:
    return Explanation(f"Azure did not accept the login: {error.message}", error.advice or ("Log in again: az login",))


def _no_subscription(error: ServiceError) -> Explanation:
    return Explanation(error.message, ("List the subscriptions you can use: az account list --output table",))


def _no_group(error: ServiceError) -> Explanation:
    return Explanation(
        error.message,
        (
            "Create the group: az group create. A missing group is created by this command only where you may see that "
            "it is missing: 'Microsoft.Resources/subscriptions/resourceGroups/read' on the subscription.",
        ),
    )


def _no_vault_right(error: ServiceError) -> Explanation:
    action = _quoted(r"Action: '([^']+)'", error)
    permission = _quoted(r"does not have keys (\w+) permission", error)
    needs = f" ('{action or permission}')" if action or permission else ""
    role = "have the role 'Key Vault Crypto Officer' assigned to you on the vault"
    policy = f"az keyvault set-policy --name <vault> --object-id <you> --key-permissions get {permission or 'create'}"
    if action:
        advice = f"The vault uses Azure RBAC: {role}."
    elif permission:
        advice = f"The vault uses access policies: {policy}"
    else:
        advice = f"On a vault with Azure RBAC {role}; on one with access policies: {policy}"
    return Explanation(f"You lack a right on the vault's keys{needs}.", (advice,))


def _firewall(error: ServiceError) -> Explanation:
    return Explanation(
        f"The vault's firewall does not let you in: {error.message}",
        ("Run the command from a network that the vault allows, or have your address allowed.",),
    )


def _no_answer(error: ServiceError) -> Explanation:
    return Explanation(
        f"The connection to Azure failed: {error.message}",
        ("Check the network and the proxy, then run the same command again.",),
    )


def _misunderstood(error: ServiceError) -> Explanation:
    return Explanation(
        f"Azure's answer is not to be understood: {error.message}",
        (
            "Run the same command again. If it ends so again, add --debug to see the answer: what is not as Azure "
            "documents it may come from a proxy; else it is a fault of this extension.",
        ),
    )


def _no_error_of_azure(error: ServiceError) -> Explanation:
    return Explanation(
        f"The answer has status {error.status}, and no error code of Azure: {error.message}",
        (
            "It may come from a proxy on the way. Run the same command again; if it ends so again, add --debug to see "
            "the answer.",
        ),
    )


def _conflict(error: ServiceError) -> Explanation:
    return Explanation(
        f"Another change of it is under way in Azure, or was made meanwhile: {_said(error)}",
        ("Wait a moment, then run the same command again.",),
    )


_EXPLANATIONS: dict[str, Callable[[ServiceError], Explanation]] = {
    "LinkedAuthorizationFailed": _linked_authorization_failed,
    "AuthorizationFailed": _authorization_failed,
    "RequestDisallowedByPolicy": _disallowed_by_policy,
    "MissingSubscriptionRegistration": _not_registered,
    "VaultAlreadyExists": _vault_exists,
    "ConflictError": _vault_deleted,
    "AlreadyInUse": _name_in_use,
    "RoleAssignmentLimitExceeded": _role_limit,
    "ScopeLocked": _locked,
    "ReadOnlyDisabledSubscription": _read_only,
    "QuotaExceeded": _quota,
    "SubscriptionQuotaExceeded": _quota,
    "TooManyRequests": _throttled,
    "SubscriptionRequestsThrottled": _throttled,
    "SubscriptionNotFound": _no_subscription,
    "ResourceGroupNotFound": _no_group,
    "InvalidAuthenticationToken": _unauthenticated,
    "ForbiddenByRbac": _no_vault_right,
    "ForbiddenByPolicy": _no_vault_right,
    "ForbiddenByFirewall": _firewall,
}

# For what has no code of its own. Status 0: no answer came.
_BY_STATUS: dict[int, Callable[[ServiceError], Explanation]] = {0: _no_answer, 401: _unauthenticated, 409: _conflict}


def _quoted(pattern: str, error: ServiceError) -> str:
    match = re.search(pattern, error.message)
    return match[1] if match else ""
