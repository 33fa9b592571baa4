"""What a person at a terminal, a log and a closed stderr get of a command that takes long."""

from __future__ import annotations

import os
import pty
import re
import subprocess

import pytest

from tests.harness.az import AZ
from tests.harness.seed import ENABLE, REGISTRY

PACE = 40


def test_a_log_gets_a_line_at_least_every_minute(azure, az, seed):
    azure.settings(clock_scale=PACE, role_seconds=200)
    err = az(ENABLE, pace=PACE).ok().err
    waited = re.findall(r"^  Creating registry myregistry: (\d+) seconds so far$", err, re.MULTILINE)
    assert len(waited) >= 2, err


def test_a_command_that_only_waits_to_read_says_so_too(azure, az, seed):
    seed.encrypted()
    azure.settings(clock_scale=PACE)
    azure.fault("delay", method="GET", path="registries/myregistry$", seconds=130)
    err = az("acr cmk show -n myregistry -g rg", pace=PACE).ok().err
    assert re.search(r"^  Reading from Azure: \d+ seconds so far$", err, re.MULTILINE), err


def test_a_terminal_shows_what_goes_on_and_for_how_long(azure, az, seed):
    azure.fault("delay", method="PUT", path="registries/myregistry$", seconds=3600)
    ours, theirs = pty.openpty()
    with open(theirs, "wb") as terminal:
        process = subprocess.Popen(
            [AZ, *ENABLE.split()], env=az.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=terminal,
        )  # fmt: skip
    said = b""
    while not re.search(rb"\r\x1b\[K  Creating registry myregistry \(\d+ s\)", said):
        said += os.read(ours, 4096)
    azure.advance(3600)
    assert process.wait(60) == 0
    os.close(ours)


@pytest.mark.parametrize("redirection", ["2>&1 | head -1", "2>&-"])
def test_a_lost_stderr_ends_nothing_half_way(azure, az, seed, redirection):
    command = f"{AZ} {ENABLE} {redirection}"
    subprocess.run(["bash", "-c", command], env=az.environment, timeout=60, check=False)
    # The first line is read, and then nobody reads.
    assert seed.get(REGISTRY)["properties"]["encryption"]["status"] == "enabled"
