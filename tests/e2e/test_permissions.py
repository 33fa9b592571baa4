"""The permissions that docs/permissions.md has for the commands, proven by principals that have these and no other."""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path

import pytest

from sandbox.client import Account, Sandbox
from sandbox.world import SUBSCRIPTION, TENANT
from tests.harness.seed import ENABLE, VAULT

PAGE = (Path(__file__).parents[2] / "docs" / "permissions.md").read_text(encoding="utf-8")
ROLES = {
    role["Name"].rsplit(" ", 1)[-1]: role for role in map(json.loads, re.findall(r"```json\n(.*?)```", PAGE, re.S))
}
ENABLER, READER = (ROLES[name]["Actions"] for name in ("Enabler", "Reader"))
BY_ROLE = "Microsoft.Authorization/roleAssignments/write"
BY_POLICY = "Microsoft.KeyVault/vaults/accessPolicies/write"
CREATE = f"{ENABLE} -l westeurope --grant-timeout 5"
# The last thirteen of the page, without which a registry can be created.
HELPFUL = ENABLER[-13:]
NEEDED_TO_ACT = [action for action in ENABLER if action not in HELPFUL]
# Without these the registry is made, but what decides its health can't be seen.
NEEDED_TO_SEE = [action for action in NEEDED_TO_ACT if action.endswith(("keys/read", "Assignments/read"))]
# What a group that is not there would hold is not looked for.
NEEDED_IN_A_GROUP = [action for action in NEEDED_TO_ACT if action.endswith(("Identities/read", "vaults/read"))]


def row(command: str) -> list[str]:
    """The cells of the page's table of what the other commands require."""
    line = next(line for line in PAGE.splitlines() if line.startswith(f"| `{command}`") and "…" not in line)
    return [cell.strip() for cell in line.strip("|").split("|")]


def actions_in(cell: str) -> list[str]:
    return re.findall(r"`(Microsoft\.[^`]*)`", cell)


@pytest.fixture
def somebody(azure: Sandbox):
    """Somebody with just these actions and rights on keys, and, where given, roles besides, each with its scope."""

    def make(actions: list[str], data: list[str] = (), roles: list[tuple[str, str]] = ()) -> Account:
        guid, scope = str(uuid.uuid4()), f"/subscriptions/{SUBSCRIPTION}"
        permissions = [{"actions": list(actions), "dataActions": list(data)}]
        properties = {"roleName": guid, "type": "CustomRole", "permissions": permissions, "assignableScopes": [scope]}
        path = f"{scope}/providers/Microsoft.Authorization/roleDefinitions/{guid}"
        assert azure.arm("PUT", path, {"properties": properties}, "2022-05-01-preview").ok
        return azure.principal((guid, scope), *roles)

    return make


def test_no_role_has_wildcards():
    assert not [action for role in ROLES.values() for action in role["Actions"] if "*" in action]


def unknown(az) -> list[str]:
    return [row["code"] for row in az("acr cmk check -n myregistry").json() if row["status"] == "unknown"]


def test_azure_takes_the_roles_as_they_are_printed(az, tmp_path):
    for name, role in ROLES.items():
        file = tmp_path / f"{name}.json"
        text = json.dumps(role).replace("00000000-0000-0000-0000-000000000000", SUBSCRIPTION)
        file.write_text(text, encoding="utf-8")
        made = az(f"role definition create --role-definition {file}").json()
        assert made["permissions"][0]["actions"] == role["Actions"]


@pytest.mark.parametrize(("model", "grant"), [("rbac", BY_ROLE), ("access-policy", BY_POLICY)])
def test_enable(azure, az_as, somebody, model, grant):
    actions = [grant if action == BY_ROLE else action for action in ENABLER]
    made = az_as(somebody(actions))(f"{CREATE} --permission-model {model}").json()
    assert made["health"] == "healthy"
    assert {finding["severity"] for finding in made["findings"]} == {"info"}
    assert azure.pull("myregistry")["status"] == 200
    assert [entry for entry in azure.log() if entry["status"] == 403] == []


