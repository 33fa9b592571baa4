"""What is wrong with the options alone: said at once, before any request."""

from __future__ import annotations

import pytest

from azext_acrcmk.model.ids import VAULT_TYPE, ArmId
from sandbox.client import OWNER
from sandbox.world import SUBSCRIPTION
from tests.harness.seed import ENABLE, IDENTITY, KEY, REGISTRY, VAULT, bodies, changes

VERSION = "0" * 32
URI = "https://myvault.vault.azure.net/keys/mykey"


@pytest.fixture
def az(quick_az):
    return quick_az


def refused(azure, az, options: str, *words: str, name: str = "myregistry", group: str = "rg", code: int = 1) -> None:
    result = az(f"acr cmk enable -n {name} -g {group} {options}")
    assert result.code == code, result
    assert azure.log() == []
    for word in words:
        assert word in result.err, result
    assert "Traceback" not in result.err


@pytest.mark.parametrize("name", ["abc", "my-registry", "my_registry", "a" * 51, "myregistry.azurecr.cn", "''"])
def test_name_of_a_registry(azure, az, name):
    refused(azure, az, "", "is not a valid registry name", name=name)


def test_name_of_a_registry_is_in_lower_case(azure, az):
    refused(azure, az, "", "must be lowercase", name="MyRegistry")


@pytest.mark.parametrize("command", ["show", "check", "repair", "rotate", "revoke", "restore", "wait --created"])
def test_an_empty_name_is_refused_by_every_command(azure, az, command):
    result = az(f"acr cmk {command} -n ''")
    assert "is not a valid registry name" in result.err, result
    assert azure.log() == []


@pytest.mark.parametrize("group", ["'my group'", "group."])
def test_name_of_a_group(azure, az, group):
    refused(azure, az, "", "is not a valid resource group name", group=group)


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--identity", "a", "is not a valid identity name"),
        ("--identity", str(VAULT), "requires the name or ID of an identity, not of a Microsoft.KeyVault/vaults"),
        ("--identity", "/subscriptions/x", "is not a resource ID"),
        ("--identity", str(IDENTITY).replace(SUBSCRIPTION, "mysubscription"), "is not a subscription ID"),
        ("--key-vault", "ab", "is not a valid key vault name"),
        ("--key-vault", "a" * 25, "is not a valid key vault name"),
        ("--key-vault", str(ArmId(SUBSCRIPTION, "rg", VAULT_TYPE, "my--vault")), "is not a valid key vault name"),
        ("--key-vault", str(IDENTITY), "requires the name or ID of a key vault"),
        ("--key-vault", str(VAULT).replace("vaults", "managedHSMs"), "specify its URI in --key-encryption-key"),
        ("--key", "my_key", "is not a valid key name"),
        ("--key", "a" * 128, "is not a valid key name"),
        ("--retention-days", "6", "must be from 7 to 90, not 6"),
        ("--retention-days", "91", "must be from 7 to 90, not 91"),
        ("--grant-timeout", "-1", "must be a number of seconds from 0"),
        ("--rotation-period", "soon", "is not a duration"),
        ("--rotation-period", "6d", "must be at least 7 days"),
        ("--key-lifetime", "27d", "must be at least 28 days"),
        ("--tags", " ".join(f"t{n}" for n in range(51)), "at most 50 tags, not 51"),
        ("--tags", "a<b=c", "'a<b' is not a valid tag name"),
        ("--tags", f"a={'b' * 257}", "has 257 characters, but can have at most 256"),
    ],
)
def test_value_of_an_option(azure, az, option, value, words):
    refused(azure, az, f"{option} {value}", words)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--rotation", "never"),
        ("--key-type", "EC"),
        ("--key-size", "1024"),
        ("--permission-model", "none"),
        ("--grant-scope", "group"),
        ("--vault-sku", "basic"),
        ("--zone-redundancy", "maybe"),
        ("--default-action", "maybe"),
    ],
)
def test_value_that_is_none_of_the_choices(azure, az, option, value):
    refused(azure, az, f"{option} {value}", f"'{value}' is not a valid value for '{option}'", code=2)


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("http://myvault.vault.azure.net/keys/mykey", "does not start with https://"),
        ("myvault.vault.azure.net/keys/mykey", "does not start with https://"),
        ("https://myvault.vault.azure.net/secrets/mykey", "is the URI of a secret"),
        ("https://myvault.vault.azure.net/certificates/mykey", "is the URI of a certificate"),
        ("https://myvault.vault.azure.net/", "does not have the form https://HOST/keys/NAME"),
        (f"{URI}/1", "is not a valid key version"),
        (f"{URI}?version=1", "must have only a host and a path"),
        ("https://example.com/keys/mykey", "is not the host name of a key vault or managed HSM"),
        ("https://myvault.vault.azure.net.example.com/keys/mykey", "is not in the cloud you are logged in to"),
        ("https://myvault.vault.azure.cn/keys/mykey", "is not in the cloud you are logged in to (AzureCloud)"),
        ("https://myhsm.managedhsm.usgovcloudapi.net/keys/mykey", "is not in the cloud you are logged in to"),
    ],
)
def test_uri_of_a_key(azure, az, uri, words):
    refused(azure, az, f"--key-encryption-key '{uri}'", words)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            f"--key-encryption-key {URI} --key-vault vault --key k --key-size 2048",
            "can't be used with --key-vault, --key, --key-size",
        ),
        (f"--key-encryption-key {URI} --permission-model rbac", "can't be used with --permission-model"),
        (f"--key-encryption-key {URI} --rotation manual", "conflicts with --rotation manual"),
        (f"--key-encryption-key {URI}/{VERSION} --rotation auto", "conflicts with --rotation auto"),
        ("--key-type RSA-HSM --vault-sku standard", "Use --vault-sku premium"),
        ("--permission-model access-policy --grant-scope key", "--grant-scope key requires --permission-model rbac"),
        ("--rotation-period 90d --key-lifetime 60d", "must be at least 7 days shorter than --key-lifetime"),
        ("--rotation-period 90d --key-lifetime 92d", "must be at least 7 days shorter than --key-lifetime"),
        ("--key-lifetime 1y", "--key-lifetime requires --rotation-period"),
    ],
)
def test_options_that_contradict_each_other(azure, az, options, words):
    refused(azure, az, options, words)


