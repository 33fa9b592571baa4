"""The tokens of a registry: a refresh token for one of Microsoft Entra, and access tokens for scopes.

The exchange is as recorded (see login_server.py). A token may be for several scopes, in one parameter with spaces
between, or in as many (OAuth 2.0 and the Docker token specification; that Azure accepts both is inferred).
"""

from __future__ import annotations

from typing import Any

from sandbox.core.web import Reply, Request, Router
from sandbox.entra import tokens
from sandbox.registry import credentials
from sandbox.registry.credentials import Login
from sandbox.registry.login_server import (
    RegistryError,
    actions_of,
    has_any_right,
    own_token,
    parts_of,
    serve,
    signed_in,
    unauthorized,
)
from sandbox.registry.record import Registry
from sandbox.world import World

router = Router()
# Lifetimes in seconds, from recorded tokens.
_REFRESH_SECONDS, _ACCESS_SECONDS = 11_700, 4_500


@serve(router, "GET", "/v2/")
def challenge(world: World, registry: Registry, request: Request) -> Reply:
    """Where to request a token: the first request of every client, without a token."""
    _, _, token = request.headers.get("authorization", "").partition(" ")
    if own_token(registry, token, "access_token") is None:
        raise unauthorized(registry)
    return Reply(200, {})


@serve(router, "POST", "/oauth2/exchange", counts_as=("tokens",))
def exchange(world: World, registry: Registry, request: Request) -> Reply:
    """A refresh token in exchange for a token of Microsoft Entra."""
    form = _form(registry, request, "access_token")
    caller = signed_in(registry, form.get("access_token", ""))
    if caller is None or not has_any_right(world, registry, caller):
        raise unauthorized(registry)
    request.caller = caller
    return Reply(
        200, {"refresh_token": tokens.issue_for_registry(caller, registry.host, "refresh_token", _REFRESH_SECONDS)}
    )


@serve(router, "POST", "/oauth2/token", counts_as=("tokens",))
def access_token(world: World, registry: Registry, request: Request) -> Reply:
    """An access token for some scopes, with only the actions that the caller's roles or scope map allow."""
    grant_type = request.body.get("grant_type") if isinstance(request.body, dict) else None
    form = _form(registry, request, "password" if grant_type == "password" else "refresh_token")
    if grant_type == "password":
        found = credentials.login(world, registry, form.get("username", ""), form.get("password", ""))
    else:
        found = credentials.login_with_refresh_token(world, registry, form.get("refresh_token", ""))
    return _issue(world, registry, request, found, form.get("scope", ""))


@serve(router, "GET", "/oauth2/token", counts_as=("tokens",))
def docker_token(world: World, registry: Registry, request: Request) -> Reply:
    """The same for clients that send name and password in a header, or neither (Docker token specification)."""
    given = credentials.basic(request)
    found = credentials.login(world, registry, *given) if given else credentials.anonymous(registry)
    return _issue(world, registry, request, found, request.query.get("scope", ""))


def _issue(world: World, registry: Registry, request: Request, login: Login | None, scopes: str) -> Reply:
    if login is None:
        raise unauthorized(registry)
    request.caller = login.caller
    asked = scopes.split(" ")
    if len(asked) > 1 and world.settings.registry_scopes == "refused":
        raise RegistryError(400, "UNSUPPORTED", "A token for several scopes is not served here.")
    if world.settings.registry_scopes == "first":
        del asked[1:]
    access = []
    for scope in asked:
        kind, name, actions = parts_of(scope)
        if kind not in ("registry", "repository") or not name:
            raise RegistryError(400, "UNSUPPORTED", f"The scope '{scope}' is not served here.")
        granted = [action for action in actions_of(kind, actions) if login.allows(name, action)]
        access.append({"type": kind, "name": name, "actions": granted})
    seconds = world.settings.registry_token_seconds or _ACCESS_SECONDS
    token = tokens.issue_for_registry(login.caller, registry.host, "access_token", seconds, access=access)
    return Reply(200, {"access_token": token})


def _form(registry: Registry, request: Request, grant_type: str) -> dict[str, Any]:
    """The form of a token request, which must name this registry."""
    form = request.body if isinstance(request.body, dict) else {}
    if (form.get("grant_type"), form.get("service")) != (grant_type, registry.host):
        raise unauthorized(registry)
    return form
