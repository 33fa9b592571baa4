"""Each finding of the catalogue made to happen, found by `check` and `list`, mended by the command that it prints."""

from __future__ import annotations

import json

import pytest

from azext_acrcmk.rules import CATALOGUE
from sandbox.client import Account
from sandbox.world import OTHER_SUBSCRIPTION, SUBSCRIPTION
from tests.harness.causes_of_findings import no_key_for_the_caller
from tests.harness.finding_cases import CASES, SUB
from tests.harness.listed import wrong
from tests.harness.scene import HERE, KEY_URI, OTHER_REGISTRY, moment
from tests.harness.seed import REGISTRY, VAULT, changes

CHECK = "acr cmk check -n myregistry -g rg"


@pytest.mark.parametrize("case", CASES, ids=[f"{case.code}-{number}" for number, case in enumerate(CASES)])
def test_finding_and_its_fix(scene, az_as, quick_az, case):
    looker = case.make(scene)
    az = az_as(looker) if isinstance(looker, Account) else quick_az
    before = az(CHECK)
    found = finding(before, case.code)
    assert (found["severity"], found["status"]) == (case.severity, case.status), before
    assert case.says in found["message"], before
    assert fits(found["fix"], case.fix), found
    assert before.code == expected_code(before)
    assert wrong(rows_of(before)) == said_by_list(az)
    assert scene.pull() == case.pulls[0]
    if case.fix is None:
        return
    if case.code != "KeyDeleted":
        scene.officer()
    for command in found["fix"].split(" && "):
        az(command.removeprefix("az ") + case.agreed).ok()
    after = az(CHECK)
    assert status_of(after, case.code) == case.left, after
    assert scene.pull() == case.pulls[1]


def test_the_table_has_every_check():
    assert {case.code for case in CASES} | {"NotEncrypted"} == {check.code for check in CATALOGUE}


def fits(fix: str | None, beginning: str | None) -> bool:
    """Whether the fix begins so, whatever the casing: Azure returns ids in another one."""
    return fix is None if beginning is None else bool(fix) and fix.lower().startswith(beginning.lower())


def said_by_list(az) -> set[tuple[str, ...]]:
    """What `list` finds wrong with the same registry."""
    listed = az("acr cmk list").json()["registries"]
    return wrong(next(row["findings"] for row in listed if row["name"] == "myregistry"))


def rows_of(result) -> list[dict]:
    assert result.code in (0, 1), str(result)
    assert result.out, str(result)
    return json.loads(result.out)


def finding(result, code: str) -> dict:
    found = [row for row in rows_of(result) if row["code"] == code]
    assert len(found) == 1, result
    return found[0]


def status_of(result, code: str) -> str | None:
    return next((row["status"] for row in rows_of(result) if row["code"] == code), None)


def expected_code(result) -> int:
    return int(any((row["severity"], row["status"]) == ("error", "failed") for row in rows_of(result)))


def test_not_encrypted_takes_a_new_registry(az, seed):
    seed.registry()
    result = az(CHECK)
    found = finding(result, "NotEncrypted")
    assert (result.code, found["severity"], found["status"]) == (1, "error", "failed")
    assert "only when a registry is created" in found["message"]
    assert found["fix"] == f"az acr cmk migrate --name myregistry --subscription {SUBSCRIPTION} --to myregistrycmk"
    assert [row["code"] for row in rows_of(result) if row["status"] == "failed"] == ["NotEncrypted"]
    az(found["fix"].removeprefix("az ")).ok()
    assert status_of(az("acr cmk check -n myregistrycmk -g rg"), "NotEncrypted") == "passed"


def test_nothing_is_wrong_with_what_enable_makes(az, azure, seed):
    az("acr cmk enable -n myregistry -g rg --rotation-period 90d --key-lifetime 180d").ok()
    azure.clear_log()
    rows = az(CHECK).json()
    assert {row["code"] for row in rows if row["status"] != "passed"} == set()
    assert changes(azure) == []


def test_a_row_has_exactly_these_keys_and_the_gravest_comes_first(az, scene):
    scene.encrypt(pinned=True).ungrant()
    scene.new_version()
    rows = rows_of(az(CHECK))
    assert {tuple(sorted(row)) for row in rows} == {
        (*("code", "fix", "message", "registry", "severity", "status", "subject"),)
    }
    assert (rows[0]["code"], rows[0]["subject"]) == ("GrantMissing", KEY_URI)
    said = [(row["status"], row["severity"]) for row in rows]
    first = [severity for status, severity in said if status != "passed"]
    assert first == sorted(first, key=["error", "warning", "info"].index)
    assert [status for status, _ in said] == sorted((status for status, _ in said), key=lambda s: s == "passed")
    assert all(row["fix"] is None for row in rows if row["status"] != "failed")


