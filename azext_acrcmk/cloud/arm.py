"""Azure Resource Manager without an SDK, where the CLI's SDKs are too slow: groups, roles, lists of resources.

Importing the SDKs for authorization and resources takes longer than everything else that `show` does locally.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode, urljoin

from azext_acrcmk.cloud.errors import UnexpectedResponse, parsing_responses, read_error
from azext_acrcmk.cloud.fields import items_of, part, text


class Arm:
    """Sends requests with the login of one subscription, and returns the JSON of the responses.

    Created by the CLI's `get_mgmt_service_client`, like the SDKs' clients: with the same login, cloud, headers, proxy,
    retries and log. Raises azure.core's AzureError, as they do, and UnexpectedResponse. A `path` starts with a slash.
    """

    def __init__(self, credential, _subscription: str, base_url: str, **given: Any):
        # The CLI looks for a parameter `credential`; the authentication policy in `given` is created from it.
        from azure.core import PipelineClient
        from azure.core.pipeline import policies

        self._base = base_url.rstrip("/")
        # The headers of the last request that was sent, which are secret.
        self.sent: dict[str, str] = {}
        chain = [
            policies.RequestIdPolicy(**given),
            policies.HeadersPolicy(**given),
            given["user_agent_policy"],
            policies.ProxyPolicy(**given),
            policies.RedirectPolicy(**given),
            policies.RetryPolicy(**given),
            given["authentication_policy"],
            given["custom_hook_policy"],
            given["logging_policy"],
        ]
        self._client = PipelineClient(self._base, policies=chain, **given)

    def get(self, path: str, version: str, **options: Any) -> dict[str, Any]:
        return self._send("GET", self._url(path, version), **options)

    def put(self, path: str, version: str, body: dict[str, Any], **options: Any) -> dict[str, Any]:
        return self._send("PUT", self._url(path, version), body, **options)

    def patch(self, path: str, version: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._send("PATCH", self._url(path, version), body)

    def post(self, path: str, version: str, body: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
        return self._send("POST", self._url(path, version), body, **options)

    def delete(self, path: str, version: str) -> None:
        """A resource that no longer exists is not an error."""
        self._send("DELETE", self._url(path, version))

    def pages(self, path: str, version: str, where: str | None = None, **options: Any) -> Iterator[dict[str, Any]]:
        """The items of a list that match an OData filter. Raises UnexpectedResponse if pages form a loop, or a response
        is no list: what it has not named is not absent.

        `options` are for the policies of each request, such as `retry_total`.
        """
        url: str | None = self._url(path, version, where)
        seen = set()
        while url:
            if url in seen:
                raise UnexpectedResponse(f"the list at {url} links back to itself.")
            seen.add(url)
            page = self._send("GET", url, **options)
            yield from items_of(page)
            link = text(page, "nextLink")
            url = urljoin(url, link) if link else None

    def query(self, path: str, version: str, body: dict[str, Any], **options: Any) -> tuple[dict[str, Any], Any]:
        """The answer to a POST that changes nothing, and its headers. Not tried again here: the caller knows when."""
        answer = self._response("POST", self._url(path, version), body, retry_total=0, **options)
        with parsing_responses():
            return part(json.loads(answer.text() or "{}")), answer.headers

    def begin(self, path: str, version: str, body: dict[str, Any]) -> tuple[str | None, float | None]:
        """The URL of the operation that a POST starts, None if it is done; and after how many seconds to ask for it, if
        the service says so. Not tried again here."""
        answer = self._response("POST", self._url(path, version), body, retry_total=0, logging_enable=_is_logged())
        return (answer.headers.get("Location") if answer.status_code == 202 else None), _retry_after(answer)

    def poll(self, url: str) -> tuple[bool, float | None]:
        """Whether an operation has ended, and the seconds after which to ask again if the service says so. Raises the
        error that it ended with. Not tried again here."""
        from azure.core.exceptions import HttpResponseError

        answer = self._response("GET", url, retry_total=0, logging_enable=_is_logged())
        if answer.status_code != 202 and read_error(HttpResponseError(response=answer)).ended:
            raise HttpResponseError(response=answer)
        return answer.status_code != 202, _retry_after(answer)

    def _url(self, path: str, version: str, where: str | None = None) -> str:
        query = {"api-version": version} | ({"$filter": where} if where else {})
        return f"{self._base}{quote(path)}?{urlencode(query, quote_via=quote)}"

    def _send(self, method: str, url: str, body: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
        answer = self._response(method, url, body, **options)
        with parsing_responses():
            return part(json.loads(answer.text() or "{}"))

    def _response(self, method: str, url: str, body: dict[str, Any] | None = None, **options: Any) -> Any:
        from azure.core.exceptions import HttpResponseError
        from azure.core.rest import HttpRequest

        request = HttpRequest(method, url, headers={"Accept": "application/json"}, json=body)
        with parsing_responses():
            answer = self._client.send_request(request, **options)
            own = ((name, value) for name, value in request.headers.items() if not name.lower().startswith("content-"))
            self.sent = dict(own)
            if not 200 <= answer.status_code < 300:
                raise HttpResponseError(response=answer)
            return answer


def _retry_after(answer: Any) -> float | None:
    asked = answer.headers.get("Retry-After") or ""
    return float(asked) if asked.isdigit() else None


def _is_logged() -> bool:
    """Whether anybody reads what the CLI logs of a request (--debug, or a log file).

    It makes a record of each header in any case, which takes a tenth of the processor time of a request; thousands of
    imports are begun.
    """
    return any(handler.level <= logging.DEBUG for handler in logging.getLogger("cli").handlers)
