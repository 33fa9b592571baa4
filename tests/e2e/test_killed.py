"""Killed at every request, before and after the service acts on it, a command is finished by running it again.

Those that are killed are processes. The runs that finish what they began share one: all that a process leaves to
another is in Azure. Where it left the same as one killed before, it is not run again.
"""

from __future__ import annotations

import itertools
import signal

import pytest

from tests.harness.scenarios import SCENARIOS, acted_on, held, picture, undisturbed

# Once its note is removed a rotation is done, and the next run is another rotation.
LAST_IS_THE_END = {"rotate"}


@pytest.mark.timeout(600)  # dozens of runs
@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_every_kill_is_survived(azure, az, many_az, prepared, scenario, record_property):
    prepared(scenario)
    azure.save()
    for _ in range(2):  # the first one also fetches tokens, which those killed then have
        azure.restore()
        az(scenario.command).ok()
    requests = len(azure.log())
    expected = picture(azure)
    survived, finished = 0, set()

    def killed_at(number, fault):
        """Kills it at a request. Returns the request; None where it has ended without sending so many."""
        nonlocal survived
        azure.restore()
        azure.fault(fault, nth=number)
        running = az.start(scenario.command)
        request = held(azure, running)
        if request is None:
            assert running.wait().code == 0
            return None
        running.send_signal(signal.SIGKILL)
        running.wait()
        azure.clear_faults()
        if scenario.name in LAST_IS_THE_END and fault == "hang-after" and number == requests:
            return request
        if (left := acted_on(azure, fault)) not in finished:
            again = many_az(scenario.command.split())
            where = f"killed at request {number} of {scenario} ({fault}): {request}"
            assert again.code == 0, f"{where}\n{again}"
            assert picture(azure) == expected, where
            finished.add(left)
        survived += 1
        return request

    for number in itertools.count(1):
        # One that dies just after an answer dies before its next request.
        request = killed_at(number, "hang")
        if request is None:
            break
        # That the answer to a read is lost is the same for both sides as that none was made.
        if not request.startswith("GET "):
            killed_at(number, "hang-after")
    assert number > requests
    record_property("survived", f"{scenario}: {survived} kill points, {len(finished)} different states of Azure")


@pytest.mark.parametrize("path", ["/keys/", "roleAssignments/", "registries/myregistry$"])
def test_as_a_shell_starts_it(azure, az, prepared, path):
    scenario = SCENARIOS[0]
    expected = undisturbed(azure, prepared, scenario, lambda each: az(each.command))
    azure.fault("hang-after", method="PUT", path=path)
    running = az.start(scenario.command, fresh=True)
    assert held(azure, running)
    running.send_signal(signal.SIGKILL)
    running.wait()
    azure.clear_faults()
    az(scenario.command, fresh=True).ok()
    assert picture(azure) == expected
