"""Ctrl-C at every request: the command ends at once, says what exists and how to go on, and can be run again."""

from __future__ import annotations

import itertools
import re

import pytest

from tests.harness.scenarios import CHANGES, SCENARIOS, acted_on, held, picture
from tests.harness.seed import changes

AT_EVERY_REQUEST = ("enable", "rotate", "revoke")


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_at_every_request(azure, az, many_az, prepared, scenario, record_property):
    """Of the other commands, at every change: what they read they read as those do."""
    method = {} if scenario.name in AT_EVERY_REQUEST else {"method": CHANGES}
    prepared(scenario)
    azure.save()
    for _ in range(2):  # the first one also fetches tokens, which those interrupted then have
        azure.restore()
        az(scenario.command).ok()
    requests = len([each for each in azure.log() if not method or re.fullmatch(CHANGES, each["method"])])
    expected = picture(azure)
    survived, pressed, finished = 0, 0, set()
    for number in itertools.count(1):
        azure.restore()
        azure.fault("hang", nth=number, **method)
        running = az.start(scenario.command)
        request = held(azure, running)
        if request is None:
            assert running.wait().code == 0
            break
        stopped = running.interrupt()
        pressed += running.pressed
        azure.clear_faults()
        where = f"interrupted at request {number} of {scenario}: {request}\n{stopped}"
        assert (stopped.code, stopped.out) == (1, ""), where
        assert "Traceback" not in stopped.err, where
        assert "ERROR: Interrupted." in stopped.err, where
        assert "Run the same command again" in stopped.err, where
        told = re.search("Steps that may still be running|Completed so far|Nothing was changed", stopped.err)
        assert told, where
        assert (told[0] == "Nothing was changed") == (changes(azure) == []), where
        if (left := acted_on(azure)) not in finished:
            again = many_az(scenario.command.split())
            assert again.code == 0, f"{where}\n{again}"
            assert picture(azure) == expected, where
            finished.add(left)
        survived += 1
    assert number > requests
    # Python may lose one (see Running.interrupt).
    assert pressed <= survived + 1
    record_property("survived", f"{scenario}, Ctrl-C: {survived} requests")
