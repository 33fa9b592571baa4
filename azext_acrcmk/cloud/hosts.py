"""No token is sent to another host, whatever a response links to: by a paging link, an operation or a redirect."""

from __future__ import annotations

import re

from azure.core.pipeline.policies import SansIOHTTPPolicy

from azext_acrcmk.cloud.errors import UnexpectedResponse

# So simple that all URL parsers agree on the host.
_URL = re.compile(r"https://([a-z0-9.-]+)(:\d+)?([/?].*)?", re.IGNORECASE | re.DOTALL)


class OnlyTo(SansIOHTTPPolicy):
    """Rejects every request to a host other than `host` or its subdomains, before it is sent.

    Pass it to an SDK client in the `per_retry_policies`, so that it also sees redirects. Subdomains are the
    regional hosts of Azure Resource Manager, to which its operations can link.
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
