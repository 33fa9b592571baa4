"""What a person at a terminal, a log and a closed stderr get of a command that takes long."""

from __future__ import annotations

import os
import pty
import re
import subprocess

import pytest

from tests.harness.az import AZ
from tests.harness.migrate import MIGRATE, old_registry
from tests.harness.seed import ENABLE, REGISTRY

PACE = 300
NEW_GROUP = "acr cmk enable -n myregistry -g other -l westeurope"


TAKEN = 150
THROTTLED = {"error": {"code": "TooManyRequests", "message": "Later."}}


def late(path: str, method: str = "GET"):
    return lambda azure: azure.fault("delay", method=method, path=path, seconds=TAKEN)


# What is waited for, and the command that waits.
WAITS = {
    "a grant": (lambda azure: azure.settings(role_seconds=TAKEN), ENABLE),
    "a key that the caller may not create yet": (lambda azure: azure.settings(control_role_seconds=100_000), ENABLE),
    "a vault's name in DNS": (lambda azure: azure.settings(vault_dns_seconds=TAKEN), ENABLE),
    "an operation": (lambda azure: azure.settings(registry_seconds=TAKEN), ENABLE),
    "a group that is not known everywhere": (lambda azure: azure.settings(group_lag_seconds=TAKEN), NEW_GROUP),
    "an identity that is not known everywhere": (lambda azure: azure.settings(identity_lag_seconds=TAKEN), ENABLE),
    "a read": (late("registries/myregistry$"), "acr cmk check -n myregistry -g rg"),
    "a search": (late("/resources$"), "acr cmk show -n myregistry"),
    "a list": (late("ResourceGraph/resources$", "POST"), "acr cmk list"),
    "a throttled read": (
        lambda azure: azure.fault(
            "status", path="registries/myregistry$", status=429, headers={"Retry-After": str(TAKEN)}, body=THROTTLED
        ),
        "acr cmk show -n myregistry -g rg",
    ),
    "a new version": (late("/rotate$", "POST"), "acr cmk rotate -n myregistry"),
    "the registry's change": (
        lambda azure: azure.settings(registry_patch_seconds=TAKEN),
        "acr cmk rotate -n myregistry",
    ),
    "a removal": (late("/roleAssignments/[^/]+$", "DELETE"), "acr cmk revoke -n myregistry --yes"),
    "a disabled version": (late("/keys/", "PATCH"), "acr cmk revoke -n myregistry --by key --yes"),
    "a repair": (late("/roleAssignments/[^/]+$", "PUT"), "acr cmk repair -n myregistry --yes"),
    "an import": (lambda azure: azure.settings(import_seconds=TAKEN), MIGRATE),
    "the core's wait": (lambda azure: None, "acr cmk wait -n myregistry --custom name=='other' --timeout 150"),
}


@pytest.mark.parametrize("wait", WAITS)
def test_whatever_is_waited_for_a_log_gets_a_line_at_least_every_minute(azure, az, scene, wait):
    make_late, command = WAITS[wait]
    if command == MIGRATE:
        old_registry(scene.seed)
        azure.seed_content("oldregistry", repositories=1, images=1, tags=1)
    elif command not in (ENABLE, NEW_GROUP):
        scene.encrypt()
        scene.officer()
        if "repair" in command:
            scene.ungrant()
    azure.settings(clock_scale=PACE)
    make_late(azure)
    err = az(command, pace=PACE).err
    assert len(re.findall(r"^  .*: \d+ seconds so far", err, re.MULTILINE)) >= 2, err


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


def test_a_terminal_sees_how_far_a_list_is_and_how_long_it_takes(azure, az):
    azure.seed_fleet(registries=60, vaults=10, keys=40, subscriptions=2, seed=3, damaged=0)
    azure.settings(graph_quota=0, arm_read_bucket=3, arm_read_rate=1.0)
    ours, theirs = pty.openpty()
    with open(theirs, "wb") as terminal:
        process = subprocess.Popen(
            [AZ, "acr", "cmk", "list", "--all"], env=az.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=terminal,
        )  # fmt: skip
    said = b""
    while not re.search(rb"\r\x1b\[K  Reading keys: \d+ of \d+, about \d+ s left \(\d+ s\)", said):
        said += os.read(ours, 4096)
    azure.settings(arm_read_bucket=0)
    assert process.wait(60) == 0
    os.close(ours)


@pytest.mark.parametrize("redirection", ["2>&1 | head -1", "2>&-"])
def test_a_lost_stderr_ends_nothing_half_way(azure, az, seed, redirection):
    command = f"{AZ} {ENABLE} {redirection}"
    subprocess.run(["bash", "-c", command], env=az.environment, timeout=60, check=False)
    # The first line is read, and then nobody reads.
    assert seed.get(REGISTRY)["properties"]["encryption"]["status"] == "enabled"


CHANGED = {
    "rotate": (lambda s: s.encrypt(), "rotate --disable-old-version --verbose", 200),
    "repair": (lambda s: s.encrypt().ungrant(), "repair --verbose", 200),
    "revoke": (lambda s: s.encrypt(), "revoke --yes --verbose", 403),
    "revoke --by key": (lambda s: s.encrypt(), "revoke --by key --yes --verbose", 403),
    "restore": (lambda s: s.encrypt(), "restore --verbose", 200),
}


@pytest.mark.parametrize("name", CHANGED)
def test_a_stderr_that_nobody_reads_ends_none_of_the_others_half_way(azure, az, scene, name):
    prepare, command, pull = CHANGED[name]
    prepare(scene)
    scene.officer()
    if name == "restore":
        az("acr cmk revoke -n myregistry --yes").ok()
    result = az(f"acr cmk {command} -n myregistry", lost_stderr=True)
    assert "acrcmk-rotated-from" not in (scene.seed.get(REGISTRY).get("tags") or {})
    assert (scene.pull(), result.err) == (pull, "")
