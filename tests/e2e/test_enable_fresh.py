"""A registry where there was nothing: what is made of all the options, and that it serves its images."""

from __future__ import annotations

import pytest

from azext_acrcmk.model.access import ENCRYPTION_USER
from sandbox.world import OTHER_SUBSCRIPTION as OTHER
from sandbox.world import SUBSCRIPTION
from tests.harness.seed import ENABLE, GROUP, IDENTITY, KEY, LOCATION, REGISTRY, VAULT, Seed, bodies, changes, outcomes

STEPS = ["group", "identity", "vault", "key", "grant", "registry"]


def pulls(azure) -> bool:
    return azure.pull("myregistry")["status"] == 200


def test_makes_everything_in_one_command(azure, az):
    result = az(f"{ENABLE} -l {LOCATION}").json()
    assert pulls(azure)
    assert outcomes(result) == dict.fromkeys(STEPS, "created")
    assert (result["name"], result["sku"], result["location"]) == ("myregistry", "Premium", LOCATION)
    encryption = result["encryption"]
    assert encryption["status"] == "enabled"
    assert encryption["keyVaultProperties"]["keyIdentifier"] == f"https://{VAULT.name}.vault.azure.net/keys/{KEY}"
    assert encryption["keyVaultProperties"]["keyRotationEnabled"] is True
    assert result["identity"]["attached"]
    assert result["identity"]["exists"]
    assert result["access"]["granted"] is True
    assert result["health"] == "healthy"
    assert [finding["code"] for finding in result["findings"]] == ["KeyNeverExpires", "NoRotationPolicy"]


def test_its_result_is_the_document_of_show_and_the_steps(azure, az):
    result = az(f"{ENABLE} -l {LOCATION}").json()
    steps = result.pop("steps")
    assert result.pop("othersWithAccess") == []
    assert result == az("acr cmk show -n myregistry -g rg").json()
    assert [sorted(step) for step in steps] == [["outcome", "resource", "seconds", "step"]] * len(STEPS)


def test_run_again_gives_the_same_and_changes_nothing(azure, az):
    first = az(f"{ENABLE} -l {LOCATION}").json()
    azure.clear_log()
    again = az(f"{ENABLE} -l {LOCATION}").json()
    assert changes(azure) == []
    assert outcomes(again) == dict.fromkeys(STEPS, "reused")
    del first["steps"], first["othersWithAccess"], again["steps"]
    assert again == first
    assert pulls(azure)


def test_all_goes_to_the_location_of_the_group_with_the_tags_given(azure, az, seed):
    az(f"{ENABLE} --tags team=red").json()
    made = [bodies(azure, "PUT", path.name)[0] for path in (IDENTITY, VAULT, REGISTRY)]
    assert [(body["location"], body["tags"]) for body in made] == [(LOCATION, {"team": "red"})] * 3
    assert [body["tags"] for body in bodies(azure, "PUT", f"/keys/{KEY}")] == [{"team": "red"}]


def test_a_new_group_gets_the_tags_too(azure, az):
    az(f"{ENABLE} -l {LOCATION} --tags team=red").ok()
    assert bodies(azure, "PUT", "/resourcegroups/rg") == [{"location": LOCATION, "tags": {"team": "red"}}]


def test_a_new_vault_is_protected(azure, az, seed):
    az(ENABLE).ok()
    properties = seed.get(VAULT)["properties"]
    assert properties["enableSoftDelete"]
    assert properties["enablePurgeProtection"]
    assert properties["softDeleteRetentionInDays"] == 90
    assert properties["enableRbacAuthorization"] is True
    assert properties["sku"]["name"] == "standard"


def test_a_new_key_serves_for_wrapping_only(azure, az, seed):
    az(ENABLE).ok()
    assert sorted(seed.get(f"{VAULT}/keys/{KEY}")["properties"]["keyOps"]) == ["unwrapKey", "wrapKey"]


@pytest.mark.parametrize("rotation", ["auto", "manual"])
@pytest.mark.parametrize("model", ["rbac", "access-policy"])
def test_both_permission_models_and_both_ways_of_rotation(azure, az, seed, model, rotation):
    result = az(f"{ENABLE} --permission-model {model} --rotation {rotation}").json()
    assert pulls(azure)
    assert result["vault"]["permissionModel"] == model
    key = seed.get(f"{VAULT}/keys/{KEY}")["properties"]
    used = result["encryption"]["keyVaultProperties"]
    assert used["keyIdentifier"] == key["keyUri" if rotation == "auto" else "keyUriWithVersion"]
    assert used["versionedKeyIdentifier"] == key["keyUriWithVersion"]
    assert used["keyRotationEnabled"] is (rotation == "auto")


def test_the_grant_is_the_role_for_encryption_on_the_vault(azure, az, seed):
    az(ENABLE).ok()
    (body,) = _assignments(azure)
    assert body["properties"]["roleDefinitionId"].endswith(ENCRYPTION_USER)
    assert body["properties"]["principalId"] == seed.get(IDENTITY)["properties"]["principalId"]
    assert body["properties"]["principalType"] == "ServicePrincipal"
    (path,) = [change for change in changes(azure) if "roleAssignments" in change]
    assert path.lower().startswith(f"put {VAULT}/providers/".lower())


