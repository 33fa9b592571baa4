from dataclasses import replace

import pytest

from azext_acrcmk.model.access import HSM_NEEDED_ACTIONS
from azext_acrcmk.model.ids import HSM_TYPE, REGISTRY_TYPE, ArmId, KeyId
from azext_acrcmk.model.state import (
    ABSENT,
    ACCESS_POLICY,
    AttachedIdentity,
    Encryption,
    Key,
    Sharer,
    State,
    Unknown,
)
from azext_acrcmk.plan.change import CREATE, DELETE, MANUAL, REUSE, UPDATE
from azext_acrcmk.plan.rotate import ROTATED_TAG, plan_rotate, what_was_used
from tests.harness import make
from tests.harness.encrypted import (
    OTHER_CLIENT,
    OTHER_IDENTITY,
    OTHER_PRINCIPAL,
    encrypted,
    goal,
    other_identity,
    plan,
    target_of,
    to_do,
)

SECOND = ArmId(make.SUBSCRIPTION, "images", REGISTRY_TYPE, "second")
VM = ArmId(make.SUBSCRIPTION, "images", "Microsoft.Compute/virtualMachines", "vm")


def tagged(state: State) -> State:
    """With the tag of a rotation from another version that was interrupted."""
    tag = what_was_used(encrypted(behind=True).registry)
    return replace(state, registry=replace(state.registry, tags={ROTATED_TAG: tag}))


class TestNewVersion:
    @pytest.mark.parametrize("pinned", [False, True])
    def test_is_made_and_then_taken(self, pinned):
        made = plan(encrypted(pinned=pinned))
        assert to_do(made) == {"version": CREATE, "registry": UPDATE, "tag": UPDATE}
        assert "version" in make.after(made, "registry")
        assert ("pinned" in make.step(made, "registry").reason) is pinned

    def test_that_was_made_before_is_taken_and_no_other_is_made(self):
        made = plan(encrypted(behind=True))
        assert to_do(made) == {"registry": UPDATE, "tag": UPDATE}
        assert make.NEWER in make.step(made, "version").reason

    @pytest.mark.parametrize("pinned", [False, True])
    def test_of_a_run_that_was_interrupted_when_it_was_taken_is_the_last(self, pinned):
        state = tagged(encrypted(pinned=pinned))
        made = plan(state)
        assert to_do(made) == {"tag": UPDATE}
        assert "For another new version, run the command again" in make.step(made, "tag").reason
        assert made.notes == (make.step(made, "tag").reason,)
        unasked = plan(state, no_new_version=True)
        assert (to_do(unasked), unasked.notes) == ({"tag": UPDATE}, ())
        assert "again" not in make.step(unasked, "tag").reason
        assert to_do(plan(state, key_name="other"))["key"] == CREATE

    def test_is_taken_before_that_of_a_run_that_was_interrupted(self):
        assert to_do(plan(tagged(encrypted(behind=True)))) == {"registry": UPDATE, "tag": UPDATE}

    def test_that_was_made_before_and_has_expired_is_not_taken(self):
        state = encrypted(behind=True)
        state = replace(state, key=replace(state.key, expires=make.NOW.replace(year=2020)))
        assert to_do(plan(state))["version"] == CREATE

    def test_leaves_no_tag_where_nobody_waits_to_remove_it(self):
        assert to_do(plan(encrypted(), no_wait=True)) == {"version": CREATE, "registry": UPDATE}

    def test_waits_for_the_grant(self):
        state = replace(encrypted(), roles=())
        made = plan(state)
        assert to_do(made) == {"grant": CREATE, "version": CREATE, "registry": UPDATE, "tag": UPDATE}
        assert make.after(made, "version") == {"grant"}

    def test_is_not_made_of_another_key(self):
        assert "version" not in make.actions(plan(encrypted(), key_name="other"))
        assert "version" not in make.actions(plan(encrypted(), key_encryption_key=make.uri("other")))

    def test_fixes_an_expired_key_but_another_key_must_be_valid(self):
        state = encrypted()
        expired = replace(state.key, expires=make.NOW.replace(year=2020))
        assert to_do(plan(replace(state, key=expired)))["version"] == CREATE
        asked = goal(state, key_name="other")
        other = replace(expired, id=asked.target.key.with_version(make.VERSION))
        made = plan_rotate(asked, state, target_of(asked, state, key=other), make.NOW)
        assert "expired" in made.problems[0].message


