"""What `revoke` and `restore` refuse, and how they go on where they were cut short."""

from __future__ import annotations

import re

import pytest

from azext_acrcmk.model.access import ENCRYPTION_USER
from azext_acrcmk.plan.grants import REVOKED_TAG
from tests.harness.revoke import (
    AGAIN,
    BY_KEY,
    ON_KEY,
    RESTORE,
    REVOKE,
    pulled,
    refuses,
    roles,
    tags,
    with_roles,
)
from tests.harness.rotate import OTHER_VAULT
from tests.harness.scene import HERE
from tests.harness.seed import CRYPTO_OFFICER, GROUP, IDENTITY, REGISTRY, VAULT, changes


class TestCutShort:
    @pytest.mark.parametrize("nth", [1, 2])
    def test_a_revoke_of_several_roles_goes_on_and_forgets_none(self, azure, az, seed, nth):
        with_roles(seed, (CRYPTO_OFFICER, ON_KEY), (ENCRYPTION_USER, ON_KEY))
        before = roles(seed)
        body = {"error": {"code": "InternalServerError", "message": "Not now."}}
        azure.fault("status", method="DELETE", path="roleAssignments/", nth=nth, times=100, status=400, body=body)
        failed = az(f"{REVOKE} --yes")
        assert failed.code == 1
        assert AGAIN in failed.err
        azure.clear_faults()
        assert len(roles(seed)) == 3 - nth
        az(f"{REVOKE} --yes").ok()
        assert pulled(azure) == 403
        az(RESTORE).ok()
        assert roles(seed) == before
        assert REVOKED_TAG not in tags(seed)

    def test_a_restore_of_several_roles_goes_on(self, azure, az, seed):
        with_roles(seed, (CRYPTO_OFFICER, ON_KEY), (ENCRYPTION_USER, ON_KEY))
        before = roles(seed)
        az(f"{REVOKE} --yes").ok()
        body = {"error": {"code": "InternalServerError", "message": "Not now."}}
        azure.fault("status", method="PUT", path="roleAssignments/", nth=2, times=100, status=400, body=body)
        assert az(RESTORE).code == 1
        azure.clear_faults()
        az(RESTORE).ok()
        assert roles(seed) == before
        assert REVOKED_TAG not in tags(seed)

    def test_nothing_is_removed_that_could_not_be_noted(self, azure, az, seed):
        with_roles(seed, (CRYPTO_OFFICER, VAULT))
        azure.deny_assignment(str(REGISTRY), actions=["Microsoft.ContainerRegistry/registries/write"])
        before = roles(seed)
        failed = az(f"{REVOKE} --yes")
        assert failed.code == 1
        assert "Microsoft.ContainerRegistry/registries/write" in failed.err
        assert roles(seed) == before
        assert pulled(azure) == 200


class TestNote:
    def test_one_about_another_vault_and_identity_gives_neither_of_them_anything(self, azure, az, seed, officer):
        with_roles(seed, (CRYPTO_OFFICER, VAULT))
        az(f"{REVOKE} --yes").ok()
        az("acr cmk repair -n myregistry --yes").ok()
        az("acr cmk rotate -n myregistry --key-vault other-vault --identity other --yes").ok()
        before = grants_on(seed, OTHER_VAULT)
        assert (len(before), list(tags(seed))) == (1, [REVOKED_TAG])
        assert "It is ignored and removed" in az(RESTORE).ok().err
        assert (grants_on(seed, OTHER_VAULT), tags(seed)) == (before, {})

    def test_more_grants_than_it_can_name_are_not_removed(self, azure, az, seed):
        given = (ENCRYPTION_USER, CRYPTO_OFFICER, seed.role("keys/read", "keys/wrap/action", "keys/unwrap/action"))
        with_roles(seed, *((role, scope) for role in given for scope in (VAULT, ON_KEY)))
        azure.clear_log()
        refuses(azure, az, f"{REVOKE} --yes", "by 6 grants", "Nothing was changed", "--by key")
        seed.delete(seed.assignments(ON_KEY)[0]["id"])
        before = roles(seed)
        az(f"{REVOKE} --yes").ok()
        assert (len(tags(seed)[REVOKED_TAG]) <= 256, roles(seed)) == (True, set())
        az(RESTORE).ok()
        assert (roles(seed), pulled(azure)) == (before, 200)


def grants_on(seed, vault) -> list[tuple[str, str]]:
    found = (each["properties"] for each in seed.assignments(vault))
    return [(each["principalId"], each["roleDefinitionId"].rsplit("/", 1)[-1]) for each in found]


