"""A new vault exists before its name is in DNS. What needs no more than that it exists is done meanwhile."""

from __future__ import annotations

import signal

import pytest

from tests.harness.seed import ENABLE, KEY, VAULT, bodies, outcomes
from tests.harness.waiting import until

LONG = 100_000
ROLE, POLICY, THE_KEY = "/roleAssignments/", "/accessPolicies/add", f"/vaults/{VAULT.name}/keys/{KEY}"


def count(azure, method: str, part: str) -> int:
    """The requests that were answered well so far."""
    return sum(
        entry["method"] == method and part in entry["path"] and (entry["status"] or 500) < 400 for entry in azure.log()
    )


def looks(azure) -> int:
    """How often the vault was looked at, and found."""
    return count(azure, "GET", f"/vaults/{VAULT.name}")


@pytest.fixture
def start(azure, az):
    """Begins `enable` where a name takes very long to be in DNS."""
    azure.settings(vault_dns_seconds=LONG)

    def run(options=""):
        return az.start(f"{ENABLE} {options}")

    return run


def test_the_grant_is_made_meanwhile_and_the_registry_waits(azure, seed, start):
    running = start()
    until(lambda: count(azure, "PUT", ROLE) == 1 and looks(azure) > 2)
    assert count(azure, "PUT", "/registries/") == 0
    azure.advance(LONG)
    assert outcomes(running.wait().json())["registry"] == "created"
    assert len(bodies(azure, "PUT", "/registries/myregistry")) == 1
    assert azure.pull("myregistry")["status"] == 200


def test_a_grant_that_is_refused_meanwhile_is_made_later(azure, seed, start):
    azure.fault("status", method="PUT", path=ROLE, status=404, body={"error": {"code": "ResourceNotFound"}})
    running = start()
    until(lambda: looks(azure) > 3)
    assert count(azure, "PUT", ROLE) == 0
    azure.advance(LONG)
    assert outcomes(running.wait().json())["grant"] == "created"
    assert count(azure, "PUT", ROLE) == 1


def test_one_who_may_not_grant_is_not_asked_to_wait_and_try_again(azure, seed, start):
    azure.fault("status", method="PUT", path=ROLE, status=403, body={"error": {"code": "AuthorizationFailed"}}, times=9)
    running = start()
    until(lambda: looks(azure) > 3)
    azure.advance(LONG)
    assert running.wait().code == 1
    assert len([entry for entry in azure.log() if ROLE in entry["path"]]) == 1


@pytest.mark.parametrize("with_key", [False, True], ids=["before-the-key", "before-the-registry"])
def test_a_run_killed_meanwhile_is_taken_up_again(azure, seed, start, with_key):
    killed = start()
    until(lambda: count(azure, "PUT", ROLE) == 1)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    if with_key:
        seed.key(keyOps=["wrapKey", "unwrapKey"])
    azure.clear_log()
    again = start()
    until(lambda: looks(azure) > 3)
    assert count(azure, "PUT", THE_KEY) == 0
    azure.advance(LONG)
    result = outcomes(again.wait().json())
    assert (result["vault"], result["grant"]) == ("reused", "reused")
    assert result["key"] == ("reused" if with_key else "created")
    assert len(bodies(azure, "PUT", "/registries/myregistry")) == 1
    assert azure.pull("myregistry")["status"] == 200
