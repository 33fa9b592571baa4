"""Another identity for the key: attached and granted before it is used, and the old one let go when nobody needs it."""

from __future__ import annotations

import pytest

from azext_acrcmk.model.access import ENCRYPTION_USER
from azext_acrcmk.model.ids import IDENTITY_TYPE, REGISTRY_TYPE, VAULT_TYPE, ArmId
from sandbox.world import OTHER_SUBSCRIPTION, SUBSCRIPTION, TENANT
from tests.harness.rotate import NOT_AUTHORIZED
from tests.harness.seed import (
    CRYPTO_OFFICER,
    GROUP,
    IDENTITY,
    KEY,
    LOCATION,
    REGISTRY,
    VAULT,
    bodies,
    changes,
    outcomes,
)

ROTATE = "acr cmk rotate -n myregistry --no-new-version"
KEY_URI = f"https://{VAULT.name}.vault.azure.net/keys/{KEY}"
OTHER = ArmId(SUBSCRIPTION, "rg", IDENTITY_TYPE, "other")
LOCKED = ArmId(SUBSCRIPTION, "rg", VAULT_TYPE, "locked-vault")
HOP = "acr cmk rotate -n myregistry --key-vault locked-vault --key k --identity [system]"
AGAIN = "Run the same command again"


def serves(azure, name="myregistry") -> bool:
    return azure.pull(name)["status"] == 200


def used(seed) -> dict:
    """What the registry says it uses."""
    return seed.get(REGISTRY)["properties"]["encryption"]["keyVaultProperties"]


def holders(seed, scope=VAULT) -> set[str]:
    """The object ids with a role at or below a scope."""
    return {each["properties"]["principalId"] for each in seed.assignments(scope)}


def system_principal(seed) -> str:
    return seed.get(REGISTRY)["identity"]["principalId"]


def locked(seed, **rules) -> None:
    """A vault that lets nobody in but some addresses, with a key."""
    acls = {"bypass": "None", "defaultAction": "Deny", "ipRules": [{"value": "203.0.113.7/32"}], **rules}
    seed.key(seed.vault(LOCKED, networkAcls=acls), "k")


def another_registry(seed, identity_id, client_id, key=KEY_URI, name="second") -> None:
    chosen = {"keyIdentifier": key, "identity": client_id}
    body = {
        "location": LOCATION,
        "sku": {"name": "Premium"},
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {identity_id: {}}},
        "properties": {"encryption": {"status": "enabled", "keyVaultProperties": chosen}},
    }
    seed.put(ArmId(SUBSCRIPTION, "rg", REGISTRY_TYPE, name), body)


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

    def test_by_its_id_in_the_other_subscription(self, azure, az, seed):
        seed.encrypted()
        seed.group("elsewhere", subscription=OTHER_SUBSCRIPTION)
        id_ = ArmId(OTHER_SUBSCRIPTION, "elsewhere", IDENTITY_TYPE, "shared")
        client = seed.identity(id_)["clientId"]
        az(f"{ROTATE} --identity {id_}").ok()
        assert used(seed)["identity"] == client
        assert serves(azure)

    def test_the_registrys_own(self, azure, az, seed):
        seed.encrypted()
        result = az(f"{ROTATE} --identity [system]").json()
        assert used(seed)["identity"] == "system"
        assert system_principal(seed) in holders(seed)
        assert result["access"]["granted"] is True
        assert seed.get(REGISTRY)["identity"]["type"].lower() == "systemassigned, userassigned"
        assert serves(azure)

    def test_the_registrys_own_stays_when_nothing_is_said(self, azure, az, seed):
        seed.encrypted()
        az(f"{ROTATE} --identity [system]").ok()
        azure.clear_log()
        assert set(outcomes(az(ROTATE).json()).values()) == {"reused"}
        assert changes(azure) == []
        seed.change_key("POST", f"{KEY_URI}/rotate")
        az(ROTATE).ok()
        assert used(seed)["identity"] == "system"
        assert serves(azure)

    def test_from_the_registrys_own_to_another(self, azure, az, seed):
        seed.encrypted()
        az(f"{ROTATE} --identity [system]").ok()
        system = system_principal(seed)
        az(f"{ROTATE} --identity other --revoke-old").ok()
        new = seed.get(OTHER)["properties"]
        assert used(seed)["identity"] == new["clientId"]
        assert new["principalId"] in holders(seed)
        assert system not in holders(seed)
        assert serves(azure)

    def test_run_again_is_nothing_to_do(self, azure, az, seed):
        seed.encrypted()
        az(f"{ROTATE} --identity other").ok()
        azure.clear_log()
        assert set(outcomes(az(f"{ROTATE} --identity other").json()).values()) == {"reused"}
        assert changes(azure) == []


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


