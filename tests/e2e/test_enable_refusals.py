"""What exists and can't be used, or contradicts the command: said before anything is changed."""

from __future__ import annotations

import json
import time

import pytest

from azext_acrcmk.model.ids import IDENTITY_TYPE, VAULT_TYPE, ArmId
from sandbox.world import OTHER_SUBSCRIPTION as OTHER
from sandbox.world import SUBSCRIPTION, TENANT
from tests.harness.seed import ENABLE, IDENTITY, KEY, REGISTRY, VAULT, changes

KEY_URI = f"https://{VAULT.name}.vault.azure.net/keys/{KEY}"

ROTATE = f"az acr cmk rotate --name myregistry --subscription {SUBSCRIPTION}"


@pytest.fixture
def az(quick_az):
    return quick_az


@pytest.fixture
def refused(azure, az):
    """Runs `enable`, which has to fail without having changed anything; what it then says holds all the words."""

    def run(options: str, *words: str, code: int = 1) -> str:
        result = az(f"{ENABLE} {options}")
        assert result.code == code, result
        assert changes(azure) == []
        for word in words:
            assert word.lower() in result.err.lower(), result
        return result.err

    return run


class TestRegistry:
    def test_without_a_key_of_the_customer(self, seed, refused):
        seed.registry()
        refused(
            "",
            "exists and is not encrypted with a customer-managed key",
            "enabled only when a registry is created. Nothing was changed.",
            "az acr cmk enable --name myregistrycmk --resource-group rg",
            f"az acr cmk migrate --name myregistry --subscription {SUBSCRIPTION} --to myregistrycmk",
        )

    def test_of_a_lesser_sku(self, seed, refused):
        seed.registry(sku="Basic")
        refused("", "exists and is not encrypted with a customer-managed key")

    def test_encrypted_with_another_key(self, azure, seed, refused):
        seed.encrypted()
        seed.key(name="other")
        refused(
            "--key other",
            f"is already encrypted with another key: it uses {KEY_URI}",
            f"{ROTATE} --key-encryption-key https://{VAULT.name}.vault.azure.net/keys/other",
        )
        assert azure.pull("myregistry")["status"] == 200

    def test_pinned_to_another_version(self, seed, refused):
        seed.encrypted(pinned=True)
        seed.change_key("POST", f"{KEY_URI}/rotate")
        newest = seed.get(f"{VAULT}/keys/{KEY}")["properties"]["keyUriWithVersion"]
        refused(f"--key-encryption-key {newest}", f"{ROTATE} --key-encryption-key {newest}")

    @pytest.mark.parametrize(("pinned", "rotation"), [(True, "auto"), (False, "manual")])
    def test_with_another_rotation(self, seed, refused, pinned, rotation):
        seed.encrypted(pinned=pinned)
        refused(f"--rotation {rotation}", f"{ROTATE} --rotation {rotation}")

    def test_with_another_identity(self, seed, refused):
        seed.encrypted()
        seed.identity(ArmId(SUBSCRIPTION, "rg", IDENTITY_TYPE, "other"))
        refused("--identity other", "through another identity", f"{ROTATE} --identity")

    def test_with_an_identity_that_does_not_exist(self, seed, refused):
        seed.encrypted()
        refused("--identity other", "through another identity")

    def test_whose_identity_is_no_longer_attached(self, azure, seed, refused):
        seed.encrypted()
        seed.patch(REGISTRY, {"identity": {"type": "None"}})
        command = f"az acr identity assign --name myregistry --subscription {SUBSCRIPTION} --identities {IDENTITY}"
        refused("", "is not assigned to the registry", command)

    def test_with_other_settings(self, seed, refused):
        seed.encrypted(adminUserEnabled=True)
        refused(
            "--admin-enabled false --default-action Deny -l northeurope",
            "--location is westeurope, not northeurope",
            "az acr update --name myregistry --default-action Deny --admin-enabled false",
        )

    def test_whose_vault_is_gone(self, azure, seed, refused):
        seed.encrypted()
        seed.delete(VAULT)
        azure.advance(91 * 86_400)
        refused("", "A new one with the same name would not decrypt the registry", code=3)

    def test_of_the_name_that_belongs_to_others(self, seed, refused):
        others = seed.group("others", subscription=OTHER)
        seed.put(
            f"{others}/providers/Microsoft.ContainerRegistry/registries/myregistry",
            {"location": "westeurope", "sku": {"name": "Basic"}},
        )
        refused("", "The registry myregistry is already in use", "Choose another name")


class TestGroup:
    def test_that_does_not_exist(self, az, azure):
        result = az(ENABLE)
        assert result.code == 3
        assert "Resource group 'rg' does not exist" in result.err
        assert "Specify --location" in result.err
        assert changes(azure) == []

    @pytest.mark.parametrize(("option", "type_"), [("--identity", IDENTITY_TYPE), ("--key-vault", VAULT_TYPE)])
    def test_of_an_id_that_does_not_exist(self, seed, refused, option, type_):
        id_ = ArmId(OTHER, "nowhere", type_, "something")
        refused(f"{option} {id_}", "its resource group 'nowhere' does not exist", code=3)


