"""What travels over the wire: faults, time, the log, the control API, start and stop."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from sandbox.client import Account
from sandbox.world import OWNER_OBJECT_ID, SUBSCRIPTION, TENANT

SCOPE = f"/subscriptions/{SUBSCRIPTION}"
GROUP = f"{SCOPE}/resourcegroups/g"
API = "2024-11-01"
ROOT = Path(__file__).parents[3]


def put(sandbox, path=GROUP, **more):
    return sandbox.arm("PUT", path, {"location": "westus"}, API, **more)


def test_status_fault_for_the_second_request_only(sandbox):
    body = {"error": {"code": "TooManyRequests", "message": "Slow down."}}
    sandbox.fault(
        "status", method="PUT", path="/resourcegroups/", nth=2, status=429, body=body, headers={"Retry-After": "7"}
    )
    answers = [put(sandbox) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 429, 200]
    assert (answers[1].headers["Retry-After"], answers[1].json()) == ("7", body)


@pytest.mark.parametrize(("action", "acted"), [("reset-before", False), ("reset-after", True)])
def test_reset_before_or_after_the_service_acted(sandbox, action, acted):
    sandbox.fault(action, path="resourcegroups/g")
    with pytest.raises(requests.ConnectionError):
        put(sandbox)
    assert sandbox.state()["counts"]["groups"] == acted
    assert sandbox.log()[-1]["status"] is None
    assert put(sandbox).ok


def test_delay_runs_on_the_sandbox_clock(sandbox):
    sandbox.settings(clock_scale=100)
    sandbox.fault("delay", path="resourcegroups", seconds=20)
    began = time.monotonic()
    put(sandbox)
    assert 0.2 <= time.monotonic() - began < 20


def test_hang_ends_with_the_client(sandbox):
    sandbox.fault("hang", path="resourcegroups")
    sandbox._session.get("https://management.azure.com/subscriptions")
    with pytest.raises(requests.Timeout):
        sandbox._session.put(f"https://management.azure.com{GROUP}", timeout=0.3)
    assert put(sandbox).status_code == 201


def test_faults_can_be_cleared_and_have_known_actions(sandbox):
    sandbox.fault("status", path="resourcegroups", status=500)
    sandbox.clear_faults()
    assert put(sandbox).status_code == 201
    with pytest.raises(ValueError, match="Unknown action"):
        sandbox.fault("explode")


def test_log_tells_all_but_secrets(sandbox):
    sandbox.reset()
    account = sandbox.principal(("Owner", SCOPE))
    put(sandbox, as_=account)
    token, entry = sandbox.log()
    assert (entry["method"], entry["host"], entry["path"]) == ("PUT", "management.azure.com", GROUP)
    assert entry["query"] == {"api-version": API}
    assert entry["body"] == {"location": "westus"}
    assert (entry["status"], entry["caller"]) == (201, account.object_id)
    assert entry["n"] == token["n"] + 1
    written = Path(sandbox.ready["log_file"]).read_text()
    assert json.loads(written.splitlines()[-1]) == entry
    for text in (json.dumps(sandbox.log()), written):
        assert account.secret not in text
        assert "eyJ" not in text


def test_log_tells_when_what_was_asked_for_held(sandbox):
    sandbox.reset(clock_scale=10, vault_answer_seconds=1, vault_dns_seconds=20, vault_retry_after=5)
    put(sandbox)
    properties = {"tenantId": TENANT, "sku": {"family": "A", "name": "standard"}, "accessPolicies": []}
    vault = f"{GROUP}/providers/Microsoft.KeyVault/vaults/v-1"
    assert sandbox.arm("PUT", vault, {"location": "westus", "properties": properties}, "2026-02-01").ok
    group, made = [entry for entry in sandbox.log() if entry["method"] == "PUT"]
    assert (group["ready"], group["retry_after"]) == (group["seconds"], None)
    assert made["seconds"] < made["ready"] == pytest.approx(2.1)  # on a clock that runs ten times as fast
    assert made["retry_after"] == 5


def test_settings_and_clock(sandbox):
    sandbox.settings(role_seconds=600)
    before = sandbox.state()["now"]
    sandbox.advance(600)
    assert 600 <= sandbox.state()["now"] - before < 610
    with pytest.raises(ValueError, match="no_such"):
        sandbox.settings(no_such=1)


def test_every_request_costs_its_time(sandbox):
    sandbox.settings(request_seconds=0.2)
    began = time.monotonic()
    put(sandbox)
    assert time.monotonic() - began >= 0.2


def test_reset_makes_a_new_azure(sandbox):
    put(sandbox)
    sandbox.reset(role_seconds=1)
    assert sandbox.state()["groups"] == []
    assert sandbox.log() == []


def test_principals_with_roles_and_groups(sandbox):
    team = sandbox.principal(("Reader", SCOPE), kind="Group", name="team")
    member = sandbox.principal(name="member", groups=[team.object_id])
    assert sandbox.arm("GET", f"{SCOPE}/resourcegroups", None, API, member).ok
    assert put(sandbox, as_=member).json()["error"]["code"] == "AuthorizationFailed"
    with pytest.raises(ValueError, match="There is no role"):
        sandbox.principal(("Nonsense", SCOPE))


def test_unregister_and_deny(sandbox):
    put(sandbox)
    sandbox.unregister("Microsoft.ManagedIdentity")
    sandbox.deny("Microsoft.Resources/tags", name="none")
    identity = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id1"
    answer = sandbox.arm("PUT", identity, {"location": "westus"}, "2024-11-30")
    assert answer.json()["error"]["code"] == "MissingSubscriptionRegistration"
    sandbox.clear_policies()


def test_pull_of_a_registry_that_is_not_there(sandbox):
    assert sandbox.pull("nosuchregistry")["status"] == 404


def test_wrong_secret(sandbox):
    with pytest.raises(requests.HTTPError) as refused:
        sandbox.token("https://management.azure.com/", Account("x", "aaaaaaaa-0000-4000-8000-000000000001", "wrong"))
    assert refused.value.response.status_code == 401
    assert refused.value.response.json()["error_description"].startswith(
        "AADSTS7000215: Invalid client secret provided."
    )


def test_body_of_az_deployment_is_understood(sandbox):
    headers = {"Authorization": f"Bearer {sandbox.token('https://management.azure.com/')}"}
    url = f"https://management.azure.com{GROUP}?api-version={API}"
    answer = sandbox._session.put(url, data=b'{"tags": {}, location: "westus"}', headers=headers)
    assert answer.status_code == 201


def test_start_prints_an_environment_that_a_shell_reads(printed):
    script = f'{printed}\necho "$HTTPS_PROXY"'
    shown = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert shown.stdout.startswith("http://127.0.0.1:")
    assert "az login --service-principal" in printed.splitlines()[-1]


def test_exec_returns_the_exit_code_and_stops(tmp_path):
    command = [sys.executable, "-m", "sandbox", "--directory", str(tmp_path), "exec", "--"]
    assert subprocess.run([*command, "sh", "-c", "exit 7"], cwd=ROOT, check=False).returncode == 7
    assert subprocess.run([*command, "true"], cwd=ROOT, check=False).returncode == 0


def test_one_sandbox_for_each_directory(sandbox):
    command = [sys.executable, "-m", "sandbox", "--directory", str(sandbox.directory), "exec", "--", "true"]
    second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert second.returncode == 1
    assert "A sandbox is already running in" in second.stderr


@pytest.mark.parametrize("setting", ["nonsense=1", "role_seconds=many"])
def test_settings_that_can_not_be_read(tmp_path, setting):
    command = [sys.executable, "-m", "sandbox", "--directory", str(tmp_path), "--set", setting]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 2


def test_owner_is_who_the_environment_says(sandbox):
    assert sandbox.ready["owner_object_id"] == OWNER_OBJECT_ID
