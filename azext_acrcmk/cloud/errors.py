"""Errors of services, read from what the SDKs raise, and their most likely causes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import field
from shlex import quote
from typing import Any

from azure.core.exceptions import ClientAuthenticationError

from azext_acrcmk.model.problem import taken_vault_name
from azext_acrcmk.model.value import Value, immutable

# Control characters and line separators.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")

# Resource Graph says the cause only in the details (recorded; fleet facts 1).
_FOR_SUPPORT = "Please provide below info when asking for support"


class UnexpectedResponse(ClientAuthenticationError):
    """A response that Azure does not document, or that points to a host to which nothing may be sent.

    Of all errors of the SDKs, this is the class after which they do not retry.
    """

    def __init__(self, message: str):
        super().__init__(message)
        self.status_code = 200


@contextmanager
def parsing_responses() -> Iterator[None]:
    """Around calls of SDKs: any failure to parse a response is raised as UnexpectedResponse."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise UnexpectedResponse(f"{type(error).__name__}: {str(error)[:200]}") from error


@immutable
class ServiceError(Value):
    """The error that a service returned. `inner` is the code of the inner error; `status` is 0 without a response.

    `summary` is the first line of the message. `ended` is "Failed" or "Canceled" if an accepted operation ended in that
    state. `advice` are the CLI's own recommendations where its sign-in failed; `claims` is set if a stronger sign-in is
    required.
    """

    status: int
    code: str
    message: str
    summary: str = ""
    inner: str = ""
    ended: str = ""
    details: tuple[dict[str, Any], ...] = field(default=(), hash=False)
    additional: tuple[dict[str, Any], ...] = field(default=(), hash=False)
    advice: tuple[str, ...] = ()
    claims: bool = False

    def __contains__(self, text: str) -> bool:
        """Whether the code, the inner code or the message contains `text`."""
        return any(text.lower() in part.lower() for part in (self.code, self.inner, self.message))


def read_error(error: BaseException) -> ServiceError:
    """The response behind an SDK exception; a connection failure has status 0."""
    response = getattr(error, "response", None)
    status = getattr(error, "status_code", None) or getattr(response, "status_code", None) or 0
    answer = _body(response)
    errors = answer.get("errors")  # the data plane of registries returns a list
    body = errors[0] if isinstance(errors, list) and errors else answer.get("error", answer)
    body = body if isinstance(body, dict) else {}
    ended = str(answer.get("status") or "")
    inner = body.get("innererror") or {}
    # For a response without a message, the SDKs' text can go on with all of it, such as the page of a proxy.
    message = str(body.get("message") or str(getattr(error, "message", None) or error).partition("\n")[0]).strip()
    details = _dicts(body.get("details"))
    if message.startswith(_FOR_SUPPORT):
        message = " ".join(str(each["message"]) for each in details if each.get("message")) or message
    return ServiceError(
        status=status,
        code=str(body.get("code") or ""),
        message=one_line(message),
        summary=one_line(message.partition("\n")[0]),
        inner=str(inner.get("code") or "") if isinstance(inner, dict) else "",
        ended=ended if ended in ("Failed", "Canceled") else "",
        details=details,
        additional=_dicts(body.get("additionalInfo")),
        advice=getattr(error, "advice", ()),
        claims="insufficient_claims" in str((getattr(response, "headers", None) or {}).get("WWW-Authenticate")),
    )


def one_line(text: Any) -> str:
    """A text of a service with line breaks and other control characters replaced by a space: a finding is one line."""
    said = str(text)
    return (said if said.isprintable() else _CONTROL.sub(" ", said)).strip()


def _dicts(value: Any) -> tuple[dict[str, Any], ...]:
    return tuple(each for each in value if isinstance(each, dict)) if isinstance(value, list) else ()


def _body(response: Any) -> dict[str, Any]:
    try:
        body = json.loads(response.text())
    except (AttributeError, RecursionError, TypeError, ValueError):
        return {}
    return body if isinstance(body, dict) else {}


@immutable
class Explanation(Value):
    """An error explained to the user: what failed, the most likely cause, and what to do next."""

    message: str
    advice: tuple[str, ...] = ()


def key_access_refused(error: ServiceError) -> bool:
    """The registry's only error for a key that it can't use (service facts A1; its code is not published)."""
    return "Failed to access KeyId" in error


