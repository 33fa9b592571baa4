"""`az acr cmk show`: which registry, and what its document holds, as JSON, as a table and by --query."""

from __future__ import annotations

import json

import pytest

from azext_acrcmk.model.access import ENCRYPTION_USER_NAME
from azext_acrcmk.model.ids import HSM_TYPE, IDENTITY_TYPE, REGISTRY_TYPE, VAULT_TYPE, ArmId
from sandbox.world import OTHER_SUBSCRIPTION, SUBSCRIPTION
from tests.harness.scene import KEY_URI
from tests.harness.seed import GROUP, IDENTITY, KEY, LOCATION, REGISTRY, VAULT, changes
from tests.harness.tables import fits

SHOW = "acr cmk show -n myregistry -g rg"


@pytest.fixture
def plain(seed):
    """A registry without a customer-managed key; returns its id."""
    seed.registry(sku="Basic")
    return str(REGISTRY)


class TestWhichRegistry:
    @pytest.mark.parametrize(
        "options",
        [
            "-n myregistry -g rg",
            "--name MyRegistry",
            "-n myregistry.azurecr.io",
            f"--ids {REGISTRY}",
            f"-n myregistry --subscription {SUBSCRIPTION}",
        ],
    )
    def test_is_given_by_name_or_id(self, az, plain, options):
        assert az(f"acr cmk show {options} --query id -o tsv").ok().out == f"{plain}\n"

    def test_is_the_configured_default(self, az, plain):
        environment = {"AZURE_DEFAULTS_ACR": "myregistry"}
        assert az("acr cmk show --query id -o tsv", environment=environment).ok().out == f"{plain}\n"

    def test_may_be_in_another_subscription(self, az, scene):
        other = ArmId(OTHER_SUBSCRIPTION, "elsewhere", REGISTRY_TYPE, "otherregistry")
        scene.seed.group("elsewhere", subscription=OTHER_SUBSCRIPTION)
        scene.encrypt().use_key(VAULT, registry=other)
        by_id = az(f"acr cmk show --ids {other}").json()
        assert (by_id["id"], by_id["health"]) == (str(other), "healthy")
        assert az(f"acr cmk show -n otherregistry --subscription {OTHER_SUBSCRIPTION}").json() == by_id

    def test_several_ids_give_a_document_each(self, az, scene):
        other = ArmId(SUBSCRIPTION, "rg", REGISTRY_TYPE, "otherregistry")
        scene.seed.registry(sku="Basic")
        scene.identity = scene.seed.parts()
        scene.use_key(VAULT, registry=other)
        found = az(f"acr cmk show --ids {REGISTRY} {other}").json()
        assert [(each["name"], each["health"]) for each in found] == [
            ("myregistry", "notEncrypted"),
            ("otherregistry", "healthy"),
        ]

    def test_ids_are_read_from_a_file_and_from_json(self, az, plain, tmp_path):
        (tmp_path / "ids.txt").write_text(f"{plain}\n{plain}\n")
        assert az(f"acr cmk show --ids @{tmp_path / 'ids.txt'}").json()["id"] == plain
        (tmp_path / "ids.json").write_text(f'[{{"id": "{plain}"}}]')
        assert az(f"acr cmk show --ids @{tmp_path / 'ids.json'}").json()["id"] == plain

    def test_of_several_ids_that_does_not_exist_is_told_and_the_others_are_shown(self, az, plain):
        missing = plain.replace("myregistry", "nosuchregistry")
        for ids in (f"{missing} {plain}", f"{plain} {missing}"):
            for options in ("", "--only-show-errors"):
                result = az(f"acr cmk show --ids {ids} {options}")
                assert ([each["id"] for each in json.loads(result.out)], result.code) == ([plain], 3)
                assert f"ERROR: {missing}: There is no registry 'nosuchregistry'" in result.err
                assert plain not in result.err
        assert az(f"acr cmk show --ids {missing}").code == 3

    def test_query_means_the_same_however_many_fail(self, az, plain):
        missing = plain.replace("myregistry", "nosuchregistry")
        both = az(f'acr cmk show --ids {missing} {plain} --query "[].name" -o tsv')
        assert (both.out, both.code) == ("myregistry\n", 3)

    @pytest.mark.parametrize("group", ["", "-g rg", "-g nogroup"])
    def test_that_does_not_exist_is_exit_code_3(self, az, seed, group):
        result = az(f"acr cmk show -n nosuchregistry {group}")
        assert result.code == 3
        assert "'nosuchregistry'" in result.err
        assert "az acr list" in result.err

    def test_that_one_may_not_see_is_a_refusal_with_the_permission(self, azure, az_as, plain):
        result = az_as(azure.principal(("Reader", str(VAULT))))(SHOW)
        assert result.code == 1
        assert f"'Microsoft.ContainerRegistry/registries/read' on {plain}" in result.err

    def test_that_one_may_not_look_for_is_a_refusal_with_the_permission(self, azure, az, plain):
        refusal = {"error": {"code": "AuthorizationFailed", "message": "The client does not have authorization."}}
        azure.fault("status", path="/resources", status=403, body=refusal)
        result = az("acr cmk show -n myregistry")
        assert result.code == 1
        assert "'Microsoft.Resources/subscriptions/resources/read' on /subscriptions/" in result.err

    @pytest.mark.parametrize("name", ["my-registry", "reg"])
    def test_of_an_illegal_name_is_an_error_before_any_request(self, azure, az, name):
        result = az(f"acr cmk show -n {name} -g rg")
        assert result.code == 1
        assert azure.log() == []

    def test_is_never_changed(self, azure, az, scene):
        scene.encrypt()
        az(SHOW).ok()
        assert changes(azure) == []


