"""Reading the log: what counts as asked twice."""

from __future__ import annotations

import pytest

from sandbox.server.traffic import repeated

VAULT = "/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/v"
REGISTRY = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerRegistry/registries/r"


def entry(time, method, path, ready=0.1, status=200, body=None, **query):
    return {
        "time": time,
        "method": method,
        "host": "management.azure.com",
        "path": path,
        "query": query,
        "body": body,
        "status": status,
        "ready": ready,
    }


def again(*entries):
    return [each["time"] for each in repeated(entries)]


def test_the_same_twice():
    assert again(entry(0, "GET", VAULT), entry(1, "GET", VAULT.upper()), entry(2, "GET", REGISTRY)) == [1]


@pytest.mark.parametrize(
    "other",
    [
        entry(1, "GET", f"{VAULT}/keys/k"),
        entry(1, "GET", VAULT, where="name eq 'v'"),
        entry(1, "POST", VAULT),
        entry(1, "GET", VAULT, body="b"),
    ],
)
def test_something_else(other):
    assert again(entry(0, "GET", VAULT), other) == []


@pytest.mark.parametrize("write", ["PUT", "PATCH", "DELETE"])
def test_after_it_was_written(write):
    assert again(entry(0, "GET", VAULT), entry(1, write, VAULT), entry(2, "GET", VAULT)) == []
    assert again(entry(0, "GET", VAULT), entry(1, write, REGISTRY), entry(2, "GET", VAULT)) == [2]


def test_access_policies_are_part_of_the_vault_and_keys_are_not():
    assert again(entry(0, "GET", VAULT), entry(1, "PUT", f"{VAULT}/accessPolicies/add"), entry(2, "GET", VAULT)) == []
    assert again(entry(0, "GET", VAULT), entry(1, "PUT", f"{VAULT}/keys/k"), entry(2, "GET", VAULT)) == [2]


def test_looking_again_until_it_holds():
    looks = [entry(time, "GET", VAULT) for time in (1, 2, 4, 6, 7)]
    # The look at 6 sees what holds since 5; the one at 7 tells nothing new.
    assert again(entry(0, "PUT", VAULT, ready=5), *looks) == [7]


def test_looking_again_until_all_holds_that_was_written():
    written = [entry(0, "PUT", VAULT, ready=5), entry(1, "PUT", f"{VAULT}/accessPolicies/add")]
    assert again(*written, *(entry(time, "GET", VAULT) for time in (2, 3, 6))) == []


def test_following_an_operation():
    looks = [entry(time, "GET", f"{REGISTRY}/operationStatuses/o") for time in (1, 11, 12)]
    assert again(entry(0, "PUT", REGISTRY, ready=10), *looks) == [12]


def test_with_a_token_after_it_was_refused_for_having_none():
    assert again(entry(0, "GET", VAULT, status=401), entry(1, "GET", VAULT)) == []
    assert again(entry(0, "GET", VAULT, status=404), entry(1, "GET", VAULT)) == [1]
