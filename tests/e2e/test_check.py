"""Each finding of the catalogue made to happen, and mended by the command that the finding prints."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from azext_acrcmk.health.catalogue import CATALOGUE
from sandbox.client import OWNER, Account
from sandbox.world import OTHER_SUBSCRIPTION, SUBSCRIPTION
from tests.e2e.rotation import latest
from tests.e2e.scene import CLOSED, HERE, KEY_URI, LONG, OTHER_REGISTRY, Scene, moment
from tests.e2e.seed import CRYPTO_OFFICER, IDENTITY, KEY, REGISTRY, VAULT, changes

CHECK = "acr cmk check -n myregistry -g rg"
ENCRYPTION_ROLE = '--role "Key Vault Crypto Service Encryption User"'


@dataclass(frozen=True)
class Case:
    """`make` brings the finding about, and returns who looks where it is not the owner. `pulls` are what a pull answers
    before and after the fix; `left` what becomes of the finding: "passed", or None where it is no longer there.
    `agreed` answers what the fix asks at a terminal.
    """

    code: str
    severity: str
    make: Callable[[Scene], Any]
    says: str
    fix: str | None = None
    pulls: tuple[int, int] = (200, 200)
    left: str | None = "passed"
    agreed: str = ""
    status: str = "failed"


def no_key_for_the_caller(scene: Scene) -> Account:
    return scene.encrypt().azure.principal(("Reader", str(REGISTRY)))


def through_group(scene: Scene) -> None:
    scene.encrypt().ungrant()
    group = scene.azure.add_to_group(scene.identity["principalId"])
    scene.seed.grant(group.object_id)


def partial(scene: Scene) -> None:
    scene.encrypt().ungrant()
    scene.seed.grant(scene.identity["principalId"], role=scene.seed.role("keys/read", "keys/wrap/action"))


def policy_less(scene: Scene) -> None:
    scene.encrypt_by_policy().change_vault(accessPolicies=[])


def half_a_policy(scene: Scene) -> None:
    scene.encrypt_by_policy().change_vault(accessPolicies=[scene.policy("get", "unwrapKey")])


def role_ignored(scene: Scene) -> None:
    scene.encrypt().change_vault(enableRbacAuthorization=False)


def deleted_key(scene: Scene) -> None:
    scene.encrypt().delete_key()
    scene.officer()


def purged_key(scene: Scene) -> None:
    scene.unprotected().lose_key()
    scene.officer()


def disabled_while_behind(scene: Scene) -> None:
    scene.encrypt().new_version()
    scene.change_version(attributes={"enabled": False})


def latest_disabled(scene: Scene) -> None:
    scene.encrypt().new_version()
    scene.seed.change_key("PATCH", latest(scene.seed), {"attributes": {"enabled": False}})


def wrong_type(scene: Scene) -> None:
    scene.unprotected().lose_key()
    scene.seed.key(kty="EC")


def other_key_of_the_name(scene: Scene) -> None:
    scene.unprotected().lose_key()
    scene.seed.key()


def deleted_vault(scene: Scene) -> None:
    scene.encrypt().seed.delete(VAULT)


def lost_vault(scene: Scene) -> None:
    deleted_vault(scene)
    scene.azure.advance(LONG)


def detached_and_deleted(scene: Scene) -> None:
    """Which name the identity had, nobody can say any more."""
    scene.encrypt().detach_identity()
    scene.seed.delete(IDENTITY)


def lost_credential(scene: Scene) -> None:
    scene.encrypt().detach_identity()
    scene.azure.advance(LONG)


def lost_system_identity(scene: Scene) -> None:
    scene.encrypt().use_system_identity()
    scene.detach_identity()


def denied(scene: Scene) -> None:
    scene.encrypt()
    principals = [scene.identity["principalId"]]
    scene.azure.deny_assignment(str(VAULT), data_actions=["*"], principals=principals, name="Locked by the platform")


def denied_to_a_group(scene: Scene) -> None:
    scene.encrypt()
    group = scene.azure.principal(kind="Group")
    scene.azure.deny_assignment(str(VAULT), data_actions=["*"], principals=[group.object_id], name="Locked for some")


def conditional_role(scene: Scene) -> None:
    scene.encrypt().ungrant()
    role = f"{HERE}/providers/Microsoft.Authorization/roleDefinitions/e147488a-f6f5-4113-8e2d-b22465e65bf6"
    properties = {
        "roleDefinitionId": role,
        "principalId": scene.identity["principalId"],
        "condition": "(@Resource[Microsoft.KeyVault/vaults:name] StringEquals 'x')",
        "conditionVersion": "2.0",
    }
    name = "11111111-2222-3333-4444-555555555555"
    scene.seed.put(f"{VAULT}/providers/Microsoft.Authorization/roleAssignments/{name}", {"properties": properties})


def streaming_in_two(scene: Scene) -> None:
    scene.encrypt().azure.add_repositories("myregistry", "app/web", "lib", streaming=True)
    scene.azure.add_repositories("myregistry", "base")


SUB = f"--subscription {SUBSCRIPTION}"
ROTATE = f"az acr cmk rotate --name myregistry {SUB}"
SET_KEY = f"az keyvault key set-attributes --vault-name {VAULT.name} --name {KEY} --version "
RECOVER_KEY = f"az keyvault key recover --vault-name {VAULT.name} --name {KEY}"
ASSIGN = f"az role assignment create {ENCRYPTION_ROLE} --assignee-object-id "
STATUS = {"displayStatus": "Degraded", "message": "The key is unreachable.", "timestamp": "2026-11-24T09:00:00Z"}


CASES = [
    Case(
        "NotPremium",
        "warning",
        lambda s: s.encrypt().azure.change_registry("myregistry", sku="Standard"),
        "Standard",
        f"az acr update --name myregistry {SUB} --sku Premium",
    ),
    Case(
        "RegistryNotSucceeded",
        "warning",
        lambda s: s.encrypt().azure.change_registry("myregistry", provisioning_state="Failed"),
        "ended as Failed",
        f"{ROTATE} --no-new-version",
    ),
    Case(
        "RegistryStatus",
        "warning",
        lambda s: s.encrypt().azure.change_registry("myregistry", status=STATUS),
        "The registry says: The key is unreachable.",
    ),
    Case(
        "ContentTrustEnabled",
        "warning",
        lambda s: s.encrypt().azure.change_registry("myregistry", content_trust=True),
        "Content trust is switched on",
        f"az acr config content-trust update --registry myregistry {SUB} --status disabled",
        agreed=" --yes",
    ),
    Case("KeyShared", "info", lambda s: s.encrypt().use_key(VAULT, registry=OTHER_REGISTRY), "key: otherregistry."),
    Case(
        "ArtifactStreaming",
        "info",
        streaming_in_two,
        "is on in app/web, lib; it does not work",
        f"az acr artifact-streaming update --name myregistry {SUB} --enable-streaming false --repository app/web",
    ),
    Case(
        "IdentityUnknown",
        "error",
        lambda s: s.encrypt().reader_without("Microsoft.ManagedIdentity/userAssignedIdentities/read"),
        "takes the permission 'Microsoft.ManagedIdentity/userAssignedIdentities/read' on ",
        status="unknown",
    ),
    Case(
        "IdentityNotFound",
        "error",
        lambda s: s.encrypt().seed.delete(IDENTITY),
        "does not exist",
        f"{ROTATE} --identity {IDENTITY} --no-new-version",
        pulls=(403, 200),
    ),
    Case("IdentityNotFound", "error", detached_and_deleted, "not in any subscription that you can read."),
    Case(
        "IdentityRecreated",
        "error",
        lambda s: s.encrypt().recreate_identity(),
        "was deleted and made again",
        f"{ROTATE} --identity {IDENTITY} --no-new-version",
        pulls=(403, 200),
    ),
    Case(
        "IdentityNotAttached",
        "error",
        lambda s: s.encrypt().detach_identity(),
        "is not attached to the registry",
        f"az acr identity assign --name myregistry {SUB} --identities {IDENTITY}",
    ),
    Case(
        "IdentityNotAttached",
        "error",
        lost_credential,
        "is not attached to the registry",
        f"az acr identity assign --name myregistry {SUB} --identities {IDENTITY}",
        pulls=(403, 200),
    ),
    Case("IdentityNotAttached", "error", lost_system_identity, "Only Azure support can bring it back."),
    Case(
        "AccessUnknown",
        "error",
        lambda s: s.encrypt().reader_without("Microsoft.Authorization/roleAssignments/read"),
        "takes the permission 'Microsoft.Authorization/roleAssignments/read' on ",
        status="unknown",
    ),
    Case(
        "DenialsUnknown",
        "warning",
        lambda s: s.encrypt().reader_without("Microsoft.Authorization/denyAssignments/read"),
        "takes the permission 'Microsoft.Authorization/denyAssignments/read' on ",
        status="unknown",
        pulls=(200, 200),
    ),
    Case(
        "AccessUnknown",
        "error",
        conditional_role,
        "A role assignment has a condition.",
        status="unknown",
        pulls=(200, 200),
    ),
    Case(
        "GrantMissing",
        "error",
        lambda s: s.encrypt().ungrant(),
        "lacks get, wrapKey, unwrapKey",
        ASSIGN,
        pulls=(403, 200),
    ),
    Case(
        "GrantMissing",
        "error",
        policy_less,
        "lacks get, wrapKey, unwrapKey",
        f"az keyvault set-policy --name {VAULT.name} --subscription ",
        pulls=(403, 200),
    ),
    Case("GrantPartial", "error", partial, "lacks unwrapKey on the key", ASSIGN, pulls=(403, 200), left=None),
    Case(
        "GrantPartial",
        "error",
        half_a_policy,
        "lacks wrapKey on the key",
        f"az keyvault set-policy --name {VAULT.name} --subscription ",
        left=None,
    ),
    Case(
        "GrantMissing",
        "error",
        lambda s: s.encrypt_by_hsm().change_hsm_role("DELETE"),
        "lacks get, wrapKey, unwrapKey",
        "az keyvault role assignment create --hsm-name myhsm ",
        pulls=(403, 200),
    ),
    Case("GrantDenied", "error", denied, "The deny assignment 'Locked by the platform' takes", pulls=(403, 403)),
    Case("AccessUnknown", "error", denied_to_a_group, "'Locked for some' concerns groups", status="unknown"),
    Case("GrantThroughGroup", "warning", through_group, "only through a group", ASSIGN, left=None),
    Case(
        "GrantWiderThanNeeded",
        "info",
        lambda s: s.encrypt().seed.grant(s.identity["principalId"], role=CRYPTO_OFFICER),
        "role 'Key Vault Crypto Officer'",
    ),
    Case(
        "IgnoredGrant",
        "warning",
        lambda s: s.encrypt_by_policy(rbac=True),
        "the vault uses Azure RBAC",
        ASSIGN,
        pulls=(403, 200),
        left=None,
    ),
    Case(
        "IgnoredGrant",
        "warning",
        role_ignored,
        "the vault uses access policies",
        f"az keyvault set-policy --name {VAULT.name} --subscription ",
        pulls=(403, 200),
        left=None,
    ),
    Case(
        "KeyUnknown",
        "error",
        lambda s: s.encrypt().reader_without("Microsoft.KeyVault/vaults/keys/*"),
        "takes the permission 'Microsoft.KeyVault/vaults/keys/read' on ",
        status="unknown",
    ),
    Case(
        "KeyNotFound",
        "error",
        lambda s: s.encrypt().delete_key(),
        "Whether it is soft-deleted, you may not see: it takes 'Microsoft.KeyVault/vaults/keys/read' on ",
        RECOVER_KEY,
        pulls=(403, 200),
    ),
    Case("KeyNotFound", "error", purged_key, "is not there, not even soft-deleted", pulls=(403, 403)),
    Case(
        "KeyDeleted",
        "error",
        deleted_key,
        "is soft-deleted, to be",
        RECOVER_KEY,
        pulls=(403, 200),
        left=None,
    ),
    Case("KeyWrongType", "error", wrong_type, "is of type EC", pulls=(403, 403)),
    Case(
        "KeyOperationsMissing",
        "error",
        lambda s: s.encrypt().change_version(key_ops=["sign", "verify", "wrapKey"]),
        "does not permit unwrapkey",
        SET_KEY,
        pulls=(403, 200),
    ),
    Case("VersionInUseNotFound", "error", other_key_of_the_name, "is not there", pulls=(403, 403)),
    Case(
        "KeyDisabled",
        "error",
        lambda s: s.encrypt().change_version(attributes={"enabled": False}),
        "is disabled.",
        SET_KEY,
        pulls=(403, 200),
    ),
    Case(
        "KeyDisabled",
        "error",
        disabled_while_behind,
        "still needs it to change to the latest version",
        SET_KEY,
        pulls=(403, 200),
    ),
    Case(
        "KeyExpired",
        "error",
        lambda s: s.encrypt().change_version(attributes={"exp": moment(-1)}),
        "expired at ",
        ROTATE,
    ),
    Case(
        "KeyExpiresSoon",
        "warning",
        lambda s: s.encrypt().change_version(attributes={"exp": moment(29)}),
        "expires at ",
        ROTATE,
    ),
    Case(
        "KeyNotYetValid",
        "error",
        lambda s: s.encrypt().change_version(attributes={"nbf": moment(1)}),
        "is not valid before ",
        SET_KEY,
        left=None,
    ),
    Case(
        "RotationLag",
        "warning",
        lambda s: s.encrypt().new_version(),
        "made 0 minutes ago",
        f"{ROTATE} --no-new-version",
    ),
    Case(
        "NotLatestVersion",
        "warning",
        lambda s: s.encrypt(pinned=True).new_version(),
        "is pinned to version ",
        f"{ROTATE} --no-new-version",
    ),
    Case("LatestVersionUnusable", "warning", latest_disabled, "it is disabled.", SET_KEY, left=None),
    Case(
        "ManualRotation",
        "info",
        lambda s: s.encrypt(pinned=True),
        "takes no new one by itself",
        f"{ROTATE} --rotation auto --no-new-version",
    ),
    Case("NoRotationPolicy", "info", lambda s: s.encrypt(), "no rotation policy"),
    Case("VaultUnknown", "error", no_key_for_the_caller, "the key vault or managed HSM", status="unknown"),
    Case(
        "VaultUnknown",
        "error",
        lambda s: s.encrypt().reader_without("Microsoft.KeyVault/vaults/read"),
        "'Microsoft.KeyVault/vaults/read' on ",
        status="unknown",
    ),
    Case(
        "VaultNotFound", "error", lost_vault, f"no key vault or managed HSM '{VAULT.name}' any more", pulls=(403, 403)
    ),
    Case(
        "VaultDeleted",
        "error",
        deleted_vault,
        f"Key vault '{VAULT.name}' is soft-deleted",
        f"az keyvault recover --name {VAULT.name} --resource-group rg --location westeurope --subscription ",
        pulls=(403, 403),
        left=None,
    ),
    Case(
        "FirewallBlocksRegistry",
        "error",
        lambda s: s.encrypt().change_vault(networkAcls=CLOSED),
        "lets no trusted services in",
        f"az keyvault update --name {VAULT.name} {SUB} --bypass AzureServices",
        pulls=(403, 200),
    ),
    Case(
        "FirewallBlocksRegistry",
        "error",
        lambda s: s.encrypt().change_vault(
            networkAcls={"bypass": "None", "defaultAction": "Allow"}, publicNetworkAccess="Disabled"
        ),
        "lets no trusted services in",
        f"az keyvault update --name {VAULT.name} {SUB} --bypass AzureServices",
        pulls=(403, 200),
    ),
    Case(
        "SecuredByPerimeter",
        "error",
        lambda s: s.encrypt().change_vault(publicNetworkAccess="SecuredByPerimeter"),
        "only by a rule of its own",
        pulls=(403, 403),
        status="unknown",
    ),
    Case(
        "NoPurgeProtection",
        "warning",
        lambda s: s.unprotected(),
        "can be lost for good",
        f"az keyvault update --name {VAULT.name} {SUB} --enable-purge-protection true",
    ),
    Case("ShortRetention", "info", lambda s: s.encrypt(softDeleteRetentionInDays=7), "for 7 days only"),
]


@pytest.mark.parametrize("case", CASES, ids=[f"{case.code}-{number}" for number, case in enumerate(CASES)])
def test_finding_and_its_fix(scene, az_as, case):
    looker = case.make(scene)
    az = az_as(looker if isinstance(looker, Account) else OWNER)
    before = az(CHECK)
    found = finding(before, case.code)
    assert (found["severity"], found["status"]) == (case.severity, case.status), before
    assert case.says in found["message"], before
    assert fits(found["fix"], case.fix), found
    assert before.code == expected_code(before)
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
    assert "only while a registry is being created" in found["message"]
    assert found["fix"] == "az acr cmk enable --name myregistrycmk --resource-group rg"
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
    assert {tuple(sorted(row)) for row in rows} == {("code", "fix", "message", "severity", "status", "subject")}
    assert (rows[0]["code"], rows[0]["subject"]) == ("GrantMissing", KEY_URI)
    said = [(row["status"], row["severity"]) for row in rows]
    first = [severity for status, severity in said if status != "passed"]
    assert first == sorted(first, key=["error", "warning", "info"].index)
    assert [status for status, _ in said] == sorted((status for status, _ in said), key=lambda s: s == "passed")
    assert all(row["fix"] is None for row in rows if row["status"] != "failed")


class TestExitCode:
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
            assert (result.code, len(json.loads(result.out))) == (1, 2), result
            codes = [row["code"] for rows in json.loads(result.out) for row in rows if row["status"] == "failed"]
            assert codes.count("IdentityNotAttached") == 1
        assert "IdentityNotAttached" in az(f"{both} -o table").out

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
    assert "an operation is under way" in found["message"]
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
    fix = finding(az(check), "IdentityNotAttached")["fix"]
    az(fix.removeprefix("az ")).ok()
    assert finding(az(check), "IdentityNotAttached")["status"] == "passed"


def test_an_identity_that_was_removed_is_found_in_another_subscription(az, scene):
    scene.encrypt_elsewhere()
    scene.detach_identity()
    fix = finding(az(CHECK), "IdentityNotAttached")["fix"]
    az(fix.removeprefix("az ")).ok()
    assert finding(az(CHECK), "IdentityNotAttached")["status"] == "passed"


def test_a_role_about_something_else_is_no_grant_of_keys(az, scene):
    scene.encrypt()
    blobs = scene.seed.role("blobServices/containers/blobs/read", of="Microsoft.Storage/storageAccounts")
    scene.seed.grant(scene.identity["principalId"], HERE, blobs)
    assert finding(az(CHECK), "GrantWiderThanNeeded")["status"] == "passed"


def test_a_deleted_vault_that_may_not_be_seen_takes_the_permission_to_see_deleted_ones(az_as, scene):
    scene.encrypt().seed.delete(VAULT)
    reader = scene.reader_without("Microsoft.KeyVault/deletedVaults/read")
    assert "'Microsoft.KeyVault/deletedVaults/read'" in finding(az_as(reader)(CHECK), "VaultUnknown")["message"]
