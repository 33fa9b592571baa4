"""A registry's data plane, limited to tokens and the list of repositories: no images, no manifests.

The token exchange is as recorded (see login_server.py), the catalog follows AAD-OAuth.md of Azure/acr and Azure CLI's
source (`repository.py`). Several scopes in one token are not supported.
"""

from __future__ import annotations

from typing import Any

from sandbox.core.web import Reply, Request, Router
from sandbox.entra import tokens
from sandbox.registry.login_server import (
    CATALOG,
    RegistryError,
    has_any_right,
    may,
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
_PAGE = 100


@serve(router, "GET", "/v2/")
def challenge(world: World, registry: Registry, request: Request) -> Reply:
    """Where to request a token: the first request of every client, without a token."""
    raise unauthorized(registry)


@serve(router, "POST", "/oauth2/exchange")
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


@serve(router, "POST", "/oauth2/token")
def access_token(world: World, registry: Registry, request: Request) -> Reply:
    """An access token for one scope, with only the actions that the caller's roles allow."""
    form = _form(registry, request, "refresh_token")
    refresh = form.get("refresh_token", "")
    if own_token(registry, refresh, "refresh_token") is None:
        raise unauthorized(registry)
    request.caller = caller = tokens.read(f"Bearer {refresh}")
    kind, name, actions = parts_of(form.get("scope", ""))
    if kind not in ("registry", "repository") or not name:
        raise RegistryError(400, "UNSUPPORTED", f"The scope '{form.get('scope')}' is not served here.")
    granted = [action for action in actions.split(",") if may(world, registry, caller, action)]
    access = [{"type": kind, "name": name, "actions": granted}]
    token = tokens.issue_for_registry(caller, registry.host, "access_token", _ACCESS_SECONDS, access=access)
    return Reply(200, {"access_token": token})


@serve(router, "GET", "/acr/v1/_catalog", "/v2/_catalog", scope=CATALOG)
def catalog(world: World, registry: Registry, request: Request) -> Reply:
    """The names of repositories, `n` at a time after `last`, with a link to the next page if there are more."""
    size, last = int(request.query.get("n") or _PAGE), request.query.get("last", "")
    following = sorted(name for name in registry.repositories if name > last)
    shown = following[:size]
    more = {"Link": f'<{request.path}?last={shown[-1]}&n={size}&orderby=>; rel="next"'} if following[size:] else {}
    # An empty list is null, which Azure CLI handles.
    return Reply(200, {"repositories": shown or None}, more)


def _form(registry: Registry, request: Request, grant_type: str) -> dict[str, Any]:
    """The form of a token request, which must name this registry."""
    form = request.body if isinstance(request.body, dict) else {}
    if (form.get("grant_type"), form.get("service")) != (grant_type, registry.host):
        raise unauthorized(registry)
    return form
