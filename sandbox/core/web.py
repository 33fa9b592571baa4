"""Requests, replies and routes, independent of any web server: a handler is a function of a world and a request."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Caller:
    """Who sent a request, read from its token. `audience` is the resource the token was issued for."""

    object_id: str
    app_id: str
    tenant_id: str
    audience: str
    name: str = ""


@dataclass
class Request:
    """One HTTP request. `path` is percent-decoded and starts with a slash; keys of headers and query are lower-case.
    `content` is the body as it was sent, `body` what is in it, if that is JSON, a form or text."""

    method: str
    host: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    caller: Caller | None = None
    client_address: str = "127.0.0.1"
    params: dict[str, str] = field(default_factory=dict)  # filled from the route's template
    content: bytes = b""


@dataclass
class Reply:
    """One HTTP response. `seconds` is the time on the sandbox's clock until the service sends it, and `ready` the time
    until the request has taken effect, if that is later: an asynchronous operation ends, a grant takes effect."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    ready: float = 0.0


class AzureError(Exception):
    """An error in Azure's format: {"error": {"code", "message", "innererror"?, "details"?, "target"?, ...}}."""

    def __init__(self, status: int, code: str, message: str, *, inner: str | None = None, headers=None, **extra: Any):
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.message, self.inner = status, code, message, inner
        self.headers, self.extra = dict(headers or {}), extra

    def reply(self) -> Reply:
        error: dict[str, Any] = {"code": self.code, "message": self.message, **self.extra}
        if self.inner:
            error["innererror"] = {"code": self.inner}
        return Reply(self.status, {"error": error}, dict(self.headers))


Handler = Callable[[Any, Request], Reply]


@dataclass(frozen=True)
class Route:
    method: str
    host: re.Pattern[str]
    path: re.Pattern[str]
    handler: Handler
    domain: str  # the host, without a first label that is a parameter
    slashes: int | None  # in the path; None for any number


class Router:
    """Routes in the order they were added. Literals are case-insensitive, as in Azure.

    Templates: `{name}` is one segment, `{scope:path}` any number of them. Host templates: `{vault}.vault.azure.net`.
    """

    def __init__(self):
        self.routes: list[Route] = []

    def route(self, methods: str, host: str, template: str) -> Callable[[Handler], Handler]:
        def add(handler: Handler) -> Handler:
            for method in methods.split():
                domain = host.partition(".")[2] if host.startswith("{") else host
                slashes = None if ":path}" in template else template.count("/")
                self.routes.append(Route(method, _pattern(host), _pattern(template), handler, domain, slashes))
            return handler

        return add


class Routes:
    """The routes of several routers. A request is compared only with those of its method, domain and length."""

    def __init__(self, routers: Iterable[Router]):
        self._all = [route for router in routers for route in router.routes]
        self._possible: dict[tuple[str, str, int], list[Route]] = {}

    def find(self, request: Request) -> Handler | None:
        """The handler of a request, with `request.params` filled, or None."""
        slashes = request.path.count("/")
        for domain in (request.host, request.host.partition(".")[2]):
            for route in self._get_possible(request.method, domain, slashes):
                path = route.path.fullmatch(request.path)
                host = path and route.host.fullmatch(request.host)
                if host and path:
                    request.params = {**host.groupdict(), **path.groupdict()}
                    return route.handler
        return None

    def _get_possible(self, method: str, domain: str, slashes: int) -> list[Route]:
        key = method, domain, slashes
        if key not in self._possible:
            self._possible[key] = [
                route
                for route in self._all
                if (route.method, route.domain) == (method, domain) and route.slashes in (slashes, None)
            ]
        return self._possible[key]


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"(\{\w+(?::path)?\})", template)
    regex = ""
    for part in parts:
        if part.startswith("{"):
            name, _, kind = part[1:-1].partition(":")
            regex += f"(?P<{name}>.*)" if kind else f"(?P<{name}>[^/]+)"
        else:
            regex += re.escape(part)
    return re.compile(regex, re.IGNORECASE)
