"""What a registry stores, through its login server: lists, manifests, attributes (migrate facts 1)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode, urljoin

from knack.log import get_logger

from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.cloud.errors import UnexpectedResponse, parsing_responses, read_error
from azext_acrcmk.cloud.fields import number, part, text, texts
from azext_acrcmk.cloud.read_content import read_attributes, read_manifest, read_times
from azext_acrcmk.cloud.registry_throttling import Throttling
from azext_acrcmk.cloud.registry_tokens import (
    CATALOG,
    DELETED_CATALOG,
    RegistryTokens,
    granted_actions,
    repository_scope,
)
from azext_acrcmk.cloud.waiting import Pauses, Stop, asked_pause
from azext_acrcmk.model.content import FREE, INDEXES, OCI_MANIFEST, Attributes, Manifest, Times

logger = get_logger(__name__)

AUDIENCE = "https://containerregistry.azure.net"
READ, WRITE, CHANGE = "metadata_read,pull", "metadata_read,pull,push", "metadata_read,metadata_write"
# The most of a page; a service that takes less gets `_FEWER`, which Azure CLI asks for.
_MOST, _FEWER = 1000, 100
# How long a request is sent again while the registry throttles it, or does not answer, in seconds.
PATIENCE = 600
_PASSING = frozenset({0, 408, 429, 500, 502, 503, 504})
_ACCEPT = ", ".join(
    (
        OCI_MANIFEST,
        *sorted(INDEXES),
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.oci.artifact.manifest.v1+json",
        "application/vnd.cncf.oras.artifact.manifest.v1+json",
        "*/*",
    )
)
# The only words for it; its code, DENIED, has other causes too.
_NOT_ADMITTED = re.compile(r"client with IP '([0-9a-fA-F.:]+)' is not allowed access")
_NEXT = re.compile(r'<([^>]+)>\s*;\s*rel="?next"?')


class AccessDenied(Exception):
    """A login server, `host`, does not let the caller do something."""

    def __init__(self, host: str, message: str):
        super().__init__(message)
        self.host = host


class NotPermitted(AccessDenied):
    """The caller may not do `actions` in a repository, or may not list the repositories (no `repository`)."""

    def __init__(self, host: str, repository: str, actions: tuple[str, ...]):
        where = f"repository '{repository}'" if repository else "the list of repositories"
        super().__init__(host, f"You don't have permission '{', '.join(actions)}' on {where} of {host}.")
        self.actions = actions


class NotAdmitted(AccessDenied):
    """The registry's network rules do not let in the caller, whose address it tells."""

    def __init__(self, host: str, address: str):
        super().__init__(host, f"The network rules of {host} don't allow access from your IP address {address}.")
        self.address = address


