"""The connections of one command to Azure Resource Manager, shared by all its clients."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from knack.log import get_logger

logger = get_logger(__name__)

# The maximum number of parallel requests.
MOST_AT_ONCE = 16
# The same of the reads about many registries.
MOST_OF_A_FLEET = 64
# Options of a request for information only. After throttling, a failure or a timeout, it is retried once, not for
# minutes as in the SDKs.
PATIENCE = {"retry_total": 1, "connection_timeout": 10, "read_timeout": 20}


def load_authorities() -> None:
    """Begins to load what the connections of this command will trust, beside its imports: OpenSSL takes longer for that
    than for anything else of a connection, while other threads run. Whatever fails here fails again when one is opened,
    and is told there."""

    def load() -> None:
        with contextlib.suppress(Exception):
            authorities = _expected_authorities()
            _context(authorities).load_verify_locations(*authorities)

    threading.Thread(target=load, daemon=True).start()


def transport(verify: bool | str = True, **options: Any) -> Any:
    """The transport for azure.core's clients: like their own, but all clients reuse the same connections, which have
    one TLS context. `verify` is a bundle of authorities to trust, or False for no verification; `options` are those of
    RequestsTransport.

    Each connection of `requests` has its own context, into which it loads the certificates of all authorities: 40
    ms of CPU time for each parallel read.
    """
    from azure.core.pipeline.transport import RequestsTransport

    made = RequestsTransport(connection_verify=verify, **options)
    made.open()
    _remember_environment(made.session)
    if verify:
        try:
            made.session.mount("https://", _one_context())
        except Exception:  # it only saves time, by what other versions of these libraries may not have
            logger.debug("Connections do not share a TLS context.", exc_info=True)
    return made


def _remember_environment(session: Any) -> None:
    """Reads the proxies of the environment once for each host. `requests` reads all of the environment for each
    request, which takes a fifth of the processor time of a request."""
    read, known = session.merge_environment_settings, {}

    def merge(url: str, proxies: Any, stream: Any, verify: Any, cert: Any) -> dict[str, Any]:
        place = (*urlsplit(url)[:2], str(proxies), stream, str(verify), str(cert))
        if place not in known:
            known[place] = read(url, proxies, stream, verify, cert)
        return dict(known[place])

    session.merge_environment_settings = merge


def _one_context() -> Any:
    """An adapter of `requests` whose connections have one TLS context."""
    from requests.adapters import DEFAULT_CA_BUNDLE_PATH, HTTPAdapter

    context = _context(_expected_authorities())

    class OneContext(HTTPAdapter):
        def cert_verify(self, conn: Any, url: str, verify: bool | str, cert: Any) -> None:
            # With requests 2.32.3 and 2.32.4 (CLI 2.84 and earlier), a given context trusts no authorities by default.
            super().cert_verify(conn, url, DEFAULT_CA_BUNDLE_PATH if verify is True else verify, cert)

        def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
            super().init_poolmanager(*arguments, ssl_context=context, **options)

        def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
            return super().proxy_manager_for(proxy, ssl_context=context, **options)

    return OneContext(pool_maxsize=MOST_OF_A_FLEET, max_retries=never())


@cache
def never() -> Any:
    """That urllib3 sends nothing again: azure.core does. False means the same, and is noted in the log each time."""
    from urllib3.util import Retry

    return Retry(total=False, redirect=False, raise_on_status=False)


# What `load_verify_locations` is called with: a file, a folder, or data.
_Authorities = tuple[str | None, str | None, None]


def _expected_authorities() -> _Authorities:
    """Where `requests` will find what to trust, by what it documents."""
    import certifi

    place = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or certifi.where()
    return (None, place, None) if os.path.isdir(place) else (place, None, None)


_making = threading.Lock()


def _context(authorities: _Authorities) -> Any:
    """One TLS context for all connections of which the same trust is expected. It trusts nothing yet."""
    with _making:
        return _made_context(authorities)


@cache
def _made_context(_authorities: _Authorities) -> Any:
    from urllib3.util import ALPN_PROTOCOLS
    from urllib3.util.ssl_ import create_urllib3_context

    context = create_urllib3_context()
    # `requests` still sets what a connection trusts; what the context has already loaded is not loaded again.
    context.load_verify_locations = _once(context.load_verify_locations)
    # The protocol isn't set again either: that is a race in OpenSSL while another thread opens a connection.
    context.set_alpn_protocols(ALPN_PROTOCOLS)
    context.set_alpn_protocols = lambda _: None
    return context


def _once(load: Callable[..., None]) -> Callable[..., None]:
    """`load` for what it has not loaded yet. Who asks for what is just being loaded waits for it."""
    lock, loaded = threading.Lock(), set()

    def load_once(*given: Any) -> None:
        with lock:
            if given not in loaded:
                load(*given)
                loaded.add(given)

    return load_once
