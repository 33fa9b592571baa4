"""The real `az` signs in, in each of the ways that the sandbox serves."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.client import OWNER, Account
from sandbox.world import OTHER_SUBSCRIPTION, OWNER_USER_NAME, SUBSCRIPTION

AZ = Path(sys.executable).with_name("az")
SCOPE = f"/subscriptions/{SUBSCRIPTION}"


def az(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([AZ, *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False)


def output(environment: dict[str, str], *arguments: str):
    result = az(environment, *arguments)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_as_service_principal(sandbox, tmp_path):
    environment = sandbox.login(tmp_path, real=True)
    found = output(environment, "account", "list")
    assert {entry["id"] for entry in found} == {SUBSCRIPTION, OTHER_SUBSCRIPTION}
    assert output(environment, "group", "create", "-n", "g", "-l", "westus")["name"] == "g"


def test_written_login_is_what_a_real_one_leaves(sandbox, tmp_path):
    real = sandbox.login(tmp_path / "real", real=True)
    written = sandbox.login(tmp_path / "written")
    for name in ("azureProfile.json", "service_principal_entries.json"):
        contents = [json.loads(Path(e["AZURE_CONFIG_DIR"], name).read_text("utf-8-sig")) for e in (real, written)]
        assert contents[0] == contents[1]


def test_with_a_wrong_secret(sandbox, tmp_path):
    with pytest.raises(subprocess.CalledProcessError) as refused:
        sandbox.login(tmp_path, Account(OWNER.object_id, OWNER.app_id, "wrong"), real=True)
    assert "AADSTS7000215" in refused.value.stderr


def test_without_any_role(sandbox, tmp_path):
    with pytest.raises(subprocess.CalledProcessError) as refused:
        sandbox.login(tmp_path, sandbox.principal(), real=True)
    assert "No subscriptions found" in refused.value.stderr


def test_as_managed_identity(sandbox, tmp_path):
    environment = sandbox.login(tmp_path)
    found = output(environment, "login", "--identity")
    assert found[0]["user"]["type"] == "servicePrincipal"
    assert output(environment, "group", "list") == []


def test_as_cloud_shell_session(cloud_shell):
    environment = cloud_shell.environment
    found = output(environment, "login", "--identity")
    assert found[0]["user"]["name"] == OWNER_USER_NAME
    assert output(environment, "group", "create", "-n", "g", "-l", "westus")["name"] == "g"


def test_asks_azure_only(sandbox, tmp_path):
    """No look for newer versions, no telemetry: every request was one that the sandbox serves."""
    environment = sandbox.login(tmp_path)
    assert az(environment, "group", "exists", "-n", "g").returncode == 0
    assert {entry["status"] for entry in sandbox.log()} <= {200, 204, 404}
    assert {entry["host"] for entry in sandbox.log()} == {"login.microsoftonline.com", "management.azure.com"}
