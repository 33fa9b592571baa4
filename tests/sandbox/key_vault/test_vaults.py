"""Key vaults through Azure Resource Manager: what can be made, changed, deleted and recovered, and by whom."""

import pytest

from sandbox.world import OTHER_SUBSCRIPTION, SUBSCRIPTION, TENANT
from tests.harness.in_process_azure import ENCRYPTION_USER, GROUP, Azure, vault_body, vault_path
from tests.harness.in_process_scene import KEY, Scene, no_access

CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
VAULT = vault_path("vault1")
PLACE = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.KeyVault"
DELETED = f"{PLACE}/locations/westus/deletedVaults/vault1"
DAY = 86_400


@pytest.fixture
def azure() -> Azure:
    return Azure()


def policy(object_id: str, *keys: str) -> dict:
    return {"tenantId": TENANT, "objectId": object_id, "permissions": {"keys": list(keys)}}


def test_name_is_in_dns_only_after_a_while():
    azure = Azure(vault_dns_seconds=15)
    made = azure.ok("PUT", VAULT, vault_body())["properties"]
    assert (made["provisioningState"], made["vaultUri"]) == ("RegisteringDns", "https://vault1.vault.azure.net")
    assert azure.get(VAULT)["properties"]["provisioningState"] == "RegisteringDns"
    azure.advance(15)
    shown = azure.get(VAULT)["properties"]
    assert (shown["provisioningState"], shown["vaultUri"]) == ("Succeeded", "https://vault1.vault.azure.net/")


def test_nobody_finds_a_vault_before_its_name_is_in_dns():
    """Assumed, from what the state is called: neither a client nor a registry can use its keys."""
    scene = Scene(made=False, vault_dns_seconds=15)
    assert scene.azure.send("GET", KEY, as_=scene.officer).body["error"]["code"] == "VaultNotFound"
    assert scene.create().body["error"]["message"] == no_access(KEY, scene.identity["clientId"])
    scene.azure.advance(15)
    assert scene.azure.send("GET", KEY, as_=scene.officer).status == 200
    assert scene.create().status == 201


@pytest.mark.parametrize(("retry_after", "headers"), [(None, set()), (5, {"Retry-After"})])
def test_retry_after_is_a_setting(retry_after, headers):
    reply = Azure(vault_retry_after=retry_after, vault_answer_seconds=4).send("PUT", VAULT, vault_body())
    assert {"Retry-After"} & set(reply.headers) == headers
    assert reply.seconds == 4


@pytest.mark.parametrize("name", ["ab", "1vault", "vault-", "va--ult", "a" * 25, "vau_lt"])
def test_illegal_name(azure, name):
    status, error = azure.error("PUT", vault_path(name), vault_body())
    assert (status, error["code"]) == (400, "VaultNameNotValid")


def test_name_in_use_elsewhere(azure):
    azure.vault()
    other = f"/subscriptions/{OTHER_SUBSCRIPTION}/resourceGroups/rg2"
    azure.add_group(other)
    status, error = azure.error("PUT", vault_path("VAULT1", other), vault_body())
    assert (status, error["code"]) == (409, "VaultAlreadyExists")
    assert error["message"].startswith("The vault name 'VAULT1' is already in use. Vault names are globaly unique so ")
    assert error["message"].endswith("follow this link https://go.microsoft.com/fwlink/?linkid=2147740.")


def test_soft_deleted_name(azure):
    azure.ok("DELETE", azure.vault())
    assert azure.send("GET", VAULT).status == 404
    status, error = azure.error("PUT", VAULT, vault_body())
    assert (status, error["code"]) == (409, "ConflictError")
    assert error["message"].startswith(
        "A vault with the same name already exists in deleted state. You need to either "
    )
    elsewhere = vault_body() | {"location": "eastus"}
    assert azure.error("PUT", VAULT, elsewhere)[1]["code"] == "VaultAlreadyExists"


def test_recovery_brings_back_all_but_role_assignments(azure):
    vault = azure.vault()
    azure.key(vault)
    azure.world.grant(azure.identity()["principalId"], ENCRYPTION_USER, f"{vault}/keys/key1")
    before = azure.get(VAULT)["properties"]
    azure.ok("DELETE", vault)
    azure.ok("PUT", VAULT, vault_body(createMode="recover"))
    assert azure.get(VAULT)["properties"] == before
    assert azure.get(f"{VAULT}/keys/key1")["name"] == "key1"
    assert not [one for one in azure.world.role_assignments.values() if one.scope.startswith(vault)]


