"""The exit codes that the documentation promises, each clause by a command."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from azext_acrcmk.model.ids import REGISTRY_TYPE
from tests.harness.seed import ENABLE

PAGE = (Path(__file__).parents[2] / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
ROWS = {int(code): text for code, text in re.findall(r"^\| (\d) \| (.*) \|$", PAGE, re.MULTILINE)}
CHECK = "acr cmk check -n myregistry -g rg"


def encrypted(azure, scene):
    scene.encrypt()


def ungranted(azure, scene):
    scene.encrypt().ungrant()


def unrepairable(azure, scene):
    scene.unprotected().lose_key()


def denied(azure, scene):
    azure.deny(REGISTRY_TYPE, name="no-registries")


def locked(azure, scene):
    scene.encrypt()
    scene.officer()
    scene.seed.lock(scene.seed.group(), "ReadOnly")


def partial(azure, scene):
    scene.encrypt()
    azure.fault("status", path="/providers/Microsoft.ResourceGraph/resources$", status=409, times=99)


def nothing(azure, scene):
    pass


CASES = [
    (0, "Done", nothing, ENABLE),
    (0, "there was nothing to do", encrypted, ENABLE),
    (1, "Failed", locked, "acr cmk rotate -n myregistry"),
    (1, "a value that the command's own validation rejects", nothing, f"{ENABLE} --retention-days 6"),
    (1, "`check`: a check failed with a severity that `--fail-on` selects", ungranted, CHECK),
    (0, "Done", ungranted, f"{CHECK} --fail-on none"),
    (1, "`repair`: an error remains", unrepairable, "acr cmk repair -n myregistry --yes"),
    (1, "`--what-if`: something would stop the command", denied, f"{ENABLE} --what-if"),
    (1, "`--what-if`: something would stop the command", locked, "acr cmk rotate -n myregistry --what-if"),
    (1, "`enable`, `rotate`, `restore`: the key does not work in the end", ungranted, f"{ENABLE} --skip-grant"),
    (1, "`list`: as `--fail-on` selects", ungranted, "acr cmk list --fail-on error"),
    (1, "also if not everything could be read", partial, "acr cmk list --fail-on error"),
    (2, "an unknown option", nothing, f"{ENABLE} --no-such-option"),
    (2, "a missing one", nothing, "acr cmk enable -n myregistry"),
    (2, "a value that is not among those of the option", nothing, f"{ENABLE} --rotation sometimes"),
    (3, "The registry", nothing, CHECK),
    (
        3,
        "or something else that must exist",
        nothing,
        f"{ENABLE} --key-encryption-key https://novault.vault.azure.net/keys/k",
    ),
]


@pytest.mark.parametrize(("code", "clause", "prepare", "command"), CASES)
def test_is_as_documented(azure, seed, scene, quick_az, code, clause, prepare, command):
    prepare(azure, scene)
    result = quick_az(command)
    assert result.code == code, result
    assert clause in ROWS[code]


def test_of_an_answer_is_as_documented():
    """That answer is typed in tests/e2e/test_revoke.py, test_at_a_terminal_it_is_said_once_in_the_question."""
    assert "you answered no" in ROWS[1]


def test_of_ctrl_c(azure, az, scene):
    scene.encrypt()
    azure.fault("hang", method="GET", path="registries/myregistry$", times=9)
    running = az.start(CHECK)
    while not azure.log() or azure.log()[-1]["status"]:
        assert running.poll() is None
    assert (running.interrupt().code, "interrupted" in ROWS[1]) == (1, True)


def test_there_are_no_others():
    assert sorted(ROWS) == [0, 1, 2, 3]
