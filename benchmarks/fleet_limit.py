"""The minimum time that any client must wait for Azure to tell the state of a fleet, from the log of a run.

Two things keep a client waiting: the quotas, and that each answer takes its time. Of Resource Graph the quota lets so
many queries through, then none until it begins again; of Resource Manager a bucket for each subscription lets so many
reads through at once, and then as many as flow in. No more than so many reads are under way at the same time. Which
keys there are to read is known only when Resource Graph has told of registries and vaults, so one follows the other.

What the client itself does in all that time is not part of it, nor is its start.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

GRAPH = "/providers/microsoft.resourcegraph/resources"


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
    sent = [each for each in entries if each["status"] != 429 and each["method"] in ("GET", "POST")]
    sent = [each for each in sent if "login.microsoftonline" not in each["host"]]
    queries = [each for each in sent if each["path"].lower() == GRAPH]
    reads = [each for each in sent if each["path"].lower() != GRAPH]
    return _queries(len(queries), quotas) + _reads([_subscription(each["path"]) for each in reads], quotas)


def _queries(number: int, quotas: Quotas) -> float:
    """The last query is let through when as many windows have gone by as those before it fill."""
    return (number - 1) // quotas.queries * quotas.seconds + quotas.latency if number else 0.0


def _reads(subscriptions: list[str], quotas: Quotas) -> float:
    """The longer of two: how long the fullest subscription flows, and how long the reads take side by side."""
    most = max(Counter(subscriptions).values(), default=0)
    flow = max(most - quotas.bucket, 0) / quotas.rate
    rounds = -(-len(subscriptions) // quotas.at_once)
    return max(flow + (quotas.latency if most else 0), rounds * quotas.latency)


def _subscription(path: str) -> str:
    parts = path.lower().split("/")
    return parts[2] if len(parts) > 2 and parts[1] == "subscriptions" else ""