def test_recovery_of_nothing(azure):
    assert azure.error("PUT", VAULT, vault_body(createMode="recover"))[0] == 404


def test_purge(azure):
    azure.ok("DELETE", azure.vault(enablePurgeProtection=None))
    reply = azure.send("POST", f"{DELETED}/purge")
    assert reply.status == 202
    assert azure.send("GET", reply.headers["Location"]).status == 200
    assert azure.send("GET", DELETED).status == 404
    azure.vault()


def test_protected_vault_is_not_purged_before_its_time(azure):
    azure.ok("DELETE", azure.vault(softDeleteRetentionInDays=7))
    assert azure.error("POST", f"{DELETED}/purge")[1]["message"] == "Operation 'DeletedVaultPurge' is not allowed."
    assert azure.get(DELETED)["properties"]["purgeProtectionEnabled"] is True
    assert [found["name"] for found in azure.get(f"{PLACE}/deletedVaults")["value"]] == ["vault1"]
    azure.advance(7 * DAY)
    assert azure.send("GET", DELETED).status == 404


def test_name_availability(azure):
    azure.vault()
    check = f"{PLACE}/checkNameAvailability"
    kind = {"type": "Microsoft.KeyVault/vaults"}
    assert azure.ok("POST", check, {"name": "free1", **kind}) == {"nameAvailable": True}
    assert azure.ok("POST", check, {"name": "vault1", **kind})["reason"] == "AlreadyExists"
    assert azure.ok("POST", check, {"name": "1", **kind})["reason"] == "AccountNameInvalid"


@pytest.mark.parametrize("make", [True, False], ids=["create", "update"])
def test_purge_protection_cannot_be_turned_off(azure, make):
    if not make:
        azure.vault()
    status, error = azure.error("PUT", VAULT, vault_body(enablePurgeProtection=False))
    assert (status, error["code"]) == (400, "BadRequest")
    assert error["message"] == (
        'The property "enablePurgeProtection" cannot be set to false. Enabling the purge protection for a vault is an '
        "irreversible action."
    )


def test_purge_protection_stays_on_where_a_request_is_silent(azure):
    azure.vault()
    assert azure.ok("PUT", VAULT, vault_body())["properties"]["enablePurgeProtection"] is True


def test_purge_protection_is_shown_only_where_it_is_on(azure):
    azure.vault(enablePurgeProtection=None)
    assert "enablePurgeProtection" not in azure.get(VAULT)["properties"]
    changed = azure.ok("PATCH", VAULT, {"properties": {"enablePurgeProtection": True}})
    assert changed["properties"]["enablePurgeProtection"] is True


def test_retention_is_chosen_at_creation(azure):
    assert azure.error("PUT", VAULT, vault_body(softDeleteRetentionInDays=6))[0] == 400
    azure.vault(softDeleteRetentionInDays=30)
    status, error = azure.error("PATCH", VAULT, {"properties": {"softDeleteRetentionInDays": 90}})
    assert (status, error["code"]) == (400, "BadRequest")
    assert azure.ok("PUT", VAULT, vault_body())["properties"]["softDeleteRetentionInDays"] == 30


@pytest.mark.parametrize(("version", "shown"), [("2026-02-01", True), ("2023-07-01", None)])
def test_default_permission_model(azure, version, shown):
    made = azure.ok("PUT", f"{VAULT}?api-version={version}", vault_body())
    assert made["properties"].get("enableRbacAuthorization") is shown


def test_permission_model_is_changed_only_with_the_right_to_grant(azure):
    azure.vault(enableRbacAuthorization=False)
    contributor = azure.principal(CONTRIBUTOR)
    change = {"properties": {"enableRbacAuthorization": True}}
    status, error = azure.error("PATCH", VAULT, change, as_=contributor)
    assert (status, error["code"]) == (403, "InsufficientPermissions")
    assert f"oid={contributor.object_id}; action=Microsoft.Authorization/roleAssignments/write" in error["message"]
    azure.ok("PATCH", VAULT, {"tags": {"a": "b"}}, as_=contributor)
    assert azure.ok("PATCH", VAULT, change)["properties"]["enableRbacAuthorization"] is True


