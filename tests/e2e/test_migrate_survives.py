"""Killed, met by faults, interrupted or run twice at once, a migration ends the same, the old registry as it was."""

from __future__ import annotations

import re
import shlex
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.harness.migrate import MIGRATE, old_registry, same_images
from tests.harness.scenarios import held
from tests.harness.waiting import until

COMMAND = shlex.split(MIGRATE)
LONG = 100_000
# Where images are listed and copied; what makes the new registry is as in `enable` (test_killed.py, test_faults.py).
COPYING = "azurecr.io|importImage|operationResults"


@pytest.fixture
def before(azure, seed, many_az) -> dict:
    """An old registry, and a new one that is empty, saved; returns what the old one stores."""
    old_registry(seed)
    many_az(COMMAND).ok()
    azure.seed_content("oldregistry", images=1, tags=2, indexes=1, index_size=2, untagged=1, signatures=1)
    azure.clear_log()
    azure.save()
    return azure.content("oldregistry")


def copied(azure, before) -> bool:
    return same_images(azure) and azure.content("oldregistry") == before


@pytest.mark.timeout(300)  # dozens of runs
def test_a_kill_at_any_request_is_survived(azure, az, many_az, before, record_property):
    az(MIGRATE).ok()
    copying = [each for each in azure.log() if re.search(COPYING, each["host"] + each["path"])]
    requests, survived, finished = len(copying), 0, []
    for number in range(1, requests + 1):
        azure.restore()
        # Imports go side by side, so that what meets the number differs: before and after the service acts in turn.
        azure.fault("hang-after" if number % 2 else "hang", nth=number, path=COPYING)
        running = az.start(MIGRATE)
        if held(azure, running) is None:
            break
        running.send_signal(signal.SIGKILL)
        running.wait()
        azure.clear_faults()
        survived += 1
        # Where it left the same as one killed before, it is not run again.
        if (left := azure.content("newregistry")) in finished:
            continue
        assert many_az(COMMAND).json()["verified"], number
        assert copied(azure, before), number
        finished.append(left)
    assert survived > requests / 2
    record_property("survived", f"migrate: {survived} kill points, {len(finished)} different states")


FAULTS = {
    "throttled": {"action": "status", "status": 429, "headers": {"Retry-After": "2"}},
    "unavailable": {"action": "status", "status": 503},
    "token-refused": {"action": "status", "status": 401},
    "reset-before": {"action": "reset-before"},
    "reset-after": {"action": "reset-after"},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_request_meets_a_fault_once(azure, many_az, before, fault, record_property):
    azure.fault(path=COPYING, each=True, **FAULTS[fault])
    for _ in range(20):
        result = many_az(COMMAND)
        assert "Traceback" not in result.err
        if result.code == 0:
            break
        assert result.err.count("ERROR: ") == 1, result
    assert result.json()["verified"]
    assert copied(azure, before)
    met = [each for each in azure.log() if each["status"] in (None, FAULTS[fault].get("status"))]
    assert len(met) > 10
    record_property("survived", f"migrate, {fault}: met by {len(met)} requests")


def test_two_runs_at_once_end_well(azure, az, before):
    azure.settings(import_seconds=0.1)
    with ThreadPoolExecutor() as pool:
        results = list(pool.map(lambda _: az(MIGRATE), range(2)))
    assert [each.json()["verified"] for each in results] == [True, True]
    assert copied(azure, before)


def test_ctrl_c_ends_it_at_once_and_says_how_to_go_on(azure, az, before):
    azure.fault("delay", path="/importImage$", seconds=LONG, times=99)
    running = az.start(MIGRATE)
    until(lambda: any(each["path"].endswith("/importImage") for each in azure.log()))
    result = running.interrupt()
    assert result.code == 1
    assert "Interrupted" in result.err
    assert "manifests imported into registry 'newregistry'; imports that were begun may still end" in result.err
    assert "Nothing was changed" not in result.err
    assert "Run the same command again; it continues where it stopped." in result.err
    azure.clear_faults()
    azure.advance(LONG)
    assert az(MIGRATE).json()["verified"]
    assert copied(azure, before)
