"""`enable --what-if` of a registry that is yet to be: what would stop it is said before anything is done."""

from __future__ import annotations

import json

import pytest

from azext_acrcmk.model.ids import GROUP_TYPE, IDENTITY_TYPE, REGISTRY_TYPE, ROLE_ASSIGNMENT_TYPE, VAULT_TYPE, ArmId
from sandbox.world import OTHER_SUBSCRIPTION, OWNER_OBJECT_ID, SUBSCRIPTION
from tests.harness.scene import HERE
from tests.harness.seed import CRYPTO_OFFICER, ENABLE, IDENTITY, KEY, LOCATION, REGISTRY, VAULT, changes
from tests.harness.tables import fits

WHAT_IF = f"{ENABLE} --what-if"
NEW_GROUP = "acr cmk enable -n myregistry -g other --what-if"
ROLE_WRITE = "Microsoft.Authorization/roleAssignments/write"


@pytest.fixture
def ahead(azure, az):
    """Runs `enable --what-if`, which must change nothing; gives the exit code, and the rows that the plan lacks."""

    def run(options: str = "", az=az, command: str = WHAT_IF) -> tuple[int, list[dict]]:
        result = az(f"{command} {options}")
        assert result.code in (0, 1), result
        assert result.out, result
        assert changes(azure) == [], result
        rows = json.loads(result.out)
        assert [row["step"] for row in rows][:1] in (["identity"], ["group"])
        return result.code, [
            row for row in rows if row["action"] in ("blocked", "unknown") or row["step"] == "provider"
        ]

    return run


def elsewhere(seed) -> ArmId:
    """An identity in another group than the registry's."""
    seed.group("keys")
    shared = ArmId(SUBSCRIPTION, "keys", IDENTITY_TYPE, "shared")
    seed.identity(shared)
    return shared


def told(rows: list[dict]) -> set[tuple[str, str, str]]:
    return {(row["symbol"], row["action"], row["step"]) for row in rows}


class TestNothingStandsInTheWay:
    def test_nothing_is_added(self, seed, ahead):
        assert ahead() == (0, [])

    def test_nor_with_a_group_that_is_yet_to_be(self, azure, ahead):
        assert ahead(f"-l {LOCATION}") == (0, [])

    def test_and_enable_then_does_it(self, azure, az, seed, ahead):
        assert ahead()[0] == 0
        az(ENABLE).ok()
        assert azure.pull("myregistry")["status"] == 200

    def test_nor_for_one_who_has_just_the_roles_it_takes(self, azure, az_as, seed, ahead):
        group = str(REGISTRY.group_id)
        maker = azure.principal(
            ("Contributor", group), ("Role Based Access Control Administrator", group), ("Reader", HERE)
        )
        assert ahead(az=az_as(maker)) == (0, [])


class TestKeysByTheirUri:
    def test_in_a_managed_hsm(self, azure, az, seed, ahead):
        key = seed.key(seed.hsm(), kty="RSA-HSM", keyOps=["wrapKey", "unwrapKey"])
        assert ahead(f"--key-encryption-key {key['keyUri']}") == (0, [])

    def test_that_is_soft_deleted(self, azure, az, seed, ahead):
        key = seed.key(seed.vault())
        seed.grant(OWNER_OBJECT_ID, VAULT, CRYPTO_OFFICER)
        seed.change_key("DELETE", key["keyUri"])
        assert ahead(f"--key-encryption-key {key['keyUri']}") == (0, [])

    def test_takes_a_role_assignment_of_the_vaults_subscription(self, azure, az, seed, ahead):
        seed.group("elsewhere", OTHER_SUBSCRIPTION)
        key = seed.key(seed.vault(ArmId(OTHER_SUBSCRIPTION, "elsewhere", VAULT_TYPE, "othervault")))
        azure.settings(role_assignment_limit=len(azure.state()["role_assignments"]))
        ahead(f"--key-encryption-key {key['keyUri']}")
        asked = [entry["path"] for entry in azure.log() if "UsageMetrics" in entry["path"]]
        assert [path.split("/")[2] for path in asked] == [OTHER_SUBSCRIPTION]


def test_an_id_of_a_vault_in_another_spelling(seed, ahead):
    assert ahead(f"--key-vault {str(VAULT).lower()}") == (0, [])


