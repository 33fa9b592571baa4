"""An Azure that takes its time, or gives up: what is told, what is there in the end, and how a second run goes on.

Minutes of the sandbox's clock, and of the command's own, pass in moments.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.harness.scenarios import SCENARIOS, picture, undisturbed
from tests.harness.seed import REGISTRY
from tests.harness.waiting import until

# Not faster: a moment in which a busy machine does nothing must be short beside what is waited for.
PACE = 160
NAMED = {each.name: each for each in SCENARIOS}
# Whether others need what a rotation leaves is looked up within half a minute, which a busy machine may not do so fast.
LEFT = " --revoke-old --disable-old-version"
NAMED["keep-old"] = replace(
    NAMED["rotate-all"], name="keep-old", command=NAMED["rotate-all"].command.removesuffix(LEFT)
)


@pytest.fixture
def slow(azure, az, prepared):
    """Runs a scenario's command where Azure is slow in the ways given; it must end as a run that is not slow does."""

    def run(name, **ways):
        expected = undisturbed(azure, prepared, NAMED[name], lambda each: az(each.command))
        # By this run's clock tokens of another, whose time does not run so fast, would be good for too long.
        Path(az.environment["AZURE_CONFIG_DIR"], "msal_token_cache.json").unlink(missing_ok=True)
        azure.settings(clock_scale=PACE, **ways)
        result = az(NAMED[name].command, pace=PACE)
        assert result.code == 0, result
        log = azure.log()
        assert picture(azure) == expected
        return result, log

    return run


@pytest.mark.parametrize("failure", ["sync", "async"])
@pytest.mark.parametrize("name", ["enable", "enable-by-policy", "keep-old"])
def test_grants_that_take_ten_minutes_and_principals_unknown_for_two(slow, name, failure):
    late = {"role_seconds": 600, "policy_seconds": 60, "typed_principal_seconds": 120}
    result, _ = slow(name, **late, cmk_failure=failure)
    assert "Waiting for access to take effect (up to" in result.err


@pytest.mark.parametrize("name", ["enable", "rotate", "repair"])
def test_operations_that_take_twenty_minutes(slow, name):
    slow(name, registry_seconds=1200, registry_patch_seconds=1200, vault_dns_seconds=1200)


def test_tokens_that_expire_midway(slow):
    _, log = slow("enable", token_seconds=400, registry_seconds=1200, role_seconds=600)
    assert len([entry for entry in log if entry["path"].endswith("/token")]) > 2
    assert not any(entry["status"] == 401 for entry in log)


@pytest.mark.parametrize("status", ["Failed", "Canceled"])
@pytest.mark.parametrize("name", ["enable", "rotate", "keep-old", "repair"])
def test_an_operation_that_ends_badly_is_told_and_done_again(azure, az, prepared, name, status):
    command = NAMED[name].command
    expected = undisturbed(azure, prepared, NAMED[name], lambda each: az(each.command))
    azure.settings(registry_seconds=3600, registry_patch_seconds=3600)
    running = az.start(command, pace=PACE)
    until(lambda: any("operationStatuses" in entry["path"] for entry in azure.log()))
    azure.end_operation(REGISTRY.name, status)
    stopped = running.wait()
    assert stopped.code == 1, stopped
    assert "Traceback" not in stopped.err
    assert f"it ended in state {status}" in stopped.err
    assert "Run the same command again" in stopped.err
    azure.settings(registry_seconds=0, registry_patch_seconds=0)
    again = az(command, pace=PACE)
    assert again.code == 0, f"{stopped}\n{again}"
    assert picture(azure) == expected
