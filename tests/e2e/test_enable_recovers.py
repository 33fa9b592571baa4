"""Soft-deleted vaults and keys come back, and a key is made in the way that the caller's rights allow."""

from __future__ import annotations

import pytest

from azext_acrcmk.model.ids import VAULT_TYPE, ArmId
from sandbox.world import OWNER_OBJECT_ID, SUBSCRIPTION, TENANT
from tests.harness.seed import CRYPTO_OFFICER, ENABLE, GROUP, KEY, VAULT, changes, outcomes

KEY_URI = f"https://{VAULT.name}.vault.azure.net/keys/{KEY}"


def pulls(azure) -> bool:
    return azure.pull("myregistry")["status"] == 200


def steps_to_do(result) -> dict[str, str]:
    return {row["step"]: row["action"] for row in result if row["action"] != "reuse"}


@pytest.fixture
def officer(seed):
    """The signed-in owner may also use the vault's data plane."""
    return lambda scope=VAULT: seed.grant(OWNER_OBJECT_ID, scope, CRYPTO_OFFICER)


@pytest.mark.parametrize(
    "option",
    [
        "--permission-model access-policy",
        "--vault-sku premium",
        "--retention-days 7",
        "--restrict-vault-network",
        "--grant-scope key",
    ],
)
def test_a_deleted_vault_comes_back_as_it_was_so_nothing_else_can_be_asked_of_it(azure, az, seed, option):
    seed.vault()
    seed.delete(VAULT)
    result = az(f"{ENABLE} {option}")
    assert result.code == 1
    assert f"recovered unchanged, so {option.split()[0]}" in result.err
    assert changes(azure) == []


def test_a_key_that_a_deleted_vault_brings_back_is_not_another_than_asked_for(azure, az, seed):
    seed.key(seed.vault())
    seed.delete(VAULT)
    result = az(f"{ENABLE} --key-size 4096")
    assert result.code == 1
    assert "--key-size 4096 does not match its value (2048)" in result.err
    assert "vault recovered" in result.err
    az(ENABLE).ok()
    assert pulls(azure)


@pytest.mark.parametrize("with_key", [True, False], ids=["with-its-key", "without-key"])
@pytest.mark.parametrize("protected", [True, False], ids=["protected", "unprotected"])
def test_a_deleted_vault_is_recovered_with_its_keys_and_granted_again(azure, az, seed, with_key, protected):
    seed.grant(seed.identity()["principalId"], seed.vault(enablePurgeProtection=protected or None))
    key = seed.key() if with_key else None
    seed.delete(VAULT)
    plan = steps_to_do(az(f"{ENABLE} --what-if").json())
    assert (plan["vault"], plan["grant"]) == ("recover", "create")
    result = az(f"{ENABLE} --yes").json()
    assert pulls(azure)
    done = outcomes(result)
    assert (done["vault"], done["grant"]) == ("recovered", "created")
    assert done["key"] == ("reused" if with_key else "created")
    assert done.get("purge-protection") == (None if protected else "updated")
    if key:
        assert result["encryption"]["keyVaultProperties"]["versionedKeyIdentifier"] == key["keyUriWithVersion"]


def test_a_deleted_vault_with_access_policies_keeps_them(azure, az, seed):
    seed.vault(enableRbacAuthorization=False)
    seed.delete(VAULT)
    assert az(ENABLE).json()["vault"]["permissionModel"] == "access-policy"
    assert pulls(azure)


def test_a_deleted_vault_comes_back_to_where_it_was(azure, az, seed):
    seed.group("others")
    vault = ArmId(SUBSCRIPTION, "others", VAULT_TYPE, "gone-vault")
    seed.delete(seed.vault(vault))
    result = az(f"{ENABLE} --key-vault gone-vault").json()
    assert outcomes(result)["vault"] == "recovered"
    assert result["vault"]["id"].lower() == str(vault).lower()
    assert pulls(azure)


def test_a_deleted_vault_of_an_encrypted_registry_comes_back(azure, az, seed):
    seed.encrypted()
    seed.delete(VAULT)
    assert not pulls(azure)
    result = az(ENABLE).json()
    assert outcomes(result) == {
        "group": "reused",
        "identity": "reused",
        "vault": "recovered",
        "key": "reused",
        "grant": "created",
        "registry": "reused",
    }
    assert pulls(azure)