class TestPermissions:
    def test_that_lack_are_named_with_their_scope(self, azure, az_as, seed, ahead):
        code, rows = ahead(az=az_as(azure.principal(("Reader", HERE))))
        assert code == 1
        lacking = [row["reason"] for row in rows if row["action"] == "blocked"]
        for action in (
            "Microsoft.ManagedIdentity/userAssignedIdentities/write",
            "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action",
            "Microsoft.KeyVault/vaults/write",
            "Microsoft.KeyVault/vaults/keys/write",
            "Microsoft.ContainerRegistry/registries/write",
            ROLE_WRITE,
        ):
            assert any(f"You don't have permission '{action}' on {REGISTRY.group_id}" in each for each in lacking)
        assert not any("operationStatuses/read" in each for each in lacking)

    def test_of_a_contributor_who_may_not_grant(self, azure, az_as, seed, ahead):
        code, rows = ahead(az=az_as(azure.principal(("Contributor", HERE))))
        assert (code, told(rows)) == (1, {("x", "blocked", "grant")})
        assert ROLE_WRITE in rows[0]["reason"]

    def test_of_a_contributor_suffice_with_access_policies(self, azure, az_as, seed, ahead):
        az = az_as(azure.principal(("Contributor", HERE)))
        assert ahead("--permission-model access-policy", az=az) == (0, [])

    def test_of_a_contributor_suffice_where_others_have_granted_the_key(self, azure, az_as, seed, ahead):
        seed.parts()
        assert ahead("--skip-grant", az=az_as(azure.principal(("Contributor", HERE)))) == (0, [])

    def test_to_make_a_group(self, azure, az_as, seed, ahead):
        az = az_as(azure.principal(("Reader", HERE)))
        code, rows = ahead(f"-l {LOCATION}", az, NEW_GROUP)
        assert code == 1
        (reason,) = [row["reason"] for row in rows if row["step"] == "group"]
        assert (
            reason == f"You don't have permission 'Microsoft.Resources/subscriptions/resourceGroups/write' on {HERE}."
        )

    def test_in_a_group_yet_to_be_are_those_on_the_subscription(self, azure, az_as, seed, ahead):
        role = seed.role(actions=(f"{GROUP_TYPE}/write", "*/read"))
        maker = azure.principal((role, HERE))
        code, rows = ahead(f"-l {LOCATION}", az_as(maker), NEW_GROUP)
        assert (code, {row["step"] for row in rows if row["action"] == "blocked"}) == (
            1,
            {"identity", "vault", "key", "grant", "registry"},
        )
        assert all(row["reason"].endswith(f" on {HERE}.") for row in rows if row["action"] == "blocked")

    def test_on_the_vault_and_the_identity_themselves_suffice(self, azure, az_as, seed, ahead):
        shared = elsewhere(seed)
        seed.key(seed.vault())
        az = az_as(
            azure.principal(
                (seed.role(actions=("Microsoft.ContainerRegistry/*",)), REGISTRY.group_id),
                ("User Access Administrator", str(VAULT)),
                ("Managed Identity Operator", str(shared)),
                ("Reader", HERE),
            )
        )
        assert ahead(f"--identity {shared}", az=az) == (0, [])
        az(f"{ENABLE} --identity {shared}").ok()

    def test_to_create_keys_in_the_vault_itself_suffice(self, azure, az_as, seed, ahead):
        group = REGISTRY.group_id
        role = seed.role(
            "keys/read",
            "keys/create/action",
            actions=(f"{IDENTITY_TYPE}/*", f"{VAULT_TYPE}/write", "Microsoft.ContainerRegistry/*", ROLE_WRITE),
        )
        az = az_as(azure.principal((role, group), ("Reader", HERE)))
        assert ahead(az=az) == (0, [])
        assert "creating it in the vault" in az(f"{ENABLE} --grant-timeout 0").ok().err

    def test_on_an_identity_in_another_group_lack(self, azure, az_as, seed, ahead):
        shared, group = elsewhere(seed), REGISTRY.group_id
        az = az_as(azure.principal(("Contributor", group), ("User Access Administrator", group), ("Reader", HERE)))
        code, rows = ahead(f"--identity {shared}", az=az)
        assert (code, told(rows)) == (1, {("x", "blocked", "registry")})
        action = "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action"
        assert rows[0]["reason"] == f"You don't have permission '{action}' on {shared}."

    def test_that_the_service_does_not_tell_are_unknown_and_no_failure(self, azure, seed, ahead):
        azure.fault("status", method="GET", path="/Microsoft.Authorization/permissions$", status=403, times=9)
        code, rows = ahead()
        assert code == 0
        assert ("?", "unknown", "registry") in told(rows)
        assert {row["action"] for row in rows} == {"unknown"}
        assert any(f"Could not determine whether you have permission '{ROLE_WRITE}'" in row["reason"] for row in rows)