def test_the_access_policy_has_the_three_permissions_that_a_registry_needs(azure, az, seed):
    az(f"{ENABLE} --permission-model access-policy").ok()
    (policy,) = seed.get(VAULT)["properties"]["accessPolicies"]
    assert policy["objectId"] == seed.get(IDENTITY)["properties"]["principalId"]
    assert {kind: permissions for kind, permissions in policy["permissions"].items() if permissions} == {
        "keys": ["get", "wrapKey", "unwrapKey"]
    }
    assert _assignments(azure) == []


def test_the_grant_on_the_key_alone(azure, az, seed):
    result = az(f"{ENABLE} --grant-scope key").json()
    assert pulls(azure)
    (path,) = [change for change in changes(azure) if "roleAssignments" in change]
    assert f"/keys/{KEY}/providers/".lower() in path.lower()
    assert [source["inherited"] for source in result["access"]["through"]] == [False]


def test_names_of_ones_own(azure, az, seed):
    result = az(f"{ENABLE} --identity my_id --key-vault my-own-vault --key my-key").json()
    assert pulls(azure)
    assert result["key"]["id"] == "https://my-own-vault.vault.azure.net/keys/my-key"
    assert result["identity"]["id"].endswith("/my_id")


def test_the_key_is_as_asked_for(azure, az, seed):
    az(f"{ENABLE} --key-size 3072 --rotation-period 90d --key-lifetime P2Y").ok()
    assert pulls(azure)
    key = seed.get(f"{VAULT}/keys/{KEY}")["properties"]
    assert (key["kty"], key["keySize"]) == ("RSA", 3072)
    policy = key["rotationPolicy"]
    assert policy["attributes"]["expiryTime"] == "P2Y"
    (action,) = policy["lifetimeActions"]
    assert (action["trigger"], action["action"]["type"].lower()) == ({"timeAfterCreate": "P90D"}, "rotate")


def test_a_key_of_the_hsm_type_takes_a_premium_vault(azure, az, seed):
    result = az(f"{ENABLE} --key-type RSA-HSM").json()
    assert pulls(azure)
    assert result["key"]["type"] == "RSA-HSM"
    assert seed.get(VAULT)["properties"]["sku"]["name"] == "premium"


def test_the_vault_is_as_asked_for(azure, az, seed):
    result = az(f"{ENABLE} --retention-days 7 --vault-sku premium --restrict-vault-network").json()
    assert pulls(azure)
    properties = seed.get(VAULT)["properties"]
    assert properties["softDeleteRetentionInDays"] == 7
    assert properties["sku"]["name"] == "premium"
    assert (properties["networkAcls"]["defaultAction"], properties["networkAcls"]["bypass"]) == (
        "Deny",
        "AzureServices",
    )
    assert result["health"] == "healthy"


@pytest.mark.parametrize(
    "options",
    [
        "",
        "--public-network-enabled false --default-action Allow",
        "--default-action Deny --allow-trusted-services false",
        "--allow-trusted-services --zone-redundancy Enabled --admin-enabled",
        "--public-network-enabled --admin-enabled false --zone-redundancy Disabled",
    ],
)
def test_options_of_the_registry_mean_what_they_mean_to_acr_create(azure, az, seed, options):
    az(f"{ENABLE} {options}").ok()
    assert pulls(azure)
    key = f"https://{VAULT.name}.vault.azure.net/keys/{KEY}"
    az(f"acr create -n others -g rg --sku Premium --identity {IDENTITY} --key-encryption-key {key} {options}").ok()
    names = ("publicNetworkAccess", "networkRuleSet", "networkRuleBypassOptions", "zoneRedundancy", "adminUserEnabled")
    mine, theirs = (
        seed.get(f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/{name}")["properties"]
        for name in ("myregistry", "others")
    )
    assert {name: mine[name] for name in names} == {name: theirs[name] for name in names}


def test_asks_every_service_in_the_version_that_is_pinned(azure, az, seed):
    az(ENABLE).ok()
    versions: dict[str, set[str]] = {}
    for entry in azure.log():
        if not entry["path"].lower().endswith(_namespace(entry["path"])):  # about the provider, by Resource Manager
            versions.setdefault(_namespace(entry["path"]), set()).add(entry["query"].get("api-version"))
    assert versions["microsoft.containerregistry"] == {"2025-04-01"}
    assert versions["microsoft.keyvault"] == {"2026-02-01"}


def test_asks_the_data_plane_in_the_version_that_is_pinned(azure, az, seed):
    seed.vault()
    az(ENABLE).ok()
    asked = [each for each in azure.log() if each["host"] == f"{VAULT.name}.vault.azure.net"]
    assert {each["query"]["api-version"] for each in asked} == {"7.4"}


def test_a_login_server_is_taken_for_the_name(azure, az, seed):
    result = az("acr cmk enable -n myregistry.azurecr.io -g rg")
    assert result.json()["name"] == "myregistry"
    assert "suffix '.azurecr.io' is ignored" in result.err
    assert pulls(azure)


def test_works_in_another_subscription(azure, az):
    other = Seed(azure).group("rg", subscription=OTHER)
    result = az(f"{ENABLE} --subscription {OTHER}").json()
    assert result["id"].startswith(other.replace("resourcegroups", "resourceGroups"))
    assert pulls(azure)
    assert not any(SUBSCRIPTION in change for change in changes(azure))


def _assignments(azure):
    return [entry["body"] for entry in azure.log() if entry["method"] == "PUT" and "roleAssignments" in entry["path"]]


def _namespace(path: str) -> str:
    return path.lower().rsplit("/providers/", 1)[-1].split("/", 1)[0] if "/providers/" in path.lower() else ""