def explain(error: ServiceError) -> Explanation:
    """The cause and the next step of an error that the services document; otherwise the message of the service."""
    for code, explanation in _EXPLANATIONS.items():
        if same_code(error, code):
            return explanation(error)
    if error.ended:
        return Explanation(
            f"Azure accepted the operation, but it ended in state {error.ended}: {_said(error)}",
            ("If it fails again, find the cause in the log: az monitor activity-log list --resource-id REGISTRY_ID",),
        )
    if explanation := _BY_STATUS.get(error.status):
        return explanation(error)
    if not error.code:
        return _unexpected_response(error) if error.status < 400 else _without_code(error)
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
            f"Ask for a role with this permission to be assigned to you on {scope} or a parent scope.",
            "If the role was assigned only recently, log in again: az login",
        ),
    )


def _linked_authorization_failed(error: ServiceError) -> Explanation:
    action = _quoted(r"perform action '([^']+)' on the linked", error)
    scope = _quoted(r"linked scope\(s\) '([^']+)'", error)
    return Explanation(
        f"You don't have permission '{action}' on {scope}, or that identity no longer exists.",
        (
            "Assigning an identity to a registry requires the role 'Managed Identity Operator' on the identity: "
            'az role assignment create --role "Managed Identity Operator" --assignee YOUR_OBJECT_ID --scope '
            f"{quote(scope)}",
        ),
    )


def _disallowed_by_policy(error: ServiceError) -> Explanation:
    from azext_acrcmk.cloud.policies import token_advice, violations

    infos = _dicts([each.get("info") for each in error.additional])
    names = [info.get("policyAssignmentDisplayName") or info.get("policyAssignmentName") for info in infos]
    policy = ", ".join(dict.fromkeys(one_line(name) for name in names if name))
    compared = violations(infos)
    return Explanation(
        f"A policy does not allow this change{f': {policy}' if policy else ''}{f' ({compared})' if compared else ''}. "
        f"{error.message}",
        (
            "Choose options that the policy allows, or ask its owner for an exemption for the resource.",
            *token_advice(),
        ),
    )


def missing_registration(error: ServiceError) -> str | None:
    """The resource provider that the subscription must be registered for, if that is the error."""
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


def _locked(error: ServiceError) -> Explanation:
    group = _quoted(r"(?i)/resourceGroups/([^/']+)", error)
    return Explanation(
        f"A lock does not allow this change: {error.message}",
        (
            f"List the locks: az lock list{f' --resource-group {quote(group)}' if group else ''}",
            "Remove the lock temporarily (az lock delete), then run the same command again.",
        ),
    )


def _unauthenticated(error: ServiceError) -> Explanation:
    if error.claims:
        return Explanation(
            f"Azure requires a stronger sign-in for this, such as multifactor authentication: {error.message}",
            (
                "If you are a person, log in again: az logout, then az login",
                "A service principal can't do that: ask for a Conditional Access policy that it satisfies.",
            ),
        )
    return Explanation(f"Azure rejected the login: {error.message}", error.advice or ("Log in again: az login",))


# A vault learns of a role after some minutes (service facts 4.4).
_ROLE_IS_NEW = "If the role was assigned recently, wait a few minutes and run the command again."


def _no_vault_right(error: ServiceError) -> Explanation:
    if local := _quoted(r"perform (Microsoft\.KeyVault/managedHsm/\S+)", error):
        return _no_local_right(local)
    action = _quoted(r"Action: '([^']+)'", error)
    permission = _quoted(r"does not have keys (\w+) permission", error)
    needs = f" ('{action or permission}')" if action or permission else ""
    role = "ask for the role 'Key Vault Crypto Officer' on the vault to be assigned to you"
    policy = (
        f"az keyvault set-policy --name VAULT --object-id YOUR_OBJECT_ID --key-permissions get {permission or 'create'}"
    )
    by_role, by_policy = f"The vault uses Azure RBAC: {role}.", f"The vault uses access policies: {policy}"
    if action:
        advice = (by_role,)
    elif permission:
        advice = (by_policy,)
    else:
        advice = (f"If the vault uses Azure RBAC, {role}.", f"If the vault uses access policies: {policy}")
    return Explanation(f"You don't have the required permission{needs} on the vault's keys.", (*advice, _ROLE_IS_NEW))


