"""Common parts of requests to a registry's login server: firewall, tokens, permissions and errors.

Recorded by Azure CLI's own test of artifact streaming (test_acr_artifact_streaming, April 2025): the challenge, the
body of a 401, the claims and lifetimes of tokens. Microsoft's documentation (AAD-OAuth.md of Azure/acr; the reference
of roles for registries): which role allows what in each role assignment mode, and that tokens for Azure Resource
Manager can be rejected. Azure CLI's source (`_docker_utils.py`): the audience of tokens, and that an access
token may have fewer actions than requested. User reports: the firewall's message, and the 401 of `/oauth2/exchange`
for a caller without permissions. Assumed: the code of the 403 of a registry that can't use its key, and that it still
issues tokens.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from sandbox.core.firewall import is_listed
from sandbox.core.web import AzureError, Caller, Reply, Request, Router
from sandbox.entra import tokens
from sandbox.registry import limits
from sandbox.registry.encryption import pull
from sandbox.registry.record import TYPE, Registry, find_login_server
from sandbox.resource_manager import arm
from sandbox.resource_manager.access import allowed, allowed_data
from sandbox.world import World

HOST = "{registry}.azurecr.io"
AUDIENCE = "https://containerregistry.azure.net"
CATALOG = "registry:catalog:*"
RegistryHandler = Callable[[World, Registry, Request], Reply]
_VERSION = {"docker-distribution-api-version": "registry/2.0"}
# What the actions of a token's scope require: an action of a role, or a data action if the registry's mode is ABAC.
# (That `push/write` includes the attributes of repositories, manifests and tags is assumed.)
_ACTIONS = {
    "*": "pull/read",
    "pull": "pull/read",
    "metadata_read": "pull/read",
    "push": "push/write",
    "metadata_write": "push/write",
    "delete": "artifacts/delete",
    "deleted_read": "deleted/read",
}
_DATA_ACTIONS = {
    "*": "catalog/read",
    "pull": "repositories/content/read",
    "metadata_read": "repositories/metadata/read",
    "push": "repositories/content/write",
    "metadata_write": "repositories/metadata/write",
    "delete": "repositories/content/delete",
    "deleted_read": "repositories/deleted/read",
}


class RegistryError(AzureError):
    """An error in the format of the OCI distribution API."""

    def __init__(self, status: int, code: str, message: str, detail: Any = None, headers: dict[str, str] | None = None):
        super().__init__(status, code, message, headers=_VERSION | (headers or {}))
        self._detail = detail

    def reply(self) -> Reply:
        error = {"code": self.code, "message": self.message, "detail": self._detail}
        return Reply(self.status, {"errors": [error]}, dict(self.headers))


def serve(
    router: Router, method: str, *templates: str, scope: str = "", counts_as: tuple[str, ...] = ()
) -> Callable[[RegistryHandler], RegistryHandler]:
    """Route paths of login servers to a handler. With a scope, such as "repository:{repository}:pull" with names of the
    path in it, it requires an access token for that scope, and a registry that can access its key. What it
    `counts_as` is limited (see limits.py), unless told as its method says."""

    def add(handler: RegistryHandler) -> RegistryHandler:
        @functools.wraps(handler)
        def answer(world: World, request: Request) -> Reply:
            registry = find_login_server(world, request.host)
            if registry is None:
                # In Azure the name of such a registry does not resolve, so there is no response.
                raise RegistryError(404, "NOT_FOUND", f"There is no registry at {request.host}.")
            _check_firewall(registry, request.client_address)
            for kind in counts_as or (limits.kind_of(request.method),):
                refused = limits.take(world, registry, kind, request.caller.object_id if request.caller else "")
                if refused:
                    return refused
            if scope:
                wanted = scope.format(**request.params)
                if not holds_scope(registry, request, wanted):
                    raise unauthorized(registry, wanted, _access_of(registry, request) is not None)
                _check_key(world, registry)
            reply = handler(world, registry, request)
            reply.headers |= _VERSION
            return reply

        for template in templates:
            router.route(method, HOST, template)(answer)
        return handler

    return add


def signed_in(registry: Registry, token: str) -> Caller | None:
    """The caller with a token of Microsoft Entra, if the registry accepts it."""
    caller = tokens.read(f"Bearer {token}")
    as_arm = registry.policies["azureADAuthenticationAsArmPolicy"]["status"] == "enabled"
    audiences = (AUDIENCE, *arm.AUDIENCES) if as_arm else (AUDIENCE,)
    return caller if caller and caller.audience in audiences else None


def own_token(registry: Registry, token: str, kind: str) -> dict[str, Any] | None:
    """The claims of a token that the registry issued, if it is of this kind; None for any other."""
    claims = tokens.claims(token) if tokens.read(f"Bearer {token}") else {}
    return claims if (claims.get("aud"), claims.get("grant_type")) == (registry.host, kind) else None


def has_any_right(world: World, registry: Registry, caller: Caller) -> bool:
    return any(may(world, registry, caller, action) for action in _ACTIONS)


def may(world: World, registry: Registry, caller: Caller, action: str) -> bool:
    """Whether a caller's roles allow an action of a token's scope. Only the actions above are supported."""
    if registry.is_abac:
        wanted = _DATA_ACTIONS.get(action)
        return bool(wanted) and allowed_data(world, caller.object_id, f"{TYPE}/{wanted}", registry.id)
    wanted = _ACTIONS.get(action)
    return bool(wanted) and allowed(world, caller.object_id, f"{TYPE}/{wanted}", registry.id)


def actions_of(kind: str, actions: str) -> list[str]:
    """The single actions of a scope; those of a repository may be all (Azure/acr, AAD-OAuth.md)."""
    if kind == "repository" and actions == "*":
        return [action for action in _ACTIONS if action != "*"]
    return actions.split(",")


def parts_of(scope: str) -> tuple[str, str, str]:
    """Type, name and actions of a scope such as "repository:app/web:pull,push"."""
    kind, _, rest = scope.partition(":")
    name, _, actions = rest.rpartition(":")
    return kind, name, actions


def holds_scope(registry: Registry, request: Request, scope: str) -> bool:
    """Whether the token of a request is an access token of this registry for a scope."""
    kind, name, wanted = parts_of(scope)
    access = _access_of(registry, request) or ()
    granted = [entry["actions"] for entry in access if (entry["type"], entry["name"]) == (kind, name)]
    return any(set(wanted.split(",")) <= set(actions) for actions in granted)


def disallowed() -> RegistryError:
    """The 405 for what the attributes of a repository, manifest or tag forbid (a log in azure-sdk-for-net#22827)."""
    message = (
        "The operation is disallowed on this registry, repository or image. View troubleshooting steps at "
        "https://aka.ms/acr/faq/#why-does-my-pull-or-push-request-fail-with-disallowed-operation"
    )
    return RegistryError(405, "REGISTRY_DISALLOWED_OPERATION", message, {})


def unauthorized(registry: Registry, scope: str = "", insufficient: bool = False) -> RegistryError:
    """The 401 that says where to request a token, and for which scope; and, of a token for another scope, that it is
    insufficient (as the Docker token specification has it; not recorded)."""
    challenge = f'Bearer realm="https://{registry.host}/oauth2/token",service="{registry.host}"'
    detail = None
    if scope:
        challenge += f',scope="{scope}"' + (',error="insufficient_scope"' if insufficient else "")
        kind, name, action = parts_of(scope)
        detail = [{"Type": kind, "Name": name, "Action": action}]
    message = "authentication required, visit https://aka.ms/acr/authorization for more information."
    return RegistryError(401, "UNAUTHORIZED", message, detail, {"Www-Authenticate": challenge})


def _access_of(registry: Registry, request: Request) -> list[dict[str, Any]] | None:
    """What the access token of a request is for; None if it has none of this registry's."""
    _, _, token = request.headers.get("authorization", "").partition(" ")
    claims = own_token(registry, token, "access_token")
    return None if claims is None else claims.get("access", [])


def _check_firewall(registry: Registry, address: str) -> None:
    rules = registry.network_rules
    closed = registry.properties["publicNetworkAccess"] == "Disabled"
    if not closed and (rules.get("defaultAction") != "Deny" or is_listed(rules, address)):
        return
    message = f"client with IP '{address}' is not allowed access. Refer https://aka.ms/acr/firewall to grant access."
    raise RegistryError(403, "DENIED", message)


def _check_key(world: World, registry: Registry) -> None:
    served = pull(world, registry.name)
    if served["status"] != 200:
        raise RegistryError(403, "DENIED", served["reason"])