class TestUpToDate:
    @pytest.mark.parametrize("pinned", [False, True])
    @pytest.mark.parametrize("tidy", [False, True])
    def test_is_nothing_to_do(self, pinned, tidy):
        options = {"no_new_version": True, "revoke_old": tidy, "disable_old_version": tidy}
        assert not plan(encrypted(pinned=pinned), **options).changing

    def test_behind_is_told_again(self):
        assert to_do(plan(encrypted(behind=True), no_new_version=True)) == {"registry": UPDATE}

    def test_a_key_that_cannot_be_read_is_not_taken_for_up_to_date(self):
        state = replace(encrypted(), key=Unknown("keys/read", "vault"))
        assert plan(state, no_new_version=True).problems

    @pytest.mark.parametrize("mode", ["auto", "manual"])
    def test_in_another_mode_is_told(self, mode):
        made = plan(encrypted(pinned=mode == "auto"), no_new_version=True, rotation=mode)
        assert to_do(made) == {"registry": UPDATE}

    def test_pinned_to_an_older_version_by_wish(self):
        state = encrypted(pinned=True, behind=True)
        older = str(state.registry.encryption.key)
        assert not plan(state, key_encryption_key=older).changing

    def test_a_failed_registry_is_told_again(self):
        state = encrypted()
        state = replace(state, registry=replace(state.registry, provisioning_state="Failed"))
        assert to_do(plan(state, no_new_version=True)) == {"registry": UPDATE}


class TestIdentity:
    def test_is_made_attached_and_granted_before_it_is_used(self):
        made = plan(encrypted(), identity="other", no_new_version=True)
        assert to_do(made) == {"identity": CREATE, "attach": UPDATE, "grant": CREATE, "registry": UPDATE}
        assert make.after(made, "attach") == {"identity"}
        assert "attach" in make.after(made, "grant")
        assert {"attach", "grant"} <= make.after(made, "registry")

    def test_the_registrys_own_is_turned_on_and_granted(self):
        made = plan(encrypted(), identity="[system]", no_new_version=True)
        assert to_do(made) == {"attach": UPDATE, "grant": CREATE, "registry": UPDATE}
        assert "System-assigned" in make.step(made, "attach").reason

    def test_that_is_attached_and_granted_is_only_used(self):
        state = encrypted()
        attached = (*state.registry.attached, AttachedIdentity(OTHER_IDENTITY, OTHER_CLIENT, OTHER_PRINCIPAL))
        state = replace(state, registry=replace(state.registry, attached=attached))
        granted = (make.role(state.vault.id, principal_id=OTHER_PRINCIPAL),)
        there = {"identity": other_identity(), "roles": granted}
        assert to_do(plan(state, there, identity=str(OTHER_IDENTITY), no_new_version=True)) == {"registry": UPDATE}

    @pytest.mark.parametrize("there", [True, False], ids=["again", "not yet"])
    def test_that_was_deleted_and_recreated_is_attached_with_the_key_and_not_before(self, there):
        state = encrypted()
        identity = replace(state.identity, client_id=OTHER_CLIENT, principal_id=OTHER_PRINCIPAL) if there else ABSENT
        state = replace(state, identity=identity, roles=())
        there_is = {"identity": identity}
        made = plan(state, there_is, identity=str(state.registry.attached[0].id), no_new_version=True)
        expected = {"grant": CREATE, "registry": UPDATE}
        assert to_do(made) == (expected if there else {"identity": CREATE, **expected})

    def test_the_present_one_detached_is_attached_again(self):
        state = encrypted()
        state = replace(state, registry=replace(state.registry, attached=()))
        assert to_do(plan(state, no_new_version=True)) == {"attach": UPDATE}


