"""Faults on demand: failures of the network or a service, injected at the n-th request that matches."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sandbox.core.web import Request
from sandbox.server.alterations import ALTERATIONS

# `-after`: after the service has acted on the request, so only the response is lost. `alter`: changes the response.
ACTIONS = ("status", "delay", "reset-before", "reset-after", "hang", "hang-after", "alter")


@dataclass
class Fault:
    """`method`, `path` and `sent` are regular expressions: the whole method, a part of host and path, and of the body
    that was sent.

    The fault starts at match `nth` and lasts `times` matches. With `each`, matches are counted per request,
    that is per method and path. `alter` gives the response other `headers` (None removes a header) and
    another `body`, or changes it with alterations.py: `alteration` of the value at `place`, and the values in `put`.
    """

    action: str
    method: str = ""
    path: str = ""
    sent: str = ""
    nth: int = 1
    times: int = 1
    status: int = 500
    body: Any = None
    headers: dict[str, str | None] = field(default_factory=dict)
    seconds: float = 0.0
    each: bool = False
    alteration: str = ""
    place: int = 0
    put: dict[str, Any] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        if self.action not in ACTIONS:
            raise ValueError(f"Unknown action '{self.action}': one of {', '.join(ACTIONS)}.")
        if self.alteration and self.alteration not in ALTERATIONS:
            raise ValueError(f"Unknown alteration '{self.alteration}': one of {', '.join(ALTERATIONS)}.")
        self._path = re.compile(self.path, re.IGNORECASE)

    def strikes(self, request: Request) -> bool:
        """Whether the fault applies to this request. Counts the request if it matches."""
        if self.method and not re.fullmatch(self.method, request.method, re.IGNORECASE):
            return False
        if not self._path.search(request.host + request.path):
            return False
        if self.sent and not re.search(self.sent, request.content.decode("utf-8", "replace"), re.IGNORECASE):
            return False
        which = f"{request.method} {request.host}{request.path}".lower() if self.each else ""
        self.seen[which] += 1
        return self.nth <= self.seen[which] < self.nth + self.times
