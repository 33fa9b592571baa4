"""A registry's repositories and their artifact streaming, by its data plane.

There is no SDK for it in the CLI. Requests and answers are those of the CLI's own `az acr repository list` and
`az acr artifact-streaming show`, as its test recorded them (test_acr_artifact_streaming, April 2025): the login's token
is exchanged for the registry's own, and that for one token for each repository. The registry's challenge is not asked
for: it says where to exchange tokens, and ours go to the login server itself or nowhere.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.cloud.errors import Misunderstood, read_error, understanding
from azext_acrcmk.cloud.observe import together
from azext_acrcmk.model.ids import REGISTRY_TYPE, ArmId
from azext_acrcmk.model.state import Registry, Streaming, Unknown

# A repository's name as registries take it: nothing that would lead to another path.
_REPOSITORY = re.compile(r"[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*")

PAGE = 100
MOST_PAGES = 2


def see_streaming(clients: Clients, registry: Registry) -> Streaming | Unknown | None:
    """Where artifact streaming is on, in the registry's first 200 repositories; None where it is not encrypted.

    Raises nothing: whatever stands in the way, such as a missing right, a firewall, no network path, or a key that
    doesn't work, makes it unknown.
    """
    from azure.core.exceptions import AzureError
    from knack.util import CLIError

    if not registry.encryption.enabled:
        return None
    try:
        with understanding():
            repositories = Repositories(clients, registry)
            names, more = repositories.names()
    # The CLI's own error is a sign-in that is refused, an OSError one that gets no answer.
    except (AzureError, CLIError, OSError) as error:
        return _unknown(registry, error)

    def look(name: str) -> bool | Unknown:
        try:
            with understanding():
                return repositories.streams(name)
        except AzureError as error:
            return _unknown(registry, error)

    seen = dict(zip(names, together(*(lambda n=name: look(n) for name in names)), strict=True))
    hidden = {name: found for name, found in seen.items() if isinstance(found, Unknown)}
    return Streaming(
        on=tuple(name for name, found in seen.items() if found is True),
        off=tuple(name for name, found in seen.items() if found is False),
        unseen=tuple(hidden),
        why=next(iter(hidden.values()), Unknown()),
        more=more,
    )


def _unknown(registry: Registry, error: Exception) -> Unknown:
    return Unknown(f"{REGISTRY_TYPE}/pull/read", registry.id, read_error(error).message)


class Repositories:
    """What may be asked of a registry's login server, by one who is signed in there."""

    def __init__(self, clients: Clients, registry: Registry):
        self._host = (registry.login_server or "").lower()
        self._client = clients.login_server(self._host)
        token, tenant = clients.registry_sign_in(ArmId.parse(registry.id).subscription)
        self._refresh_token = self._exchange(
            "/oauth2/exchange", "refresh_token", grant_type="access_token", tenant=tenant, access_token=token
        )

    def names(self) -> tuple[list[str], bool]:
        """The repositories, and whether there are more than those."""
        token = self._token("registry:catalog:*")
        names: list[str] = []
        query = {"n": str(PAGE)}
        for _ in range(MOST_PAGES):
            answer = self._get("/acr/v1/_catalog", token, query)
            names += [name for name in _field(answer, "repositories", list | None) or () if _is_repository(name)]
            if not (link := answer.headers.get("Link")):
                return names, False
            query = dict(parse_qsl(urlsplit(link.partition("<")[2].partition(">")[0]).query))
        return names, True

    def streams(self, name: str) -> bool:
        """Whether artifact streaming is on in a repository; not in one that is gone by now."""
        from azure.core.exceptions import HttpResponseError

        token = self._token(f"repository:{name}:pull")
        try:
            answer = self._get(f"/acr/v1/{quote(name)}/_streaming", token)
        except HttpResponseError as error:
            if error.status_code == 404:
                return False
            raise
        return _field(answer, "convertPushedImages", bool)

    def _token(self, scope: str) -> str:
        """An access token for one scope."""
        return self._exchange(
            "/oauth2/token", "access_token", grant_type="refresh_token", scope=scope, refresh_token=self._refresh_token
        )

    def _exchange(self, path: str, wanted: str, **form: str) -> str:
        from azure.core.rest import HttpRequest

        request = HttpRequest("POST", f"https://{self._host}{path}", data={"service": self._host, **form})
        # Not even a log for debugging may have the tokens in these bodies.
        return _field(_accepted(self._client.send_request(request, logging_enable=False)), wanted, str)

    def _get(self, path: str, token: str, query: dict[str, str] | None = None):
        from azure.core.rest import HttpRequest

        headers = {"Authorization": f"Bearer {token}"}
        request = HttpRequest("GET", f"https://{self._host}{path}", headers=headers, params=query)
        return _accepted(self._client.send_request(request))


def _accepted(answer):
    from azure.core.exceptions import HttpResponseError

    if answer.status_code != 200:
        raise HttpResponseError(response=answer)
    return answer


def _is_repository(name: Any) -> bool:
    return isinstance(name, str) and _REPOSITORY.fullmatch(name) is not None


def _field(answer, name: str, kind: Any) -> Any:
    """A field of an answer's body. Raises Misunderstood where it is not there, as in a page that a proxy gives."""
    try:
        value = answer.json()[name]
    except (ValueError, TypeError, KeyError) as error:
        raise Misunderstood(f"The registry's answer has no '{name}'.") from error
    if not isinstance(value, kind):
        raise Misunderstood(f"The registry's answer has an odd '{name}'.")
    return value
