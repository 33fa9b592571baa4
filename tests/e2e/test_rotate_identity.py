"""Another identity for the key: attached and granted before it is used. What becomes of the old one's grant, and vaults
with a firewall: test_rotate_old_grant.py."""

from __future__ import annotations

import pytest

from azext_acrcmk.model.access import ENCRYPTION_USER
from azext_acrcmk.model.ids import IDENTITY_TYPE, ArmId
from sandbox.world import OTHER_SUBSCRIPTION, SUBSCRIPTION
from tests.harness.rotate import AGAIN, KEY_URI, NOT_AUTHORIZED, OTHER, holders, serves, system_principal, used
from tests.harness.rotate import WITHOUT_VERSION as ROTATE
from tests.harness.seed import CRYPTO_OFFICER, GROUP, IDENTITY, KEY, REGISTRY, VAULT, bodies, changes, outcomes


class TestWhichOne:
    @pytest.mark.parametrize("there", [True, False], ids=["existing", "absent"])
    def test_by_its_name(self, azure, az, seed, there):
        old = seed.encrypted()
        if there:
            seed.identity(OTHER)
        result = az(f"{ROTATE} --identity other").json()
        made = outcomes(result)
        assert made["identity"] == ("reused" if there else "created")
        assert (made["attach"], made["grant"], made["registry"]) == ("updated", "created", "updated")
        new = seed.get(OTHER)["properties"]
        assert used(seed)["identity"] == result["identity"]["clientId"] == new["clientId"]
        assert holders(seed) == {old["principalId"], new["principalId"]}
        assert set(map(str.lower, seed.get(REGISTRY)["identity"]["userAssignedIdentities"])) == {
            str(IDENTITY).lower(),
            str(OTHER).lower(),
        }
        assert serves(azure)
        azure.clear_log()
        assert set(outcomes(az(f"{ROTATE} --identity other").json()).values()) == {"reused"}
        assert changes(azure) == []

    def test_by_its_id_in_the_other_subscription(self, azure, az, seed):
        seed.encrypted()
        seed.group("elsewhere", subscription=OTHER_SUBSCRIPTION)
        id_ = ArmId(OTHER_SUBSCRIPTION, "elsewhere", IDENTITY_TYPE, "shared")
        client = seed.identity(id_)["clientId"]
        az(f"{ROTATE} --identity {id_}").ok()
        assert used(seed)["identity"] == client
        assert serves(azure)

    def test_the_registrys_own_which_stays_when_nothing_is_said_and_another_after_it(self, azure, az, seed):
        seed.encrypted()
        result = az(f"{ROTATE} --identity [system]").json()
        assert used(seed)["identity"] == "system"
        system = system_principal(seed)
        assert system in holders(seed)
        assert result["access"]["granted"] is True
        assert seed.get(REGISTRY)["identity"]["type"].lower() == "systemassigned, userassigned"
        assert serves(azure)
        azure.clear_log()
        assert set(outcomes(az(ROTATE).json()).values()) == {"reused"}
        assert changes(azure) == []
        seed.change_key("POST", f"{KEY_URI}/rotate")
        az(ROTATE).ok()
        assert used(seed)["identity"] == "system"
        assert serves(azure)
        az(f"{ROTATE} --identity other --revoke-old").ok()
        new = seed.get(OTHER)["properties"]
        assert used(seed)["identity"] == new["clientId"]
        assert new["principalId"] in holders(seed)
        assert system not in holders(seed)
        assert serves(azure)


def test_it_is_attached_and_granted_before_it_is_used(azure, az, seed):
    seed.encrypted()
    az(f"{ROTATE} --identity other").ok()
    kinds = [change.rsplit("/", 2)[-2] for change in changes(azure)]
    assert kinds == ["userAssignedIdentities", "registries", "roleAssignments", "registries"]
    first, second = bodies(azure, "PATCH", str(REGISTRY))
    assert set(first) == {"identity"}
    assert set(second) == {"properties"}


