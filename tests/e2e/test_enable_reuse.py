"""Each part that is there already is used as it is."""

from __future__ import annotations

import pytest

from azext_acrcmk.model.access import ENCRYPTION_USER
from azext_acrcmk.model.ids import IDENTITY_TYPE, VAULT_TYPE, ArmId
from sandbox.world import OTHER_SUBSCRIPTION as OTHER
from sandbox.world import SUBSCRIPTION, TENANT
from tests.harness.seed import CRYPTO_OFFICER, ENABLE, GROUP, KEY, LOCATION, REGISTRY, VAULT, bodies, changes, outcomes

ELSEWHERE = f"/subscriptions/{OTHER}/resourceGroups/elsewhere"


@pytest.fixture
def elsewhere(seed):
    """A group in the other subscription."""
    return seed.group("elsewhere", subscription=OTHER)


@pytest.fixture(autouse=True)
def pulls(azure):
    """Whatever was used, the registry of each test serves its images in the end."""
    yield
    assert azure.pull("myregistry") == {"status": 200, "reason": ""}


def reused(result) -> set[str]:
    return {step for step, outcome in outcomes(result).items() if outcome == "reused"}


def test_the_group(az, seed):
    assert reused(az(f"{ENABLE} -l northeurope").json()) == {"group"}
    assert seed.get(VAULT)["location"] == "northeurope"


def test_the_identity_by_its_default_name(azure, az, seed):
    identity = seed.identity()
    result = az(ENABLE).json()
    assert reused(result) == {"group", "identity"}
    assert result["identity"]["clientId"] == identity["clientId"]


@pytest.mark.parametrize(
    "id_",
    [
        ArmId(SUBSCRIPTION, "rg", IDENTITY_TYPE, "shared"),
        ArmId(SUBSCRIPTION, "others", IDENTITY_TYPE, "shared"),
        ArmId(OTHER, "elsewhere", IDENTITY_TYPE, "shared"),
    ],
    ids=["group", "other-group", "other-subscription"],
)
def test_the_identity_by_its_id(azure, az, seed, elsewhere, id_):
    seed.group("others")
    identity = seed.identity(id_)
    result = az(f"{ENABLE} --identity {id_}").json()
    assert reused(result) == {"group", "identity"}
    assert result["identity"]["clientId"] == identity["clientId"]


def test_an_identity_is_created_where_its_id_says(azure, az, seed, elsewhere):
    id_ = ArmId(OTHER, "elsewhere", IDENTITY_TYPE, "fresh")
    result = az(f"{ENABLE} --identity {id_}").json()
    assert seed.get(id_)["properties"]["clientId"] == result["identity"]["clientId"]


@pytest.mark.parametrize(
    "id_",
    [
        ArmId(SUBSCRIPTION, "rg", VAULT_TYPE, "shared-vault"),
        ArmId(SUBSCRIPTION, "others", VAULT_TYPE, "shared-vault"),
        ArmId(OTHER, "elsewhere", VAULT_TYPE, "shared-vault"),
    ],
    ids=["group", "other-group", "other-subscription"],
)
def test_the_vault_by_its_name(azure, az, seed, elsewhere, id_):
    seed.group("others")
    seed.vault(id_)
    result = az(f"{ENABLE} --key-vault Shared-Vault").json()
    assert reused(result) == {"group", "vault"}
    assert result["vault"]["id"].lower() == str(id_).lower()


def test_the_vault_by_its_id(azure, az, seed, elsewhere):
    id_ = seed.vault(ArmId(OTHER, "elsewhere", VAULT_TYPE, "shared-vault"))
    result = az(f"{ENABLE} --key-vault {id_}").json()
    assert reused(result) == {"group", "vault"}
    assert result["vault"]["id"].lower() == id_.lower()


def test_a_vault_is_created_where_its_id_says(azure, az, seed, elsewhere):
    id_ = ArmId(OTHER, "elsewhere", VAULT_TYPE, "fresh-vault")
    result = az(f"{ENABLE} --key-vault {id_}").json()
    assert reused(result) == {"group"}
    assert seed.get(id_)["properties"]["enablePurgeProtection"] is True