@pytest.mark.parametrize("model", ["rbac", "policy"])
def test_a_deleted_key_is_recovered_with_its_versions(azure, az, seed, officer, model):
    seed.vault()
    officer()
    key = seed.key()
    seed.change_key("DELETE", KEY_URI)
    if model == "policy":
        mine = {"tenantId": TENANT, "objectId": OWNER_OBJECT_ID, "permissions": {"keys": ["get", "recover"]}}
        seed.vault(enableRbacAuthorization=False, accessPolicies=[mine])
    assert steps_to_do(az(f"{ENABLE} --what-if").json())["key"] == "recover"
    result = az(ENABLE).json()
    assert outcomes(result)["key"] == "recovered"
    assert result["encryption"]["keyVaultProperties"]["versionedKeyIdentifier"] == key["keyUriWithVersion"]
    assert pulls(azure)


def test_the_deleted_key_of_an_encrypted_registry_is_recovered(azure, az, seed, officer):
    seed.encrypted()
    officer()
    seed.change_key("DELETE", KEY_URI)
    assert not pulls(azure)
    assert outcomes(az(ENABLE).json())["key"] == "recovered"
    assert pulls(azure)


def test_a_deleted_key_that_the_caller_may_not_recover(azure, az, seed):
    seed.vault()
    seed.key()
    seed.change_key("DELETE", KEY_URI)
    refused = az(ENABLE)
    assert refused.code == 1
    assert f"The key '{KEY}' is soft-deleted, and could not be recovered" in refused.err
    assert "Key Vault Crypto Officer" in refused.err
    assert f"az keyvault key recover --vault-name {VAULT.name} --name {KEY}" in refused.err
    assert "Or choose another name with --key" in refused.err


def test_waits_until_key_vault_knows_that_the_caller_may_create_keys(azure, az, seed):
    azure.settings(control_role_seconds=2.0)
    assert outcomes(az(ENABLE).json())["key"] == "created"
    assert pulls(azure)
    refused = [entry["status"] for entry in azure.log() if entry["path"].endswith(f"/keys/{KEY}")]
    assert refused[0] == 400


def test_where_the_control_plane_refuses_the_vault_itself_makes_the_key(azure, az, seed, officer):
    azure.settings(control_role_seconds=100_000.0)
    officer(GROUP)
    result = az(f"{ENABLE} --grant-timeout 0 --key-size 3072 --rotation-period 90d --key-lifetime 1y")
    assert "You don't have permission to create the key in the control plane; creating it in the vault." in result.err
    assert outcomes(result.json())["key"] == "created"
    assert pulls(azure)
    azure.settings(control_role_seconds=0.0)
    key = seed.get(f"{VAULT}/keys/{KEY}")["properties"]
    assert (key["keySize"], sorted(key["keyOps"])) == (3072, ["unwrapKey", "wrapKey"])
    assert key["rotationPolicy"]["lifetimeActions"][0]["trigger"] == {"timeAfterCreate": "P90D"}


def test_a_key_whose_rotation_policy_the_vault_refuses_is_not_said_to_be_missing(azure, az, seed, officer):
    azure.settings(control_role_seconds=100_000.0)
    officer(GROUP)
    body = {"error": {"code": "Forbidden", "message": "Not allowed."}}
    azure.fault("status", method="PUT", path="/rotationpolicy", status=403, times=99, body=body)
    refused = az(f"{ENABLE} --grant-timeout 0 --rotation-period 90d")
    assert refused.code == 1
    assert f"The key '{KEY}' was created in the vault, but its rotation policy could not be set" in refused.err
    assert f"az keyvault key rotation-policy update --vault-name {VAULT.name} --name {KEY} --value FILE" in refused.err
    azure.settings(control_role_seconds=0.0)
    az(ENABLE).ok()
    assert pulls(azure)


def test_names_the_role_that_is_missing_where_neither_lets_the_key_be_made(azure, az, seed):
    azure.settings(control_role_seconds=100_000.0)
    refused = az(f"{ENABLE} --grant-timeout 0")
    assert refused.code == 1
    assert "could not be created, neither in the control plane nor in the vault" in refused.err
    assert "role 'Key Vault Contributor'" in refused.err
    assert f"'Key Vault Crypto Officer', on {VAULT}".lower() in refused.err.lower()
    assert "Run the same command again after you fix this" in refused.err


def test_a_vault_whose_keys_the_control_plane_does_not_show_is_left_alone(azure, az, seed):
    azure.settings(control_role_seconds=100_000.0)
    seed.vault()
    refused = az(ENABLE)
    assert refused.code == 1
    assert "Requires permission 'Microsoft.KeyVault/vaults/keys/read'" in refused.err
    assert changes(azure) == []