def test_one_that_is_granted_already_is_not_granted_again(azure, az, seed):
    seed.encrypted()
    seed.grant(seed.identity(OTHER)["principalId"], f"{VAULT}/keys/{KEY}")
    result = az(f"{ROTATE} --identity other --skip-grant").json()
    assert outcomes(result)["grant"] == "reused"
    assert serves(azure)


def test_one_that_others_have_not_granted_is_refused(azure, az, seed):
    seed.encrypted()
    seed.identity(OTHER)
    result = az(f"{ROTATE} --identity other --skip-grant")
    assert result.code == 1
    assert "With --skip-grant, it is not granted" in result.err
    assert changes(azure) == []


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


class TestOldGrant:
    def test_is_kept_by_default(self, az, seed):
        old = seed.encrypted()
        az(f"{ROTATE} --identity other").ok()
        assert old["principalId"] in holders(seed)

    def test_is_removed_last_when_told_so(self, azure, az, seed):
        old = seed.encrypted()
        seed.grant(old["principalId"], f"{VAULT}/keys/{KEY}")
        result = az(f"{ROTATE} --identity other --revoke-old").json()
        assert (outcomes(result)["old-grant"], outcomes(result)["old-grant-2"]) == ("removed", "removed")
        assert old["principalId"] not in holders(seed)
        methods = [change.split(" ")[0] for change in changes(azure)]
        # The last PATCH takes the note away of what there was to remove.
        assert methods[-4:] == ["PATCH", "DELETE", "DELETE", "PATCH"]
        assert serves(azure)

    @pytest.mark.parametrize("permissions", [["get", "wrapKey", "unwrapKey", "list"], ["all"]], ids=["three", "all"])
    def test_is_removed_from_an_access_policy(self, azure, az, seed, permissions):
        seed.identity()
        principal = seed.get(IDENTITY)["properties"]["principalId"]
        policy = {"tenantId": TENANT, "objectId": principal, "permissions": {"keys": permissions}}
        seed.vault(enableRbacAuthorization=False, accessPolicies=[policy])
        seed.key()
        client = seed.get(IDENTITY)["properties"]["clientId"]
        chosen = {"keyIdentifier": KEY_URI, "identity": client}
        seed.registry(str(IDENTITY), encryption={"status": "enabled", "keyVaultProperties": chosen})
        az(f"{ROTATE} --identity other --revoke-old").ok()
        held = {
            each["objectId"]: {p.lower() for p in each["permissions"]["keys"]}
            for each in seed.get(VAULT)["properties"]["accessPolicies"]
        }
        assert not held.get(principal, set()) & {"all", "get", "wrapkey", "unwrapkey"}
        assert "list" not in permissions or held[principal] == {"list"}
        assert serves(azure)

    def test_is_kept_until_the_new_one_is_proven(self, azure, az, seed):
        old = seed.encrypted()
        azure.settings(role_seconds=100_000.0)
        failed = az(f"{ROTATE} --identity other --revoke-old --grant-timeout 0")
        assert failed.code == 1
        assert old["principalId"] in holders(seed)
        assert used(seed)["identity"] == old["clientId"]

    def test_is_kept_while_another_registry_needs_it(self, azure, az, seed):
        old = seed.encrypted()
        another_registry(seed, old["id"], old["clientId"])
        rows = {row["step"]: row for row in az(f"{ROTATE} --identity other --revoke-old --what-if").json()}
        assert rows["old-grant"]["action"] == "reuse"
        assert "needed by second" in rows["old-grant"]["reason"]
        az(f"{ROTATE} --identity other --revoke-old").ok()
        assert old["principalId"] in holders(seed)
        assert serves(azure)
        assert serves(azure, "second")

    def test_is_kept_while_another_resource_has_the_identity(self, az, seed):
        old = seed.encrypted()
        identity = {"type": "UserAssigned", "userAssignedIdentities": {old["id"]: {}}}
        plain = {"location": LOCATION, "sku": {"name": "Premium"}, "identity": identity, "properties": {}}
        seed.put(ArmId(SUBSCRIPTION, "rg", REGISTRY_TYPE, "plain"), plain)
        assert outcomes(az(f"{ROTATE} --identity other --revoke-old").json())["old-grant"] == "reused"
        assert old["principalId"] in holders(seed)

    def test_is_kept_while_this_registry_needs_it(self, azure, az, seed):
        old = seed.encrypted()
        result = az(f"{ROTATE} --key another --revoke-old").json()
        assert outcomes(result)["old-grant"] == "reused"
        assert holders(seed) == {old["principalId"]}
        assert serves(azure)

    def test_on_a_vault_that_is_left_is_removed(self, azure, az, seed):
        old = seed.encrypted()
        az(f"{ROTATE} --key-vault other-vault --revoke-old --yes").ok()
        assert holders(seed) == set()
        assert holders(seed, ArmId(SUBSCRIPTION, "rg", VAULT_TYPE, "other-vault")) == {old["principalId"]}
        assert serves(azure)

    def test_that_may_not_be_removed_is_told(self, azure, az_as, az, seed):
        old = seed.encrypted()
        azure.deny_assignment(str(VAULT), actions=["Microsoft.Authorization/roleAssignments/delete"])
        failed = az(f"{ROTATE} --identity other --revoke-old")
        assert failed.code == 1
        assert "Microsoft.Authorization/roleAssignments/delete" in failed.err
        assert "registry updated" in failed.err
        assert serves(azure)
        assert old["principalId"] in holders(seed)


