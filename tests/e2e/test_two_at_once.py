"""The same command, started twice at the same time on the same names: both end well, and nothing is there twice."""

from __future__ import annotations

import signal

import pytest

from tests.harness.scenarios import SCENARIOS, picture, undisturbed
from tests.harness.seed import ENABLE, REGISTRY, VAULT
from tests.harness.waiting import until

ENABLES = [each for each in SCENARIOS if each.name.startswith("enable")]
LONG = 100_000
# How long Azure takes for each part, so that one run meets what the other has begun.
PACES = {
    "instant": {},
    "slow vault": {"vault_answer_seconds": 0.4, "vault_dns_seconds": 0.6},
    "slow registry": {"registry_answer_seconds": 0.4, "registry_seconds": 0.6, "registry_retry_after": 1},
    "slow grant": {"role_seconds": 2.0, "policy_seconds": 2.0, "typed_principal_seconds": 1.0},
}


@pytest.mark.parametrize("pace", PACES)
@pytest.mark.parametrize("scenario", ENABLES, ids=str)
def test_two_runs_at_once_end_well(azure, az, prepared, scenario, pace):
    expected = undisturbed(azure, prepared, scenario, lambda each: az(each.command))
    azure.settings(**PACES[pace])
    runs = [az.start(scenario.command) for _ in range(2)]
    for run in runs:
        result = run.wait()
        assert result.code == 0, result
        assert result.json()["health"] == "healthy"
    assert picture(azure) == expected


def test_one_that_is_overtaken_while_it_looks(azure, az, prepared):
    """It finds the name free of registries and then taken: by the other run."""
    scenario = SCENARIOS[0]
    expected = undisturbed(azure, prepared, scenario, lambda each: az(each.command))
    azure.fault("delay", path="checkNameAvailability", seconds=LONG)
    slow = az.start(scenario.command)
    until(lambda: any("checkNameAvailability" in entry["path"] for entry in azure.log()))
    first = az(scenario.command).json()
    assert slow.poll() is None
    azure.advance(LONG)
    assert slow.wait().json()["encryption"] == first["encryption"]
    assert picture(azure) == expected


def test_one_that_is_killed_once_its_vault_is_made_has_taken_nothing_from_the_other(azure, az, seed):
    """Both found no vault. The second to create it replaces its access policies as a whole: by the same."""
    azure.fault("delay", method="PUT", path=f"{VAULT}$", seconds=LONG)
    command = f"{ENABLE} --permission-model access-policy"
    slow = az.start(command)
    until(lambda: any(each["method"] == "PUT" and each["path"] == str(VAULT) for each in azure.log()))
    az(command).ok()
    azure.fault("hang", path="/keys/|/registries/", times=99)
    azure.advance(LONG)
    until(lambda: all(each["status"] for each in azure.log() if each["path"] == str(VAULT)))
    slow.send_signal(signal.SIGKILL)
    slow.wait()
    azure.clear_faults()
    assert azure.pull("myregistry")["status"] == 200


def test_policies_that_another_program_replaced_are_added_again(azure, seed, many_az):
    """Of another program that writes the whole vault, just as the registry is being created."""
    azure.settings(policy_seconds=0)
    seed.key(seed.vault(enableRbacAuthorization=False), keyOps=["wrapKey", "unwrapKey"])
    answer = {"error": {"code": "BadRequest", "message": "Failed to access KeyId 'k'."}}
    azure.fault("status", method="PUT", path=f"{REGISTRY}$", status=400, body=answer)
    azure.fault("alter", method="GET", path=f"{VAULT}$", nth=2, body={**seed.get(VAULT)})
    assert many_az(ENABLE.split()).json()["health"] == "healthy"
    assert len([each for each in azure.log() if each["path"].lower().endswith("/accesspolicies/add")]) == 2
