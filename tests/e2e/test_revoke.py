"""The registry's key is taken from it and given back: nothing more and nothing less than what there was."""

from __future__ import annotations

import uuid

import pytest

from azext_acrcmk.model.access import ENCRYPTION_USER
from azext_acrcmk.model.ids import IDENTITY_TYPE, ArmId
from sandbox.world import SUBSCRIPTION
from tests.harness.revoke import (
    HSM_CRYPTO_USER,
    HSM_ENCRYPTION_USER,
    ON_KEY,
    RESTORE,
    REVOKE,
    USUAL,
    another_registry,
    at_a_terminal,
    encryption,
    grant_in_hsm,
    hsm_roles,
    made_good,
    permissions,
    pulled,
    refuses,
    roles,
    set_tags,
    tags,
    with_policy,
    with_roles,
)
from tests.harness.seed import CRYPTO_OFFICER, GROUP, IDENTITY, KEY, VAULT, changes, outcomes

KEY_VAULT_READER = "21090545-7ca7-4776-b22c-e363652d74d2"
STOPS = "All pulls from and pushes to registry 'myregistry' will fail"


def no_tags(azure, status) -> None:
    """No change of the registry succeeds."""
    body = {"error": {"code": "Broken", "message": "Not now."}}
    azure.fault("status", method="PATCH", path="registries/myregistry$", status=status, times=99, body=body)