class TestDocument:
    @pytest.mark.parametrize("pinned", [False, True], ids=["auto", "manual"])
    @pytest.mark.parametrize("model", ["rbac", "access-policy"])
    def test_of_a_good_registry(self, az, scene, model, pinned):
        if model == "rbac":
            scene.encrypt(pinned)
        else:
            scene.encrypt_by_policy()
            scene.use_key(VAULT, pinned)
        shown = az(SHOW).json()
        version = scene.used()["versionedKeyIdentifier"].rsplit("/", 1)[-1]
        findings, access = shown.pop("findings"), shown.pop("access")
        assert shown == {
            "id": str(REGISTRY),
            "name": "myregistry",
            "resourceGroup": "rg",
            "location": LOCATION,
            "sku": "Premium",
            "loginServer": "myregistry.azurecr.io",
            "provisioningState": "Succeeded",
            "encryption": {"status": "enabled", "keyVaultProperties": scene.used()},
            "identity": {
                "id": scene.identity["id"],
                "resourceGroup": "rg",  # The CLI adds it beside every id.
                "clientId": scene.identity["clientId"],
                "principalId": scene.identity["principalId"],
                "attached": True,
                "exists": True,
            },
            "key": {
                "id": KEY_URI,
                "type": "RSA",
                "size": 2048,
                "enabled": True,
                "expires": None,
                "latestVersion": version,
                "versionInUse": version,
                "upToDate": True,
                "rotationPolicy": None,
            },
            "vault": {
                "id": str(VAULT),
                "resourceGroup": "rg",
                "kind": "vault",
                "permissionModel": model,
                "softDelete": True,
                "retention": 90,
                "purgeProtection": True,
                "publicNetworkAccess": "Enabled",
                "defaultAction": "Allow",
                "bypass": "AzureServices",
            },
            "health": "healthy",
        }
        (source,) = access.pop("through")
        assert access == {"granted": True, "missing": []}
        assert source == {
            "kind": "role" if model == "rbac" else "access-policy",
            "name": ENCRYPTION_USER_NAME if model == "rbac" else "get, unwrapkey, wrapkey",
            "scope": str(VAULT),
            "inherited": False,
            "throughGroup": False,
        }
        assert [finding["code"] for finding in findings] == [
            "KeyNeverExpires",
            *["ManualRotation"] * pinned,
            "NoRotationPolicy",
        ]
        assert {tuple(finding) for finding in findings} == {("code", "fix", "message", "severity")}
        assert scene.pull() == 200

    def test_has_the_encryption_that_core_az_shows(self, az, scene):
        scene.encrypt().new_version()
        scene.azure.advance(3600)
        shown = az(f"{SHOW} --query encryption").json()
        core = az("acr encryption show -n myregistry").json()
        rotated, core_rotated = (each["keyVaultProperties"].pop("lastKeyRotationTimestamp") for each in (shown, core))
        assert shown == core
        # As the registry returns it, with the seventh digit that core az drops.
        assert rotated[:26] == core_rotated[:26]

    def test_tells_the_life_of_the_key(self, az, scene):
        scene.encrypt().change_version(attributes={"exp": 1_924_992_000})
        policy = {
            "lifetimeActions": [{"trigger": {"timeAfterCreate": "P90D"}, "action": {"type": "Rotate"}}],
            "attributes": {"expiryTime": "P2Y"},
        }
        scene.seed.change_key("PUT", f"{KEY_URI}/rotationpolicy", policy)
        shown = az(SHOW).json()
        assert shown["key"]["expires"] == "2031-01-01T00:00:00+00:00"
        assert shown["key"]["rotationPolicy"] == {"rotateAfter": "P90D", "rotateBeforeExpiry": None, "expiry": "P2Y"}
        assert (shown["health"], shown["findings"]) == ("healthy", [])

    def test_tells_how_the_vault_is_guarded(self, az, scene):
        scene.encrypt(
            networkAcls={"bypass": "AzureServices", "defaultAction": "Deny"},
            publicNetworkAccess="Disabled",
            softDeleteRetentionInDays=7,
        )
        shown = az(SHOW).json()
        guard = {name: shown["vault"][name] for name in ("bypass", "defaultAction", "publicNetworkAccess", "retention")}
        assert guard == {
            "bypass": "AzureServices",
            "defaultAction": "Deny",
            "publicNetworkAccess": "Disabled",
            "retention": 7,
        }
        assert (shown["health"], scene.pull()) == ("healthy", 200)

    def test_names_all_roles_that_grant_the_key_and_where(self, az, scene):
        scene.encrypt()
        group = scene.azure.add_to_group(scene.identity["principalId"]).object_id
        scene.seed.grant(group, f"/subscriptions/{SUBSCRIPTION}")
        scene.seed.grant(scene.identity["principalId"], f"{VAULT}/keys/{KEY}")
        through = az(f"{SHOW} --query access.through").json()
        assert {(source["scope"], source["inherited"], source["throughGroup"]) for source in through} == {
            (str(VAULT), False, False),
            (f"/subscriptions/{SUBSCRIPTION}", True, True),
            (f"{VAULT}/keys/{KEY}", False, False),
        }

    def test_of_a_registry_without_a_customer_managed_key(self, az, plain):
        shown = az(SHOW).json()
        assert shown["encryption"] == {"status": "disabled"}
        assert [shown[part] for part in ("identity", "key", "vault", "access")] == [None] * 4
        assert shown["health"] == "notEncrypted"
        assert [(finding["code"], finding["severity"]) for finding in shown["findings"]] == [("NotEncrypted", "error")]

    def test_of_a_registry_that_uses_its_own_identity(self, az, scene):
        principal = scene.encrypt().use_system_identity()
        shown = az(SHOW).json()
        assert shown["encryption"]["keyVaultProperties"]["identity"] == "system"
        assert shown["identity"] == {
            "id": str(REGISTRY),
            "resourceGroup": "rg",
            "clientId": "system",
            "principalId": principal,
            "attached": True,
            "exists": True,
        }
        assert (shown["access"]["granted"], shown["health"], scene.pull()) == (True, "healthy", 200)

    def test_of_parts_in_another_subscription(self, az, scene):
        vault = scene.encrypt_elsewhere()
        shown = az(SHOW).json()
        assert shown["vault"]["id"] == str(vault)
        assert shown["identity"]["id"] == scene.identity["id"]
        assert (shown["health"], scene.pull()) == ("healthy", 200)

    @pytest.mark.parametrize("granted", [True, False])
    def test_of_a_key_in_a_managed_hsm(self, az, scene, granted):
        scene.encrypt_by_hsm()
        if not granted:
            scene.change_hsm_role("DELETE")
        shown = az(SHOW).json()
        vault = {name: shown["vault"][name] for name in ("id", "kind", "permissionModel", "purgeProtection")}
        assert vault == {
            "id": f"{GROUP}/providers/{HSM_TYPE}/myhsm",
            "kind": "managedHSM",
            "permissionModel": None,
            "purgeProtection": True,
        }
        assert shown["key"]["type"] == "RSA-HSM"
        assert shown["access"]["granted"] is granted
        assert (shown["health"], scene.pull()) == (("healthy", 200) if granted else ("broken", 403))


