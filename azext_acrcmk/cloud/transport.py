"""The connections of one command to Azure Resource Manager, shared by all its clients."""

from __future__ import annotations

from functools import cache
from typing import Any

# Requests made at the same time.
MOST_AT_ONCE = 16
# Options of a request that only serves a remark. What throttles, fails or is silent is asked once more, not for minutes
# as the SDKs do.
PATIENCE = {"retry_total": 1, "connection_timeout": 10, "read_timeout": 20}


def transport(verify: bool | str = True) -> Any:
    """What azure.core's clients send by: as their own, but for connections that are used again by whichever client, and
    that all trust by one TLS context. `verify` is a bundle of authorities to trust, or False to verify no server.

    Each connection of `requests` has a context of its own, into which it loads the certificates of all authorities: 40
    ms of processor, as often as reads are made side by side.
    """
    from azure.core.pipeline.transport import RequestsTransport
    from requests.adapters import DEFAULT_CA_BUNDLE_PATH, HTTPAdapter
    from urllib3.util import ALPN_PROTOCOLS, Retry
    from urllib3.util.ssl_ import create_urllib3_context

    made = RequestsTransport(connection_verify=verify)
    made.open()
    if not verify:
        return made
    context = create_urllib3_context()
    # What a connection trusts is still told by `requests`; only what the context has loaded already, it need not again.
    context.load_verify_locations = cache(context.load_verify_locations)
    # Nor is it told the protocol again: to set that while another thread begins a connection is a race inside OpenSSL.
    context.set_alpn_protocols(ALPN_PROTOCOLS)
    context.set_alpn_protocols = lambda _: None

    class OneContext(HTTPAdapter):
        def cert_verify(self, conn: Any, url: str, verify: bool | str, cert: Any) -> None:
            # With requests 2.32.3 and 2.32.4 (CLI 2.84 and before) a context that is given trusts nobody by itself.
            super().cert_verify(conn, url, DEFAULT_CA_BUNDLE_PATH if verify is True else verify, cert)

        def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
            super().init_poolmanager(*arguments, ssl_context=context, **options)

        def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
            return super().proxy_manager_for(proxy, ssl_context=context, **options)

    # Trying again is for azure.core to do.
    never = Retry(total=False, redirect=False, raise_on_status=False)
    made.session.mount("https://", OneContext(pool_maxsize=MOST_AT_ONCE, max_retries=never))
    return made
