"""What Azure takes its time for: grants, principals and operations. The command waits, bounded, and can go on later."""

from __future__ import annotations

import signal

import pytest

from tests.harness.seed import ENABLE, REGISTRY, VAULT, bodies, changes, outcomes
from tests.harness.waiting import until


def pulls(azure) -> bool:
    return azure.pull("myregistry")["status"] == 200


@pytest.mark.parametrize(
    ("options", "late", "failure"),
    [
        ("", {"role_seconds": 0.5}, "sync"),
        ("", {"role_seconds": 0.5}, "async"),
        ("--permission-model access-policy", {"policy_seconds": 3.0}, "sync"),
    ],
    ids=["role", "role-async", "policy"],
)
def test_waits_for_a_late_grant(azure, az, seed, options, late, failure):
    azure.settings(cmk_failure=failure, **late)
    result = az(f"{ENABLE} {options}")
    assert outcomes(result.json())["registry"] == "created"
    assert pulls(azure)
    assert "Waiting for access to take effect" in result.err
    assert len(bodies(azure, "PUT", REGISTRY.name)) >= 2


def test_waits_for_a_late_grant_that_others_have_made_just_now(azure, az, seed):
    azure.settings(role_seconds=0.5)
    seed.parts()
    az(f"{ENABLE} --skip-grant").ok()
    assert pulls(azure)


@pytest.mark.parametrize("late", ["principal_seconds", "typed_principal_seconds"])
def test_waits_for_a_principal_that_is_not_known_yet(azure, az, seed, late):
    azure.settings(**{late: 1.0})
    az(ENABLE).ok()
    assert pulls(azure)
    refused = [entry for entry in azure.log() if "roleAssignments" in entry["path"] and entry["status"] == 400]
    assert bool(refused) is (late == "typed_principal_seconds")


@pytest.mark.parametrize("failure", ["sync", "async"])
def test_gives_up_in_time_and_goes_on_when_run_again(azure, az, seed, failure):
    azure.settings(role_seconds=100_000.0, cmk_failure=failure)
    refused = az(f"{ENABLE} --grant-timeout 0")
    assert refused.code == 1
    assert "Most likely, the access has not taken effect yet" in refused.err
    assert "Run the same command again" in refused.err
    assert "Completed so far: identity created" in refused.err
    azure.advance(100_000)
    result = az(ENABLE).json()
    assert pulls(azure)
    assert {step for step, outcome in outcomes(result).items() if outcome != "reused"} == {"registry"}


def test_looks_until_the_operation_has_ended(azure, az, seed):
    azure.settings(registry_seconds=1.0, registry_retry_after=None, stale_first_answer=True)
    result = az(ENABLE).json()
    assert result["provisioningState"] == "Succeeded"
    assert result["encryption"]["status"] == "enabled"
    assert pulls(azure)


@pytest.mark.parametrize("stale", [False, True])
def test_a_killed_run_is_taken_up_again(azure, az, seed, stale):
    azure.settings(registry_seconds=100_000.0, registry_retry_after=1, stale_first_answer=stale)
    killed = az.start(ENABLE)
    until(lambda: any("operationstatuses" in entry["path"].lower() for entry in azure.log()))
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    azure.clear_log()
    again = az.start(ENABLE)
    until(lambda: "Waiting for registry myregistry, which is in state Creating" in again.err)
    azure.advance(100_000)
    result = again.wait().json()
    assert set(outcomes(result).values()) == {"reused"}
    assert changes(azure) == []
    assert pulls(azure)


def test_a_run_killed_before_the_registry_is_taken_up_again(azure, az, seed):
    azure.fault("hang", method="PUT", path="/keys/")
    killed = az.start(ENABLE)
    until(lambda: any("/keys/" in change for change in changes(azure)))
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    result = outcomes(az(ENABLE).json())
    assert (result["identity"], result["vault"], result["key"]) == ("reused", "reused", "created")
    assert pulls(azure)


def test_ctrl_c_tells_what_is_there_by_now(azure, az, seed):
    azure.settings(registry_seconds=100_000.0, registry_retry_after=1)
    stopped = az.start(ENABLE)
    until(lambda: any("operationstatuses" in entry["path"].lower() for entry in azure.log()))
    result = stopped.interrupt()
    assert result.code == 1
    assert "Interrupted" in result.err
    assert f"vault created ({VAULT})" in result.err
    assert "Run the same command again" in result.err