class TestProviders:
    def test_that_are_not_registered_are_told_with_the_command_and_stop_nothing(self, azure, az, seed, ahead):
        namespaces = ("Microsoft.ContainerRegistry", "Microsoft.KeyVault", "Microsoft.ManagedIdentity")
        for namespace in namespaces:
            azure.unregister(namespace)
        code, rows = ahead()
        assert (code, told(rows)) == (0, {("~", "update", "provider"), ("?", "unknown", "vault")})
        (unseen,) = [row["reason"] for row in rows if row["step"] == "vault"]
        assert unseen.startswith(
            f"Could not determine whether the key vault name '{VAULT.name}' is available: The subscription "
        )
        assert sorted(row["resource"] for row in rows if row["step"] == "provider") == sorted(namespaces)
        command = "az provider register --namespace Microsoft.KeyVault --wait"
        assert command in " ".join(row["reason"] for row in rows)
        az(command.removeprefix("az ")).ok()
        azure.clear_log()
        assert sorted(row["resource"] for row in ahead()[1]) == [namespaces[0], namespaces[2]]

    def test_that_one_may_not_register_stop_it(self, azure, az_as, seed, ahead):
        azure.unregister("Microsoft.ManagedIdentity")
        group = REGISTRY.group_id
        az = az_as(azure.principal(("Contributor", group), ("User Access Administrator", group), ("Reader", HERE)))
        code, rows = ahead(az=az)
        assert (code, told(rows)) == (1, {("x", "blocked", "provider")})
        assert f"'Microsoft.ManagedIdentity/register/action' on {HERE}. To register it: az " in rows[0]["reason"]

    def test_whose_state_may_not_be_seen_is_unknown(self, azure, seed, ahead):
        azure.fault("status", method="GET", path="/providers/Microsoft.KeyVault$", status=403, times=9)
        code, rows = ahead()
        assert (code, told(rows)) == (0, {("?", "unknown", "provider")})


class TestPolicies:
    @pytest.mark.parametrize(
        ("kind", "condition", "resource"),
        [
            (VAULT_TYPE, {"field": "properties.enableRbacAuthorization", "equals": True}, VAULT),
            (REGISTRY_TYPE, {"field": "properties.publicNetworkAccess", "notEquals": "Disabled"}, REGISTRY),
            (REGISTRY_TYPE, None, REGISTRY),
        ],
        ids=["vault", "registry", "no registry at all"],
    )
    def test_that_denies_is_named(self, azure, seed, ahead, kind, condition, resource):
        azure.deny(kind, condition, name="no-such-thing")
        code, rows = ahead()
        assert (code, told(rows)) == (1, {("x", "blocked", "policy")})
        assert rows[0]["resource"] == str(resource)
        assert rows[0]["reason"].startswith("The policy no-such-thing would deny it")
        if condition:
            field = condition["field"].removeprefix("properties.")
            assert f"{kind}/{field} is " in rows[0]["reason"]

    def test_of_everything_that_is_created_are_told(self, azure, seed, ahead):
        for kind in (IDENTITY_TYPE, f"{VAULT_TYPE}/keys", ROLE_ASSIGNMENT_TYPE):
            azure.deny(kind, name=f"no-{kind.rsplit('/', 1)[-1]}")
        code, rows = ahead()
        assert (code, {(row["resource"], row["reason"].split()[2]) for row in rows}) == (
            1,
            {
                (str(IDENTITY), "no-userAssignedIdentities"),
                (f"https://{VAULT.name}.vault.azure.net/keys/{KEY}", "no-keys"),
                (str(VAULT), "no-roleAssignments"),
            },
        )

    def test_of_the_subscription_are_told_for_a_group_yet_to_be(self, azure, ahead):
        azure.deny(GROUP_TYPE, {"field": "location", "equals": LOCATION}, name="not-here")
        azure.deny(REGISTRY_TYPE, name="no-registries")
        code, rows = ahead(f"-l {LOCATION}", command=NEW_GROUP)
        assert (code, [row["reason"].split()[2] for row in rows]) == (1, ["not-here", "no-registries"])

    def test_that_is_met_by_an_option_is_not(self, azure, seed, ahead):
        azure.deny(VAULT_TYPE, {"field": "properties.enableRbacAuthorization", "equals": True}, name="no-rbac")
        assert ahead("--permission-model access-policy") == (0, [])

    def test_that_does_not_concern_what_is_made_is_not_told(self, azure, seed, ahead):
        azure.deny("Microsoft.Storage/storageAccounts", name="no-storage")
        assert ahead() == (0, [])

    def test_that_is_assigned_in_another_group_is_not_told(self, azure, seed, ahead):
        other = seed.group("other")
        azure.deny(REGISTRY_TYPE, name="not-there", scope=other)
        assert ahead() == (0, [])

    def test_that_may_not_be_asked_for_are_unknown(self, azure, seed, ahead):
        azure.fault("status", method="POST", path="/checkPolicyRestrictions$", status=403, times=9)
        code, rows = ahead()
        assert (code, told(rows)) == (0, {("?", "unknown", "policy")})


