"""The minimum time that any client must wait for Azure to create an encrypted registry, from the log of a run.

It is the longest chain of what the server takes, each link from the log: the group; in it, at the same time, the
identity and the vault; once both exist the grant, and until that is in force; meanwhile the vault's name in DNS and the
key; then the registry and its operation, which may be looked at again only as often as Retry-After allows; that look,
and the registry read back, as its first answer may lie. No client can leave out one of them, nor begin one before the
other. What a client looks at beforehand, and its own time, are not part of it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

_NOTHING: dict[str, Any] = {"seconds": 0.0, "ready": 0.0, "retry_after": None}


def limit(entries: Iterable[Mapping[str, Any]]) -> float:
    """Seconds, from the entries of a sandbox's log. Resources that already existed count as zero."""
    log = list(entries)
    group, identity, vault = (
        _last(log, "PUT", kind) for kind in ("/resourcegroups/[^/]+", "/userassignedidentities/[^/]+", "/vaults/[^/]+")
    )
    key = _last(log, "PUT", "/vaults/[^/]+/keys/[^/]+")
    grant = _last(log, "PUT", "/roleassignments/[^/]+|/accesspolicies/add")
    registry = _last(log, "PUT", "/registries/[^/]+")

    begun = group["seconds"]
    named = begun + vault["ready"]
    keyed = begun + vault["seconds"] + key["seconds"]
    granted = begun + max(identity["seconds"], vault["seconds"]) + grant["ready"]
    answered = max(named, keyed, granted) + registry["seconds"]
    looks = _last(log, "GET", "/operationstatuses/[^/]+")["seconds"] + _last(log, "GET", "/registries/[^/]+")["seconds"]
    return answered + _until_seen(registry) + looks


def _until_seen(operation: Mapping[str, Any]) -> float:
    """From the response until a poll can find the operation ended: a multiple of Retry-After, if there is one."""
    left, asked = operation["ready"] - operation["seconds"], operation["retry_after"]
    return math.ceil(left / asked) * asked if asked else left


def _last(log: list[Mapping[str, Any]], method: str, path: str) -> Mapping[str, Any]:
    """The last such request that succeeded."""
    matching = re.compile(f".*({path})", re.IGNORECASE)
    found = [each for each in log if each["method"] == method and matching.fullmatch(each["path"])]
    return next((each for each in reversed(found) if (each["status"] or 500) < 400), _NOTHING)
