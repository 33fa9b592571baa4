"""Analysis of a log of requests (see server/log.py)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_WRITES = ("PUT", "PATCH", "DELETE")


def repeated(entries: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The requests that were repeated although their resource had not been written in between.

    Not included: polling until a write takes effect, and requests first sent without a token.
    """
    found, asked, holds = [], {}, {}
    for entry in entries:
        path = entry["path"].lower()
        if entry["method"] in _WRITES:
            written = path.removesuffix("/accesspolicies/add")
            holds[written] = max(holds.get(written, 0), entry["time"] + (entry["ready"] or 0))
            asked = {request: time for request, time in asked.items() if request[2] != written}
        request = entry["method"], entry["host"], path, str(entry["query"]), str(entry["body"])
        about = path.partition("/operationstatuses/")[0]
        if request in asked and asked[request] >= holds.get(about, 0):
            found.append(entry)
        if entry["status"] != 401:
            asked[request] = entry["time"]
    return found