def test_a_vault_with_access_policies_keeps_them_and_gets_one_more(azure, az, seed):
    mine = {"tenantId": TENANT, "objectId": "11111111-0000-4000-8000-000000000009", "permissions": {"keys": ["list"]}}
    seed.vault(enableRbacAuthorization=False, accessPolicies=[mine])
    result = az(ENABLE).json()
    assert result["vault"]["permissionModel"] == "access-policy"
    first, second = seed.get(VAULT)["properties"]["accessPolicies"]
    assert first["permissions"]["keys"] == ["list"]
    assert second["permissions"]["keys"] == ["get", "wrapKey", "unwrapKey"]


def test_the_key(azure, az, seed):
    seed.vault()
    key = seed.key()
    result = az(ENABLE).json()
    assert reused(result) == {"group", "vault", "key"}
    assert result["key"]["latestVersion"] == key["keyUriWithVersion"].rsplit("/", 1)[-1]
    assert not bodies(azure, "PUT", f"/keys/{KEY}")


def test_a_key_of_another_name_in_a_vault_of_another_name(azure, az, seed):
    vault = ArmId(SUBSCRIPTION, "rg", VAULT_TYPE, "shared-vault")
    seed.key(seed.vault(vault), "shared-key")
    result = az(f"{ENABLE} --key-vault shared-vault --key shared-key --rotation manual").json()
    assert reused(result) == {"group", "vault", "key"}
    assert result["encryption"]["keyVaultProperties"]["keyRotationEnabled"] is False


@pytest.mark.parametrize("version", [False, True], ids=["versionless", "version"])
def test_the_key_by_its_uri(azure, az, seed, version):
    seed.vault()
    key = seed.key()["keyUriWithVersion" if version else "keyUri"]
    result = az(f"{ENABLE} --key-encryption-key {key}").json()
    assert reused(result) == {"group", "vault", "key"}
    used = result["encryption"]["keyVaultProperties"]
    assert (used["keyIdentifier"], used["keyRotationEnabled"]) == (key, not version)


def test_an_older_version_of_the_key_by_its_uri(azure, az, seed):
    seed.vault()
    key = seed.key()
    seed.change_key("POST", f"{key['keyUri']}/rotate")
    result = az(f"{ENABLE} --key-encryption-key {key['keyUriWithVersion']}").json()
    assert result["encryption"]["keyVaultProperties"]["versionedKeyIdentifier"] == key["keyUriWithVersion"]
    assert result["key"]["upToDate"] is False


def test_the_uri_of_a_key_in_the_other_subscription(azure, az, seed, elsewhere):
    vault = ArmId(OTHER, "elsewhere", VAULT_TYPE, "shared-vault")
    seed.vault(vault)
    result = az(f"{ENABLE} --key-encryption-key {seed.key(vault)['keyUri']}").json()
    assert reused(result) == {"group", "vault", "key"}
    assert result["vault"]["id"].lower() == str(vault).lower()


def test_the_uri_of_a_key_in_a_managed_hsm(azure, az, seed):
    key = seed.key(seed.hsm(), kty="RSA-HSM")["keyUri"]
    result = az(f"{ENABLE} --key-encryption-key {key}").json()
    assert reused(result) == {"group", "vault", "key"}
    assert result["vault"]["kind"] == "managedHSM"
    assert result["access"]["granted"] is True
    again = az(f"{ENABLE} --key-encryption-key {key}").json()
    assert reused(again) == {"group", "identity", "vault", "key", "grant", "registry"}


@pytest.mark.parametrize(
    ("scope", "role"),
    [
        (VAULT, ENCRYPTION_USER),
        (f"{VAULT}/keys/{KEY}", ENCRYPTION_USER),
        (GROUP, ENCRYPTION_USER),
        (f"/subscriptions/{SUBSCRIPTION}", CRYPTO_OFFICER),
        (VAULT, CRYPTO_OFFICER),
    ],
    ids=["vault", "key", "group", "subscription-officer", "officer"],
)
def test_a_grant_that_suffices(azure, az, seed, scope, role):
    seed.vault()
    seed.key()
    seed.grant(seed.identity()["principalId"], scope, role)
    result = az(ENABLE).json()
    assert outcomes(result).pop("registry") == "created"
    assert reused(result) == {"group", "identity", "vault", "key", "grant"}
    assert [change.split(" ")[1].lower() for change in changes(azure)] == [str(REGISTRY).lower()]