class LoginServer:
    """A registry's data plane, as the caller. Raises azure.core's errors. Safe for threads.

    `patience` is how long a request is sent again, in seconds.
    """

    def __init__(self, clients: Clients, subscription: str, host: str, stop: Stop, patience: float = PATIENCE):
        self._clients, self._subscription, self._host, self._stop = clients, subscription, host, stop
        self._patience = patience
        self._client = clients.login_server(host)
        self.tokens = RegistryTokens(self._exchange, self._access_token)
        self._page = _MOST
        self._throttling = Throttling()

    # Reads.

    def repositories(self) -> Iterator[str]:
        """The names of all repositories that are listed."""
        for page in self._pages("/acr/v1/_catalog", CATALOG):
            yield from _named(page, "repositories")

    def manifests(self, repository: str, newest_first: bool = False) -> Iterator[Manifest]:
        """The manifests of a repository with their tags; none if there is no such repository."""
        order = {"orderby": "timedesc"} if newest_first else {}
        scope = repository_scope(repository, READ)
        for page in self._pages(f"/acr/v1/{repository}/_manifests", scope, order):
            yield from map(read_manifest, _identified(page, "manifests", "digest"))

    def deleted_repositories(self) -> Iterator[str]:
        """The names of the repositories with manifests that soft delete keeps."""
        for page in self._pages("/acr/v1/_deleted/_catalog", DELETED_CATALOG):
            yield from _named(page, "repositories")

    def deleted_manifests(self, repository: str) -> int:
        """How many deleted manifests of a repository soft delete keeps."""
        scope = repository_scope(repository, "deleted_read")
        pages = self._pages(f"/acr/v1/_deleted/{repository}/_manifests", scope)
        return sum(len(_items(page, "manifests")) for page in pages)

    def newest(self, repository: str, most: int) -> dict[str, tuple[str, ...]]:
        """The digests of the manifests of a repository that were changed last, with their tags."""
        query = urlencode({"n": most, "orderby": "timedesc"})
        url = f"/acr/v1/{repository}/_manifests?{query}"
        answer = self._found("GET", url, repository_scope(repository, READ))
        rows = _identified(_json(answer), "manifests", "digest") if answer else ()
        return {row["digest"]: texts(row, "tags") for row in rows}

    def tags(self, repository: str) -> Iterator[tuple[str, str, Attributes]]:
        """The name, digest and attributes of each tag of a repository that is listed."""
        for page in self._pages(f"/acr/v1/{repository}/_tags", repository_scope(repository, READ)):
            for body in _identified(page, "tags", "name"):
                attributes = read_attributes(part(body, "changeableAttributes"))
                yield body["name"], text(body, "digest") or "", attributes

    def tag_attributes(self, repository: str, tag: str) -> Attributes:
        """The attributes of a tag, also if it is not listed; all enabled if there is none."""
        answer = self._found("GET", f"/acr/v1/{repository}/_tags/{tag}", repository_scope(repository, READ))
        return read_attributes(part(_json(answer), "tag", "changeableAttributes")) if answer else FREE

    def manifest(self, repository: str, digest: str) -> Manifest | None:
        """A manifest as in lists, also if it is not listed; None if there is none."""
        answer = self._found("GET", f"/acr/v1/{repository}/_manifests/{digest}", repository_scope(repository, READ))
        row = part(_json(answer), "manifest") if answer else {}
        return read_manifest(row) if row.get("digest") == digest else None

    def times(self, repository: str, of: str) -> Times | None:
        """When a tag or a digest was made and last changed; None if it is not there, or the registry does not say."""
        kind = "manifest" if ":" in of else "tag"
        answer = self._found("GET", f"/acr/v1/{repository}/_{kind}s/{of}", repository_scope(repository, READ))
        return read_times(part(_json(answer), kind)) if answer else None

    def attributes(self, repository: str) -> Attributes | None:
        """The attributes of a repository; None if there is none."""
        found = self.repository(repository)
        return found[0] if found else None

    def repository(self, name: str) -> tuple[Attributes, int, int] | None:
        """The attributes of a repository, and how many manifests and tags it has, listed or not; None if there is
        none."""
        answer = self._found("GET", f"/acr/v1/{name}", repository_scope(name, READ))
        if answer is None:
            return None
        body = _json(answer)
        counts = (number(body, name) or 0 for name in ("manifestCount", "tagCount"))
        return read_attributes(part(body, "changeableAttributes")), *counts

    def content(self, repository: str, digest: str) -> tuple[bytes, str]:
        """The content of a manifest, and its media type. Raises UnexpectedResponse if it has another digest."""
        answer = self._send(
            "GET", f"/v2/{repository}/manifests/{digest}", repository_scope(repository, READ), {"Accept": _ACCEPT}
        )
        content = answer.read()
        _check_digest(content, digest)
        return content, (answer.headers.get("Content-Type") or "").partition(";")[0].strip()

    def digest_of(self, repository: str, reference: str) -> str | None:
        """The digest of a manifest by its tag or digest; None if there is none."""
        path, accept = f"/v2/{repository}/manifests/{reference}", {"Accept": _ACCEPT}
        answer = self._found("HEAD", path, repository_scope(repository, READ), accept)
        return answer.headers.get("Docker-Content-Digest") if answer is not None else None

    def may(self, scope: str) -> frozenset[str]:
        """The actions of a scope that the caller has permission for."""
        return granted_actions(self.tokens.get(scope), scope)

    def check_may_change(self, repository: str) -> None:
        """Raises NotPermitted if the caller can't change the attributes of a repository."""
        scope = repository_scope(repository, CHANGE)
        self._check_permitted(scope, self.tokens.get(scope))

    # Changes.

    def put_manifest(self, repository: str, reference: str, content: bytes, media_type: str) -> None:
        """Writes a manifest under a tag, or by its digest. Its parts must be there."""
        self._send(
            "PUT",
            f"/v2/{repository}/manifests/{reference}",
            repository_scope(repository, WRITE),
            {"Content-Type": media_type},
            content,
        )

    def set_attributes(self, repository: str, what: str, attributes: dict[str, bool]) -> None:
        """Changes attributes of a repository, or of what is in it: `/_manifests/DIGEST`, `/_tags/TAG`."""
        self._send(
            "PATCH",
            f"/acr/v1/{repository}{what}",
            repository_scope(repository, CHANGE),
            {"Content-Type": "application/json"},
            json.dumps(attributes).encode(),
        )

    # How.

    def _pages(self, path: str, scope: str, query: dict[str, str] | None = None) -> Iterator[dict[str, Any]]:
        from azure.core.exceptions import HttpResponseError

        def first() -> str:
            return f"{quote(path)}?{urlencode({'n': self._page, **(query or {})})}"

        url: str | None = first()
        seen = set()
        while url:
            if url in seen:
                raise UnexpectedResponse(f"the list at {url} links back to itself.")
            seen.add(url)
            try:
                answer = self._found("GET", url, scope)
            except HttpResponseError as error:
                if read_error(error).code != "PAGINATION_NUMBER_INVALID" or self._page == _FEWER:
                    raise
                self._page = _FEWER
                url = first()
                continue
            if answer is None:
                return
            yield _json(answer)
            link = _NEXT.search(answer.headers.get("Link") or "")
            url = urljoin(url, link[1]) if link else None

    def _found(self, method: str, url: str, scope: str, headers: dict[str, str] | None = None) -> Any:
        """The answer, or None at 404."""
        from azure.core.exceptions import HttpResponseError

        try:
            return self._send(method, url, scope, headers)
        except HttpResponseError as error:
            if read_error(error).status != 404:
                raise
            return None

    def _send(
        self, method: str, url: str, scope: str, headers: dict[str, str] | None = None, content: bytes | None = None
    ) -> Any:
        """The answer to a request with a token. A token that was rejected is replaced once."""
        from azure.core.exceptions import HttpResponseError

        for last in (False, True):
            token = self.tokens.get(scope)
            try:
                sent = {**(headers or {}), "Authorization": f"Bearer {token}"}
                return self._request(method, url, sent, content, about=scope.split(":")[1])
            except HttpResponseError as error:
                if read_error(error).status != 401:
                    raise
                if last:
                    self._check_permitted(scope, token)
                    raise
                self.tokens.forget(scope, token)
        raise AssertionError  # the loop returns or raises

    def _check_permitted(self, scope: str, token: str) -> None:
        """Raises NotPermitted if a token lacks actions that it was requested for."""
        kind, name, actions = scope.split(":")
        missing = sorted({*actions.split(",")} - granted_actions(token, scope))
        if missing:
            raise NotPermitted(self._host, name if kind == "repository" else "", tuple(missing))

    def _request(
        self, method: str, url: str, headers: dict[str, str], content: bytes | None = None, about: str = ""
    ) -> Any:
        """The answer to a request `about` a repository, or a token for some, sent again while the registry throttles it
        or does not answer. Raises NotAdmitted."""
        from azure.core.exceptions import AzureError, HttpResponseError
        from azure.core.rest import HttpRequest

        pauses, kind = Pauses(self._stop, first=1.0), _kind(method, url)
        while True:
            self._stop.pause(self._throttling.seconds(kind, about))
            # An absolute link is checked by the client's policy.
            address = url if url.startswith("https://") else f"https://{self._host}{url}"
            try:
                with parsing_responses():
                    answer = self._client.send_request(HttpRequest(method, address, headers=headers, content=content))
                    logger.debug("%s %s: %s", method, address, answer.status_code)
                    if not 200 <= answer.status_code < 300:
                        raise HttpResponseError(response=answer)
                    return answer
            except AzureError as error:
                said, asked = read_error(error), asked_pause(error)
                if said.status == 403 and (address := _NOT_ADMITTED.search(said.message)):
                    raise NotAdmitted(self._host, address[1]) from error
                if isinstance(error, UnexpectedResponse) or said.status not in _PASSING:
                    raise
                if asked and said.status == 429:
                    self._throttling.refused(kind, about, asked)
                if not pauses.another(self._patience, asked):
                    raise

    def _exchange(self) -> str:
        token, tenant = self._clients.entra_token(self._subscription, AUDIENCE)
        form = {"grant_type": "access_token", "service": self._host, "tenant": tenant, "access_token": token}
        return self._token("/oauth2/exchange", form, "refresh_token")

    def _access_token(self, refresh_token: str, scopes: list[str]) -> str | None:
        from azure.core.exceptions import HttpResponseError

        form = {
            "grant_type": "refresh_token",
            "service": self._host,
            "scope": " ".join(scopes),
            "refresh_token": refresh_token,
        }
        try:
            return self._token("/oauth2/token", form, "access_token", form["scope"])
        except HttpResponseError as error:
            if len(scopes) == 1 or read_error(error).status != 400:
                raise
            return None

    def _token(self, path: str, form: dict[str, str], name: str, scopes: str = "") -> str:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        token = text(_json(self._request("POST", path, headers, urlencode(form).encode(), about=scopes)), name)
        if not token:
            raise UnexpectedResponse(f"the registry {self._host} returned no {name.replace('_', ' ')}.")
        return token