def test_tsv_has_one_line_for_each_finding(azure, quick_az, scene):
    """Whatever the lines of a message that Azure returns."""
    scene.encrypt()
    message = "The key\r\ncan't be read.\n\tTry again."
    azure.change_registry("myregistry", status={"displayStatus": "Degraded", "message": message, "timestamp": "x"})
    found = rows_of(quick_az(CHECK))
    lines = quick_az(f"{CHECK} -o tsv").out.splitlines()
    assert [line.split("\t")[0] for line in lines] == [row["code"] for row in found]
    assert {line.count("\t") for line in lines} == {len(found[0]) - 1}
    assert any("The key can't be read. Try again." in line for line in lines)


class TestExitCode:
    @pytest.fixture
    def az(self, quick_az):
        return quick_az

    FORMATS = (
        "-o json",
        "-o jsonc",
        "-o table",
        "-o tsv",
        "-o yaml",
        "-o none",
        "--query [].code -o tsv",
        "--query []",
    )

    @pytest.mark.parametrize("how", FORMATS)
    def test_is_1_where_an_error_failed_in_every_format(self, az, scene, how):
        scene.encrypt().ungrant()
        result = az(f"{CHECK} {how}")
        assert (result.code, result.err) == (1, "")
        assert ("GrantMissing" in result.out) == (how not in ("-o none", "--query []")) or how == "--query []"

    @pytest.mark.parametrize("how", ["-o json", "-o table", "-o none"])
    def test_is_0_where_only_warnings_did(self, az, scene, how):
        scene.encrypt().new_version()
        result = az(f"{CHECK} {how}")
        assert (result.code, result.err) == (0, "")

    @pytest.mark.parametrize(
        ("option", "make", "code"),
        [
            ("warning", lambda s: s.new_version(), 1),
            ("warning", lambda s: None, 0),
            ("error", lambda s: s.new_version(), 0),
            ("none", lambda s: s.ungrant(), 0),
        ],
        ids=["warning", "only-information", "error", "none"],
    )
    def test_fail_on(self, az, scene, option, make, code):
        make(scene.encrypt())
        result = az(f"{CHECK} --fail-on {option}")
        assert (result.code, result.err) == (code, ""), result
        assert rows_of(result)

    def test_fail_on_warning_also_where_something_cannot_be_seen(self, az_as, scene):
        az = az_as(scene.encrypt().reader_without("Microsoft.Authorization/roleAssignments/read"))
        assert az(CHECK).code == 0
        assert az(f"{CHECK} --fail-on warning").code == 1

    def test_of_an_unknown_choice(self, az):
        assert az(f"{CHECK} --fail-on info").code == 2


class TestExpiryDays:
    @pytest.mark.parametrize(("days", "status"), [("", "passed"), ("--expiry-days 32", "failed")])
    def test_moves_the_warning(self, az, scene, days, status):
        scene.encrypt().change_version(attributes={"exp": moment(31)})
        result = az(f"{CHECK} {days} --fail-on warning")
        assert (status_of(result, "KeyExpiresSoon"), result.code) == (status, int(status == "failed"))

    @pytest.mark.parametrize("days", ["-1", "soon", "99999999999"])
    def test_must_be_a_number_of_days(self, az, days):
        result = az(f"{CHECK} --expiry-days={days}")
        assert (result.code, "Traceback" in result.err) == (2 if days == "soon" else 1, False), result
        assert "expiry-days" in result.err.lower()


