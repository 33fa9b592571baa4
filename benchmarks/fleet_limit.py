"""The minimum time that any client must wait for Azure to tell the state of a fleet, from the log of a run.

Two things keep a client waiting: the quotas, and that each answer takes its time. Of Resource Graph the quota lets so
many queries through, then none until it begins again; of Resource Manager a bucket for each subscription lets so many
reads through at once, and then as many as flow in. No more than so many reads are under way at the same time. And some
of it can be asked only when something else was told:

- vaults when registries are known, and keys when both are; versions in use that are not the latest, after them
- identities when registries are known, then what is granted to them
- what is in doubt, when all that is known: its registries; then its vaults, and whether the names of those that are not
  there are free; if not, whether they were deleted; if not, where else they are; then what else it rests on

It is that of a client that asks for nothing before it knows that it needs it. `list` guesses, that a whole tenant's few
vaults are needed, and asks for them with the registries. What the client itself does in all that time is not part of
it, nor is its start.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_GRAPH = "/providers/microsoft.resourcegraph/resources"
_KEY = re.compile(r".*/(vaults|managedhsms)/[^/]+/keys/[^/]+")
_VERSION = re.compile(r".*/versions/[^/]+")
_REGISTRY = re.compile(r".*/registries/[^/]+")
_VAULT = re.compile(r".*/(vaults|managedhsms)/[^/]+|.*/checknameavailability")
_DELETED_VAULTS = re.compile(r".*/deletedvaults")
_RESOURCES = re.compile(r"/subscriptions/[^/]+/resources")
_DENIALS = re.compile(r"/subscriptions/[^/]+/providers/[^/]+/denyassignments")
# What is read at the same time, in turn. Whatever is none of it comes last.
_STAGES = ((_KEY, _DENIALS), (_VERSION,), (_REGISTRY,), (_VAULT,), (_DELETED_VAULTS,), (_RESOURCES,))


@dataclass(frozen=True)
class Quotas:
    """Queries in so many seconds; the bucket of each subscription and what flows into it in a second; reads under way;
    seconds that each request takes."""

    queries: int = 15
    seconds: float = 5.0
    bucket: int = 250
    rate: float = 25.0
    at_once: int = 64
    latency: float = 0.1


def fleet_limit(entries: Iterable[Mapping[str, Any]], quotas: Quotas) -> float:
    """Seconds, from the entries of a sandbox's log. What was throttled is not counted: it need not have been sent."""
    sent = [each for each in entries if each["status"] != 429 and "microsoftonline" not in each["host"]]
    queries = [str(each["body"]) for each in sent if each["path"].lower() == _GRAPH]
    reads = [each["path"].lower() for each in sent if each["path"].lower() != _GRAPH]
    registries = [each for each in queries if "registries'" in each and "sku" in each]
    vaults = [each for each in queries if "managedhsms" in each]
    others = len(queries) - len(registries) - len(vaults)

    known = _pages(len(registries), quotas) + _pages(len(vaults), quotas)
    stages = [_side_by_side(len(some), quotas) for some in _stages(reads)]
    keyed = known + stages[0] + stages[1]
    granted = _pages(len(registries), quotas) + (2 * quotas.latency if others else 0)
    told = max(_queries(len(queries), quotas), granted, keyed, known + _flow(reads, quotas))
    return told + sum(stages[2:])


def _stages(reads: list[str]) -> list[list[str]]:
    """The reads by stage."""
    stages: list[list[str]] = [[] for _ in range(len(_STAGES) + 1)]
    for path in reads:
        matching = (n for n, patterns in enumerate(_STAGES) if any(each.fullmatch(path) for each in patterns))
        stages[next(matching, -1)].append(path)
    return stages


def _pages(number: int, quotas: Quotas) -> float:
    """The first page tells how many more there are, which can be asked for side by side."""
    return min(number, 2) * quotas.latency


def _queries(number: int, quotas: Quotas) -> float:
    """The last query is let through when as many windows have gone by as those before it fill."""
    return (number - 1) // quotas.queries * quotas.seconds + quotas.latency if number else 0.0


def _side_by_side(number: int, quotas: Quotas) -> float:
    return -(-number // quotas.at_once) * quotas.latency


def _flow(reads: list[str], quotas: Quotas) -> float:
    """How long the reads of the fullest subscription flow."""
    most = max(Counter(path.split("/")[2] for path in reads if path.startswith("/subscriptions/")).values(), default=0)
    return max(most - quotas.bucket, 0) / quotas.rate
