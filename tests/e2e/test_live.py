"""`make live` against the sandbox, as if that were Azure: answers to its questions, no secret told, nothing left."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from live.__main__ import main
from live.questions import STEPS
from live.steps import Command, Question
from sandbox.world import OTHER_SUBSCRIPTION, OWNER_APP_ID, OWNER_OBJECT_ID, SUBSCRIPTION, TENANT

ROOT = Path(__file__).parents[2]
# Its waits are for an Azure that takes its time.
PACE = 100
ROLES = {"e147488a-f6f5-4113-8e2d-b22465e65bf6", "14b46e9e-c2b7-41b4-b07b-48a6ebf60603"}
# What must be in no report, by its look. Not those of the code under test.
LOOKS = {
    "id": r"(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    "version or hash": r"(?i)(?<![0-9a-f])[0-9a-f]{32}",
    "token": r"eyJ|[Bb]earer (?!<|or )",
    "mail": r"[\w.]+@[\w-]+\.\w+",
    "address": r"(?<![\d.])\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?![\d.])",
    "secret": r"[A-Za-z0-9_-]{43,}",
    "host": r"\b(?!<)[\w-]+(?<!>)\.(?:vault\.azure\.net|azurecr\.io)",
}


@pytest.fixture
def run(az, tmp_path, capsys):
    """Runs it by the real `az`; the exit code, what was said, and the report as document and as texts."""

    def runner(arguments):
        result = az(shlex.join(arguments), pace=PACE)
        return result.code, result.out, result.err

    code = main(["--yes", "--output", str(tmp_path / "reports")], runner)
    (directory,) = (tmp_path / "reports").iterdir()
    texts = {path.name: path.read_text(encoding="utf-8") for path in directory.iterdir()}
    return code, capsys.readouterr().out, json.loads(texts["report.json"]), texts


def test_answers_every_question_tells_nothing_and_leaves_nothing(azure, run):
    code, said, report, texts = run
    steps = {step["id"]: step for step in report["steps"]}
    assert [step["id"] for step in report["steps"]] == [step.id for step in STEPS]
    commands = {step.id: steps[step.id]["outcome"] for step in STEPS if isinstance(step, Command)}
    assert set(commands.values()) == {"as expected"}, commands
    questions = {step.id: steps[step.id]["outcome"] for step in STEPS if isinstance(step, Question)}
    # In the sandbox every provider is registered.
    assert questions.pop("read-unregistered") == "not asked"
    assert set(questions.values()) == {"answered"}, questions
    assert code == 0, said
    _assert_answers({name: step.get("facts") for name, step in steps.items()})
    _assert_told_nothing(said, texts)
    _assert_left_nothing(azure, said, report)


def _assert_answers(facts):
    """What this sandbox does where nobody knows what Azure does, and what everybody knows."""
    assert facts["own-grant-time"]["before"] == "403 Forbidden/ForbiddenByRbac"
    assert facts["revocation-time"]["refused"]
    assert facts["disabled-key"]["Resource Manager, key"] in ("200, enabled: false", "403 Forbidden/KeyDisabled")
    assert facts["disabled-key"]["vault, unwrap"] == "403 Forbidden/KeyDisabled"
    assert facts["patch-identity"]["added"]
    assert facts["refused-key"]["message"].startswith("Failed to access KeyId")
    assert (facts["refused-key"]["refused"], facts["grant-time"]["refused"]) == (True, False)
    assert facts["grant-time"]["tries"] >= 1
    assert facts["put-rotates"]["rotated"] in (True, False)
    assert {what: each["refused"] for what, each in facts["unusable-keys"].items()} == {
        "disabled key": True,
        "elliptic curve key": True,
    }
    assert facts["purge-protection"]["refused"]
    assert facts["policy-case"]["status"] == 200
    assert set(facts["deleted-identity"]) == {"attached", "named", "not named"}


def _assert_told_nothing(said, texts):
    token = re.search(r"acrcmk-live-([0-9a-f]{6})", said)[1]
    known = (token, SUBSCRIPTION, OTHER_SUBSCRIPTION, TENANT, OWNER_APP_ID, OWNER_OBJECT_ID, str(Path.home()))
    for name, text in texts.items():
        assert [value for value in known if value.lower() in text.lower()] == [], name
        for look, pattern in LOOKS.items():
            found = {each.group() for each in re.finditer(pattern, text)} - ROLES
            assert found == set(), (name, look)
        # And yet it says what happened.
        assert "Failed to access KeyId 'https://<vault>.vault.azure.net/keys/live-other'" in text, name


def _assert_left_nothing(azure, said, report):
    state = azure.state()
    assert [kind for kind in ("groups", "registries", "identities", "vaults") if state[kind]] == []
    (vault,) = state["deleted_vaults"]
    assert vault.startswith("acrcmk-keys-")
    (left,) = report["left"]
    assert re.fullmatch(r"Key vault <vault>, deleted: it costs nothing, and its name is taken, until \S+\.", left)
    assert left.replace("<vault>", vault) in said


def test_ctrl_c_removes_what_was_made(azure, tmp_path):
    command = [sys.executable, "-m", "live", "--yes", "--output", str(tmp_path / "reports")]
    environment = azure.login(tmp_path)
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        said = []
        for line in process.stdout:
            said.append(line)
            if line.startswith("[ 2/"):
                # While `enable` makes things.
                process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130, said
    assert azure.state()["groups"] == []
    assert "The end: interrupted.\n" in said
    (report,) = (tmp_path / "reports").glob("*/report.json")
    document = json.loads(report.read_text(encoding="utf-8"))
    assert (document["ended"], [step["id"] for step in document["steps"]]) == ("interrupted", ["what-if"])