class TestTable:
    def test_lists_what_matters(self, az, scene):
        scene.encrypt()
        version = scene.used()["versionedKeyIdentifier"].rsplit("/", 1)[-1]
        lines = az(f"{SHOW} -o table").ok().out.splitlines()
        assert [line.split(maxsplit=1) for line in lines if not line.startswith("-")] == [
            ["Property", "Value"],
            ["Registry", "myregistry (Premium, westeurope, Succeeded)"],
            ["Encryption", "enabled"],
            ["Health", "healthy"],
            ["Key", KEY_URI],
            ["Version", f"{version} (latest, rotation auto)"],
            ["Vault", f"{VAULT.name} (rbac)"],
            ["Identity", IDENTITY.name],
            ["Access", f"granted by role '{ENCRYPTION_USER_NAME}'"],
            ["Info", "KeyNeverExpires: The key's version in use has no expiry date."],
            [
                "Info",
                "NoRotationPolicy: The key has no rotation policy, so new versions are not created automatically.",
            ],
        ]

    def test_fits_120_columns_whatever_the_names_and_findings(self, az, seed, scene):
        registry = ArmId(SUBSCRIPTION, "g" * 90, REGISTRY_TYPE, "r" * 50)
        vault = ArmId(SUBSCRIPTION, "g" * 90, VAULT_TYPE, "v" * 24)
        identity = ArmId(SUBSCRIPTION, "g" * 90, IDENTITY_TYPE, "i" * 128)
        seed.group("g" * 90)
        scene.identity = seed.identity(identity)
        key = seed.key(seed.vault(vault, softDeleteRetentionInDays=7), "k" * 127)
        seed.grant(scene.identity["principalId"], vault)
        use(seed, registry, scene.identity, key["keyUri"])
        seed.change_key("POST", f"{key['keyUri']}/rotate")
        seed.patch(vault, {"properties": {"networkAcls": {"bypass": "None", "defaultAction": "Deny"}}})
        for each in seed.assignments(vault):
            seed.delete(each["id"])
        table = az(f"acr cmk show --ids {registry} -o table").ok().out
        assert fits(table)
        words = "".join(table.split())
        for whole in (registry.name, vault.name, identity.name, "k" * 127):
            assert whole in words
        for code in ("GrantMissing", "FirewallBlocksRegistry", "RotationLag", "ShortRetention"):
            assert code in table
        fixes = [line.removeprefix("Fix").strip() for line in table.splitlines() if line.startswith("Fix ")]
        assert any(fix.startswith("az role assignment create") and f"--scope {vault}/keys/" in fix for fix in fixes), (
            table
        )

    def test_of_what_cannot_be_seen(self, azure, az_as, scene):
        scene.encrypt()
        table = az_as(azure.principal(("Reader", str(REGISTRY))))(f"{SHOW} -o table").ok().out
        assert "Access      unknown" in table
        assert "(latest unknown, rotation auto)" in table
        assert fits(table)

    def test_of_a_registry_without_a_customer_managed_key(self, az, plain):
        table = az(f"{SHOW} -o table").ok().out
        assert [line.split()[0] for line in table.splitlines()[2:5]] == ["Registry", "Encryption", "Health"]
        assert "notEncrypted" in table

    def test_of_several_registries(self, az, scene):
        scene.encrypt().use_key(VAULT, registry=f"{GROUP}/providers/{REGISTRY_TYPE}/otherregistry")
        table = az(f"acr cmk show --ids {REGISTRY} {GROUP}/providers/{REGISTRY_TYPE}/otherregistry -o table").ok().out
        assert table.count("Health") == 2


def test_query_and_tsv_give_single_values(az, scene):
    scene.encrypt()
    out = az(f'{SHOW} --query "[health, key.upToDate, access.granted, vault.purgeProtection]" -o tsv').ok().out
    assert out.split() == ["healthy", "true", "true", "true"]


def use(seed, registry, identity, key_uri) -> None:
    chosen = {"keyIdentifier": key_uri, "identity": identity["clientId"]}
    body = {
        "location": LOCATION,
        "sku": {"name": "Premium"},
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {identity["id"]: {}}},
        "properties": {"encryption": {"status": "enabled", "keyVaultProperties": chosen}},
    }
    seed.put(registry, body)
