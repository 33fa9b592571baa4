"""`rotate`, `revoke`, `restore` and `repair` find out what Azure would reject before their first change.

None leaves half of what it does behind: a version that nobody uses, a tag, an identity, an old grant.
"""

from __future__ import annotations

import json

import pytest

from azext_acrcmk.model.ids import IDENTITY_TYPE, REGISTRY_TYPE, VAULT_TYPE
from sandbox.client import OWNER
from sandbox.world import SUBSCRIPTION
from tests.harness.rotate import done
from tests.harness.scene import CLOSED
from tests.harness.seed import GROUP, KEY, REGISTRY, VAULT

HERE = f"/subscriptions/{SUBSCRIPTION}"
ROTATE = "acr cmk rotate -n myregistry -g rg --yes"
REVOKE = "acr cmk revoke -n myregistry -g rg --yes"
RESTORE = "acr cmk restore -n myregistry -g rg"
REPAIR = "acr cmk repair -n myregistry -g rg --yes"
OFFICER = "Key Vault Crypto Officer"
CLOSED_ONLY = {"field": "properties.publicNetworkAccess", "notEquals": "Disabled"}
NO_OWN_IDENTITY = {"field": "identity.type", "equals": "SystemAssigned, UserAssigned"}


@pytest.fixture
def az(quick_az):
    return quick_az


@pytest.fixture
def blocked(azure, az):
    """The command changes nothing and says why; --what-if shows the same."""

    def check(command: str, *words: str, az=az) -> None:
        result = az(command)
        assert (result.code, done(azure)) == (1, []), result
        for word in (*words, "othing was changed"):
            assert word in result.err, result
        shown = az(f"{command.replace(' --yes', '')} --what-if")
        assert (shown.code, done(azure)) == (1, []), shown
        assert any(words[0] in row["reason"] for row in json.loads(shown.out) if row["action"] == "blocked"), shown

    return check


class TestLocks:
    def test_that_lets_only_read_a_registry_is_met_before_the_new_version(self, scene, officer, blocked):
        scene.encrypt()
        scene.seed.lock(REGISTRY, "ReadOnly", "frozen")
        blocked(ROTATE, "The ReadOnly lock 'frozen' does not allow this change (registry, tag)", "az lock delete --ids")

    @pytest.mark.parametrize("level", ["CanNotDelete", "ReadOnly"])
    @pytest.mark.parametrize("scope", [HERE, GROUP, str(VAULT)], ids=["subscription", "group", "vault"])
    def test_that_keeps_a_grant_is_met_before_the_tag_and_leaves_the_key(self, azure, az, scene, blocked, level, scope):
        scene.encrypt()
        scene.officer()
        scene.seed.lock(scope, level, "frozen")
        blocked(REVOKE, f"The {level} lock 'frozen' does not allow this change (grant)", "revoke --name myregistry")
        assert "acrcmk-revoked" not in (scene.seed.get(REGISTRY).get("tags") or {})
        az(f"{REVOKE} --by key").ok()
        assert scene.pull() == 403

    def test_on_a_role_of_the_old_vault_is_met_before_the_rotation(self, scene, officer, blocked):
        scene.encrypt()
        scene.seed.lock(VAULT, "CanNotDelete", "kept")
        blocked(
            f"{ROTATE} --identity other --revoke-old", "The CanNotDelete lock 'kept' does not allow this change (old"
        )

    def test_is_met_by_restore_and_by_repair(self, az, scene, blocked):
        scene.encrypt()
        az(REVOKE).ok()
        scene.azure.clear_log()
        scene.seed.lock(VAULT, "ReadOnly", "frozen")
        for command in (RESTORE, REPAIR):
            blocked(command, "The ReadOnly lock 'frozen' does not allow this change (grant)")

    def test_of_deletion_alone_stops_no_rotation(self, az, scene, officer):
        scene.encrypt()
        scene.seed.lock(HERE, "CanNotDelete")
        az(ROTATE).ok()

    def test_is_unseen_by_one_who_may_not_read_locks_and_stops_nothing(self, azure, az_as, scene, officer):
        az = az_as(OWNER)
        scene.encrypt()
        for path in ("/locks$", "/permissions$", "/checkPolicyRestrictions$"):
            azure.fault("status", path=path, status=403, times=99)
        assert "Not everything" not in az(ROTATE).ok().err
        assert "Not everything could be determined in advance" in az(f"{ROTATE} --verbose").ok().err


