"""Faults on demand: what a network or a service may do to a request, for the n-th request that matches."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sandbox.core.web import Request
from sandbox.server.alterations import ALTERATIONS

# `-after`: once the service has acted on the request, so that only its answer is lost. `alter`: its answer is another.
ACTIONS = ("status", "delay", "reset-before", "reset-after", "hang", "hang-after", "alter")


@dataclass
class Fault:
    """`method` and `path` are regular expressions, of the whole method and on host and path.

    The fault begins with match `nth` and lasts `times` matches. With `each` it does so for every request by itself: one
    of another method or path is another request. `alter` gives the answer other `headers` (None: without it), and
    another `body`, or what alterations.py does to it: `alteration` to the value at `place`, and other values `put` in.
    """

    action: str
    method: str = ""
    path: str = ""
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
        """Whether this request gets the fault. Counts the request if it matches."""
        if self.method and not re.fullmatch(self.method, request.method, re.IGNORECASE):
            return False
        if not self._path.search(request.host + request.path):
            return False
        which = f"{request.method} {request.host}{request.path}".lower() if self.each else ""
        self.seen[which] += 1
        return self.nth <= self.seen[which] < self.nth + self.times
