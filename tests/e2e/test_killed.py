"""Killed at every request, before and after its answer, a command is finished by running it again.

Those that are killed are processes. The runs that finish what they began share one: all that a process leaves to
another is in Azure. Where it left the same as one killed before, it is not run again.
"""

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
def test_every_kill_is_survived(azure, az, many_az, prepared, scenario, death, record_property):
    prepared(scenario)
    azure.save()
    for _ in range(2):  # the first one also fetches tokens, which those killed then have
        azure.restore()
        az(scenario.command).ok()
    requests = len(azure.log())
    expected = picture(azure)
    survived, finished = 0, set()
    for number in itertools.count(1):
        azure.restore()
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
        if (left := done(azure, death)) not in finished:
            again = many_az(scenario.command.split())
            where = f"killed at request {number} of {scenario}: {request}"
            assert again.code == 0, f"{where}\n{again}"
            assert picture(azure) == expected, where
            finished.add(left)
        survived += 1
    assert survived >= requests - 1
    record_property("survived", f"{scenario}, {death}: {survived} kill points")


def done(azure, death) -> tuple[str, ...]:
    """The changes that the service has acted on: what is in Azure then, as these operations end at once."""
    log = [entry for entry in azure.log() if entry["method"] != "GET" and not entry["host"].startswith("login")]
    acted = [entry for entry in log if death == "hang-after" or not entry.get("held")]
    return tuple(sorted(f"{entry['method']} {entry['host']}{entry['path']} {entry['body']}" for entry in acted))


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
