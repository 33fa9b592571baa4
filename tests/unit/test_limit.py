"""The limit that a benchmark compares with: the longest chain of what the server takes."""

from __future__ import annotations

import pytest

from benchmarks.limit import limit

GROUP = "/subscriptions/s/resourceGroups/g"
IDENTITY = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/i"
VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/v"
KEY = f"{VAULT}/keys/k"
ROLE = f"{VAULT}/providers/Microsoft.Authorization/roleAssignments/r"
REGISTRY = f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/r"
OPERATION = f"{REGISTRY}/operationStatuses/o"


def entry(path, seconds, ready=0.0, method="PUT", status=200, retry_after=None):
    return {
        "method": method,
        "path": path,
        "status": status,
        "seconds": seconds,
        "ready": max(seconds, ready),
        "retry_after": retry_after,
    }


def log(**changed):
    """Name in DNS after 20 s, key after 5, grant in force after 4: the name is what takes longest."""
    entries = {
        "group": entry(GROUP, 1),
        "identity": entry(IDENTITY, 2),
        "vault": entry(VAULT, 3, ready=20),
        "key": entry(KEY, 2),
        "grant": entry(ROLE, 1),
        "registry": entry(REGISTRY, 8, ready=18, retry_after=10),
        "status": entry(OPERATION, 0.5, method="GET"),
        "read": entry(REGISTRY, 0.25, method="GET"),
    }
    return list({**entries, **changed}.values())


def test_is_the_longest_chain():
    assert limit(log()) == 1 + 20 + 8 + 10 + 0.5 + 0.25


@pytest.mark.parametrize(
    ("slow", "chain"),
    [
        ({"key": entry(KEY, 30)}, 1 + 3 + 30),
        ({"grant": entry(ROLE, 1, ready=60)}, 1 + 3 + 60),
        ({"grant": entry(f"{VAULT}/accessPolicies/add", 1, ready=60)}, 1 + 3 + 60),
        ({"identity": entry(IDENTITY, 40)}, 1 + 40 + 1),
        ({"vault": entry(VAULT, 50, ready=50)}, 1 + 50 + 2),
        ({"group": entry(GROUP, 7)}, 7 + 20),
    ],
)
def test_through_whatever_takes_longest(slow, chain):
    assert limit(log(**slow)) == chain + 8 + 10 + 0.5 + 0.25


@pytest.mark.parametrize(("ready", "asked", "waited"), [(18, 10, 10), (19, 10, 20), (19, None, 11), (8, 10, 0)])
def test_an_operation_is_seen_to_have_ended_when_retry_after_allows_a_look(ready, asked, waited):
    registry = entry(REGISTRY, 8, ready=ready, retry_after=asked)
    assert limit(log(registry=registry)) == 1 + 20 + 8 + waited + 0.5 + 0.25


def test_what_is_there_takes_no_time_and_what_is_refused_does_not_count():
    there = [each for each in log() if each["path"] not in (GROUP, VAULT, KEY, IDENTITY)]
    assert limit(there) == 1 + 8 + 10 + 0.5 + 0.25
    refused = entry(REGISTRY, 99, ready=99, status=400)
    assert limit([*log(), refused]) == limit(log())
    assert limit([refused, *log()]) == limit(log())


def test_of_nothing_is_nothing():
    assert limit([]) == 0
