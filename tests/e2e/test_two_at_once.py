"""The same command, started twice at the same time on the same names: both end well, and nothing is there twice."""

from __future__ import annotations

import pytest

from tests.harness.scenarios import SCENARIOS, picture, undisturbed
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