def assigned(seed) -> set[str]:
    return {each.rsplit("/", 1)[-1] for each in seed.get(REGISTRY)["identity"].get("userAssignedIdentities") or {}}


class TestAssigned:
    """Whether a PATCH adds to the assigned identities or replaces them: both are possible."""

    @pytest.mark.parametrize("replaces", [False, True], ids=["added to", "replaced"])
    def test_all_stay(self, azure, seed, quick_az, replaces):
        azure.settings(patch_replaces_identities=replaces)
        seed.encrypted()
        quick_az(f"{ROTATE} --identity other").ok()
        quick_az(f"{ROTATE} --identity [system]").ok()
        quick_az(f"{ROTATE} --identity third").ok()
        assert assigned(seed) == {IDENTITY.name, "other", "third"}
        assert system_principal(seed)
        assert serves(azure)

    @pytest.mark.parametrize("identity", ["other", "[system]"])
    @pytest.mark.parametrize("replaces", [False, True], ids=["added to", "replaced"])
    def test_a_deleted_one_does_not_matter(self, azure, seed, quick_az, replaces, identity):
        azure.settings(patch_replaces_identities=replaces)
        seed.encrypted()
        seed.delete(IDENTITY)
        assert not serves(azure)
        quick_az(f"{ROTATE} --identity {identity}").ok()
        assert serves(azure)

    def test_one_that_others_may_assign_does_not_matter_where_it_is_added_to(self, azure, az_as, seed):
        client = self.narrow(azure, az_as, seed).ok() and seed.get(OTHER)["properties"]["clientId"]
        assert used(seed)["identity"] == client
        assert assigned(seed) == {IDENTITY.name, "other"}

    def test_one_that_others_may_assign_and_that_is_lost_stops_it(self, azure, az_as, seed):
        azure.settings(patch_replaces_identities=True)
        failed = self.narrow(azure, az_as, seed)
        assert failed.code == 1
        assert f"az acr identity assign --name myregistry --subscription {SUBSCRIPTION} --identities" in failed.err
        assert "it no longer has" in failed.err
        assert used(seed)["identity"] != seed.get(OTHER)["properties"]["clientId"]

    def narrow(self, azure, az_as, seed):
        """What becomes of a rotation by one who may assign only the new identity."""
        seed.encrypted()
        seed.identity(OTHER)
        operator = ("Managed Identity Operator", str(OTHER))
        roles = ("Reader", GROUP), ("Contributor", str(REGISTRY)), ("User Access Administrator", str(VAULT)), operator
        return az_as(azure.principal(*roles))(f"{ROTATE} -g rg --identity other")


def test_one_that_others_grant_is_refused_until_they_have(azure, az, seed):
    seed.encrypted()
    principal = seed.identity(OTHER)["principalId"]
    result = az(f"{ROTATE} --identity other --skip-grant")
    assert result.code == 1
    assert "With --skip-grant, it is not granted" in result.err
    assert changes(azure) == []
    seed.grant(principal, f"{VAULT}/keys/{KEY}")
    result = az(f"{ROTATE} --identity other --skip-grant").json()
    assert outcomes(result)["grant"] == "reused"
    assert serves(azure)


@pytest.mark.parametrize(("scope", "expected"), [(f"{VAULT}/keys/{KEY}", True), (str(VAULT), False)])
def test_access_on_the_key_alone_is_not_widened(az, seed, scope, expected):
    old = seed.encrypted()
    for each in seed.assignments(VAULT):
        seed.delete(each["id"])
    seed.grant(old["principalId"], scope)
    az(f"{ROTATE} --identity other").ok()
    given = next(
        p for each in seed.assignments(VAULT) if (p := each["properties"])["principalId"] != old["principalId"]
    )
    assert given["scope"].lower().endswith(f"/keys/{KEY}") is expected


