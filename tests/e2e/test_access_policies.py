"""Vaults with access policies: somebody else's policy may be a group's that the registry's identity is in, and what a
policy says is removed in the spelling in which it was written."""

from __future__ import annotations

import json

import pytest

from sandbox.world import OWNER_OBJECT_ID, TENANT
from tests.harness.revoke import BY_KEY, RESTORE, REVOKE, USUAL, permissions, pulled, refuses, with_policy
from tests.harness.rotate import ROTATE
from tests.harness.scene import HERE
from tests.harness.seed import CRYPTO_OFFICER, GROUP, IDENTITY, VAULT, changes

CHECK = "acr cmk check -n myregistry"
BY_A_GROUP = "may be a group"
CAPITALS = ["Get", "WrapKey", "UnwrapKey"]


def set_policies(seed, *policies) -> None:
    seed.patch(VAULT, {"properties": {"accessPolicies": list(policies)}})


def policy(object_id, *keys, **more) -> dict:
    return {"tenantId": TENANT, "objectId": object_id, "permissions": {"keys": list(keys or USUAL)}, **more}


def failures(result) -> set[str]:
    assert result.code == 1, result
    return {each["code"] for each in json.loads(result.out) if each["status"] == "failed"}


@pytest.fixture
def by_group(azure, seed):
    """A registry whose identity has the key only as a member of a group; the group."""
    identity = with_policy(seed, *USUAL)
    group = azure.add_to_group(identity["principalId"]).object_id
    set_policies(seed, policy(group))
    assert pulled(azure) == 200
    return group


class TestGroup:
    def test_what_a_group_may_give_is_unknown_and_not_absent(self, azure, quick_az, by_group):
        found = {each["code"]: each for each in quick_az(CHECK).json()}
        assert "GrantMissing" not in found
        assert (found["AccessUnknown"]["status"], by_group in found["AccessUnknown"]["message"]) == ("unknown", True)
        assert BY_A_GROUP in found["AccessUnknown"]["message"]
        shown = quick_az("acr cmk show -n myregistry").json()
        assert (shown["health"], shown["access"]["granted"]) == ("unknown", None)

    def test_a_repair_gives_no_policy_of_its_own(self, azure, seed, quick_az, by_group):
        azure.clear_log()
        assert quick_az("acr cmk repair -n myregistry --yes").json()["steps"] == []
        assert (changes(azure), permissions(seed).keys()) == ([], {by_group})

    @pytest.mark.parametrize("own", [[], USUAL], ids=["only the group", "the identity too"])
    def test_a_revoke_of_the_grant_is_refused_and_that_of_the_key_works(self, azure, seed, az, by_group, own):
        principal = seed.get(IDENTITY)["properties"]["principalId"]
        set_policies(seed, policy(by_group), *([policy(principal)] if own else []))
        azure.clear_log()
        refuses(azure, az, f"{REVOKE} --yes", by_group, BY_A_GROUP, "--by key")
        seed.grant(OWNER_OBJECT_ID, VAULT)
        set_policies(seed, policy(by_group), policy(OWNER_OBJECT_ID, "get", "list", "update"))
        az(BY_KEY).ok()
        assert pulled(azure) == 403
        az(RESTORE).ok()
        assert pulled(azure) == 200

    def test_a_restore_grants_nothing_on_a_guess(self, azure, quick_az, by_group):
        azure.clear_log()
        failed = quick_az(RESTORE)
        assert (failed.code, changes(azure)) == (1, [])
        assert BY_A_GROUP in failed.err

    def test_a_policy_of_the_caller_or_of_a_managed_identity_is_no_groups(self, azure, seed, quick_az):
        with_policy(seed, *USUAL)
        other = seed.identity(f"{IDENTITY}-2")["principalId"]
        set_policies(seed, policy(OWNER_OBJECT_ID, "all"), policy(other))
        assert pulled(azure) == 403
        assert "GrantMissing" in failures(quick_az(CHECK))

    def test_a_policy_for_an_application_on_behalf_of_the_identity_is_no_grant(self, azure, seed, quick_az):
        identity = with_policy(seed, *USUAL)
        set_policies(seed, policy(identity["principalId"], applicationId=OWNER_OBJECT_ID))
        assert pulled(azure) == 403
        assert "GrantMissing" in failures(quick_az(CHECK))