class TestPermissions:
    def test_to_write_the_registry_is_missed_before_the_new_version(self, azure, az_as, scene, blocked):
        scene.encrypt()
        weak = az_as(azure.principal(("Reader", GROUP), (OFFICER, GROUP)))
        blocked(ROTATE, "You don't have permission 'Microsoft.ContainerRegistry/registries/write'", az=weak)

    def test_on_the_registry_and_the_vault_alone_suffice(self, azure, az_as, scene):
        scene.encrypt()
        maker = azure.principal(("Contributor", str(REGISTRY)), (OFFICER, f"{VAULT}/keys/{KEY}"), ("Reader", HERE))
        az_as(maker)(f"{ROTATE} --disable-old-version").ok()

    def test_to_disable_the_old_version_is_missed_before_the_rotation(self, azure, az_as, scene, blocked):
        scene.encrypt()
        rotates = scene.seed.role("keys/read", "keys/rotate/action")
        weak = az_as(azure.principal(("Contributor", GROUP), (rotates, GROUP), ("Reader", HERE)))
        action = "Microsoft.KeyVault/vaults/keys/update/action"
        blocked(f"{ROTATE} --disable-old-version", f"You don't have permission '{action}'", OFFICER, az=weak)

    def test_to_create_the_version_is_missed_before_a_new_identity(self, azure, az_as, scene, blocked):
        scene.encrypt()
        weak = az_as(azure.principal(("Owner", GROUP)))
        action = "Microsoft.KeyVault/vaults/keys/rotate/action"
        blocked(f"{ROTATE} --identity another", f"You don't have permission '{action}'", az=weak)

    def test_to_remove_the_old_grant_is_missed_before_the_rotation(self, azure, az_as, scene, blocked):
        scene.encrypt()
        adds = scene.seed.role(actions=("Microsoft.Authorization/roleAssignments/write",))
        weak = az_as(azure.principal(("Contributor", GROUP), (OFFICER, GROUP), (adds, GROUP), ("Reader", HERE)))
        action = "Microsoft.Authorization/roleAssignments/delete"
        blocked(f"{ROTATE} --identity other --revoke-old", f"You don't have permission '{action}'", az=weak)

    def test_to_remove_a_grant_is_missed_before_its_tag(self, azure, az_as, scene, blocked):
        scene.encrypt()
        weak = az_as(azure.principal(("Contributor", GROUP)))
        blocked(REVOKE, "You don't have permission 'Microsoft.Authorization/roleAssignments/delete'", az=weak)

    def test_of_one_repair_of_several_is_missed_before_all(self, azure, az_as, scene, blocked):
        scene.unprotected().ungrant()
        weak = az_as(azure.principal(("Contributor", GROUP)))
        blocked(REPAIR, "You don't have permission 'Microsoft.Authorization/roleAssignments/write'", az=weak)


class TestPolicies:
    def test_against_the_change_of_the_registry_is_met_before_the_grant(self, azure, scene, officer, blocked):
        scene.encrypt()
        azure.deny(REGISTRY_TYPE, NO_OWN_IDENTITY, name="no-own")
        blocked(f"{ROTATE} --identity [system]", "The policy no-own would deny it: ")

    def test_against_the_registry_as_it_is_may_not_be_about_the_change(self, azure, az, scene, officer):
        scene.encrypt()
        azure.deny(REGISTRY_TYPE, CLOSED_ONLY, name="closed-only")
        rows = az(f"{ROTATE} --identity [system] --what-if").json()
        (row,) = [row for row in rows if row["action"] == "unknown"]
        assert "the policy closed-only denies" in row["reason"]
        az(f"{ROTATE} --identity [system]").ok()

    def test_against_an_identity_is_met_before_anything(self, azure, scene, officer, blocked):
        scene.encrypt()
        azure.deny(IDENTITY_TYPE, name="no-identities")
        blocked(f"{ROTATE} --identity another", "The policy no-identities would deny it")

    def test_against_the_firewall_is_met_before_the_rest_of_a_repair(self, azure, scene, blocked):
        scene.encrypt().ungrant()
        scene.change_vault(networkAcls=CLOSED)
        bypass = {"field": "properties.networkAcls.bypass", "equals": "AzureServices"}
        azure.deny(VAULT_TYPE, bypass, name="no-bypass")
        blocked(REPAIR, "The policy no-bypass would deny it")


def test_a_quota_is_met_before_the_rotation_and_before_the_repair(azure, scene, officer, blocked):
    scene.encrypt()
    azure.settings(role_assignment_limit=0)
    blocked(f"{ROTATE} --identity another", "The limit of role assignments in the subscription is reached")
    scene.ungrant()
    blocked(REPAIR, "The limit of role assignments in the subscription is reached")