def test_who_may_not(azure):
    azure.vault()
    reader = azure.principal(READER)
    azure.ok("GET", VAULT, as_=reader)
    for method, body in [("PUT", vault_body()), ("PATCH", {}), ("DELETE", None)]:
        assert azure.error(method, VAULT, body, as_=reader)[1]["code"] == "AuthorizationFailed"
    stranger = azure.principal()
    for path in (VAULT, f"{GROUP}/providers/Microsoft.KeyVault/vaults", f"{PLACE}/vaults", f"{PLACE}/deletedVaults"):
        assert azure.error("GET", path, as_=stranger)[1]["code"] == "AuthorizationFailed"


def test_other_location(azure):
    azure.vault()
    status, error = azure.error("PUT", VAULT, vault_body() | {"location": "eastus"})
    assert (status, error["code"]) == (409, "InvalidResourceLocation")


def test_lists(azure):
    azure.vault()
    other = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg2"
    azure.add_group(other)
    azure.vault("vault2", group=other)
    names = [vault["name"] for vault in azure.get(f"{PLACE}/vaults")["value"]]
    assert names == ["vault1", "vault2"]
    assert len(azure.get(f"{other}/providers/Microsoft.KeyVault/vaults")["value"]) == 1


def test_a_vault_keeps_its_permission_model_where_a_request_is_silent(azure):
    azure.vault(enableRbacAuthorization=False)
    assert azure.ok("PUT", VAULT, vault_body())["properties"]["enableRbacAuthorization"] is False


def test_access_policies_take_a_right_of_their_own(azure):
    azure.vault(enableRbacAuthorization=False)
    actions = ["Microsoft.KeyVault/vaults/read", "Microsoft.KeyVault/vaults/accessPolicies/write"]
    azure.world.role_definitions["granter"] = {"permissions": [{"actions": actions}]}
    granter = azure.principal("granter")
    body = {"properties": {"accessPolicies": [policy("a", "get")]}}
    azure.ok("PUT", f"{VAULT}/accessPolicies/add", body, as_=granter)
    assert azure.error("PUT", VAULT, vault_body(), as_=granter)[1]["code"] == "AuthorizationFailed"


def test_access_policies_by_themselves(azure):
    azure.vault(enableRbacAuthorization=False, accessPolicies=[policy("a", "get")])
    change = f"{VAULT}/accessPolicies"
    azure.ok("PUT", f"{change}/add", {"properties": {"accessPolicies": [policy("a", "wrapKey"), policy("b", "list")]}})
    assert azure.get(VAULT)["properties"]["accessPolicies"] == [policy("a", "get", "wrapKey"), policy("b", "list")]
    azure.ok("PUT", f"{change}/replace", {"properties": {"accessPolicies": [policy("b", "get")]}})
    left = azure.ok("PUT", f"{change}/remove", {"properties": {"accessPolicies": [policy("a", "get", "wrapKey")]}})
    assert left["properties"]["accessPolicies"] == [policy("b", "get")]


def test_an_access_policy_is_removed_only_in_its_own_spelling(azure):
    azure.vault(enableRbacAuthorization=False, accessPolicies=[policy("a", "Get", "WrapKey")])
    change = f"{VAULT}/accessPolicies"
    # Adding ignores the case; removing answers 200 and removes nothing (service facts 9, row 1).
    azure.ok("PUT", f"{change}/add", {"properties": {"accessPolicies": [policy("a", "get")]}})
    azure.ok("PUT", f"{change}/remove", {"properties": {"accessPolicies": [policy("a", "get", "wrapKey")]}})
    assert azure.get(VAULT)["properties"]["accessPolicies"] == [policy("a", "Get", "WrapKey")]
    azure.ok("PUT", f"{change}/remove", {"properties": {"accessPolicies": [policy("a", "Get", "WrapKey")]}})
    assert azure.get(VAULT)["properties"]["accessPolicies"] == []


def test_network_rules(azure):
    azure.vault(
        networkAcls={"defaultAction": "Deny", "ipRules": [{"value": "1.2.3.4"}]}, publicNetworkAccess="disabled"
    )
    shown = azure.get(VAULT)["properties"]
    assert shown["networkAcls"] == {
        "bypass": "AzureServices",
        "defaultAction": "Deny",
        "ipRules": [{"value": "1.2.3.4/32"}],
        "virtualNetworkRules": [],
    }
    assert shown["publicNetworkAccess"] == "Disabled"


def test_group_deletion_deletes_softly(azure):
    azure.vault()
    azure.ok("DELETE", f"{GROUP}?api-version=2024-11-01")
    azure.send("GET", f"/subscriptions/{SUBSCRIPTION}?api-version=2022-12-01")
    assert "vault1" in azure.world.deleted_vaults
