"""Another key: the registry uses it in the end, and what is old goes only when told so."""

from __future__ import annotations

import pytest

from azext_acrcmk.model.ids import VAULT_TYPE, ArmId
from sandbox.world import OTHER_SUBSCRIPTION, OWNER_OBJECT_ID
from tests.harness.rotate import (
    KEY_URI,
    OFFICER,
    OTHER_VAULT,
    ROTATE,
    another_registry,
    latest,
    serves,
    used,
    versions,
)
from tests.harness.seed import CRYPTO_OFFICER, REGISTRY, VAULT, changes, outcomes


class TestAnotherKey:
    @pytest.mark.parametrize("version", [False, True], ids=["versionless", "version"])
    def test_by_its_uri(self, azure, az, seed, version):
        seed.encrypted()
        key = seed.key(name="other")["keyUriWithVersion" if version else "keyUri"]
        az(f"{ROTATE} --key-encryption-key {key}").ok()
        assert (used(seed)["keyIdentifier"], used(seed)["keyRotationEnabled"]) == (key, not version)
        assert serves(azure)
        azure.clear_log()
        again = az(f"{ROTATE} --key-encryption-key {key}").json()
        assert set(outcomes(again).values()) == {"reused"}
        assert changes(azure) == []

    def test_in_a_managed_hsm(self, azure, az, seed):
        seed.encrypted()
        key = seed.key(seed.hsm(), kty="RSA-HSM")["keyUri"]
        result = az(f"{ROTATE} --key-encryption-key {key}").json()
        assert used(seed)["keyIdentifier"] == key
        assert outcomes(result)["grant"] == "created"
        assert serves(azure)

    def test_an_older_version_of_the_same_key(self, azure, az, seed):
        seed.encrypted()
        old = latest(seed)
        seed.change_key("POST", f"{KEY_URI}/rotate")
        az(f"{ROTATE} --no-new-version").ok()
        az(f"{ROTATE} --key-encryption-key {old}").ok()
        assert used(seed)["versionedKeyIdentifier"] == old
        azure.clear_log()
        again = az(f"{ROTATE} --key-encryption-key {old}").json()
        assert changes(azure) == []
        assert outcomes(again)["registry"] == "reused"

    @pytest.mark.parametrize(("there", "mode"), [(True, "manual"), (False, "auto")], ids=["existing", "absent"])
    def test_by_its_name(self, azure, az, seed, there, mode):
        seed.encrypted()
        if there:
            seed.key(name="other")
        result = az(f"{ROTATE} --key other --rotation {mode}").json()
        assert outcomes(result)["key"] == ("reused" if there else "created")
        assert used(seed)["versionedKeyIdentifier"] == latest(seed, name="other")
        assert used(seed)["keyRotationEnabled"] is (mode == "auto")
        assert serves(azure)

    @pytest.mark.parametrize("there", [True, False], ids=["existing", "absent"])
    def test_in_another_vault(self, azure, az, seed, there):
        seed.encrypted()
        if there:
            seed.key(seed.vault(OTHER_VAULT), "other")
        result = az(f"{ROTATE} --key-vault other-vault --key other --yes").json()
        made = outcomes(result)
        expected = "reused" if there else "created"
        assert (made["vault"], made["key"], made["grant"]) == (expected, expected, "created")
        assert used(seed)["versionedKeyIdentifier"] == latest(seed, OTHER_VAULT, "other")
        assert seed.get(OTHER_VAULT)["properties"]["enablePurgeProtection"] is True
        assert len(seed.assignments(VAULT)) == 1
        assert serves(azure)

    def test_in_a_vault_of_the_other_subscription(self, azure, az, seed):
        seed.encrypted()
        seed.group("elsewhere", subscription=OTHER_SUBSCRIPTION)
        vault = ArmId(OTHER_SUBSCRIPTION, "elsewhere", VAULT_TYPE, "shared-vault")
        seed.vault(vault)
        result = az(f"{ROTATE} --key-vault shared-vault --key other").json()
        assert outcomes(result)["vault"] == "reused"
        assert result["vault"]["id"].lower() == str(vault).lower()
        assert serves(azure)

    def test_without_purge_protection_is_protected_after_a_question(self, azure, az, seed, refused):
        seed.encrypted()
        seed.vault(OTHER_VAULT, enablePurgeProtection=None)
        command = f"{ROTATE} --key-vault other-vault"
        refused(command, "--yes")
        az(f"{command} --yes").ok()
        assert seed.get(OTHER_VAULT)["properties"]["enablePurgeProtection"] is True


class TestOldVersion:
    def test_is_disabled_after_the_registry_was_told_and_seen(self, azure, az, seed, officer):
        seed.encrypted()
        old = latest(seed)
        azure.settings(registry_patch_seconds=0.5, registry_retry_after=None)
        result = az(f"{ROTATE} --disable-old-version").json()
        assert outcomes(result)["old-version"] == "updated"
        assert versions(azure) == {old: False, latest(seed): True}
        assert serves(azure)
        log = [(entry["method"], entry["path"].lower()) for entry in azure.log()]
        told = log.index(("PATCH", str(REGISTRY).lower()))
        disabled = next(i for i, (method, path) in enumerate(log) if method == "PATCH" and path.startswith("/keys/"))
        assert ("GET", str(REGISTRY).lower()) in log[told:disabled]

    def test_stays_where_the_registry_does_not_take_the_new_one(self, azure, az, seed, officer):
        seed.encrypted()
        old = latest(seed)
        body = {"error": {"code": "InternalServerError", "message": "Not now."}}
        azure.fault("status", method="PATCH", path="registries/myregistry$", times=100, status=400, body=body)
        failed = az(f"{ROTATE} --disable-old-version")
        assert failed.code == 1
        assert versions(azure)[old] is True
        assert serves(azure)
        azure.clear_faults()
        az(f"{ROTATE} --disable-old-version").ok()
        assert versions(azure) == {old: False, latest(seed): True}

    def test_stays_while_another_registry_may_need_it(self, azure, az, seed, officer):
        identity = seed.encrypted()
        old = latest(seed)
        another_registry(seed, identity["id"], keyIdentifier=old, identity=identity["clientId"])
        result = az(f"{ROTATE} --disable-old-version").json()
        assert outcomes(result)["old-version"] == "reused"
        assert serves(azure, "second")
        assert versions(azure)[old] is True

    def test_that_could_not_be_disabled_leaves_the_registry_on_the_new_one(self, azure, az, seed):
        seed.encrypted()
        seed.change_key("POST", f"{KEY_URI}/rotate")
        seed.grant(OWNER_OBJECT_ID, VAULT, CRYPTO_OFFICER)
        body = {"error": {"code": "Forbidden", "message": "No.", "innererror": {"code": "ForbiddenByRbac"}}}
        azure.fault("status", method="PATCH", path="/keys/", status=403, body=body, times=9)
        failed = az(f"{ROTATE} --no-new-version --disable-old-version")
        assert failed.code == 1
        assert OFFICER in failed.err
        assert "registry updated" in failed.err
        assert used(seed)["versionedKeyIdentifier"] == latest(seed)
