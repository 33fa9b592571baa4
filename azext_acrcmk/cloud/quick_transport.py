"""Sends what azure.core's pipelines have made ready by urllib3 alone: `requests` takes half of the processor time of a
request, to prepare what is ready."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from knack.log import get_logger

from azext_acrcmk.cloud.transport import never

logger = get_logger(__name__)

# The options of a request that QuickTransport knows, and those that must not be set.
_KNOWN, _NOT_SET = {"connection_timeout", "read_timeout"}, {"stream", "proxies"}


class Response:
    """A response of urllib3 as azure.core's policies and errors, and the clients here, read it."""

    def __init__(self, response: Any):
        self.status_code, self.reason, self.headers = response.status, response.reason, response.headers
        self.content: bytes = response.data

    def read(self) -> bytes:
        return self.content

    def text(self) -> str:
        return self.content.decode("utf-8-sig", errors="replace")


class QuickTransport:
    """A transport for clients that send azure.core.rest.HttpRequest and read a Response. It uses the connections of
    `usual`, a RequestsTransport, raises the same errors, and leaves to it what it does not know how to send.

    `times` are the seconds of the options `connection_timeout` and `read_timeout` where a request has none.
    """

    def __init__(self, usual: Any, **times: float):
        self._usual, self._times = usual, times
        self._connections: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._usual, name)

    def __enter__(self) -> QuickTransport:
        self._usual.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._usual.__exit__(*error)

    def send(self, request: Any, **given: Any) -> Any:
        """The response. Raises azure.core's ServiceRequestError or ServiceResponseError if there is none."""
        options = {**self._times, **{name: value for name, value in given.items() if value or name not in _NOT_SET}}
        url, content = urlsplit(request.url), request.content
        connections = None
        if options.keys() <= _KNOWN and isinstance(content, (str, bytes, type(None))):
            connections = self._connections_to(url.scheme, url.netloc)
        if not connections:
            return self._usual.send(request, **{**self._times, **given})
        if isinstance(content, str):
            content = content.encode()
        # Those that `requests` adds for every client.
        own = {name: value for name, value in self._usual.session.headers.items() if name not in request.headers}
        length = {} if content is None else {"Content-Length": str(len(content))}
        config = self._usual.connection_config
        return _send(
            connections,
            request.method,
            f"{url.path or '/'}{'?' if url.query else ''}{url.query}",
            content,
            {**own, **request.headers, **length},
            (options.get("connection_timeout", config.timeout), options.get("read_timeout", config.read_timeout)),
        )

    def _connections_to(self, scheme: str, host: str) -> Any:
        if host not in self._connections:
            try:
                self._connections[host] = connections(self._usual, f"https://{host}/") if scheme == "https" else None
            except Exception:  # it only saves time, by what other versions of these libraries may not have
                logger.debug("What goes to %s is sent by the usual transport.", host, exc_info=True)
                self._connections[host] = None
        return self._connections[host]


def _send(
    connections: Any,
    method: str,
    target: str,
    content: bytes | None,
    headers: dict[str, str],
    seconds: tuple[float, float],
) -> Response:
    from azure.core import exceptions as raised
    from urllib3 import Timeout, exceptions

    try:
        response = connections.urlopen(
            method,
            target,
            body=content,
            headers=headers,
            timeout=Timeout(connect=seconds[0], read=seconds[1]),
            redirect=False,
            retries=never(),
            enforce_content_length=True,
        )
    except exceptions.ReadTimeoutError as error:
        raise raised.ServiceResponseTimeoutError(error, error=error) from error
    except (exceptions.NewConnectionError, exceptions.SSLError, exceptions.ProxyError) as error:
        raise raised.ServiceRequestError(error, error=error) from error
    except exceptions.ConnectTimeoutError as error:
        raise raised.ServiceRequestTimeoutError(error, error=error) from error
    except (exceptions.HTTPError, OSError) as error:
        raise raised.ServiceResponseError(error, error=error) from error
    return Response(response)


def connections(usual: Any, url: str) -> Any:
    """The connections of urllib3 to the host of a URL, as those of a transport: with its proxy and authorities.

    Raises whatever other versions of these libraries raise.
    """
    from requests import Request

    session, verify = usual.session, usual.connection_config.verify
    given = session.merge_environment_settings(url, {}, False, verify, None)
    adapter = session.get_adapter(url)
    pool = adapter.get_connection_with_tls_context(
        session.prepare_request(Request("GET", url)), given["verify"], proxies=given["proxies"], cert=given["cert"]
    )
    adapter.cert_verify(pool, url, given["verify"], given["cert"])
    return pool