class TestVault:
    def test_whose_firewall_shuts_registries_out(self, seed, refused):
        seed.parts(networkAcls={"bypass": "None", "defaultAction": "Deny"})
        command = f"az keyvault update --name {VAULT.name} --subscription {SUBSCRIPTION} --bypass AzureServices"
        refused("", "does not allow trusted services", command)

    def test_without_public_access_and_bypass(self, seed, refused):
        seed.parts(networkAcls={"bypass": "None", "defaultAction": "Allow"}, publicNetworkAccess="Disabled")
        refused("", "does not allow trusted services")

    @pytest.mark.parametrize(
        ("option", "has"),
        [
            ("--permission-model access-policy", "has rbac"),
            ("--vault-sku premium", "has standard"),
            ("--retention-days 7", "has 90"),
            ("--restrict-vault-network", "does not restrict its network"),
        ],
    )
    def test_that_differs_from_the_options(self, seed, refused, option, has):
        seed.vault()
        refused(option, has, f"Omit {option.split(' ', 1)[0]}")

    def test_that_can_hold_no_hsm_keys(self, seed, refused):
        seed.vault()
        refused("--key-type RSA-HSM", "SKU 'standard' does not support RSA-HSM keys")

    def test_that_the_uri_of_a_key_names_and_is_not_there(self, seed, refused):
        refused("--key-encryption-key https://no-such-vault.vault.azure.net/keys/k", "There is no key vault", code=3)

    def test_managed_hsm_without_purge_protection(self, seed, refused):
        key = seed.key(seed.hsm(enablePurgeProtection=False), kty="RSA-HSM")["keyUri"]
        refused(f"--key-encryption-key {key}", "has no purge protection", "az keyvault update-hsm")


class TestKey:
    @pytest.mark.parametrize("version", [False, True])
    def test_that_is_not_there(self, seed, refused, version):
        seed.vault()
        uri = f"{KEY_URI}/{'0' * 32}" if version else KEY_URI
        refused(f"--key-encryption-key {uri}", "There is no", code=3)

    @pytest.mark.parametrize(
        ("properties", "words"),
        [
            ({"kty": "EC"}, ("is of type EC", "RSA and RSA-HSM only")),
            ({"attributes": {"enabled": False}}, ("is disabled", "az keyvault key set-attributes")),
            ({"attributes": {"exp": int(time.time()) - 60}}, ("expired at", "az keyvault key rotate")),
            ({"attributes": {"nbf": int(time.time()) + 86_400}}, ("is not valid before",)),
            ({"keyOps": ["wrapKey", "encrypt"]}, ("does not permit unwrapkey", "--ops wrapKey unwrapKey")),
        ],
        ids=["ec", "disabled", "expired", "not-yet", "operations"],
    )
    def test_that_cannot_encrypt_a_registry(self, seed, refused, properties, words):
        seed.vault()
        seed.key(**properties)
        refused("", *words)

    @pytest.mark.parametrize(
        ("option", "has"),
        [("--key-size 4096", "(2048)"), ("--rotation-period 90d", "(None)"), ("--key-type RSA-HSM", "(RSA)")],
    )
    def test_that_differs_from_the_options(self, seed, refused, option, has):
        seed.vault(sku="premium")
        seed.key()
        refused(option, has, f"Omit {option.split(' ', 1)[0]}")


class TestGrantScope:
    def test_an_access_policy_covers_the_whole_vault(self, seed, refused):
        seed.vault(enableRbacAuthorization=False)
        refused("--grant-scope key", "apply to the whole vault, not to one key", "Omit --grant-scope key")


class TestSkipGrant:
    @pytest.mark.parametrize("scope", ["vault", "key"])
    def test_names_the_command_that_grants(self, seed, refused, scope):
        principal = seed.parts_without_grant()["principalId"]
        command = 'az role assignment create --role "Key Vault Crypto Service Encryption User" --assignee-object-id'
        target = f"--scope {VAULT}/keys/{KEY}" if scope == "key" else f"--scope {VAULT}"
        refused(
            f"--skip-grant --grant-scope {scope}",
            "has no get, wrapKey, unwrapKey permission",
            f"{command} {principal}",
            target,
        )

    def test_names_the_command_that_sets_a_policy(self, seed, refused):
        principal = seed.parts_without_grant(enableRbacAuthorization=False)["principalId"]
        refused("--skip-grant", f"az keyvault set-policy --name {VAULT.name}", principal, "get wrapKey unwrapKey")

    def test_names_only_what_is_missing(self, seed, refused):
        principal = seed.identity()["principalId"]
        policy = {"tenantId": TENANT, "objectId": principal, "permissions": {"keys": ["get", "wrapKey"]}}
        seed.vault(enableRbacAuthorization=False, accessPolicies=[policy])
        refused("--skip-grant", "has no unwrapKey permission on the key")

    def test_takes_an_identity_that_exists(self, seed, refused):
        seed.vault()
        refused(
            "--skip-grant",
            "does not exist, so it can't have access to the key",
            "az identity create",
            code=3,
        )

    def test_takes_a_vault_that_exists(self, seed, refused):
        seed.identity()
        refused("--skip-grant", "Create the vault and grant access first")
        refused("--skip-grant --permission-model access-policy", "Create the vault and grant access first")


def test_all_that_stands_in_the_way_is_said_at_once(seed, refused):
    seed.vault(networkAcls={"bypass": "None", "defaultAction": "Deny"})
    seed.key(kty="EC")
    refused(
        "--retention-days 7", "3 problems must be fixed first. Nothing was changed.", "1. ", "2. ", "3. ", "of type EC"
    )


def test_a_registry_whose_key_does_not_work_is_no_success(azure, az, scene):
    scene.officer()
    scene.encrypt(pinned=True).new_version()
    scene.change_version(attributes={"enabled": False})
    result = az(f"{ENABLE} --rotation manual")
    assert result.code == 1
    assert json.loads(result.out)["health"] == "broken"
    assert "The key of registry 'myregistry' does not work. To find the cause: az acr cmk check" in result.err
    assert changes(azure) == []
