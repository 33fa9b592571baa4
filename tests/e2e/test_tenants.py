"""Vault, identity and subscription are of one tenant: with Azure Lighthouse not that of the login, and with two tenants
in one profile not whatever a command can reach."""

from __future__ import annotations

import json

import pytest

from azext_acrcmk.model.ids import IDENTITY_TYPE, VAULT_TYPE, ArmId
from sandbox.world import OTHER_SUBSCRIPTION, SUBSCRIPTION, TENANT
from tests.harness.revoke import KEY_URI
from tests.harness.rotate import ROTATE
from tests.harness.seed import ENABLE, IDENTITY, LOCATION, VAULT, changes

CUSTOMER = "99999999-0000-4000-8000-000000000009"
OTHER_VAULT = ArmId(OTHER_SUBSCRIPTION, "elsewhere", VAULT_TYPE, "othervault")
OTHER_IDENTITY = ArmId(OTHER_SUBSCRIPTION, "elsewhere", IDENTITY_TYPE, "otheridentity")


@pytest.fixture
def moved(azure, many_az, home):
    """Makes a subscription one of another tenant, and logs in again."""

    def move(subscription: str, managed: bool = False) -> None:
        azure.move(subscription, CUSTOMER, managed)
        azure.login(home)

    return move


@pytest.mark.parametrize("model", ["rbac", "access-policy"])
def test_through_lighthouse_the_vault_is_the_customers(azure, seed, many_az, moved, model):
    moved(SUBSCRIPTION, managed=True)
    result = many_az(f"{ENABLE} -l {LOCATION} --permission-model {model}".split()).json()
    assert result["health"] == "healthy"
    assert seed.get(VAULT)["properties"]["tenantId"] == CUSTOMER
    assert azure.pull("myregistry")["status"] == 200


class TestTwoTenantsInOneProfile:
    @pytest.fixture
    def elsewhere(self, azure, seed, moved):
        moved(OTHER_SUBSCRIPTION)
        seed.group("elsewhere", subscription=OTHER_SUBSCRIPTION)
        seed.key(seed.vault(OTHER_VAULT, tenantId=CUSTOMER))
        seed.identity(OTHER_IDENTITY)

    @pytest.mark.parametrize(
        "option", [f"--key-vault {OTHER_VAULT}", f"--identity {OTHER_IDENTITY}", f"--key-vault {OTHER_VAULT}-new"]
    )
    @pytest.mark.parametrize("what_if", ["", " --what-if"])
    def test_what_is_of_the_other_is_refused(self, azure, many_az, elsewhere, option, what_if):
        azure.clear_log()
        failed = many_az(f"{ENABLE} {option}{what_if}".split())
        assert (failed.code, changes(azure)) == (1, [])
        assert f"is in tenant {CUSTOMER}, but the registry is in tenant {TENANT}" in failed.err

    def test_a_rotation_there_is_refused(self, azure, seed, many_az, elsewhere):
        seed.encrypted()
        azure.clear_log()
        failed = many_az(f"{ROTATE} --key-vault {OTHER_VAULT} --key k".split())
        assert (failed.code, changes(azure)) == (1, [])
        assert CUSTOMER in failed.err

    def test_a_name_is_not_looked_for_there(self, azure, many_az, elsewhere):
        rows = many_az(f"{ENABLE} --key-vault othervault --what-if".split())
        assert "create" in {row["action"] for row in json.loads(rows.out) if row["step"] == "vault"}


def test_a_vault_of_another_tenant_is_told(azure, seed, many_az, moved):
    moved(OTHER_SUBSCRIPTION)
    identity = seed.identity()
    seed.vault(tenantId=CUSTOMER)
    seed.key()
    seed.grant(identity["principalId"])
    azure.clear_log()
    failed = many_az(f"{ENABLE} --key-encryption-key {KEY_URI}".split())
    assert (failed.code, changes(azure)) == (1, [])
    assert f"is in tenant {CUSTOMER}, but the identity is in tenant {TENANT}" in failed.err
    assert seed.get(IDENTITY)["properties"]["tenantId"] == TENANT


def test_list_says_what_is_in_another_tenant(azure, many_az, moved):
    """A token of one tenant shows nothing of the other, not even in Resource Graph."""
    azure.settings(graph_quota=0)
    ids = azure.seed_fleet(registries=6, vaults=2, keys=3, subscriptions=2, seed=1, damaged=0)["registries"]
    moved(OTHER_SUBSCRIPTION)
    command = ["acr", "cmk", "list", "--depth", "registry"]
    for scope in (["--all"], ["--subscriptions", SUBSCRIPTION, OTHER_SUBSCRIPTION]):
        listed = many_az([*command, *scope]).json()
        assert {row["subscription"] for row in listed["registries"]} == {SUBSCRIPTION}
        (hidden,) = [each for each in listed["notSeen"] if each["what"] == f"/subscriptions/{OTHER_SUBSCRIPTION}"]
        assert f"in another tenant, {CUSTOMER}" in hidden["why"]
        assert hidden["why"].endswith(f"--subscription {OTHER_SUBSCRIPTION}")
    there = many_az([*command, "--subscription", OTHER_SUBSCRIPTION]).json()
    assert {row["id"] for row in there["registries"]} == {id_ for id_ in ids if OTHER_SUBSCRIPTION in id_}
    alone = many_az([*command, "--subscriptions", OTHER_SUBSCRIPTION])
    assert (alone.code, f"is in another tenant: --subscription {OTHER_SUBSCRIPTION}" in alone.err) == (3, True)
    moved(OTHER_SUBSCRIPTION, managed=True)
    assert not many_az([*command, "--all"]).json()["partial"]
