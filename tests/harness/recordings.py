"""Recorded exchanges with the real Azure, and what it means that an answer of ours agrees with one.

Agreement: the same status, the same headers of long-running operations and of the service, and the same body once what
changes from one exchange to the next is written as what it is: ids, times, versions and key material.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

from sandbox.core.web import Caller, Reply, Request
from sandbox.world import TENANT

_SHARED = Path(os.environ.get("ACRCMK_SHARED") or Path(__file__).parents[3] / "shared")
_HOME = _SHARED / "recordings"
# Set by the server or the recorder, not by the service. `retry-after` is taken out of every recording.
_NOT_COMPARED = {"content-type", "date", "retry-after"}
_VOLATILE = [
    (re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"), "<guid>"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "<version>"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.(\d+)"), lambda match: f"<time with {len(match[1])} digits>"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ"), "<time>"),
    (re.compile(r"^[A-Za-z0-9_-]{340,}$"), "<number>"),
]


def load(name: str) -> dict[str, Any]:
    """A recording by its name. Skips the test where the recordings are not there."""
    path = _HOME / f"{name}.json"
    if not path.is_file():
        _skip()
    return json.loads(path.read_text(encoding="utf-8"))


def facts(name: str) -> Any:
    """A file of facts from beside the recordings. Skips the test where it is not there."""
    path = _SHARED / "data" / name
    if not path.is_file():
        pytest.skip(f"{path} is not there; ACRCMK_SHARED says where the facts are.")
    return json.loads(path.read_text(encoding="utf-8"))


def names() -> list[str]:
    """The names of all recordings. Skips the test where they are not there."""
    found = sorted(path.stem for path in _HOME.glob("*.json"))
    if not found:
        _skip()
    return found


def request_of(recording: dict[str, Any], caller: Caller | None) -> Request:
    """The recorded request, from the sandbox's tenant."""
    parts = urlsplit(recording["uri"])
    query = {name.lower(): value for name, value in parse_qsl(parts.query)}
    text = json.dumps(recording["requestBody"])
    for tenant in set(re.findall(r'"tenantId": "([^"]*)"', text)):
        text = text.replace(tenant, TENANT)
    return Request(recording["method"], parts.hostname, unquote(parts.path), query, {}, json.loads(text), caller)


def differences(recording: dict[str, Any], reply: Reply) -> list[str]:
    """Where an answer differs from the recorded one, each as "place: recorded != ours"."""
    found = []
    if recording["status"]["code"] != reply.status:
        found.append(f"status: {recording['status']['code']} != {reply.status}")
    ours = {name.lower(): value for name, value in reply.headers.items()}
    for name, value in recording["headers"].items():
        if name.lower() not in _NOT_COMPARED:
            found += _compare(f"headers.{name}", _header(name, value), _header(name, ours.get(name.lower())))
    for name in ("location", "azure-asyncoperation"):
        if name in ours and name not in recording["headers"]:
            found.append(f"headers.{name}: absent != {ours[name]}")
    body = reply.body if reply.body is not None else ""
    return found + _compare("body", recording["responseBody"], body)


def _skip() -> None:
    pytest.skip(f"The recordings are not in {_HOME}; ACRCMK_SHARED says where their parent directory is.")


def _header(name: str, value: str | None) -> str | None:
    # Counters and build numbers are the day's own; what matters is that they are there.
    counts = name.startswith("x-ms-ratelimit") or name == "x-ms-keyvault-service-version"
    if value is not None and name == "location":
        value = re.sub(r"/operationResults/[^?]+", "/operationResults/<operation>", value)
    return "<number>" if counts and value else value


def _compare(place: str, recorded: Any, ours: Any) -> list[str]:
    if isinstance(recorded, dict) and isinstance(ours, dict):
        left, right = _keyed(recorded), _keyed(ours)
        found = [f"{place}.{key}: present != absent" for key in left if key not in right]
        found += [f"{place}.{key}: absent != present" for key in right if key not in left]
        return found + [
            line for key in left if key in right for line in _compare(f"{place}.{key}", left[key], right[key])
        ]
    if isinstance(recorded, list) and isinstance(ours, list) and len(recorded) == len(ours):
        pairs = enumerate(zip(recorded, ours, strict=True))
        return [line for at, (left, right) in pairs for line in _compare(f"{place}[{at}]", left, right)]
    left, right = _settled(recorded), _settled(ours)
    return [] if left == right and type(left) is type(right) else [f"{place}: {left!r} != {right!r}"]


def _keyed(value: dict[str, Any]) -> dict[str, Any]:
    return {_settled(key): item for key, item in value.items()}


def _settled(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool) and value > 1_000_000_000:
        return "<seconds since 1970>"
    if isinstance(value, str):
        for pattern, name in _VOLATILE:
            value = pattern.sub(name, value)
    return value