def _kind(method: str, url: str) -> str:
    """What a request counts as: the service limits each by itself."""
    if url.startswith("/oauth2/"):
        return "tokens"
    return "reads" if method in ("GET", "HEAD") else "writes"


def _json(answer: Any) -> dict[str, Any]:
    with parsing_responses():
        return part(json.loads(answer.text() or "{}"))


def _items(page: dict[str, Any], name: str) -> list[Any]:
    """The items of a list; null is an empty one. Raises UnexpectedResponse if there is none: what is not named is
    not absent."""
    found = page.get(name, "")
    if not isinstance(found, (list, type(None))):
        raise UnexpectedResponse(f"a list of {name} was expected.")
    return found or []


def _named(page: dict[str, Any], name: str) -> list[str]:
    found = _items(page, name)
    if not all(isinstance(each, str) and each for each in found):
        raise UnexpectedResponse(f"a list of names of {name} was expected.")
    return found


def _identified(page: dict[str, Any], name: str, by: str) -> list[dict[str, Any]]:
    """Items that all have a text in the field `by`."""
    found = _items(page, name)
    if not all(isinstance(each, dict) and text(each, by) for each in found):
        raise UnexpectedResponse(f"a list of {name} with a {by} each was expected.")
    return found


def _check_digest(content: bytes, digest: str) -> None:
    import hashlib

    kind, _, value = digest.partition(":")
    if kind in ("sha256", "sha512") and hashlib.new(kind, content).hexdigest() != value:
        raise UnexpectedResponse(f"the content of manifest {digest} has another digest.")