class TestByGrant:
    @pytest.mark.parametrize(
        "given",
        [
            [(ENCRYPTION_USER, VAULT)],
            [(CRYPTO_OFFICER, VAULT)],
            [(ENCRYPTION_USER, VAULT), (ENCRYPTION_USER, ON_KEY), (CRYPTO_OFFICER, ON_KEY)],
        ],
        ids=["usual", "officer", "several"],
    )
    def test_roles_are_removed_and_made_again_as_they_were(self, azure, az, seed, given):
        with_roles(seed, *given)
        set_tags(seed, team="images")
        before = roles(seed)
        assert before == {(role, str(scope).lower()) for role, scope in given}
        assert pulled(azure) == 200
        result = az(f"{REVOKE} --yes").json()
        assert pulled(azure) == 403
        assert roles(seed) == set()
        assert result["access"]["granted"] is False
        assert "removed" in outcomes(result).values()
        result = az(RESTORE).json()
        assert pulled(azure) == 200
        assert roles(seed) == before
        assert result["access"]["granted"] is True
        assert tags(seed) == {"team": "images"}

    @pytest.mark.parametrize(
        "given",
        [[*USUAL, "list", "sign"], ["all", "unwrapKey"], ["get", "unwrapKey"]],
        ids=["more", "all", "less"],
    )
    def test_an_access_policy_is_narrowed_and_widened_again(self, azure, az, seed, given):
        other = str(uuid.uuid4())
        identity = with_policy(seed, *given, **{other: ["get", "wrapKey"]})
        before = permissions(seed)
        assert pulled(azure) == 200
        az(f"{REVOKE} --yes").ok()
        assert pulled(azure) == 403
        kept = permissions(seed)
        assert kept[other] == {"get", "wrapkey"}
        assert kept.get(identity["principalId"], set()) == before[identity["principalId"]] & {"list", "sign"}
        az(RESTORE).ok()
        assert pulled(azure) == 200
        assert permissions(seed) == before

    def test_on_another_machine_the_grants_come_back_just_the_same(self, azure, az, seed, tmp_path):
        with_roles(seed, (CRYPTO_OFFICER, ON_KEY), (ENCRYPTION_USER, VAULT))
        before = roles(seed)
        az(f"{REVOKE} --yes").ok()
        directory = tmp_path / "another machine"
        directory.mkdir()
        az(RESTORE, environment=azure.login(directory)).ok()
        assert roles(seed) == before
        assert pulled(azure) == 200

    def test_a_user_who_may_not_write_the_registry_can_do_it(self, azure, az_as, seed):
        seed.encrypted()
        before = roles(seed)
        guard = az_as(azure.principal(("Reader", GROUP), ("User Access Administrator", str(VAULT))))
        revoked = guard(f"{REVOKE} --yes").ok()
        assert "will grant access to the key alone" in revoked.err
        assert pulled(azure) == 403
        # Nothing names what there was: the narrowest is given, never more than was taken.
        assert "On the key alone" in guard(RESTORE).ok().err
        assert roles(seed) == {(role, f"{scope}/keys/{KEY}".lower()) for role, scope in before}
        assert pulled(azure) == 200

    def test_a_lost_tag_never_gives_more_than_was_taken(self, azure, az, seed):
        with_roles(seed, (ENCRYPTION_USER, ON_KEY))
        before = roles(seed)
        az(f"{REVOKE} --yes").ok()
        set_tags(seed, team="images")
        az(RESTORE).ok()
        assert (roles(seed), pulled(azure)) == (before, 200)

    def test_a_registry_without_room_for_a_tag(self, azure, az, seed):
        seed.encrypted()
        set_tags(seed, **{f"tag{number}": "x" for number in range(50)})
        assert "already has 50 tags" in az(f"{REVOKE} --yes").ok().err
        assert (pulled(azure), len(tags(seed))) == (403, 50)
        az(RESTORE).ok()
        assert (pulled(azure), len(tags(seed))) == (200, 50)

    @pytest.mark.parametrize("status", [409, 500])
    def test_a_tag_that_azure_does_not_take_does_not_stop_revoke(self, azure, az, seed, status):
        seed.encrypted()
        no_tags(azure, status)
        assert "The tag 'acrcmk-revoked' could not be changed" in az(f"{REVOKE} --yes", pace=300).ok().err
        assert (pulled(azure), roles(seed)) == (403, set())

    @pytest.mark.parametrize("status", [409, 500])
    def test_a_tag_that_azure_does_not_take_away_does_not_stop_restore(self, azure, az, seed, status):
        seed.encrypted()
        before = roles(seed)
        az(f"{REVOKE} --yes").ok()
        no_tags(azure, status)
        assert "It does no harm." in az(RESTORE, pace=300).ok().err
        assert (pulled(azure), roles(seed)) == (200, before)

    def test_a_tag_that_was_left_behind_in_a_vault_with_policies_is_removed(self, azure, az, seed):
        with_policy(seed, "get", "wrapKey", "unwrapKey")
        before = permissions(seed)
        set_tags(seed, **{"acrcmk-revoked": "of another key"})
        az(f"{REVOKE} --yes").ok()
        left = tags(seed)
        assert left["acrcmk-revoked"] != "of another key"
        az(RESTORE).ok()
        set_tags(seed, **left)
        az(RESTORE).ok()
        assert (permissions(seed), tags(seed), pulled(azure)) == (before, {}, 200)

    def test_the_system_identity(self, azure, az, seed):
        seed.encrypted()
        az("acr cmk rotate -n myregistry --no-new-version --identity [system] --revoke-old").ok()
        before = {(each["properties"]["principalId"], each["properties"]["scope"]) for each in seed.assignments()}
        az(f"{REVOKE} --yes").ok()
        assert (pulled(azure), seed.assignments()) == (403, [])
        az(RESTORE).ok()
        assert pulled(azure) == 200
        assert {(e["properties"]["principalId"], e["properties"]["scope"]) for e in seed.assignments()} == before

    @pytest.mark.parametrize(
        "given",
        [[(HSM_ENCRYPTION_USER, f"/keys/{KEY}")], [(HSM_CRYPTO_USER, "/keys"), (HSM_ENCRYPTION_USER, "/")]],
        ids=["usual", "others"],
    )
    def test_local_roles_of_a_managed_hsm(self, azure, az, seed, given):
        identity, hsm = seed.identity(), seed.hsm()
        key = seed.key(hsm, kty="RSA-HSM")["keyUri"]
        for role, scope in given:
            grant_in_hsm(azure, identity["principalId"], role, scope)
        encryption(seed, identity, key)
        assert hsm_roles(azure, identity) == set(given)
        az(f"{REVOKE} --yes").ok()
        assert (pulled(azure), hsm_roles(azure, identity)) == (403, set())
        az(RESTORE).ok()
        assert pulled(azure) == 200
        assert hsm_roles(azure, identity) == set(given)

    def test_a_role_from_above_is_refused_with_the_way_out(self, azure, az, seed):
        identity = seed.encrypted()
        seed.grant(identity["principalId"], GROUP)
        words = ("it is inherited, comes through a group", GROUP, "--by key", "Nothing was changed")
        refuses(azure, az, f"{REVOKE} --yes", *words)
        assert pulled(azure) == 200

    def test_a_role_from_a_management_group_is_refused_too(self, azure, az, seed):
        above = azure.management_group("corp", subscriptions=[SUBSCRIPTION])["id"]
        role = f"/providers/Microsoft.Authorization/roleDefinitions/{ENCRYPTION_USER}"
        given = {"properties": {"roleDefinitionId": role, "principalId": seed.encrypted()["principalId"]}}
        path = f"{above}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
        azure.unseen("PUT", path, given, "2022-04-01", as_=azure.principal(("Owner", above)))
        refuses(azure, az, f"{REVOKE} --yes", "it is inherited, comes through a group", above, "--by key")
        assert pulled(azure) == 200

    def test_a_role_from_above_that_does_not_keep_the_registry_going_is_no_hindrance(self, azure, az, seed):
        identity = seed.encrypted()
        seed.grant(identity["principalId"], GROUP, KEY_VAULT_READER)
        az(f"{REVOKE} --yes").ok()
        assert pulled(azure) == 403
        az(RESTORE).ok()
        assert pulled(azure) == 200

    def test_a_role_through_a_group_is_refused_with_the_way_out(self, azure, az, seed):
        identity = seed.encrypted()
        seed.grant(azure.add_to_group(identity["principalId"]).object_id)
        refuses(azure, az, f"{REVOKE} --yes", "it is inherited, comes through a group", "--by key")
        assert pulled(azure) == 200

    def test_grants_of_others_stay(self, azure, az, seed):
        seed.encrypted()
        other = seed.identity(ArmId(SUBSCRIPTION, "rg", IDENTITY_TYPE, "other"))["principalId"]
        seed.grant(other)
        az(f"{REVOKE} --yes").ok()
        assert [each["properties"]["principalId"] for each in seed.assignments()] == [other]

    def test_after_the_grant_was_made_again_by_hand_restore_adds_nothing(self, azure, az, seed):
        with_roles(seed, (CRYPTO_OFFICER, VAULT))
        az(f"{REVOKE} --yes").ok()
        seed.grant(seed.get(IDENTITY)["properties"]["principalId"])
        az(f"{REVOKE} --yes").ok()
        assert pulled(azure) == 403
        az(RESTORE).ok()
        assert roles(seed) == {(ENCRYPTION_USER, str(VAULT).lower())}


