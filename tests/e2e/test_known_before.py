"""`enable` finds out by itself what `--what-if` would tell, before it changes anything.

What blocks stops it, with all in one error; what can't be determined is said, and stops nothing.
"""

from __future__ import annotations

import pytest

from azext_acrcmk.model.ids import IDENTITY_TYPE, REGISTRY_TYPE, VAULT_TYPE, ArmId
from sandbox.world import SUBSCRIPTION
from tests.harness.seed import ENABLE, GROUP, LOCATION, REGISTRY, VAULT, changes

HERE = f"/subscriptions/{SUBSCRIPTION}"
NORTH = {"field": "location", "notEquals": "northeurope"}
REGIONS = "This policy maintains a set of best available regions where your subscription can deploy resources"


@pytest.fixture
def az(quick_az):
    return quick_az


@pytest.fixture
def blocked(azure, az):
    def check(options: str, *words: str, az=az) -> str:
        result = az(f"{ENABLE} {options}")
        assert (result.code, changes(azure)) == (1, []), result
        for word in (*words, "othing was changed"):
            assert word in result.err, result
        return result.err

    return check


class TestBlocked:
    def test_a_policy_against_the_registry_is_met_before_the_vault(self, azure, seed, az, blocked):
        azure.deny(REGISTRY_TYPE, NORTH, name="only-north")
        blocked("", "The policy only-north would deny it: location is westeurope (NotEquals northeurope)")
        azure.clear_policies()
        az(ENABLE).ok()

    def test_a_region_that_azure_itself_does_not_allow(self, azure, seed, blocked):
        rule = {"field": "location", "notIn": ["northeurope", "uksouth"]}
        azure.deny(VAULT_TYPE, rule, name="sys.regionrestriction", reason=REGIONS, by_azure=True)
        blocked("", "sys.regionrestriction", "location is westeurope (NotIn northeurope, uksouth)")

    def test_a_missing_permission(self, azure, az_as, seed, blocked):
        contributor = az_as(azure.principal(("Contributor", HERE)))
        blocked("", "You don't have permission 'Microsoft.Authorization/roleAssignments/write'", az=contributor)

    def test_a_quota(self, azure, seed, blocked):
        azure.settings(role_assignment_limit=0)
        blocked("", "The limit of role assignments in the subscription is reached.")

    def test_a_name_that_is_taken(self, azure, seed, blocked):
        seed.group("elsewhere")
        seed.vault(ArmId(SUBSCRIPTION, "elsewhere", VAULT_TYPE, VAULT.name))
        blocked("", f"The key vault name '{VAULT.name}' is already in use")

    def test_all_at_once(self, azure, seed, blocked):
        azure.settings(role_assignment_limit=0)
        azure.deny(REGISTRY_TYPE, NORTH, name="only-north")
        seed.lock(HERE, "ReadOnly", "frozen")
        blocked("", "3 problems", "only-north", "limit of role assignments", "'frozen'")


class TestLocations:
    @pytest.mark.parametrize("location", ["mars", "swedencentral"])
    def test_that_is_unknown_or_closed_to_the_subscription(self, azure, blocked, location):
        azure.settings(closed_regions="swedencentral")
        blocked(
            f"-l {location}",
            f"The location '{location}' is not available",
            "Choose another location with --location: australiaeast",
        )

    @pytest.mark.parametrize("location", ["westeurope\r", "westeurope ", "West Europe"])
    def test_as_files_and_people_write_it(self, azure, az, location):
        az(f"{ENABLE} -l '{location}'").ok()
        assert azure.pull(REGISTRY.name)["status"] == 200


class TestLocks:
    @pytest.mark.parametrize("scope", [HERE, GROUP])
    def test_that_let_only_read(self, seed, blocked, scope):
        seed.lock(scope, "ReadOnly", "frozen")
        err = blocked(
            "", "The ReadOnly lock 'frozen' does not allow this change (identity, vault, key, grant, registry)"
        )
        assert f"az lock delete --ids {scope}/providers/Microsoft.Authorization/locks/frozen".lower() in err.lower()

    def test_on_a_vault_elsewhere(self, seed, blocked):
        seed.group("keys")
        vault = seed.vault(ArmId(SUBSCRIPTION, "keys", VAULT_TYPE, "sharedvault"))
        seed.lock(vault, "ReadOnly", "frozen")
        blocked(f"--key-vault {vault}", "'frozen' does not allow this change (key, grant)")

    def test_that_only_forbid_deletion_are_no_hindrance(self, azure, az, seed):
        seed.lock(HERE, "CanNotDelete")
        az(ENABLE).ok()

    def test_on_an_identity_and_on_what_does_not_matter_are_no_hindrance(self, azure, az, seed):
        identity = seed.identity(ArmId(SUBSCRIPTION, "rg", IDENTITY_TYPE, "shared"))["id"]
        seed.lock(identity, "ReadOnly")
        seed.lock(seed.group("other"), "ReadOnly")
        az(f"{ENABLE} --identity shared").ok()


class TestUndetermined:
    UNREADABLE = ("/permissions$", "/checkPolicyRestrictions$", "/roleAssignmentsUsageMetrics$", "/locks$")

    @pytest.mark.parametrize("status", [403, 500])
    def test_is_said_once_and_stops_nothing(self, azure, az, seed, status):
        for path in (*self.UNREADABLE, "providers/Microsoft.KeyVault$"):
            azure.fault("status", path=path, status=status, times=99)
        result = az(ENABLE).ok()
        assert result.err.count("WARNING: Not everything could be determined in advance") == 1
        for what in (
            "whether a policy would deny it",
            "how many role assignments are left",
            "whether a lock blocks it",
        ):
            assert f"- Could not determine {what}" in result.err
        assert azure.pull(REGISTRY.name)["status"] == 200

    def test_nothing_is_asked_where_the_registry_exists(self, azure, az, seed):
        seed.encrypted()
        az(f"{ENABLE} -l {LOCATION}").ok()
        assert not [
            entry for entry in azure.log() if entry["path"].endswith(("/permissions", "Restrictions", "/locks"))
        ]


class TestExternalEvaluation:
    def test_that_a_policy_requires_is_named_with_the_option_of_the_cli(self, azure, seed, blocked):
        azure.deny(REGISTRY_TYPE, name="needs-ticket", external=True)
        blocked("", "The policy needs-ticket would deny it", "add --acquire-policy-token to the command")

    def test_that_is_proven_is_no_hindrance(self, azure, seed, az):
        azure.deny(REGISTRY_TYPE, name="needs-ticket", external=True)
        result = az(f"{ENABLE} --acquire-policy-token").ok()
        assert "whether a policy would deny it: its token is acquired only with the change" in result.err
        assert azure.pull(REGISTRY.name)["status"] == 200
