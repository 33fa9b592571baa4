"""Another identity for the key: the old one is let go when nobody needs it. And the hop to a vault with a firewall."""

from __future__ import annotations

import pytest

from azext_acrcmk.model.ids import REGISTRY_TYPE, VAULT_TYPE, ArmId
from sandbox.world import SUBSCRIPTION, TENANT
from tests.harness.rotate import (
    AGAIN,
    KEY_URI,
    OTHER,
    OTHER_VAULT,
    another_registry,
    holders,
    serves,
    system_principal,
    used,
)
from tests.harness.rotate import WITHOUT_VERSION as ROTATE
from tests.harness.seed import IDENTITY, KEY, LOCATION, REGISTRY, VAULT, bodies, changes, outcomes

LOCKED = ArmId(SUBSCRIPTION, "rg", VAULT_TYPE, "locked-vault")
HOP = "acr cmk rotate -n myregistry --key-vault locked-vault --key k --identity [system]"


def locked(seed, **rules) -> None:
    """A vault that lets nobody in but some addresses, with a key."""
    acls = {"bypass": "None", "defaultAction": "Deny", "ipRules": [{"value": "203.0.113.7/32"}], **rules}
    seed.key(seed.vault(LOCKED, networkAcls=acls), "k")


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
        another_registry(seed, old["id"], keyIdentifier=KEY_URI, identity=old["clientId"])
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
        assert holders(seed, OTHER_VAULT) == {old["principalId"]}
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