@pytest.mark.parametrize("by", ["grant", "key"])
class TestBothWays:
    @pytest.fixture(autouse=True)
    def registry(self, seed, officer):
        return seed.encrypted()

    def test_says_what_stops_and_asks_before_anything_is_changed(self, azure, az, seed, registry, by):
        another_registry(seed, registry)
        said = (STOPS, "is also used by: registry second.", "--yes")
        refuses(azure, az, f"{REVOKE} --by {by}", *said)
        assert pulled(azure) == 200
        done = az(f"{REVOKE} --by {by} --yes").ok()
        assert pulled(azure) == 403
        assert all(words in done.err for words in said[:2])
        assert done.err.index(STOPS) < done.err.index(
            "Updating version of key" if by == "key" else "Removing access to"
        )

    def test_at_a_terminal_it_is_said_once_in_the_question(self, azure, az, by):
        said, code = at_a_terminal(az, f"{REVOKE} --by {by}", "n")
        assert code == 1
        assert said.count(STOPS) == 1
        assert "Revoke the key? (y/n)" in said
        assert pulled(azure) == 200

    def test_settings_of_the_cli_silence_what_is_said(self, azure, az, by):
        assert az(f"{REVOKE} --by {by} --yes --only-show-errors").ok().err == ""
        assert pulled(azure) == 403

    def test_run_twice_is_nothing_to_do(self, azure, az, by):
        az(f"{REVOKE} --by {by} --yes").ok()
        azure.clear_log()
        again = az(f"{REVOKE} --by {by}").json()
        assert (outcomes(again), changes(azure)) == ({"key" if by == "key" else "grant": "reused"}, [])
        az(RESTORE).ok()
        azure.clear_log()
        again = az(RESTORE).json()
        assert (set(outcomes(again).values()), changes(azure)) == ({"reused"}, [])
        assert pulled(azure) == 200

    def test_what_if_changes_nothing(self, azure, az, by):
        rows = az(f"{REVOKE} --by {by} --what-if").json()
        assert [row["action"] for row in rows] == ["update" if by == "key" else "delete"]
        assert (pulled(azure), changes(azure)) == (200, [])
        az(f"{REVOKE} --by {by} --yes").ok()
        azure.clear_log()
        rows = az(f"{RESTORE} --what-if").json()
        assert [row["action"] for row in rows if row["action"] != "reuse"] == ["update" if by == "key" else "create"]
        assert (pulled(azure), changes(azure)) == (403, [])

    def test_says_which_others_it_hits(self, azure, az, seed, registry, by):
        another_registry(seed, registry)
        another_registry(seed, registry, key=None, name="third")
        (row,) = az(f"{REVOKE} --by {by} --what-if").json()
        assert "second" in row["reason"]
        assert STOPS in row["reason"]
        # An identity that is attached, for whatever, loses nothing when the key is disabled.
        assert ("third" in row["reason"]) is (by == "grant")
        az(f"{REVOKE} --by {by} --yes").ok()
        assert (pulled(azure), pulled(azure, "second"), pulled(azure, "third")) == (403, 403, 200)

    @pytest.mark.parametrize("action", ["reset-before", "reset-after"])
    def test_a_lost_connection_is_made_good_by_a_second_run(self, azure, az, seed, by, action):
        where = ("PATCH", f"/keys/{KEY}/") if by == "key" else ("DELETE", "roleAssignments/")
        before = roles(seed)
        azure.fault(action, method=where[0], path=where[1])
        made_good(azure, az, f"{REVOKE} --by {by} --yes")
        assert pulled(azure) == 403
        where = where if by == "key" else ("PUT", "roleAssignments/")
        azure.fault(action, method=where[0], path=where[1])
        made_good(azure, az, RESTORE)
        assert pulled(azure) == 200
        assert roles(seed) == before