class TestOldGrant:
    def test_is_kept_unless_told_otherwise(self):
        assert make.step(plan(encrypted(), identity="other"), "old-grant") is None

    def test_is_removed_after_the_registry_was_seen_on_the_new_one(self):
        made = plan(encrypted(), identity="other", revoke_old=True)
        assert make.actions(made)["old-grant"] == DELETE
        assert make.after(made, "old-grant") == {"registry"}

    def test_is_kept_where_neither_key_nor_identity_changes(self):
        assert not make.step(plan(encrypted(), revoke_old=True), "old-grant")

    def test_on_the_vault_is_kept_for_another_key_of_the_same_vault(self):
        made = plan(encrypted(), key_name="other", revoke_old=True)
        assert make.actions(made)["old-grant"] == REUSE
        assert "needed by this registry" in make.step(made, "old-grant").reason

    def test_on_the_key_alone_goes_with_the_key(self):
        state = encrypted()
        scope = f"{state.vault.id}/keys/{state.registry.encryption.key.name}"
        state = replace(state, roles=(make.role(scope),))
        made = plan(state, {"roles": ()}, key_name="other", revoke_old=True)
        assert make.actions(made)["old-grant"] == DELETE

    @pytest.mark.parametrize(
        ("on_key", "sharer", "kept"),
        [
            (False, Sharer(SECOND, identity=True, vault=True), True),
            (False, Sharer(SECOND, identity=True), False),
            (False, Sharer(SECOND, key=True, vault=True), False),
            (True, Sharer(SECOND, identity=True, vault=True), False),
            (True, Sharer(SECOND, identity=True, vault=True, key=True), True),
        ],
    )
    def test_is_kept_while_another_registry_needs_it(self, on_key, sharer, kept):
        state = encrypted()
        scope = f"{state.vault.id}/keys/{state.registry.encryption.key.name}" if on_key else state.vault.id
        state = replace(state, sharing=(sharer,), roles=(make.role(scope),))
        made = plan(state, identity="other", revoke_old=True)
        assert make.actions(made)["old-grant"] == (REUSE if kept else DELETE)
        assert ("second" in make.step(made, "old-grant").reason) is kept

    def test_is_kept_where_others_cannot_be_read(self):
        made = plan(replace(encrypted(), sharing=Unknown()), identity="other", revoke_old=True)
        assert make.actions(made)["old-grant"] == MANUAL

    @pytest.mark.parametrize(
        ("users", "sharing", "kept"),
        [
            ((VM,), (), (REUSE, "needed by vm")),
            (Unknown("resources/read", "here"), (), (MANUAL, "resources that may need it can't be read")),
            # A registry that uses it for the key of another vault.
            ((SECOND,), (Sharer(SECOND, identity=True),), (DELETE, "no longer needed")),
        ],
    )
    def test_is_kept_while_another_resource_has_the_identity(self, users, sharing, kept):
        state = replace(encrypted(), identity_users=users, sharing=sharing)
        step = make.step(plan(state, identity="other", revoke_old=True), "old-grant")
        assert (step.action, kept[1] in step.reason) == (kept[0], True)

    @pytest.mark.parametrize("what", ["vault", "roles"])
    def test_that_can_not_be_read_is_told_before_anything_is_changed(self, what):
        state = replace(encrypted(), **{what: Unknown()})
        step = make.step(plan(state, key_vault="elsewhere", identity="other", revoke_old=True), "old-grant")
        assert step.action == MANUAL
        assert "can't be read. Access to the old key is not removed." in step.notice

    @pytest.mark.parametrize("found", [ABSENT, Unknown()], ids=["not found", "unknown"])
    def test_of_an_identity_that_is_not_assigned_and_not_seen_is_told(self, found):
        state = encrypted()
        state = replace(state, identity=found, registry=replace(state.registry, attached=()))
        step = make.step(plan(state, identity="other", revoke_old=True), "old-grant")
        assert "Access to the old key is not removed." in step.notice

    def test_of_an_identity_that_was_deleted_while_assigned_is_nothing_to_tell(self):
        state = replace(encrypted(), identity=ABSENT)
        assert not make.step(plan(state, identity="other", revoke_old=True), "old-grant")

    def test_in_a_vault_that_no_longer_exists_is_nothing_to_tell(self):
        state = replace(encrypted(), vault=ABSENT)
        assert not make.step(plan(state, key_vault="elsewhere", identity="other", revoke_old=True), "old-grant")

    def test_that_comes_from_above_is_told_and_stays(self):
        state = encrypted()
        state = replace(state, roles=(make.role(make.REGISTRY.group_id),))
        step = make.step(plan(state, {"roles": ()}, identity="other", revoke_old=True), "old-grant")
        assert step.action == REUSE
        assert f"at {make.REGISTRY.group_id} is kept: " in step.reason

    def test_all_of_its_own_go_and_none_inherited(self):
        state = encrypted()
        scope = f"{state.vault.id}/keys/{state.registry.encryption.key.name}"
        own = (make.role(state.vault.id), make.role(scope))
        state = replace(state, roles=(*own, make.role(make.REGISTRY.group_id)))
        made = plan(state, {"roles": ()}, identity="other", revoke_old=True)
        gone = {step.resource for step in made.changes if step.action is DELETE}
        assert gone == {str(each.id) for each in own}

    def test_by_access_policy(self):
        state = encrypted(permission_model=ACCESS_POLICY, policies=(make.policy("all"),))
        made = plan(replace(state, roles=()), identity="other", revoke_old=True)
        assert make.actions(made)["old-grant"] == DELETE
        assert "all" in make.step(made, "old-grant").reason