class TestSpelling:
    def test_what_was_written_in_capitals_is_removed_and_given_back(self, azure, seed, az):
        identity = with_policy(seed, *CAPITALS, "List")
        az(f"{REVOKE} --yes").ok()
        assert pulled(azure) == 403
        assert permissions(seed)[identity["principalId"]] == {"list"}
        az(RESTORE).ok()
        assert pulled(azure) == 200

    def test_a_rotation_removes_the_old_identitys(self, azure, seed, az):
        identity = with_policy(seed, *CAPITALS)
        result = az(f"{ROTATE} --identity other --no-new-version --revoke-old").json()
        assert [each["outcome"] for each in result["steps"] if each["step"] == "old-grant"] == ["removed"]
        assert identity["principalId"] not in permissions(seed)
        assert pulled(azure) == 200

    @pytest.mark.parametrize("command", [f"{REVOKE} --yes", f"{ROTATE} --identity other --no-new-version --revoke-old"])
    def test_a_removal_that_removed_nothing_is_no_success(self, azure, seed, many_az, command):
        with_policy(seed, *USUAL)
        kept = {"properties": {"accessPolicies": []}}
        azure.fault("status", method="PUT", path="accessPolicies/remove", times=99, status=200, body=kept)
        failed = many_az(command.split())
        assert failed.code == 1
        assert "still" in failed.err


class TestRoles:
    def test_a_role_that_is_still_there_after_its_removal_is_told(self, azure, seed, many_az):
        seed.encrypted()
        azure.fault("status", method="DELETE", path="roleAssignments/", times=99, status=200, body={})
        failed = many_az(f"{ROTATE} --identity other --no-new-version --revoke-old".split())
        assert failed.code == 1
        assert "still" in failed.err

    def test_a_role_that_can_not_be_read_after_its_removal_is_no_success(self, azure, seed, many_az):
        seed.encrypted()
        azure.fault("status", method="GET", path="roleAssignments/[^?]", times=999, status=403,
                    body={"error": {"code": "AuthorizationFailed", "message": "No."}})  # fmt: skip
        failed = many_az(f"{ROTATE} --identity other --no-new-version --revoke-old".split())
        assert failed.code == 1
        assert "can't be read. It may still give access to the key." in failed.err

    def test_one_who_may_not_read_them_can_revoke_and_restore_a_policy(self, azure, scene, az_as):
        scene.encrypt_by_policy()
        action = "Microsoft.Authorization/roleAssignments/read"
        operator = azure.principal(("Contributor", GROUP), ("Reader", HERE))
        azure.deny_assignment(HERE, actions=[action], principals=[operator.object_id])
        az = az_as(operator)
        az(f"{REVOKE} --yes", pace=300).ok()
        assert scene.pull() == 403
        az(RESTORE, pace=300).ok()
        assert scene.pull() == 200


class TestWhoElse:
    def test_after_a_revoke_others_who_can_use_the_key_are_named(self, azure, seed, az):
        identity = seed.encrypted()
        seed.grant(OWNER_OBJECT_ID, VAULT, CRYPTO_OFFICER)
        result = az(f"{REVOKE} --yes").ok()
        others = result.json()["othersWithAccess"]
        assert [each["principalId"] for each in others] == [OWNER_OBJECT_ID]
        assert "Key Vault Crypto Officer" in others[0]["through"]
        assert OWNER_OBJECT_ID in result.err
        assert identity["principalId"] not in result.err
        assert az(RESTORE).json()["othersWithAccess"] == others

    def test_policies_are_named_too(self, azure, seed, az):
        with_policy(seed, *USUAL)
        principal = seed.get(IDENTITY)["properties"]["principalId"]
        set_policies(seed, policy(principal), policy(OWNER_OBJECT_ID, "All"))
        result = az(f"{REVOKE} --yes").ok()
        assert [each["principalId"] for each in result.json()["othersWithAccess"]] == [OWNER_OBJECT_ID]