def test_a_group_is_required(azure, az):
    result = az("acr cmk enable -n myregistry")
    assert result.code == 2
    assert "--resource-group" in result.err


@pytest.mark.parametrize("period", ["90d", "P90D", "13w"])
def test_durations_are_read_in_the_forms_that_people_write(az, period):
    plan = az(f"acr cmk enable -n myregistry -g rg -l westeurope -w --rotation-period {period}").json()
    (key,) = [row for row in plan if row["step"] == "key"]
    assert f"rotated every {'P91D' if period == '13w' else 'P90D'}" in key["reason"]


@pytest.mark.parametrize("tags", [16, 1])
def test_tags_that_a_key_can_not_have_are_refused_before_anything(azure, az, tags):
    given = " ".join(f"{'t' * (1 if tags > 1 else 257)}{n}" for n in range(tags))
    result = az(f"{ENABLE} -l westeurope --tags {given}")
    assert (result.code, changes(azure)) == (1, [])
    assert "have at most" in result.err.lower()


def test_what_key_vault_takes_is_accepted_by_it(azure, az):
    tags = " ".join(f"t{n}={'v' * 256}" for n in range(15))
    az(f"{ENABLE} -l 'westeurope\r' --rotation-period 13w --key-lifetime 98d --tags {tags}").ok()
    (body,) = bodies(azure, "PUT", f"/keys/{KEY}")
    assert body["properties"]["rotationPolicy"]["attributes"] == {"expiryTime": "P98D"}
    assert {body["location"] for body in bodies(azure, "PUT", str(REGISTRY))} == {"westeurope"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--identity c0000000-0000-4000-8000-000000000001", "looks like the client ID or object ID"),
        ("--identity system", "'[system]'"),
        ("--identity [system]", "'[system]'"),
        ("--identity me.vault.azure.net", "looks like the name of a host"),
        ("--key-vault v.vault.azure.net", "looks like the name of a host"),
        ("--key-vault https://v.vault.azure.net/", "is not a resource ID"),
        (f"--key-vault {REGISTRY}", "requires the name or ID of a key vault"),
    ],
)
def test_a_reference_of_another_sort_is_never_the_name_of_something_new(azure, quick_az, options, words):
    commands = [f"{ENABLE} {options}", f"acr cmk rotate -n myregistry {options}"]
    for command in commands[:1] if "[system]" in options else commands:
        result = quick_az(command)
        assert (result.code, azure.log()) == (1, []), result
        assert words in result.err


def test_a_configured_default_is_not_compared_with_what_exists(azure, az_as, seed, tmp_path):
    az = az_as(OWNER)
    seed.encrypted()
    configured = {**azure.login(tmp_path), "AZURE_DEFAULTS_LOCATION": "northeurope"}
    assert "reused" in az(ENABLE, environment=configured).ok().out
    assert "--location is westeurope" in az(f"{ENABLE} -l northeurope", environment=configured).err
