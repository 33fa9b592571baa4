"""Revoking by disabling the key, and enabling just that again."""

from __future__ import annotations

import json

import pytest

from sandbox.world import OWNER_OBJECT_ID
from tests.harness.revoke import (
    BY_KEY,
    HSM_CRYPTO_USER,
    HSM_ENCRYPTION_USER,
    KEY_URI,
    ON_KEY,
    RESTORE,
    REVOKE,
    enabled,
    encryption,
    grant_in_hsm,
    pulled,
    roles,
    version,
    version_in_use,
    with_roles,
)
from tests.harness.seed import CRYPTO_OFFICER, IDENTITY, KEY, VAULT, changes, outcomes


class TestByKey:
    def test_the_version_in_use_is_disabled_and_on_another_machine_enabled_again(
        self, azure, az, seed, officer, tmp_path
    ):
        seed.encrypted()
        seed.change_key("PATCH", version_in_use(seed), {"tags": {"team": "images"}})
        before, grants = version(azure, version_in_use(seed)), roles(seed)
        result = az(BY_KEY).json()
        assert pulled(azure) == 403
        assert enabled(azure, version_in_use(seed)) is False
        assert result["key"]["enabled"] is False
        assert outcomes(result) == {"key": "updated"}
        assert roles(seed) == grants
        directory = tmp_path / "another machine"
        directory.mkdir()
        az(RESTORE, environment=azure.login(directory)).ok()
        assert pulled(azure) == 200
        after = version(azure, version_in_use(seed))
        assert after["attributes"]["enabled"] is True
        assert after["tags"] == before["tags"] == {"team": "images"}

    def test_a_version_without_room_for_a_tag_is_disabled_all_the_same(self, azure, az, seed, officer):
        seed.encrypted()
        full = {f"tag{number}": "" for number in range(15)}
        seed.change_key("PATCH", version_in_use(seed), {"tags": full})
        result = az(BY_KEY).ok()
        assert (pulled(azure), enabled(azure, version_in_use(seed))) == (403, False)
        assert "restore` will not enable it. To enable it: az keyvault key set-attributes" in result.err
        assert version(azure, version_in_use(seed))["tags"] == full

    def test_other_versions_are_left_alone(self, azure, az, seed, officer):
        seed.encrypted()
        seed.change_key("POST", f"{KEY_URI}/rotate")
        newer = seed.get(ON_KEY)["properties"]["keyUriWithVersion"]
        az(BY_KEY).ok()
        assert enabled(azure, newer) is True
        assert enabled(azure, version_in_use(seed)) is False
        assert pulled(azure) == 403

    def test_no_key_is_ever_deleted(self, azure, az, seed, officer):
        seed.encrypted()
        az(BY_KEY).ok()
        az(f"{REVOKE} --yes").ok()
        assert not [change for change in changes(azure) if change.startswith("DELETE") and "/keys/" in change]
        assert version(azure, version_in_use(seed))

    def test_one_that_somebody_else_disabled_is_left_alone(self, azure, az, seed, officer):
        seed.encrypted()
        seed.change_key("PATCH", version_in_use(seed), {"attributes": {"enabled": False}})
        rows = {row["step"]: row for row in az(f"{RESTORE} --what-if").json()}
        assert "was not disabled by `revoke`" in rows["key"]["reason"]
        assert "az keyvault key set-attributes" in rows["key"]["reason"]
        restored = az(RESTORE)
        assert (restored.code, outcomes(json.loads(restored.out))["key"]) == (1, "left")
        assert "was not disabled by `revoke`, so it stays disabled. To enable it: az keyvault key" in restored.err
        assert enabled(azure, version_in_use(seed)) is False
        assert changes(azure) == []

    def test_whatever_became_of_the_identity_it_can_be_done_and_undone(self, azure, az, seed, officer):
        seed.encrypted()
        seed.delete(IDENTITY)
        az(BY_KEY).ok()
        assert enabled(azure, version_in_use(seed)) is False
        restored = az(RESTORE)
        assert (restored.code, outcomes(json.loads(restored.out))) == (1, {"key": "updated", "grant": "left"})
        assert "Access is not restored." in restored.err
        assert "az acr cmk rotate --name myregistry --subscription" in restored.err
        assert enabled(azure, version_in_use(seed)) is True

    def test_both_ways_at_once_are_undone_at_once(self, azure, az, seed, officer):
        with_roles(seed, (CRYPTO_OFFICER, VAULT))
        az(BY_KEY).ok()
        az(f"{REVOKE} --yes").ok()
        az(RESTORE).ok()
        assert pulled(azure) == 200
        assert roles(seed) == {(CRYPTO_OFFICER, str(VAULT).lower())}

    def test_of_a_managed_hsm(self, azure, az, seed):
        identity, hsm = seed.identity(), seed.hsm()
        key = seed.key(hsm, kty="RSA-HSM")["keyUri"]
        grant_in_hsm(azure, identity["principalId"], HSM_ENCRYPTION_USER, f"/keys/{KEY}")
        grant_in_hsm(azure, OWNER_OBJECT_ID, HSM_CRYPTO_USER, "/keys")
        encryption(seed, identity, key)
        az(BY_KEY).ok()
        assert pulled(azure) == 403
        az(RESTORE).ok()
        assert pulled(azure) == 200

    @pytest.mark.parametrize("behind", [False, True], ids=["the latest", "an older one"])
    @pytest.mark.parametrize("answer", ["refused", "hidden"])
    def test_it_is_undone_where_the_control_plane_does_not_show_a_disabled_key(
        self, azure, seed, officer, quick_az, answer, behind
    ):
        seed.encrypted()
        if behind:
            seed.change_key("POST", f"{KEY_URI}/rotate")
        azure.settings(disabled_key_by_arm=answer)
        assert quick_az(BY_KEY).json()["key"]["enabled"] is False
        assert pulled(azure) == 403
        checked = quick_az("acr cmk check -n myregistry")
        failed = {each["code"] for each in json.loads(checked.out) if each["status"] == "failed"}
        assert (checked.code, "KeyDisabled" in failed) == (1, True)
        quick_az(RESTORE).ok()
        assert pulled(azure) == 200
        assert quick_az("acr cmk check -n myregistry").code == 0

    def test_a_check_by_one_who_may_not_look_into_the_vault_still_fails(self, azure, seed, quick_az):
        seed.encrypted()
        azure.settings(disabled_key_by_arm="hidden")
        seed.change_key("PATCH", version_in_use(seed), {"attributes": {"enabled": False}})
        checked = quick_az("acr cmk check -n myregistry")
        assert (checked.code, "KeyDisabled" in checked.out) == (1, True)

    def test_takes_a_right_on_the_vault(self, azure, az, seed):
        seed.encrypted()
        failed = az(BY_KEY)
        assert failed.code == 1
        assert "can be changed only in the vault" in failed.err
        assert "Key Vault Crypto Officer" in failed.err
        assert "Nothing was changed" in failed.err
        assert pulled(azure) == 200

    def test_takes_a_way_past_the_firewall(self, azure, az, seed, officer):
        seed.encrypted()
        seed.patch(VAULT, {"properties": {"networkAcls": {"bypass": "AzureServices", "defaultAction": "Deny"}}})
        failed = az(BY_KEY)
        assert failed.code == 1
        assert "firewall does not allow access from your network" in failed.err
        assert pulled(azure) == 200
