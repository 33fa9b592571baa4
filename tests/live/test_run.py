"""A run removes what it made, whatever happens, says exactly what is left, and goes on where one step fails."""

from __future__ import annotations

import base64
import json
import os
import signal
from typing import Any

import pytest

from live import making, removal
from live.__main__ import main
from live.azure import Failed
from live.run import INTERRUPTED, Interruptions
from live.steps import Answer, Command, Question

SUBSCRIPTION = "1f0bd8f3-6d3e-4b5c-9c7a-0a3f2f6b7c11"
CLAIMS = base64.urlsafe_b64encode(json.dumps({"oid": "5b9a2c4e-1111-4f2a-8a3b-9d8e7f6a5b4c"}).encode()).decode()
ACCOUNT = {
    "id": SUBSCRIPTION,
    "tenantId": "2e1bd8f3-6d3e-4b5c-9c7a-0a3f2f6b7c22",
    "name": "Contoso Production",
    "environmentName": "AzureCloud",
    "user": {"name": "jane@contoso.com", "type": "user"},
}
SHOWN = 'DEBUG: urllib3.connectionpool: https://management.azure.com:443 "{} {} HTTP/1.1" {} 2\n'
CONTENT = "INFO: cli.azure.cli.core.util: Response content:\nINFO: cli.azure.cli.core.util: {}\n"


class FakeAz:
    """An `az` that has a group, once it was made, and perhaps a deleted vault."""

    def __init__(self):
        self.tags: str | None = None
        self.asked: list[str] = []
        self.fail: dict[str, int] = {}
        self.extensions = {"acrcmk": "1.0.0b1"}
        self.deleted_vaults: dict[str, dict[str, Any]] = {}

    def __call__(self, arguments: list[str]) -> tuple[int, str, str]:
        words = " ".join(arguments).split(" --output")[0]
        self.asked.append(words)
        for start, code in self.fail.items():
            if words.startswith(start):
                return code, "", "ERROR: cli.azure.cli.core.azclierror: It failed.\n"
        if words.startswith("rest"):
            return self._rest(arguments[2].upper(), arguments[4])
        return self._command(words)

    def _command(self, words: str) -> tuple[int, str, str]:
        answers: dict[str, Any] = {
            "version": {"azure-cli": "2.91.0", "extensions": self.extensions},
            "account show": ACCOUNT,
            "account get-access-token": {"accessToken": f"x.{CLAIMS.rstrip('=')}.y"},
            "group exists": self.tags is not None,
            "keyvault purge": None,
            "acr cmk": {"health": "healthy"},
        }
        if words.startswith("group create"):
            self.tags = words.rsplit(" --tags ", 1)[1]
        elif words.startswith("group delete"):
            self.tags = None
        elif words.startswith("group show"):
            if self.tags is None:
                return 3, "", SHOWN.format("GET", "/g", 404)
            name, value = self.tags.split("=")
            return 0, json.dumps({"tags": {name: value}}), ""
        found = next((answer for start, answer in answers.items() if words.startswith(start)), {})
        return 0, json.dumps(found), ""

    def _rest(self, method: str, url: str) -> tuple[int, str, str]:
        vault = url.partition("/vaults/")[2].partition("?")[0]
        deleted = url.partition("/deletedVaults/")[2].partition("?")[0]
        kind = "-".join((vault or deleted).split("-")[:2])
        found = {"properties": self.deleted_vaults.get(kind, {})}
        status = 200 if kind in self.deleted_vaults else 404
        return int(status >= 400), "", SHOWN.format(method, url, status) + CONTENT.format(json.dumps(found))

    def asked_for(self, start: str) -> int:
        return sum(words.startswith(start) for words in self.asked)


