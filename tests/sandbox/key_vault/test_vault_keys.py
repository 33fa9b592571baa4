"""Keys through Azure Resource Manager."""

import pytest

from tests.harness.in_process_azure import Azure, vault_path

VAULT_READER_ROLE = "21090545-7ca7-4776-b22c-e363652d74d2"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
KEY = f"{vault_path('vault1')}/keys/key1"


@pytest.fixture
def azure() -> Azure:
    azure = Azure()
    azure.vault()
    return azure


def put(azure: Azure, **properties) -> dict:
    return azure.ok("PUT", KEY, {"properties": {"kty": "RSA", **properties}})["properties"]


def test_new_key(azure):
    key = put(azure, keySize=3072, attributes={"exp": 4_000_000_000})
    assert key["keyUri"] == "https://vault1.vault.azure.net/keys/key1"
    assert key["keyUriWithVersion"].startswith(f"{key['keyUri']}/")
    assert (key["kty"], key["keySize"], key["attributes"]["exp"]) == ("RSA", 3072, 4_000_000_000)
    assert key["keyOps"] == ["encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey"]


def test_a_key_that_exists_is_returned_unchanged(azure):
    first = put(azure)
    assert put(azure, keySize=4096, attributes={"enabled": False}) == first


def test_rotation_policy_at_creation(azure):
    policy = {
        "lifetimeActions": [{"trigger": {"timeAfterCreate": "P30D"}, "action": {"type": "rotate"}}],
        "attributes": {"expiryTime": "P60D"},
    }
    shown = put(azure, rotationPolicy=policy)["rotationPolicy"]
    assert shown["lifetimeActions"] == policy["lifetimeActions"]
    assert shown["attributes"]["expiryTime"] == "P60D"
    azure.advance(30 * 86_400)
    versions = azure.get(f"{KEY}/versions")["value"]
    assert len(versions) == 2
    assert "exp" not in versions[0]["properties"]["attributes"]
    latest = azure.get(KEY)["properties"]["attributes"]
    assert latest["exp"] == latest["created"] + 60 * 86_400


def test_versions(azure):
    version = put(azure)["keyUriWithVersion"].rsplit("/", 1)[-1]
    assert azure.get(f"{KEY}/versions/{version}")["name"] == version
    assert azure.error("GET", f"{KEY}/versions/{'0' * 32}")[1]["code"] == "ResourceNotFound"
    assert [key["name"] for key in azure.get(f"{vault_path('vault1')}/keys")["value"]] == ["key1"]


@pytest.mark.parametrize("kty", ["RSA-HSM", "EC-HSM"])
def test_hardware_keys_need_a_premium_vault(azure, kty):
    assert azure.error("PUT", KEY, {"properties": {"kty": kty}})[0] == 400
    azure.ok("PATCH", vault_path("vault1"), {"properties": {"sku": {"family": "A", "name": "premium"}}})
    assert put(azure, kty=kty)["kty"] == kty


@pytest.mark.parametrize("wrong", [{"kty": "oct"}, {"keySize": 1024}, {"kty": "EC", "curveName": "P-1"}])
def test_keys_that_cannot_be_made(azure, wrong):
    assert azure.error("PUT", KEY, {"properties": {"kty": "RSA", **wrong}})[0] == 400


def test_soft_deleted_name(azure):
    vault = vault_path("vault1")
    put(azure)
    azure.ok("DELETE", "https://vault1.vault.azure.net/keys/key1", as_=azure.officer(vault))
    status, error = azure.error("PUT", KEY, {"properties": {"kty": "RSA"}})
    assert (status, error["code"], error["innererror"]["code"]) == (409, "Conflict", "ObjectIsDeletedButRecoverable")
    assert error["message"] == (
        "Key key1 is currently in a deleted but recoverable state, and its name cannot be reused; in this state, the "
        "key can only be recovered or purged."
    )


def test_rights_of_the_vault_but_not_of_keys(azure):
    reader = azure.principal(VAULT_READER_ROLE)
    azure.world.role_definitions["only"] = {
        "permissions": [{"actions": ["Microsoft.KeyVault/vaults/read"], "dataActions": []}]
    }
    only = azure.principal("only")
    assert azure.error("GET", KEY, as_=reader)[1]["code"] == "ResourceNotFound"
    status, error = azure.error("PUT", KEY, {"properties": {"kty": "RSA"}}, as_=only)
    assert (status, error["code"]) == (400, "ForbiddenByRbac")
    assert error["message"].startswith(
        "[ForbiddenByRbac (Forbidden)] Caller is not authorized to perform action on res"
    )
    assert f"Caller: name=KeyVault/ManagementPlane;appid={only.app_id};oid={only.object_id}" in error["message"]
    assert "Action: 'Microsoft.KeyVault/vaults/keys/write'" in error["message"]
    stranger = azure.principal()
    assert azure.error("GET", KEY, as_=stranger)[1]["code"] == "AuthorizationFailed"


def test_a_young_role_is_not_known_to_key_vault_yet():
    azure = Azure(control_role_seconds=120)
    azure.advance(120)
    azure.vault()
    newcomer = azure.principal(CONTRIBUTOR)
    azure.ok("GET", vault_path("vault1"), as_=newcomer)
    assert azure.error("PUT", KEY, {"properties": {"kty": "RSA"}}, as_=newcomer)[1]["code"] == "ForbiddenByRbac"
    azure.advance(120)
    azure.ok("PUT", KEY, {"properties": {"kty": "RSA"}}, as_=newcomer)


def test_no_firewall(azure):
    acls = {"networkAcls": {"bypass": "None", "defaultAction": "Deny"}, "publicNetworkAccess": "Disabled"}
    azure.ok("PATCH", vault_path("vault1"), {"properties": acls})
    put(azure)


def test_answer_takes_its_time():
    azure = Azure(key_answer_seconds=0.5)
    azure.vault()
    assert azure.send("PUT", KEY, {"properties": {"kty": "RSA"}}).seconds == 0.5
