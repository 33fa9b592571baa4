"""The log of requests: kept in memory for tests, and written as JSON lines. It never contains a token or a secret."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from pathlib import Path
from typing import Any

from sandbox.core.clock import Clock
from sandbox.core.web import Reply, Request

_SECRET = (
    "client_secret",
    "client_assertion",
    "password",
    "access_token",
    "assertion",
    "refresh_token",
    "customheaders",
)


class RequestLog:
    """Entries in the order of the requests; the status of an entry is set with the response."""

    def __init__(self, file: Path):
        self.entries: list[dict[str, Any]] = []
        self._file = file.open("w", encoding="utf-8", buffering=1)
        self._count = 0
        self._held: dict[str, Any] | None = None
        self._holding = asyncio.Event()

    def begin(self, request: Request) -> dict[str, Any]:
        self._count += 1
        entry = {
            "n": self._count,
            "time": time.time(),
            "method": request.method,
            "host": request.host,
            "path": request.path,
            "query": dict(request.query),
            "status": None,
            "body": _without_secrets(request.body),
            "seconds": None,
            "ready": None,
            "retry_after": None,
            "caller": None,
        }
        self.entries.append(entry)
        return entry

    def refused(self, method: str, target: str, clock: Clock) -> None:
        """A request that the proxy rejected: `target` is the host with its port, or a URL."""
        request = Request(method, target, "")
        self.end(self.begin(request), request, Reply(403), clock)

    def end(self, entry: dict[str, Any], request: Request, reply: Reply | None, clock: Clock) -> None:
        """`reply` is None for a request without a response. Times are real seconds since the request came: until the
        response, and (`ready`) until the request took effect."""
        entry["status"] = reply.status if reply else None
        entry["seconds"] = round(time.time() - entry["time"], 6)
        if reply:
            entry["ready"] = max(entry["seconds"], clock.real(reply.ready))
            entry["retry_after"] = _seconds(reply.headers.get("Retry-After"))
        entry["caller"] = request.caller.object_id if request.caller else None
        self._file.write(json.dumps(entry) + "\n")

    def hold(self, entry: dict[str, Any]) -> None:
        """The request will get no response."""
        entry["held"] = True
        self._held = entry
        self._holding.set()

    async def held(self, seconds: float) -> dict[str, Any] | None:
        """The last request that is held, waited for up to this many real seconds; or None."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._holding.wait(), seconds)
        return self._held

    def clear(self) -> None:
        self.entries.clear()
        self._held = None
        self._holding.clear()

    def close(self) -> None:
        self._file.close()


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isdigit() else None


def _without_secrets(body: Any) -> Any:
    if isinstance(body, dict):
        return {key: "***" if key.lower() in _SECRET else _without_secrets(value) for key, value in body.items()}
    if isinstance(body, list):
        return [_without_secrets(item) for item in body]
    return body
