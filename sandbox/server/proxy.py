"""The proxy of all programs in the sandbox's environment. It connects them to the sandbox for Azure names only."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Coroutine

from sandbox.server.certs import is_served

_HEAD_LIMIT = 16_384
_PAUSE = 0.05  # seconds
_END = b"\r\n\r\n"
_ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


class Proxy:
    """A CONNECT proxy on loopback. A connection to a served name on port 443 is handled here, with `context` for TLS
    and a protocol that `server` creates. Everything else gets 403, and `refused` is called with method and target."""

    def __init__(
        self,
        context: ssl.SSLContext,
        server: Callable[[], asyncio.BaseProtocol],
        refused: Callable[[str, str], None],
    ):
        self._context, self._server, self._refused = context, server, refused
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self._tasks: set[asyncio.Task] = set()

    def start(self) -> int:
        """Listen on a free port and return it."""
        self._keep(self._accept())
        return self._listener.getsockname()[1]

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._listener.close()

    def _keep(self, work: Coroutine[None, None, None]) -> None:
        # The event loop keeps only weak references to tasks.
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self) -> None:
        while True:
            try:
                connection, _ = await asyncio.get_running_loop().sock_accept(self._listener)
            except OSError:  # the client has disconnected, or too many files are open
                await asyncio.sleep(_PAUSE)
                continue
            self._keep(self._serve(connection))

    async def _serve(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            head, body = await _head(connection)
            method, target, *_ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
            host, _, port = target.rpartition(":")
            # Data sent together with the head would be lost. Programs wait for the response before they send more.
            if method == "CONNECT" and port == "443" and is_served(host) and not body:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                await loop.sock_sendall(connection, _ESTABLISHED)
                # From here on the connection is the server's, which closes it.
                await loop.connect_accepted_socket(self._server, connection, ssl=self._context)
                return
            self._refused(method, target)
            await loop.sock_sendall(connection, _refusal(method, target))
        except (OSError, ValueError):
            pass  # the client has disconnected, or sent something other than HTTP
        connection.close()


async def _head(connection: socket.socket) -> tuple[bytes, bytes]:
    """Everything up to the empty line, and the data after it. Raises ValueError if there is no empty line."""
    received = b""
    while _END not in received:
        data = await asyncio.get_running_loop().sock_recv(connection, _HEAD_LIMIT)
        received += data
        if not data or len(received) > _HEAD_LIMIT:
            raise ValueError("no HTTP request")
    head, _, body = received.partition(_END)
    return head, body


def _refusal(method: str, target: str) -> bytes:
    text = f"The acrcmk sandbox refuses {method} {target}: only Azure's names on port 443, answered on loopback.\n"
    body = text.encode()
    head = ["HTTP/1.1 403 Forbidden", "Content-Type: text/plain", f"Content-Length: {len(body)}", "Connection: close"]
    return "\r\n".join([*head, "", ""]).encode() + body