class TestOldVersion:
    def test_is_disabled_last(self):
        made = plan(encrypted(), disable_old_version=True)
        assert make.actions(made)["old-version"] == UPDATE
        assert make.after(made, "old-version") == {"registry"}
        assert make.step(made, "old-version").resource.endswith(make.VERSION)

    def test_is_never_disabled_by_default(self):
        assert not make.step(plan(encrypted()), "old-version")

    @pytest.mark.parametrize(("sharing", "action"), [((Sharer(SECOND, key=True),), REUSE), (Unknown(), MANUAL)])
    def test_is_left_while_others_may_need_it(self, sharing, action):
        made = plan(replace(encrypted(), sharing=sharing), disable_old_version=True)
        assert make.actions(made)["old-version"] == action

    def test_is_not_old_where_only_the_identity_changes(self):
        made = plan(encrypted(), identity="other", no_new_version=True, disable_old_version=True)
        assert not make.step(made, "old-version")


class TestFirewall:
    def test_is_opened_to_trusted_services_after_a_question(self):
        made = plan(encrypted(bypass="None", default_action="Deny"), no_new_version=True)
        assert to_do(made) == {"trusted-services": UPDATE}
        assert "trusted" in make.step(made, "trusted-services").question

    def test_that_lets_them_in_is_left(self):
        assert not plan(encrypted(default_action="Deny"), no_new_version=True).changing


class TestProblems:
    def only(self, made):
        assert made.changes == ()
        (found,) = made.problems
        return " ".join((found.message, *found.advice))

    def test_not_encrypted(self):
        state = encrypted()
        state = replace(state, registry=replace(state.registry, encryption=Encryption("disabled")))
        assert "not encrypted" in self.only(plan_rotate(None, state, state, make.NOW))

    def test_a_key_that_the_registry_does_not_name(self):
        state = encrypted()
        unnamed = replace(state.registry.encryption, key=None)
        state = replace(state, registry=replace(state.registry, encryption=unnamed))
        assert "does not report its key" in self.only(plan_rotate(None, state, state, make.NOW))

    @pytest.mark.parametrize("provisioning", ["Updating", "Creating", "Deleting"])
    def test_an_operation_under_way(self, provisioning):
        state = encrypted()
        state = replace(state, registry=replace(state.registry, provisioning_state=provisioning))
        assert provisioning in self.only(plan(state))

    @pytest.mark.parametrize("identity", [None, "other", "[system]"])
    def test_a_system_identity_that_was_removed(self, identity):
        state = encrypted()
        lost = replace(state.registry, encryption=replace(state.registry.encryption, identity="system"))
        assert "Only Azure support" in self.only(plan(replace(state, registry=lost), identity=identity))

    def test_a_disabled_version_in_use(self):
        state = encrypted(behind=True)
        state = replace(state, version_in_use=replace(state.version_in_use, enabled=False))
        said = self.only(plan(state))
        assert f"--version {make.VERSION} --enabled true" in said

    def test_an_elliptic_curve_key(self):
        state = encrypted()
        asked = goal(state, key_name="other")
        curve = Key(asked.target.key.with_version(make.VERSION), "EC")
        assert "EC" in self.only(plan_rotate(asked, state, target_of(asked, state, key=curve), make.NOW))

    def test_an_identity_that_cannot_be_read(self):
        hidden = Unknown("Microsoft.ManagedIdentity/userAssignedIdentities/read", "/there")
        said = self.only(plan(encrypted(), {"identity": hidden}, identity="other"))
        assert "You don't have permission to read the user-assigned identity" in said
        assert f"'{hidden.action}' on /there" in said


def test_a_managed_hsm_key_is_granted_on_the_key_within_it():
    state = encrypted()
    key = KeyId("myhsm.managedhsm.azure.net", "k")
    hsm = replace(
        state.vault,
        id=ArmId(make.SUBSCRIPTION, "images", HSM_TYPE, "myhsm"),
        uri=f"https://{key.host}/",
        kind="managedHSM",
        permission_model=None,
    )
    there = {"vault": hsm, "key": Key(key.with_version(make.VERSION), "RSA-HSM"), "roles": ()}
    made = plan(state, there, key_encryption_key=str(key))
    assert to_do(made) == {"grant": CREATE, "registry": UPDATE}
    granted = make.role("/keys/k", data_actions=tuple(HSM_NEEDED_ACTIONS.values()))
    assert to_do(plan(state, {**there, "roles": (granted,)}, key_encryption_key=str(key))) == {"registry": UPDATE}