def test_a_grant_by_a_role_of_ones_own(azure, az, seed):
    seed.grant(seed.parts_without_grant()["principalId"], role=seed.role("keys/read", "keys/wrap/*", "keys/unwrap/*"))
    assert "grant" in reused(az(ENABLE).json())


def test_a_grant_by_a_role_that_does_too_little_is_made_good(azure, az, seed):
    seed.grant(seed.parts_without_grant()["principalId"], role=seed.role("keys/read", "keys/wrap/action"))
    assert "grant" not in reused(az(ENABLE).json())


def test_a_grant_at_the_group_for_a_vault_that_is_yet_to_be(azure, az, seed):
    seed.grant(seed.identity()["principalId"], GROUP)
    assert reused(az(ENABLE).json()) == {"group", "identity", "grant"}


@pytest.mark.parametrize("permissions", [["get", "wrapKey", "unwrapKey"], ["all"]], ids=["three", "all"])
def test_a_grant_by_access_policy(azure, az, seed, permissions):
    principal = seed.identity()["principalId"]
    policy = {"tenantId": TENANT, "objectId": principal, "permissions": {"keys": permissions}}
    seed.vault(enableRbacAuthorization=False, accessPolicies=[policy])
    assert reused(az(ENABLE).json()) == {"group", "identity", "vault", "grant"}


def test_a_policy_that_lacks_a_permission_is_made_good(azure, az, seed):
    principal = seed.identity()["principalId"]
    policy = {"tenantId": TENANT, "objectId": principal, "permissions": {"keys": ["get", "list"]}}
    seed.vault(enableRbacAuthorization=False, accessPolicies=[policy])
    assert reused(az(ENABLE).json()) == {"group", "identity", "vault"}
    (policy,) = seed.get(VAULT)["properties"]["accessPolicies"]
    assert set(policy["permissions"]["keys"]) == {"get", "list", "wrapKey", "unwrapKey"}


def test_a_grant_that_others_have_made(azure, az, seed):
    seed.parts()
    result = az(f"{ENABLE} --skip-grant").json()
    assert reused(result) == {"group", "identity", "vault", "key", "grant"}


@pytest.mark.parametrize("options", ["", "--skip-grant", "--rotation auto", f"-l {LOCATION}", "--default-action Allow"])
def test_an_encrypted_registry_is_left_alone(azure, az, seed, options):
    identity = seed.encrypted()
    result = az(f"{ENABLE} {options}").json()
    assert changes(azure) == []
    assert reused(result) == set(outcomes(result))
    assert result["identity"]["clientId"] == identity["clientId"]


def test_a_registry_pinned_to_a_version_is_left_alone(azure, az, seed):
    seed.encrypted(pinned=True)
    for options in ("--rotation manual", ""):
        az(f"{ENABLE} {options}").ok()
    assert changes(azure) == []


def test_only_what_is_missing_is_made_where_a_grant_was_lost(azure, az, seed):
    seed.encrypted()
    (grant,) = seed.assignments()
    seed.delete(grant["id"])
    assert azure.pull("myregistry")["status"] == 403
    result = az(ENABLE).json()
    assert set(outcomes(result)) - reused(result) == {"grant"}


def test_a_firewall_that_lets_trusted_services_in_is_no_hindrance(azure, az, seed):
    seed.vault(networkAcls={"bypass": "AzureServices", "defaultAction": "Deny"}, publicNetworkAccess="Disabled")
    assert reused(az(ENABLE).json()) == {"group", "vault"}


def test_purge_protection_of_a_vault_is_turned_on_when_said_yes(azure, az, seed):
    seed.vault(enablePurgeProtection=None)
    result = az(f"{ENABLE} --yes").json()
    assert outcomes(result)["purge-protection"] == "updated"
    assert seed.get(VAULT)["properties"]["enablePurgeProtection"] is True


def test_purge_protection_of_a_vault_is_turned_on_where_prompts_are_disabled(azure, az, seed):
    seed.vault(enablePurgeProtection=None)
    result = az(ENABLE, environment={"AZURE_CORE_DISABLE_CONFIRM_PROMPT": "1"}).json()
    assert outcomes(result)["purge-protection"] == "updated"
