"""No token and no secret of a sign-in is in output, errors, `--debug` or the log files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.e2e.conftest import PACE
from tests.harness.migrate import MIGRATE, old_registry
from tests.harness.scenarios import SCENARIOS
from tests.harness.scene import HERE

# How tokens begin, of Microsoft Entra and of registries; and an authorization header that is there in full. Within a
# public key, too, there may be what a token begins with.
TOKEN = re.compile(r"(?<![\w-])eyJ[\w-]{8,}|(?i:authorization\W{1,5}(bearer|basic) +[^*\s])")
SECRET = "a-secret-that-only-this-test-knows"
LOGGED = {"AZURE_LOGGING_ENABLE_LOG_FILE": "yes"}
LOOKING = [
    "acr cmk show -n myregistry",
    "acr cmk check -n myregistry -g rg",
    "acr cmk wait -n myregistry -g rg --created",
    "acr cmk show -n nosuchregistry",
]


def said_by(az, command: str) -> str:
    """All that a command writes anywhere but into the files of the sign-in itself."""
    result = az(f"{command} --debug", pace=PACE, environment=LOGGED)
    logs = [file.read_text() for file in Path(az.environment["AZURE_CONFIG_DIR"]).rglob("*.log")]
    # There is what could tell it.
    assert "'Authorization': '*****'" in result.err
    assert any("'Authorization': '*****'" in log for log in logs)
    return "\n".join([result.out, result.err, *logs])


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_of_a_command_that_changes_something(azure, az, prepared, scenario):
    """Each request is refused once, so that what is said of errors is there, too."""
    prepared(scenario)
    azure.fault("status", status=503, path="^(?!login)", each=True, body={"error": {"code": "Unavailable"}})
    assert not TOKEN.findall(said_by(az, scenario.command))


@pytest.mark.parametrize("command", LOOKING)
def test_of_a_command_that_looks(azure, az_as, scene, command):
    scene.encrypt()
    said = said_by(az_as(azure.principal(("Owner", HERE), secret=SECRET)), command)
    assert not TOKEN.findall(said)
    assert SECRET not in said


def test_of_the_webhooks_that_a_migration_copies(az, seed):
    old_registry(seed)
    hook = (
        "--name deploy --actions push --uri https://example.com/?sig=one-secret --headers Authorization=another-secret"
    )
    az(f"acr webhook create --registry oldregistry {hook}").ok()
    said = said_by(az, MIGRATE)
    assert not TOKEN.findall(said)
    assert "-secret" not in said
    copied = az("acr webhook get-config --registry newregistry --name deploy").json()
    assert copied["customHeaders"] == {"Authorization": "another-secret"}


def test_the_files_of_the_sign_in_have_what_is_looked_for(azure, az_as, scene):
    """Else the tests above could not fail."""
    scene.encrypt()
    az = az_as(azure.principal(("Owner", HERE), secret=SECRET))
    az(LOOKING[0]).ok()
    kept = "".join(file.read_text() for file in Path(az.environment["AZURE_CONFIG_DIR"]).glob("*.json"))
    assert TOKEN.search(kept)
    assert SECRET in kept
