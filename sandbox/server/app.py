"""The web server: receives requests, has the world answer them, and delays the responses."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any
from urllib.parse import parse_qsl, unquote

from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import RawRequestMessage

from sandbox.core.web import Reply, Request
from sandbox.entra import tokens
from sandbox.resource_manager.deployments.language import jsonc
from sandbox.resource_manager.gateway import dispatch
from sandbox.server.alterations import alter
from sandbox.server.faults import Fault
from sandbox.server.instance import Instance
from sandbox.server.log import RequestLog

_TICK = 0.05  # wall-clock seconds
_BLOBS = "/blobs/uploads/"  # requests that have part of a layer as their body
_LARGEST_BODY = 1024**3  # bytes: layers of images come in one request


class App:
    """Serves an instance: Azure on connections from the proxy, the identity endpoints on loopback ports."""

    def __init__(self, instance: Instance):
        self._instance = instance
        self._local: list[web.ServerRunner] = []
        # Creates the protocol of one connection.
        self.azure = web.Server(self._handle, access_log=None, keepalive_timeout=600, request_factory=_request)

    async def start_local(self, port: int = 0) -> int:
        """Serve the identity endpoints over plain HTTP, on the given port or a free one. Returns the port."""
        runner = web.ServerRunner(web.Server(self._handle_local, access_log=None), shutdown_timeout=0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        self._local.append(runner)
        return runner.addresses[0][1]

    async def close(self) -> None:
        await self.azure.shutdown(0)
        for runner in self._local:
            await runner.cleanup()

    async def _handle_local(self, raw: web.BaseRequest) -> web.StreamResponse:
        return await self._answer(raw, "localhost")

    async def _handle(self, raw: web.BaseRequest) -> web.StreamResponse:
        return await self._answer(raw, raw.host.partition(":")[0].lower())

    async def _answer(self, raw: web.BaseRequest, host: str) -> web.StreamResponse:
        request = await _read(raw, host)
        instance = self._instance
        entry = instance.log.begin(request)
        reply = None
        try:
            reply = await self._with_fault(instance.fault_for(request), request, raw, entry)
            if reply is not None:
                await instance.wait(reply.seconds + instance.world.settings.request_seconds)
        finally:
            instance.log.end(entry, request, reply, instance.world.clock)
        if reply is None:
            _reset(raw)
            return web.Response(status=500)  # not sent: the connection is closed
        return _response(reply)

    async def _with_fault(
        self, fault: Fault | None, request: Request, raw: web.BaseRequest, entry: dict[str, Any]
    ) -> Reply | None:
        """The reply of the world or of a fault. None means to reset the connection."""
        if fault is None:
            return await self._dispatch(request)
        if fault.action == "status":
            return Reply(fault.status, fault.body, dict(fault.headers))
        if fault.action == "hang":
            return await _hold(raw, entry, self._instance.log)
        if fault.action == "reset-before":
            return None
        if fault.action == "delay":
            await self._instance.wait(fault.seconds)
        reply = await self._dispatch(request)
        if fault.action == "hang-after":
            return await _hold(raw, entry, self._instance.log)
        if fault.action == "alter":
            reply, entry["altered"] = alter(reply, fault)
        return None if fault.action == "reset-after" else reply

    async def _dispatch(self, request: Request) -> Reply:
        world = self._instance.world
        if request.method in ("GET", "HEAD") and world.lock.acquire(blocking=False):
            # Here: to hand a read over to a thread, and its reply back, takes longer than to answer it.
            try:
                return dispatch(world, request)
            finally:
                world.lock.release()
        # In a thread: creating an RSA key is slow, and other requests should wait only for the lock.
        return await asyncio.get_running_loop().run_in_executor(None, dispatch, world, request)


def _request(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: web.RequestHandler,
    writer: AbstractStreamWriter,
    task: asyncio.Task[None],
) -> web.BaseRequest:
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=_LARGEST_BODY)


async def _read(raw: web.BaseRequest, host: str) -> Request:
    _acknowledge(raw)
    raw_path, _, query = raw.raw_path.partition("?")
    peer = raw.transport.get_extra_info("peername") if raw.transport else None
    content = await raw.read()
    headers = {name.lower(): value for name, value in raw.headers.items()}
    return Request(
        method=raw.method,
        host=host,
        path=unquote(raw_path),
        query=_pairs(query),
        headers=headers,
        caller=tokens.read(headers.get("authorization")),  # now: a delay makes no token old
        body=None if _BLOBS in raw_path else _parse(content, raw.content_type),
        client_address=peer[0] if peer else "127.0.0.1",
        content=content,
    )


def _acknowledge(raw: web.BaseRequest) -> None:
    """Acknowledge the head of a request immediately, if the system can. Until then a client of a proxy holds back the
    body (urllib3 leaves Nagle's algorithm enabled for proxies), by default for 40 ms."""
    connection = raw.transport.get_extra_info("socket") if raw.transport else None
    if connection and raw.can_read_body and hasattr(socket, "TCP_QUICKACK"):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def _pairs(text: str) -> dict[str, str]:
    """The parameters of a query or form. Scopes are the only ones that may come several times: with spaces between."""
    pairs = [(name.lower(), value) for name, value in parse_qsl(text, keep_blank_values=True)]
    scopes = [value for name, value in pairs if name == "scope"]
    return dict(pairs) | ({"scope": " ".join(scopes)} if scopes else {})


def _parse(content: bytes, content_type: str) -> Any:
    if not content:
        return None
    if content_type == "application/x-www-form-urlencoded":
        return _pairs(content.decode())
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        text = content.decode("utf-8", "replace")
    try:
        return jsonc.loads(text)
    except jsonc.JsonError:
        return text


def _response(reply: Reply) -> web.Response:
    if reply.body is None:
        return web.Response(status=reply.status, headers=reply.headers)
    if isinstance(reply.body, bytes):
        return web.Response(status=reply.status, headers=reply.headers, body=reply.body)
    kind, text = "application/json", reply.body
    if isinstance(reply.body, str):
        kind = "text/plain"
    else:
        text = json.dumps(reply.body)
    headers = {"Content-Type": f"{kind}; charset=utf-8", **reply.headers}
    return web.Response(status=reply.status, body=text.encode(), headers=headers)


async def _hold(raw: web.BaseRequest, entry: dict[str, Any], log: RequestLog) -> None:
    """Send no response until the client disconnects; meanwhile the log shows the request as waiting."""
    log.hold(entry)
    while raw.transport and not raw.transport.is_closing():
        await asyncio.sleep(_TICK)


def _reset(raw: web.BaseRequest) -> None:
    if raw.transport:
        raw.transport.abort()