class TestVaultName:
    @pytest.mark.parametrize("asked", ["default", "id"])
    def test_that_is_taken_elsewhere_stops_it(self, azure, seed, ahead, asked):
        name = VAULT.name if asked == "default" else "takenvault"
        seed.group("elsewhere", OTHER_SUBSCRIPTION)
        seed.vault(ArmId(OTHER_SUBSCRIPTION, "elsewhere", VAULT_TYPE, name))
        wanted = ArmId(SUBSCRIPTION, REGISTRY.group, VAULT_TYPE, name)
        code, rows = ahead("" if asked == "default" else f"--key-vault {wanted}")
        assert (code, told(rows)) == (1, {("x", "blocked", "vault")})
        assert rows[0]["resource"] == str(wanted)
        assert f"The key vault name '{name}' is already in use" in rows[0]["reason"]
        assert "Choose another name with --key-vault." in rows[0]["reason"]


class TestQuota:
    def test_of_role_assignments_that_is_used_up(self, azure, seed, ahead):
        seed.grant(seed.identity()["principalId"], HERE)
        seed.delete(IDENTITY)
        azure.settings(role_assignment_limit=1)
        code, rows = ahead()
        assert (code, told(rows)) == (1, {("x", "blocked", "quota")})
        assert "limit of role assignments" in rows[0]["reason"]

    def test_does_not_matter_with_access_policies(self, azure, seed, ahead):
        azure.settings(role_assignment_limit=0)
        assert ahead("--permission-model access-policy") == (0, [])

    def test_does_not_matter_where_the_key_is_granted(self, azure, seed, ahead):
        seed.parts()
        azure.settings(role_assignment_limit=0)
        assert ahead() == (0, [])

    def test_that_may_not_be_seen_is_unknown(self, azure, seed, ahead):
        azure.fault("status", method="GET", path="/roleAssignmentsUsageMetrics$", status=403, times=9)
        code, rows = ahead()
        assert (code, told(rows)) == (0, {("?", "unknown", "quota")})


class TestSeveral:
    @pytest.fixture(autouse=True)
    def blocked(self, azure, seed):
        azure.deny(REGISTRY_TYPE, name="no-registries")
        azure.unregister("Microsoft.KeyVault")
        azure.settings(role_assignment_limit=0)

    def test_are_all_told_at_once(self, ahead):
        code, rows = ahead()
        assert (code, {row["step"] for row in rows}) == (1, {"policy", "provider", "vault", "quota"})

    @pytest.mark.parametrize("how", ["yaml", "table", "tsv", "none"])
    def test_exit_code_is_1_and_the_rows_are_there_in_every_format(self, az, azure, how):
        result = az(f"{WHAT_IF} -o {how}")
        assert (result.code, "ERROR" in result.err) == (1, False), result
        assert ("no-registries" in result.out) == (how != "none")
        assert changes(azure) == []
        if how == "table":
            assert fits(result.out)

    def test_with_a_query(self, az):
        result = az(f"{WHAT_IF} --query \"[?action=='blocked'].step\" -o tsv")
        assert (result.code, sorted(result.out.split())) == (1, ["policy", "quota"])


def test_a_registry_that_exists_is_not_looked_ahead_for(azure, az, seed):
    seed.encrypted()
    azure.deny(REGISTRY_TYPE, name="no-registries")
    rows = az(WHAT_IF).json()
    assert "policy" not in {row["step"] for row in rows}
