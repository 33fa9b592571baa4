"""No token leaves for another host, wherever an answer leads: by a paging link, an operation or a redirect."""

from __future__ import annotations

import re

from azure.core.pipeline.policies import SansIOHTTPPolicy

from azext_acrcmk.cloud.errors import UnexpectedResponse

# So plain that no two readers of URLs take different hosts from it.
_URL = re.compile(r"https://([a-z0-9.-]+)(:\d+)?([/?].*)?", re.IGNORECASE | re.DOTALL)


class OnlyTo(SansIOHTTPPolicy):
    """Refuses every request to another host than `host` or one below it, before it is sent.

    Give it to an SDK's client among the `per_retry_policies`: then it sees what a redirect leads to, too. Below: the
    regional hosts of Azure Resource Manager, to which its operations may lead.
    """

    def __init__(self, host: str):
        self._host = host.lower()

    def on_request(self, request) -> None:
        url = request.http_request.url
        match = _URL.fullmatch(url)
        host = match[1].lower() if match else ""
        if host != self._host and not host.endswith(f".{self._host}"):
            raise UnexpectedResponse(
                f"a link in the response points to {url[:100]!r}, outside {self._host}. No request was sent there."
            )