def test_enable_without_those_that_only_help(az_as, somebody):
    assert az_as(somebody(NEEDED_TO_ACT))(CREATE).json()["health"] == "healthy"


@pytest.mark.parametrize("left_out", NEEDED_TO_ACT)
def test_enable_needs_each_of_the_others(request, az_as, somebody, left_out):
    if left_out in NEEDED_IN_A_GROUP:
        request.getfixturevalue("seed")
    tried = az_as(somebody([action for action in ENABLER if action != left_out]))(CREATE)
    if left_out in NEEDED_TO_SEE:
        assert tried.json()["health"] == "unknown"
    else:
        assert tried.code
        assert left_out.lower() in tried.err.lower()


def test_show_and_check(az_as, somebody, scene):
    scene.encrypt()
    az = az_as(somebody(READER))
    assert az("acr cmk show -n myregistry").json()["health"] == "healthy"
    assert unknown(az) == []


@pytest.mark.parametrize("by_policy", [False, True])
class TestTheOthers:
    """Each by somebody with what `show` takes and what the table has, in the vault's permission model."""

    @pytest.fixture
    def az_with(self, azure, az_as, somebody, scene, by_policy):
        def make(command: str, policy: str = ""):
            _, actions, data = row(command)
            if by_policy:
                scene.encrypt_by_policy()
            else:
                scene.encrypt()
            kept = [action for action in actions_in(actions) if ("accessPolicies" in action) == by_policy]
            kept += [action for action in actions_in(actions) if "ContainerRegistry" in action and by_policy]
            who = somebody([*READER, *kept], [] if by_policy else actions_in(data))
            if by_policy and policy:
                policies = [*scene.seed.get(VAULT)["properties"]["accessPolicies"]]
                permissions = {"keys": policy.split()}
                policies.append({"tenantId": TENANT, "objectId": who.object_id, "permissions": permissions})
                scene.change_vault(accessPolicies=policies)
            return az_as(who)

        return make

    def test_rotate(self, azure, az_with):
        done = az_with("rotate", "rotate")("acr cmk rotate -n myregistry").json()
        assert done["key"]["upToDate"] is True
        assert [step["outcome"] for step in done["steps"] if step["step"] == "version"] == ["created"]

    def test_revoke_and_restore_the_grant(self, azure, az_with, az_as, somebody, scene, by_policy):
        az = az_with("revoke")
        az("acr cmk revoke -n myregistry --yes").ok()
        assert azure.pull("myregistry")["status"] == 403
        giver = somebody([*READER, BY_POLICY if by_policy else BY_ROLE])
        assert {BY_POLICY, BY_ROLE} == set(actions_in(row("restore")[1]))
        az_as(giver)("acr cmk restore -n myregistry").ok()
        assert azure.pull("myregistry")["status"] == 200

    def test_revoke_and_restore_the_key(self, azure, az_with):
        az = az_with("revoke --by key", "list update")
        az("acr cmk revoke -n myregistry --by key --yes").ok()
        assert azure.pull("myregistry")["status"] == 403
        az("acr cmk restore -n myregistry").ok()
        assert azure.pull("myregistry")["status"] == 200


def test_rotate_and_disable_the_old_version(az_as, somebody, scene):
    scene.encrypt()
    data = actions_in(row("rotate")[2]) + actions_in(row("rotate --disable-old-version")[2])
    az = az_as(somebody([*READER, *actions_in(row("rotate")[1])], data))
    done = az("acr cmk rotate -n myregistry --disable-old-version --yes").json()
    assert "old-version" in [step["step"] for step in done["steps"] if step["outcome"] == "updated"]


def test_wait(az_as, somebody, scene):
    scene.encrypt()
    az_as(somebody(["Microsoft.ContainerRegistry/registries/read"]))("acr cmk wait -n myregistry --updated").ok()
