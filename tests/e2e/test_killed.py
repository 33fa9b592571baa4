"""Killed at every request, before and after its answer, a command is finished by running it again."""

from __future__ import annotations

import itertools
import signal

import pytest

from tests.e2e.accidents import SCENARIOS, held, picture

# When the process dies: before the service acts on a request, or when it has acted and its answer is lost. A process
# that dies just after an answer dies before its next request.
DEATHS = ("hang", "hang-after")
# Once its note is removed a rotation is done, and the next run is another rotation.
LAST_IS_THE_END = {"rotate"}


@pytest.mark.timeout(600)  # dozens of runs
@pytest.mark.parametrize("death", DEATHS)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_every_kill_is_survived(azure, az, prepared, scenario, death, record_property):
    for _ in range(2):  # the first one also fetches tokens, which those killed then have
        prepared(scenario)
        az(scenario.command).ok()
    requests = len(azure.log())
    expected = picture(azure)
    survived = 0
    for number in itertools.count(1):
        prepared(scenario)
        azure.fault(death, nth=number)
        running = az.start(scenario.command)
        request = held(azure, running)
        if request is None:
            break
        running.send_signal(signal.SIGKILL)
        running.wait()
        azure.clear_faults()
        if scenario.name in LAST_IS_THE_END and death == "hang-after" and number == requests:
            continue
        again = az(scenario.command)
        where = f"killed at request {number} of {scenario}: {request}"
        assert again.code == 0, f"{where}\n{again}"
        assert picture(azure) == expected, where
        survived += 1
    assert survived >= requests - 1
    record_property("survived", f"{scenario}, {death}: {survived} kill points")


@pytest.mark.parametrize("path", ["/keys/", "roleAssignments/", "registries/myregistry$"])
def test_as_a_shell_starts_it(azure, az, prepared, path):
    scenario = SCENARIOS[0]
    prepared(scenario)
    az(scenario.command).ok()
    expected = picture(azure)
    prepared(scenario)
    azure.fault("hang-after", method="PUT", path=path)
    running = az.start(scenario.command, fresh=True)
    assert held(azure, running)
    running.send_signal(signal.SIGKILL)
    running.wait()
    azure.clear_faults()
    az(scenario.command, fresh=True).ok()
    assert picture(azure) == expected