class TestWhichRegistry:
    def test_found_by_its_name_alone(self, az, scene):
        scene.encrypt()
        assert status_of(az("acr cmk check -n MyRegistry"), "NotEncrypted") == "passed"

    def test_several_by_their_ids_fail_where_one_does(self, az, scene):
        scene.encrypt()
        scene.use_key(VAULT, registry=OTHER_REGISTRY)
        both = f"acr cmk check --ids {REGISTRY} {OTHER_REGISTRY}"
        assert az(both).code == 0
        scene.seed.patch(OTHER_REGISTRY, {"identity": {"type": "None"}})
        for order in (both, f"acr cmk check --ids {OTHER_REGISTRY} {REGISTRY}"):
            result = az(order)
            rows = json.loads(result.out)
            assert (result.code, {row["registry"] for row in rows}) == (
                1,
                {REGISTRY.name, OTHER_REGISTRY.rsplit("/", 1)[-1]},
            ), result
            failed = [(row["registry"], row["code"]) for row in rows if row["status"] == "failed"]
            assert [each for each in failed if each[1] == "IdentityNotAssigned"] == [
                (OTHER_REGISTRY.rsplit("/", 1)[-1], "IdentityNotAssigned")
            ]
        table = az(f"{both} -o table").out
        assert "IdentityNotAssigned" in table
        assert table.index("Registry myregistry") < table.index(f"Registry {OTHER_REGISTRY.rsplit('/', 1)[-1]}")

    def test_one_of_several_that_does_not_exist_fails_the_command_in_its_own_name(self, az, scene):
        scene.encrypt()
        missing = str(REGISTRY).replace("myregistry", "nosuchregistry")
        for ids in (f"{REGISTRY} {missing}", f"{missing} {REGISTRY}"):
            result = az(f'acr cmk check --ids {ids} --only-show-errors --query "[].registry"')
            assert (set(json.loads(result.out)), result.code) == ({"myregistry"}, 3)
            assert missing in result.err
            assert f"{REGISTRY}:" not in result.err

    @pytest.mark.parametrize("command", ["rotate", "repair", "revoke --yes", "restore", "enable"])
    def test_what_changes_something_takes_one_registry_at_a_time(self, azure, az, command):
        result = az(f"acr cmk {command} --ids {REGISTRY} {REGISTRY}")
        assert result.code == 2
        assert azure.log() == []

    @pytest.mark.parametrize("where", ["-n nosuchregistry -g rg", "-n nosuchregistry", "-n myregistry -g nosuchgroup"])
    def test_that_does_not_exist(self, az, scene, where):
        scene.encrypt()
        result = az(f"acr cmk check {where}")
        assert (result.code, result.out) == (3, ""), result
        assert "az acr list" in result.err

    def test_that_may_not_be_seen(self, az_as, scene):
        az = az_as(scene.encrypt().azure.principal(("Reader", f"{REGISTRY.group_id}/providers/x/y/z")))
        result = az(CHECK)
        assert (result.code, result.out) == (1, "")
        assert "Microsoft.ContainerRegistry/registries/read" in result.err


def test_one_who_sees_only_the_registry_is_told_what_it_takes_and_fails_nothing(az_as, scene):
    az = az_as(no_key_for_the_caller(scene))
    rows = az(CHECK).json()
    unknown = {row["code"]: row["message"] for row in rows if row["status"] == "unknown"}
    assert set(unknown) == {"IdentityUnknown", "KeyShared", "VaultUnknown"}
    assert "'Microsoft.ManagedIdentity/userAssignedIdentities/read' on " in unknown["IdentityUnknown"]
    assert "'Microsoft.ContainerRegistry/registries/read' on " in unknown["KeyShared"]
    assert not [row for row in rows if row["status"] == "failed"]


def test_an_operation_under_way_is_told(az, azure, scene):
    scene.encrypt()
    azure.settings(registry_patch_seconds=3600)
    scene.seed.patch(REGISTRY, {"tags": {"a": "b"}, "properties": {"encryption": None}})
    scene.seed.patch(REGISTRY, {"identity": {"type": "None"}})
    found = finding(az(CHECK), "RegistryNotSucceeded")
    assert "an operation is running" in found["message"]
    assert found["fix"] is None


def test_without_a_connection(azure, az, scene):
    scene.encrypt()
    azure.fault("reset-before", method="GET", path=f"{VAULT}$", times=50)
    result = az(CHECK)
    assert (result.code, result.out) == (1, ""), result
    assert "Traceback" not in result.err
    azure.clear_faults()
    assert az(CHECK).code == 0


def test_a_fix_works_whatever_subscription_the_login_has_as_its_own(az, scene):
    scene.encrypt().detach_identity()
    az(f"account set --subscription {OTHER_SUBSCRIPTION}").ok()
    check = f"{CHECK} {SUB}"
    fix = finding(az(check), "IdentityNotAssigned")["fix"]
    az(fix.removeprefix("az ")).ok()
    assert finding(az(check), "IdentityNotAssigned")["status"] == "passed"


def test_an_identity_that_was_removed_is_found_in_another_subscription(az, scene):
    scene.encrypt_elsewhere()
    scene.detach_identity()
    fix = finding(az(CHECK), "IdentityNotAssigned")["fix"]
    az(fix.removeprefix("az ")).ok()
    assert finding(az(CHECK), "IdentityNotAssigned")["status"] == "passed"


def test_a_role_about_something_else_is_no_grant_of_keys(az, scene):
    scene.encrypt()
    blobs = scene.seed.role("blobServices/containers/blobs/read", of="Microsoft.Storage/storageAccounts")
    scene.seed.grant(scene.identity["principalId"], HERE, blobs)
    assert finding(az(CHECK), "GrantWiderThanNeeded")["status"] == "passed"


def test_a_deleted_vault_that_may_not_be_seen_takes_the_permission_to_see_deleted_ones(az_as, scene):
    scene.encrypt().seed.delete(VAULT)
    reader = scene.reader_without("Microsoft.KeyVault/deletedVaults/read")
    assert "'Microsoft.KeyVault/deletedVaults/read'" in finding(az_as(reader)(CHECK), "VaultUnknown")["message"]
