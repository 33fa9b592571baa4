"""Tokens of a registry's login server: one of Microsoft Entra becomes a refresh token, and that one access tokens for
repositories (AAD-OAuth.md of Azure/acr; migrate facts 1)."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from azext_acrcmk.cloud.errors import UnexpectedResponse
from azext_acrcmk.cloud.fields import number, part, parts, text, texts
from azext_acrcmk.model.value import Value, immutable

CATALOG, DELETED_CATALOG = "registry:catalog:*", "registry:deleted_catalog:*"
# How many repositories a token is requested for: it travels with each request, and headers have limits.
AT_ONCE = 10
# A token is not used in its last seconds: a minute, or a tenth of its time.
_MARGIN = 60
_SHORT = 60


@immutable
class _Token(Value):
    value: str
    until: float


def repository_scope(name: str, actions: str) -> str:
    """The scope of a repository; `actions` such as "metadata_read,pull"."""
    return f"repository:{name}:{actions}"


class RegistryTokens:
    """Requests each token once, and keeps it until it expires. Safe for threads: a token that the service makes one
    wait for holds up only who needs it.

    `exchange` returns a new refresh token, `request` an access token for scopes by a refresh token, or nothing if the
    service takes only one scope at a time.
    """

    def __init__(self, exchange: Callable[[], str], request: Callable[[str, list[str]], str | None]):
        self._exchange, self._request = exchange, request
        self._refresh: _Token | None = None
        self._access: dict[str, _Token] = {}
        self._coming: dict[str, None] = {}
        # Those that are being requested; the event is set when the request has ended, well or not.
        self._requested: dict[str, threading.Event] = {}
        self._lock, self._refreshing = threading.Lock(), threading.Lock()

    def expect(self, scopes: Iterable[str]) -> None:
        """Scopes that will be asked for in this order: the next ones are requested together."""
        with self._lock:
            self._coming |= dict.fromkeys(scopes)

    def get(self, scope: str) -> str:
        """An access token that is valid for a scope, or for as much of it as the caller may do."""
        while True:
            with self._lock:
                if held := self._valid(scope):
                    return held.value
                coming = self._requested.get(scope)
                if coming is None:
                    wanted, ended = self._next_with(scope), threading.Event()
                    self._requested |= dict.fromkeys(wanted, ended)
            if coming is None:
                return self._requesting(scope, wanted, ended)
            coming.wait()

    def _requesting(self, scope: str, wanted: list[str], ended: threading.Event) -> str:
        try:
            token = self._fetch(wanted).get(scope)
            if token is None and len(wanted) > 1:
                token = self._fetch([scope])[scope]
            return token.value
        finally:
            with self._lock:
                for each in wanted:
                    del self._requested[each]
            ended.set()

    def forget(self, scope: str, value: str) -> None:
        """A token was rejected: the next one is new, as is the refresh token behind it."""
        with self._lock:
            held = self._access.get(scope)
            if held and held.value == value:
                self._access = {name: each for name, each in self._access.items() if each.value != value}
                self._refresh = None

    def _valid(self, scope: str) -> _Token | None:
        held = self._access.get(scope)
        return held if held and held.until > time.time() else None

    def _next_with(self, scope: str) -> list[str]:
        self._coming.pop(scope, None)
        wanted = [scope]
        while self._coming and len(wanted) < AT_ONCE:
            other = next(iter(self._coming))
            del self._coming[other]
            if self._valid(other) is None and other not in self._requested:
                wanted.append(other)
        return wanted

    def _fetch(self, scopes: list[str]) -> dict[str, _Token]:
        """Requests one token for scopes. Those that it is for; none if the service takes only one scope at a time."""
        value = self._request(self._refresh_token(), scopes)
        if value is None:
            with self._lock:
                self._coming.clear()
            return {}
        claims = _claims(value)
        token = _Token(value, _expiry(claims))
        named = {(text(each, "type"), text(each, "name")) for each in parts(claims, "access")}
        found = {}
        for scope in scopes:
            kind, _, rest = scope.partition(":")
            # One without permissions may not be named.
            if len(scopes) == 1 or (kind, rest.rpartition(":")[0]) in named:
                found[scope] = token
        with self._lock:
            self._access |= found
        return found

    def _refresh_token(self) -> str:
        with self._refreshing:
            held = self._refresh
            if held is None or held.until <= time.time():
                value = self._exchange()
                held = self._refresh = _Token(value, _expiry(_claims(value)))
            return held.value


def granted_actions(token: str, scope: str) -> frozenset[str]:
    """The actions that an access token allows on the repository, or the catalog, of a scope."""
    kind, _, rest = scope.partition(":")
    name = rest.rpartition(":")[0]
    access = parts(_claims(token), "access")
    found = [each for each in access if (text(each, "type"), text(each, "name")) == (kind, name)]
    return frozenset(action for each in found for action in texts(each, "actions"))


def _claims(token: str) -> dict[str, Any]:
    try:
        body = token.split(".")[1]
        return part(json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))))
    except (LookupError, ValueError) as error:
        raise UnexpectedResponse(f"the registry returned no valid token: {type(error).__name__}.") from error


def _expiry(claims: dict[str, Any]) -> float:
    """When a token is no longer used; by our clock, as the service's can differ."""
    issued, expires = number(claims, "iat"), number(claims, "exp")
    lifetime = expires - issued if issued and expires else _SHORT
    return time.time() + lifetime - min(_MARGIN, lifetime / 10)
