"""What `rotate` refuses, and what it says when it can not go on."""

from __future__ import annotations

import pytest

from tests.harness.rotate import (
    AGAIN,
    KEY_URI,
    NOT_AUTHORIZED,
    OFFICER,
    ROTATE,
    disable,
    done,
    latest,
    serves,
    used,
    versions,
)
from tests.harness.seed import GROUP, REGISTRY, VAULT, changes


class TestRefusals:
    def test_not_encrypted(self, seed, refused):
        seed.registry()
        refused(ROTATE, "is not encrypted with a customer-managed key", "az acr cmk enable --name myregistrycmk")

    def test_not_there(self, seed, refused):
        refused(ROTATE, "No registry 'myregistry' was found", code=3)
        refused(f"{ROTATE} -g rg", "There is no registry 'myregistry'", code=3)

    def test_an_operation_under_way(self, azure, seed, refused):
        seed.encrypted()
        azure.settings(registry_patch_seconds=100_000.0)
        seed.patch(REGISTRY, {"identity": {"type": "SystemAssigned, UserAssigned"}})
        refused(ROTATE, "is in state Updating", "Wait for the running operation to finish")

    def test_a_disabled_version_in_use_until_the_printed_command_has_enabled_it(self, azure, az, seed, officer):
        seed.encrypted()
        old = latest(seed)
        seed.change_key("POST", f"{KEY_URI}/rotate")
        disable(seed, old)
        said = az(ROTATE).err
        assert f"{old}, is disabled" in said
        assert done(azure) == []
        command = next(line for line in said.splitlines() if "az keyvault key" in line).split("az ", 1)[1]
        az(command).ok()
        az(ROTATE).ok()
        assert serves(azure)

    def test_a_system_identity_that_was_removed(self, azure, az, scene, refused):
        scene.encrypt().use_system_identity()
        scene.detach_identity()
        azure.clear_log()
        refused(f"{ROTATE} --no-new-version", "system-assigned identity, which was removed", "Only Azure support")

    def test_a_lock_is_told_at_once(self, azure, az, seed, officer):
        seed.encrypted()
        said = f"The scope '{REGISTRY}' cannot perform write operation because these scopes are locked: '{GROUP}'."
        body = {"error": {"code": "ScopeLocked", "message": f"{said} Please remove the lock and try again."}}
        azure.fault("status", method="PATCH", path="registries/myregistry$", times=99, status=409, body=body)
        azure.clear_log()
        result = az(ROTATE)
        assert result.code == 1, result
        for words in ("A lock does not allow this change", said, "az lock list --resource-group rg", "az lock delete"):
            assert words in result.err, result
        assert len([entry for entry in azure.log() if entry["method"] == "PATCH"]) == 1

    def test_an_elliptic_curve_key(self, seed, refused):
        seed.encrypted()
        seed.key(name="curve", kty="EC")
        refused(f"{ROTATE} --key curve", "of type EC", "RSA")

    def test_a_disabled_or_expired_other_key(self, seed, refused):
        seed.encrypted()
        disable(seed, seed.key(name="off")["keyUriWithVersion"])
        refused(f"{ROTATE} --key off", "disabled")
        seed.key(name="late", attributes={"exp": 1_600_000_000})
        refused(f"{ROTATE} --key late", "expired")

    def test_a_key_uri_that_leads_nowhere(self, seed, refused):
        seed.encrypted()
        refused(f"{ROTATE} --key-encryption-key {KEY_URI}x", "There is no key", code=3)

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            (f"--key-encryption-key {KEY_URI} --key k", "can't be used with --key"),
            (f"--key-encryption-key {KEY_URI}/{'a' * 32} --rotation auto", "conflicts with --rotation auto"),
            ("--key-encryption-key https://some-vault.vault.azure.cn/keys/k", "not in the cloud you are logged in to"),
            (f"--identity {VAULT}", "--identity requires the name or ID of an identity"),
            ("--key-vault _", "'_'"),
            ("--grant-timeout -1", "must be a number of seconds from 0"),
            ("--rotation sometimes", "sometimes"),
        ],
    )
    def test_bad_input(self, refused, options, words):
        refused(f"{ROTATE} {options}", words, code=2 if "sometimes" in words else 1)


class TestMissingPermission:
    def test_to_write_the_registry(self, azure, az, az_as, seed):
        seed.encrypted()
        weak = az_as(azure.principal(("Reader", GROUP), (OFFICER, GROUP)))
        result = weak(ROTATE)
        assert result.code == 1
        assert "You don't have permission 'Microsoft.ContainerRegistry/registries/write'" in result.err
        assert "Nothing was changed" in result.err
        assert len(versions(azure)) == 1

    def test_to_write_the_registry_that_is_lost_meanwhile(self, azure, az, seed, officer):
        seed.encrypted()
        azure.fault("status", method="PATCH", path="/registries/", status=403, body=NOT_AUTHORIZED, times=2)
        result = az(ROTATE)
        assert result.code == 1
        assert "version created" in result.err
        assert AGAIN in result.err
        assert serves(azure)
        azure.clear_faults()
        az(ROTATE).ok()
        assert len(versions(azure)) == 2
        assert used(seed)["versionedKeyIdentifier"] == latest(seed)

    def test_to_see_the_registry(self, azure, az_as, seed):
        seed.encrypted()
        result = az_as(azure.principal(("Reader", str(VAULT))))(f"{ROTATE} -g rg")
        assert result.code == 1
        assert "Microsoft.ContainerRegistry/registries/read" in result.err
        assert changes(azure) == []


@pytest.mark.parametrize(
    ("action", "method", "path"),
    [
        ("reset-before", "POST", "/rotate$"),
        ("reset-after", "POST", "/rotate$"),
        ("reset-before", "PATCH", "registries/myregistry$"),
        ("reset-after", "PATCH", "registries/myregistry$"),
    ],
)
def test_a_lost_connection_is_told_and_made_good(azure, az, seed, officer, action, method, path):
    seed.encrypted()
    azure.fault(action, method=method, path=path, times=1)
    first = az(f"{ROTATE} --rotation manual")
    assert serves(azure)
    if first.code:
        assert "The connection to Azure failed" in first.err
        assert "(no conclusive response)" in first.err
        assert AGAIN in first.err
        az(f"{ROTATE} --rotation manual").ok()
    assert used(seed)["keyIdentifier"] == used(seed)["versionedKeyIdentifier"] == latest(seed)
    assert serves(azure)