def _no_local_right(action: str) -> Explanation:
    role = "Managed HSM Administrator" if "/role" in action else "Managed HSM Crypto User"
    scope = "/" if "/role" in action else "/keys"
    return Explanation(
        f"You don't have permission '{action}' in the managed HSM.",
        (
            "Roles of a managed HSM are local to it. Ask its administrator to assign you a role: "
            f'az keyvault role assignment create --hsm-name HSM --role "{role}" --assignee YOU --scope {scope}',
            _ROLE_IS_NEW,
        ),
    )


def _saying(text: str, *advice: str) -> Callable[[ServiceError], Explanation]:
    """An explanation in words that are always the same, around what the service said."""
    return lambda error: Explanation(text.format(message=error.message, status=error.status, said=_said(error)), advice)


_quota = _saying(
    "A quota of the subscription is exhausted: {message}",
    "Request a quota increase (az quota, or a support request), or delete resources that are no longer needed.",
)
_throttled = _saying(
    "Azure is throttling requests: {message}",
    "Wait a few minutes, then run the same command again; it continues where it stopped.",
)
_EXPLANATIONS: dict[str, Callable[[ServiceError], Explanation]] = {
    "LinkedAuthorizationFailed": _linked_authorization_failed,
    "AuthorizationFailed": _authorization_failed,
    "RequestDisallowedByPolicy": _disallowed_by_policy,
    "RequestDisallowedByAzure": _saying(
        "{message}",
        "If it is about the location, choose another with --location: az account list-locations --output table",
    ),
    "MissingSubscriptionRegistration": _not_registered,
    "VaultAlreadyExists": _vault_exists,
    "ConflictError": _saying(
        "There is a soft-deleted key vault with this name that you don't have permission to read, or another change of "
        "the vault is in progress. {message}",
        "Recovering it requires permission 'Microsoft.KeyVault/deletedVaults/read' on the subscription.",
        "Or choose another name with --key-vault.",
    ),
    "AlreadyInUse": _saying("{message}", "Registry names are global. Choose another name."),
    "RoleAssignmentLimitExceeded": _saying(
        "The limit of role assignments in the subscription is reached: {message}",
        "Use a vault with access policies (--permission-model access-policy), an identity that already has the role, "
        "or remove role assignments that are no longer needed.",
    ),
    "ScopeLocked": _locked,
    "ReadOnlyDisabledSubscription": _saying(
        "{message}", "Reactivate the subscription, then run the same command again."
    ),
    "QuotaExceeded": _quota,
    "SubscriptionQuotaExceeded": _quota,
    "TooManyRequests": _throttled,
    "SubscriptionRequestsThrottled": _throttled,
    "SubscriptionNotFound": _saying(
        "{message}", "List the subscriptions that you can use: az account list --output table"
    ),
    "ResourceGroupNotFound": _saying(
        "{message}",
        "Create the resource group: az group create",
        "This command creates a missing resource group only if you have permission "
        "'Microsoft.Resources/subscriptions/resourceGroups/read' on the subscription.",
    ),
    "InvalidAuthenticationToken": _unauthenticated,
    "ForbiddenByRbac": _no_vault_right,
    "ForbiddenByPolicy": _no_vault_right,
    "ForbiddenByFirewall": _saying(
        "The vault's firewall does not allow access from your network: {message}",
        "Run the command from a network that the vault allows, or ask for your IP address to be allowed.",
    ),
}

# For errors without a code of their own. Status 0: no response.
_BY_STATUS: dict[int, Callable[[ServiceError], Explanation]] = {
    0: _saying(
        "The connection to Azure failed: {message}",
        "Check your network connection and proxy, then run the same command again.",
    ),
    401: _unauthenticated,
    409: _saying(
        "The resource is being changed by another operation, or was changed in the meantime: {said}",
        "Wait a moment, then run the same command again.",
    ),
}
_unexpected_response = _saying(
    "Unexpected response from Azure: {message}",
    "Run the same command again. If it fails again, add --debug to see the response. It may come from a proxy; "
    "otherwise, this is a bug in this extension.",
)
_without_code = _saying(
    "Unexpected response with status {status} and no Azure error code: {message}",
    "It may come from a proxy. Run the same command again; if it fails again, add --debug to see the response.",
)


def _quoted(pattern: str, error: ServiceError) -> str:
    match = re.search(pattern, error.message)
    return match[1] if match else ""