class TestRefusals:
    @pytest.mark.parametrize("command", [f"{REVOKE} --yes", BY_KEY, RESTORE])
    def test_not_encrypted(self, azure, az, seed, command):
        seed.registry()
        refuses(azure, az, command, "is not encrypted with a customer-managed key")

    def test_not_there(self, azure, az, seed):
        refuses(azure, az, f"{REVOKE} --yes", "No registry 'myregistry' was found", code=3)
        refuses(azure, az, f"{RESTORE} -g rg", "There is no registry 'myregistry'", code=3)

    @pytest.mark.parametrize("command", ["revoke -n my_registry", "revoke -n myregistry --by force", "restore -n x"])
    def test_bad_input(self, azure, az, command):
        result = az(f"acr cmk {command}")
        assert result.code in (1, 2)
        assert "Traceback" not in result.err
        assert azure.log() == []

    def test_one_who_may_not_see_the_grants(self, azure, az_as, seed):
        seed.encrypted()
        azure.deny_assignment(str(VAULT), actions=["Microsoft.Authorization/roleAssignments/read"])
        az = az_as(azure.principal(("Contributor", GROUP)))
        refuses(
            azure,
            az,
            f"{REVOKE} --yes",
            "You don't have permission to read whether the identity has access",
            "Microsoft.Authorization/roleAssignments/read",
        )

    @pytest.mark.parametrize("command", [f"{REVOKE} --yes", RESTORE])
    def test_one_who_may_not_see_an_identity_that_was_removed_from_the_registry(self, azure, az, scene, command):
        scene.encrypt().detach_identity()
        action = "Microsoft.ManagedIdentity/userAssignedIdentities/read"
        body = {"error": {"code": "AuthorizationFailed", "message": "Not you."}}
        azure.fault("status", path="userAssignedIdentities$", times=9, status=403, body=body)
        azure.clear_log()
        # It still has access, whatever its name is.
        refuses(azure, az, command, f"client ID {scene.identity['clientId']}", action)
        assert pulled(azure) == 200

    def test_a_restore_by_one_who_may_not_see_the_grants(self, azure, az, az_as, seed):
        seed.encrypted()
        az(f"{REVOKE} --yes").ok()
        azure.clear_log()
        blind = azure.principal(("Contributor", GROUP), ("Reader", HERE))
        action = "Microsoft.Authorization/roleAssignments/read"
        azure.deny_assignment(str(VAULT), actions=[action], principals=[blind.object_id])
        refuses(azure, az_as(blind), RESTORE, "whether the identity has access to the key", action)

    def test_a_restore_by_one_who_may_not_see_the_local_roles_of_a_managed_hsm(self, azure, az_as, scene):
        scene.encrypt_by_hsm().change_hsm_role("DELETE")
        azure.clear_log()
        action = "Microsoft.KeyVault/managedHsm/roleAssignments/read/action"
        refuses(azure, az_as(scene.reader_without()), RESTORE, "whether the identity has access to the key", action)

    @pytest.mark.parametrize("role", [ENCRYPTION_USER, CRYPTO_OFFICER], ids=["usual", "noted"])
    def test_a_restore_for_a_deleted_identity_names_a_way_out_that_works(self, azure, az, seed, officer, role):
        with_roles(seed, (role, VAULT))
        az(f"{REVOKE} --yes").ok()
        seed.delete(IDENTITY)
        azure.clear_log()
        failed = az(RESTORE)
        assert (failed.code, changes(azure)) == (1, [])
        assert "does not exist" in failed.err
        (way_out,) = re.findall(r"az (acr cmk rotate .+)", failed.err)
        az(way_out).ok()
        assert pulled(azure) == 200

    def test_one_who_may_not_see_the_vault(self, azure, az_as, seed):
        seed.encrypted()
        az = az_as(azure.principal(("Contributor", str(REGISTRY)), ("Reader", str(IDENTITY))))
        for command in (f"{REVOKE} --yes -g rg", f"{RESTORE} -g rg"):
            refuses(azure, az, command, "You don't have permission to read the key vault")

    def test_one_who_may_not_remove_or_make_grants(self, azure, az_as, az, seed):
        seed.encrypted()
        weak = az_as(azure.principal(("Contributor", GROUP)))
        failed = weak(f"{REVOKE} --yes")
        assert failed.code == 1
        assert "Microsoft.Authorization/roleAssignments/delete" in failed.err
        assert "Nothing was changed" in failed.err
        assert pulled(azure) == 200
        az(f"{REVOKE} --yes").ok()
        failed = weak(RESTORE)
        assert failed.code == 1
        assert "Microsoft.Authorization/roleAssignments/write" in failed.err
        az(RESTORE).ok()
        assert pulled(azure) == 200
