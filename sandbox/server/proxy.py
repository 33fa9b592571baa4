"""The proxy of all programs in the sandbox's environment: it leads Azure's names to the sandbox, and nowhere else."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable

from sandbox.server.certs import is_served

_HEAD_LIMIT = 16_384
_CHUNK = 65_536
_ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


class Proxy:
    """A CONNECT proxy on loopback. Everything but CONNECT to a served name on port 443 gets 403, and is told to
    `refused`: method and target."""

    def __init__(self, target_port: int, refused: Callable[[str, str], None]):
        self._target_port, self._refused = target_port, refused
        self._server: asyncio.Server | None = None

    async def start(self) -> int:
        """Listen on a free port and return it."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_HEAD_LIMIT)
        return self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        if self._server:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Cancelled only by the end of the sandbox, with nobody left to tell.
        with contextlib.suppress(ConnectionError, EOFError, asyncio.LimitOverrunError, asyncio.CancelledError):
            head = await reader.readuntil(b"\r\n\r\n")
            method, target, *_ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
            host, _, port = target.rpartition(":")
            if method == "CONNECT" and port == "443" and is_served(host):
                await self._tunnel(reader, writer)
            else:
                self._refused(method, target)
                await _refuse(writer, method, target)
        writer.close()

    async def _tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream_reader, upstream = await asyncio.open_connection("127.0.0.1", self._target_port)
        for end in (writer, upstream):
            end.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        writer.write(_ESTABLISHED)
        try:
            await asyncio.gather(_pipe(reader, writer, upstream), _pipe(upstream_reader, upstream, writer))
        finally:
            upstream.close()


async def _pipe(reader: asyncio.StreamReader, source: asyncio.StreamWriter, writer: asyncio.StreamWriter) -> None:
    # Either side's end is the end of both: HTTP over TLS has no use for half a connection.
    connection = source.get_extra_info("socket")
    try:
        while data := await reader.read(_CHUNK):
            _acknowledge(connection)
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


def _acknowledge(connection: socket.socket) -> None:
    """At once, where the system can: a client of a proxy keeps a request's body back until its head is acknowledged
    (urllib3 leaves Nagle's algorithm on for proxies), which by itself takes 40 ms."""
    if hasattr(socket, "TCP_QUICKACK"):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


async def _refuse(writer: asyncio.StreamWriter, method: str, target: str) -> None:
    text = f"The acrcmk sandbox refuses {method} {target}: only Azure's names on port 443, answered on loopback.\n"
    body = text.encode()
    head = ["HTTP/1.1 403 Forbidden", "Content-Type: text/plain", f"Content-Length: {len(body)}", "Connection: close"]
    writer.write("\r\n".join([*head, "", ""]).encode() + body)
    await writer.drain()