class TestLateGrant:
    @pytest.mark.parametrize("failure", ["sync", "async"])
    def test_is_waited_for(self, azure, az, seed, failure):
        seed.encrypted()
        azure.settings(role_seconds=0.5, cmk_failure=failure)
        result = az(f"{ROTATE} --identity other")
        assert outcomes(result.json())["registry"] == "updated"
        assert "Waiting for access to take effect" in result.err
        assert result.json()["provisioningState"] == "Succeeded"
        assert serves(azure)

    @pytest.mark.parametrize("failure", ["sync", "async"])
    def test_is_waited_for_no_longer_than_told_and_taken_by_a_second_run(self, azure, az, seed, failure):
        old = seed.encrypted()
        azure.settings(role_seconds=100_000.0, cmk_failure=failure)
        failed = az(f"{ROTATE} --identity other --grant-timeout 0")
        assert failed.code == 1
        assert "Most likely, the access has not taken effect yet" in failed.err
        assert "grant created" in failed.err
        assert AGAIN in failed.err
        assert used(seed)["identity"] == old["clientId"]
        azure.advance(100_000)
        assert serves(azure)
        result = az(f"{ROTATE} --identity other").json()
        assert {step for step, outcome in outcomes(result).items() if outcome != "reused"} == {"registry"}
        assert used(seed)["identity"] == seed.get(OTHER)["properties"]["clientId"]
        assert serves(azure)

    def test_is_waited_for_even_where_the_end_is_not(self, azure, az, seed):
        seed.encrypted()
        azure.settings(role_seconds=0.5)
        az(f"{ROTATE} --identity other --no-wait").ok()
        az("acr cmk wait -n myregistry --updated --interval 1").ok()
        assert used(seed)["identity"] == seed.get(OTHER)["properties"]["clientId"]


class TestMissingPermission:
    def test_to_attach_the_identity(self, azure, az, az_as, seed):
        seed.encrypted()
        other = seed.identity(OTHER)
        roles = ("Reader", GROUP), ("Contributor", str(REGISTRY)), ("User Access Administrator", str(VAULT))
        failed = az_as(azure.principal(*roles))(f"{ROTATE} --identity other")
        assert failed.code == 1
        assert "Managed Identity Operator" in failed.err
        assert "Nothing was changed" in failed.err
        az(f"{ROTATE} --identity other").ok()
        assert used(seed)["identity"] == other["clientId"]

    def test_to_grant_the_key(self, azure, az, az_as, seed):
        old = seed.encrypted()
        before = az_as(azure.principal(("Contributor", GROUP)))(f"{ROTATE} --identity other")
        assert (before.code, changes(azure)) == (1, []), before
        assert "Microsoft.Authorization/roleAssignments/write" in before.err
        # One that is lost meanwhile.
        azure.fault("status", method="PUT", path="/roleAssignments/", status=403, body=NOT_AUTHORIZED)
        failed = az(f"{ROTATE} --identity other")
        assert failed.code == 1
        assert "Microsoft.Authorization/roleAssignments/write" in failed.err
        assert "attach updated" in failed.err
        assert used(seed)["identity"] == old["clientId"]
        assert serves(azure)
        result = az(f"{ROTATE} --identity other").json()
        assert {step for step, outcome in outcomes(result).items() if outcome != "reused"} == {"grant", "registry"}


def test_a_stronger_role_of_the_new_one_suffices(azure, az, seed):
    seed.encrypted()
    seed.grant(seed.identity(OTHER)["principalId"], VAULT, CRYPTO_OFFICER)
    az(f"{ROTATE} --identity other").ok()
    assert ENCRYPTION_USER not in {
        each["properties"]["roleDefinitionId"].rsplit("/", 1)[-1]
        for each in seed.assignments()
        if each["properties"]["principalId"] == seed.get(OTHER)["properties"]["principalId"]
    }
    assert serves(azure)