@pytest.fixture
def az(monkeypatch):
    monkeypatch.setattr(making.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(removal, "VANISHING_SECONDS", 0)
    return FakeAz()


@pytest.fixture
def live(az, tmp_path, capsys):
    """Runs steps; returns the exit code, what was said, and the report."""

    def run(*steps, arguments=("--yes",)):
        code = main([*arguments, "--output", str(tmp_path)], az, steps)
        reports = list(tmp_path.glob("*/report.json"))
        return code, capsys.readouterr().out, json.loads(reports[0].read_text()) if reports else None

    return run


def question(ask) -> Question:
    return Question("a-question", "What?", "That.", ask)


def test_all_as_expected_and_nothing_left(live, az):
    code, said, report = live(Command("show", "show"), question(lambda live: Answer("Yes.", {"seconds": 3})))
    assert (code, report["left"], report["ended"]) == (0, [], "all steps were taken")
    assert "Nothing is left." in said
    assert [step["outcome"] for step in report["steps"]] == ["as expected", "answered"]
    assert az.tags is None
    assert report["versions"] == {"azure-cli": "2.91.0", "acrcmk": "1.0.0b1", "system": report["versions"]["system"]}


def test_steps_that_fail_keep_none_from_the_others(live, az):
    az.fail = {"acr cmk show": 1}

    def fails(live):
        raise Failed("No right to do so.")

    steps = (Command("show", "show"), question(fails), question(lambda live: {}["no such member"]))
    code, said, report = live(*steps, question(lambda live: Answer(live.need("never", "made"))))
    assert code == 1
    assert [(step["outcome"], step["said"]) for step in report["steps"]] == [
        ("not as expected", ["It failed."]),
        ("failed", ["No right to do so."]),
        ("failed", ["An answer could not be understood: KeyError: 'no such member'"]),
        ("not asked", ["An earlier step did not get so far: never, made."]),
    ]
    assert "failed, 0 s: No right to do so." in said
    assert az.tags is None


def test_document_that_is_not_as_it_should_be_is_no_success(live):
    code, _, report = live(Command("show", "show", holds=lambda document: document["health"] == "broken"))
    assert (code, report["steps"][0]["outcome"]) == (1, "not as expected")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interruption_ends_the_steps_and_removes_what_was_made(live, az, number):
    def interrupt(live):
        os.kill(os.getpid(), number)

    code, said, report = live(Command("show", "show"), question(interrupt), Command("check", "check"))
    assert (code, az.tags) == (INTERRUPTED, None)
    assert az.asked_for("acr cmk check") == 0
    assert (report["ended"], len(report["steps"])) == ("interrupted", 1)
    assert "Nothing is left." in said


def test_group_that_can_not_be_removed_is_left_and_said_so(live, az):
    az.fail = {"group delete": 1}
    code, said, report = live(Command("show", "show"))
    assert (code, az.asked_for("group delete")) == (1, 2)
    name = az.tags.split("=")[1]
    command = f"az group delete --name acrcmk-live-{name} --yes --subscription {SUBSCRIPTION}"
    assert (
        f"Resource group acrcmk-live-{name} with all that is in it, which costs money. To remove it: {command}" in said
    )
    assert "<group>" in report["left"][0]
    assert name not in json.dumps(report)


def test_vault_with_purge_protection_is_left_until_its_day_and_the_other_is_purged(live, az):
    az.deleted_vaults = {
        "acrcmk-keys": {"purgeProtectionEnabled": True, "scheduledPurgeDate": "2026-12-05T06:00:00Z"},
        "acrcmk-open": {"scheduledPurgeDate": "2026-12-05T06:00:00Z"},
    }
    code, _, report = live(Command("show", "show"))
    assert (code, az.asked_for("keyvault purge --name acrcmk-open")) == (0, 1)
    vault = "Key vault <vault>, deleted: it costs nothing, and its name is taken, until 2026-12-05T06:00:00Z."
    assert report["left"] == [vault]


def test_vault_that_can_not_be_purged_is_left_with_the_command(live, az):
    az.deleted_vaults, az.fail = {"acrcmk-open": {}}, {"keyvault purge": 1}
    code, said, _ = live(Command("show", "show"))
    assert code == 1
    assert "To remove it: az keyvault purge --name acrcmk-open-" in said


def test_group_of_somebody_else_is_not_touched(live, az):
    az.tags = "made-by=others"
    code, said, _ = live(Command("show", "show"))
    assert (code, az.tags, az.asked_for("acr cmk")) == (1, "made-by=others", 0)
    assert "already" in said


@pytest.mark.parametrize("typed", ["", "y", "yes"])
def test_nothing_is_done_unless_the_name_of_the_group_is_typed(live, az, monkeypatch, typed):
    monkeypatch.setattr("builtins.input", lambda prompt: typed)
    code, said, report = live(Command("show", "show"), arguments=())
    assert (code, report, az.tags) == (1, None, None)
    assert said.rstrip().endswith("Nothing was done.")
    for words in ("It costs", "It leaves", "for 7 days", "purge protection"):
        assert words in said
    assert az.asked_for("group create") == 0


def test_the_name_of_the_group_is_typed(live, az, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda prompt: prompt.removeprefix("Type ").removesuffix(" to go on: "))
    assert live(Command("show", "show"), arguments=())[0] == 0


@pytest.mark.parametrize(
    ("fail", "extensions", "words"),
    [
        ({"account show": 1}, {"acrcmk": "1"}, "az login"),
        ({}, {}, "az extension add --upgrade --yes --name acrcmk"),
    ],
)
def test_says_what_it_needs(live, az, fail, extensions, words):
    az.fail, az.extensions = fail, extensions
    code, said, report = live(Command("show", "show"))
    assert (code, report, words in said) == (1, None, True)


def test_removal_ends_only_at_the_second_press_that_is_meant_for_it():
    said = []
    with Interruptions(said.append) as interruptions:
        interruptions.removing = True
        signal.raise_signal(signal.SIGINT)
        assert (len(said), interruptions.came) == (1, True)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    with Interruptions(said.append) as interruptions:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        # One more in between, as from an impatient person, does not keep the removal from beginning.
        signal.raise_signal(signal.SIGINT)
        interruptions.removing = True
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_removal_that_is_broken_off_says_what_may_be_left(az, tmp_path, capsys):
    def broken_off(arguments):
        if arguments[:2] == ["group", "delete"]:
            raise KeyboardInterrupt
        return az(arguments)

    assert main(["--yes", "--output", str(tmp_path)], broken_off, []) == 1
    said = capsys.readouterr().out
    name = az.tags.split("=")[1]
    for words in (
        f"Perhaps resource group acrcmk-live-{name} with all that is in it, which costs money. To remove it: az group",
        f"Perhaps key vault acrcmk-open-{name}. To remove it: az keyvault purge --name acrcmk-open-{name} --location",
    ):
        assert words in said