class TestFirewalledVault:
    def test_the_hop_is_one_command(self, azure, az, seed):
        seed.encrypted()
        locked(seed)
        result = az(f"{HOP} --yes --revoke-old").json()
        assert holders(seed) == set()
        assert outcomes(result) == {
            "old-grant": "removed",
            "tag": "updated",
            "attach": "updated",
            "vault": "reused",
            "key": "reused",
            "grant": "created",
            "trusted-services": "updated",
            "registry": "updated",
        }
        acls = seed.get(LOCKED)["properties"]["networkAcls"]
        assert (acls["bypass"], acls["defaultAction"]) == ("AzureServices", "Deny")
        assert [rule["value"] for rule in acls["ipRules"]] == ["203.0.113.7/32"]
        assert used(seed)["keyIdentifier"] == "https://locked-vault.vault.azure.net/keys/k"
        assert used(seed)["identity"] == "system"
        assert holders(seed, LOCKED) == {system_principal(seed)}
        assert serves(azure)

    def test_lets_trusted_services_in_only_when_said_yes(self, azure, az, seed):
        seed.encrypted()
        locked(seed)
        refused = az(HOP)
        assert refused.code == 1
        assert "--yes" in refused.err
        assert changes(azure) == []
        rows = {row["step"]: row for row in az(f"{HOP} --what-if").json()}
        assert rows["trusted-services"]["action"] == "update"

    def test_that_lets_them_in_already_is_not_touched(self, azure, az, seed):
        seed.encrypted()
        locked(seed, bypass="AzureServices")
        result = az(HOP).json()
        assert "trusted-services" not in outcomes(result)
        assert not bodies(azure, "PATCH", str(LOCKED))
        assert serves(azure)

    def test_gets_its_key_by_the_control_plane(self, azure, az, seed):
        seed.encrypted()
        acls = {"bypass": "AzureServices", "defaultAction": "Deny"}
        seed.vault(LOCKED, networkAcls=acls, publicNetworkAccess="Disabled")
        assert outcomes(az(HOP).json())["key"] == "created"
        assert serves(azure)


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


@pytest.mark.parametrize(
    ("action", "method", "path", "nth"),
    [
        ("reset-after", "PUT", "userAssignedIdentities/other$", 1),
        ("reset-before", "PATCH", "registries/myregistry$", 1),
        ("reset-after", "PUT", "roleAssignments/", 1),
        ("reset-before", "PATCH", "registries/myregistry$", 2),
        ("reset-after", "PATCH", "registries/myregistry$", 2),
        ("reset-after", "DELETE", "roleAssignments/", 1),
    ],
    ids=["identity", "attach", "grant", "registry-before", "registry-after", "old-grant"],
)
def test_a_lost_connection_is_made_good_by_a_second_run(azure, az, seed, action, method, path, nth):
    old = seed.encrypted()
    azure.fault(action, method=method, path=path, nth=nth)
    command = f"{ROTATE} --identity other --revoke-old"
    first = az(command)
    if first.code:
        assert "The connection to Azure failed" in first.err
        assert AGAIN in first.err
        assert serves(azure)
        az(command).ok()
    assert used(seed)["identity"] == seed.get(OTHER)["properties"]["clientId"]
    assert serves(azure)
    assert old["principalId"] not in holders(seed)
    assert seed.get(REGISTRY)["tags"] == {}


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
