from dataclasses import replace
from datetime import timedelta

import pytest

from azext_acrcmk.model.problem import FORBIDDEN, NOT_FOUND
from azext_acrcmk.model.registry_options import RegistryOptions
from azext_acrcmk.model.state import (
    ABSENT,
    ACCESS_POLICY,
    RBAC,
    DeletedKey,
    DeletedVault,
    DenyAssignment,
    Encryption,
    RotationPolicy,
    Unknown,
)
from azext_acrcmk.plan.change import CREATE, RECOVER, REUSE, UPDATE, VERIFY
from azext_acrcmk.plan.enable import plan_enable
from tests.harness import make


def plan(goal, state):
    return plan_enable(goal, state, make.NOW)


def problem(goal, state):
    """The one problem of a plan that must have one."""
    made = plan(goal, state)
    assert made.changes == ()
    assert len(made.problems) == 1, made.problems
    return made.problems[0]


def words(problem):
    return " ".join((problem.message, *problem.advice))


class TestFresh:
    def test_everything_is_created_and_the_long_pole_waits_for_the_least(self):
        goal = make.goal()
        made = plan(goal, make.nothing(goal, with_group=False))
        assert make.actions(made) == dict.fromkeys(["group", "identity", "vault", "key", "grant", "registry"], CREATE)
        assert make.after(made, "grant") == {"identity", "vault"}
        assert make.after(made, "vault") == make.after(made, "identity") == {"group"}
        assert make.after(made, "registry") == {"group", "identity", "vault", "key", "grant"}

    def test_what_is_irreversible_is_marked_and_new_things_need_no_confirmation(self):
        goal = make.goal()
        made = plan(goal, make.nothing(goal))
        assert [each.step for each in made.changes if each.irreversible] == ["vault", "registry"]
        assert not any(each.question for each in made.changes)

    def test_a_grant_on_the_key_waits_for_the_key(self):
        goal = make.goal(grant_scope="key")
        made = plan(goal, make.nothing(goal))
        assert "key" in make.after(made, "grant")
        assert make.step(made, "grant").resource.endswith("/keys/myregistry-cmk")

    def test_a_role_inherited_from_the_group_is_enough_for_a_new_vault(self):
        goal = make.goal()
        state = replace(make.nothing(goal), identity=make.identity(goal), roles=(make.role(make.REGISTRY.group_id),))
        made = plan(goal, state)
        assert make.actions(made)["grant"] is REUSE
        assert "Key Vault Crypto Service Encryption User" in make.step(made, "grant").reason

    def test_but_not_for_a_new_vault_with_access_policies(self):
        goal = make.goal(permission_model=ACCESS_POLICY)
        state = replace(make.nothing(goal), identity=make.identity(goal), roles=(make.role(make.REGISTRY.group_id),))
        assert make.actions(plan(goal, state))["grant"] is CREATE

    def test_the_registry_knows_the_access_policy_that_may_have_to_be_added_again(self):
        by_policy, by_role = (make.goal(permission_model=model) for model in (ACCESS_POLICY, RBAC))
        made = plan(by_policy, make.nothing(by_policy))
        assert make.step(made, "registry").policy is make.step(made, "grant")
        assert make.step(plan(by_role, make.nothing(by_role)), "registry").policy is None

    def test_a_missing_group_takes_a_location(self):
        goal = make.goal(location=None)
        found = problem(goal, make.nothing(goal, with_group=False))
        assert found.kind == NOT_FOUND
        assert "--location" in words(found)

    def test_a_group_that_cannot_be_read_is_not_created(self):
        goal = make.goal()
        state = replace(make.nothing(goal), groups=((make.REGISTRY.group_id.lower(), Unknown()),))
        assert make.actions(plan(goal, state))["group"] is REUSE
        assert problem(make.goal(location=None), state).kind == FORBIDDEN

    def test_a_name_that_is_taken(self):
        goal = make.goal()
        found = problem(goal, replace(make.nothing(goal), name_problem="The registry DNS name is already in use."))
        assert "already in use" in found.message

    def test_a_vault_in_a_group_that_is_not_there(self):
        vault = f"/subscriptions/{make.SUBSCRIPTION}/resourceGroups/gone/providers/Microsoft.KeyVault/vaults/other"
        goal = make.goal(key_vault=vault)
        state = make.nothing(goal)
        state = replace(state, groups=(*state.groups, (goal.vault.group_id.lower(), ABSENT)))
        assert problem(goal, state).kind == NOT_FOUND


class TestRerun:
    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"permission_model": ACCESS_POLICY},
            {"rotation": "manual"},
            {"rotation": "auto"},
            {"key_encryption_key": make.uri()},
        ],
    )
    def test_a_reached_goal_leaves_nothing_to_do(self, options):
        goal = make.goal(**options)
        made = plan(goal, make.reached(goal))
        assert not made.problems
        assert set(make.actions(made).values()) == {REUSE}
        assert not made.changing

    def test_a_lost_grant_is_made_again(self):
        goal = make.goal()
        made = plan(goal, replace(make.reached(goal), roles=()))
        assert {name for name, action in make.actions(made).items() if action is not REUSE} == {"grant"}

    def test_a_partial_policy_is_not_enough(self):
        goal = make.goal(permission_model=ACCESS_POLICY)
        state = make.reached(goal)
        state = replace(state, vault=replace(state.vault, policies=(make.policy("get", "wrapkey"),)))
        assert make.actions(plan(goal, state))["grant"] is CREATE

    def test_encryption_is_set_again_where_the_last_operation_failed(self):
        goal = make.goal()
        state = make.reached(goal)
        state = replace(state, registry=replace(state.registry, provisioning_state="Failed"))
        assert make.actions(plan(goal, state))["registry"] is UPDATE

    def test_a_registry_whose_creation_failed_is_created_again(self):
        goal = make.goal()
        state = make.reached(goal)
        failed = replace(state.registry, provisioning_state="Failed", encryption=Encryption("disabled"))
        assert make.actions(plan(goal, replace(state, registry=failed)))["registry"] is CREATE


class TestExistingRegistry:
    def refusal(self, goal=None, **changes):
        goal = goal or make.goal()
        state = make.reached(goal)
        return problem(goal, replace(state, registry=replace(state.registry, **changes)))

    def test_without_cmk_it_is_left_alone_and_the_way_out_is_named(self):
        found = self.refusal(encryption=Encryption("disabled"))
        assert "only when a registry is created" in found.message
        assert "az acr cmk migrate" in words(found)

    def test_a_creation_that_failed_with_another_identity(self):
        found = self.refusal(encryption=Encryption("disabled"), provisioning_state="Failed", attached=())
        assert "az acr delete" in words(found)

    def test_another_key(self):
        goal = make.goal()
        state = make.reached(make.goal(key_name="other"))
        assert "rotate" in words(problem(goal, state))

    def test_another_version(self):
        goal = make.goal(key_encryption_key=make.uri(version=make.NEWER))
        state = make.reached(goal)
        assert "rotate" in words(problem(goal, state))

    @pytest.mark.parametrize(("is_", "asked"), [("manual", "auto"), ("auto", "manual")])
    def test_another_rotation(self, is_, asked):
        found = problem(make.goal(rotation=asked), make.reached(make.goal(rotation=is_)))
        assert f"--rotation {asked}" in words(found)

    def test_the_rotation_it_has_is_kept_where_none_is_asked_for(self):
        assert not plan(make.goal(), make.reached(make.goal(rotation="manual"))).changing

    def test_another_identity(self):
        goal = make.goal()
        state = replace(make.reached(goal), identity=make.identity(goal, client_id="another"))
        assert "--identity" in words(problem(goal, state))

    def test_an_identity_that_is_no_longer_attached(self):
        assert "az acr identity assign" in words(self.refusal(attached=()))

    def test_other_settings_are_named_with_the_command_that_changes_them(self):
        goal = make.goal(options=RegistryOptions.of(public_network_enabled=False, default_action="Deny"))
        found = self.refusal(goal, location="northeurope", properties={"publicNetworkAccess": "Enabled"})
        assert "--location is northeurope" in found.message
        assert "--default-action" not in found.message
        assert "az acr update --name myregistry --public-network-enabled false" in words(found)

    def test_one_that_is_busy(self):
        assert "Updating" in self.refusal(provisioning_state="Updating").message

    def test_one_that_cannot_be_read(self):
        goal = make.goal()
        unknown = Unknown("Microsoft.ContainerRegistry/registries/read", str(goal.registry), "no")
        found = problem(goal, replace(make.nothing(goal), registry=unknown))
        assert found.kind == FORBIDDEN
        assert "registries/read" in words(found)

    @pytest.mark.parametrize("lost", ["vault", "key"])
    def test_its_key_is_never_replaced_by_a_new_one_of_the_same_name(self, lost):
        goal = make.goal()
        state = replace(make.reached(goal), key=ABSENT)
        if lost == "vault":
            state = replace(state, vault=ABSENT)
        assert "would not decrypt the registry" in problem(goal, state).message


class TestVault:
    def state(self, goal, **changes):
        return replace(make.nothing(goal), identity=make.identity(goal), vault=make.vault(goal), **changes)

    def test_an_existing_one_keeps_its_model_and_gets_the_matching_grant(self):
        goal = make.goal()
        state = self.state(goal)
        assert "Role" in make.step(plan(goal, state), "grant").reason
        policies = replace(state, vault=replace(state.vault, permission_model=ACCESS_POLICY))
        assert "Access policy" in make.step(plan(goal, policies), "grant").reason

    def test_purge_protection_is_turned_on_after_a_question(self):
        goal = make.goal()
        state = self.state(goal)
        made = plan(goal, replace(state, vault=replace(state.vault, purge_protection=False)))
        step = make.step(made, "purge-protection")
        assert step.action is UPDATE
        assert step.irreversible
        assert step.question.endswith("?")

    @pytest.mark.parametrize("protected", [True, False])
    def test_a_soft_deleted_one_is_recovered_and_the_grant_made_again(self, protected):
        goal = make.goal()
        deleted = DeletedVault(goal.vault, "westeurope", protected)
        made = plan(goal, replace(self.state(goal), vault=deleted))
        assert make.actions(made)["vault"] is RECOVER
        assert make.actions(made)["grant"] is CREATE
        assert bool(make.step(made, "purge-protection")) is not protected

    @pytest.mark.parametrize(
        ("options", "changes"),
        [
            ({"permission_model": RBAC}, {"permission_model": ACCESS_POLICY}),
            ({"vault_sku": "premium"}, {"sku": "standard"}),
            ({"retention_days": 7}, {"retention_days": 90}),
            ({"restrict_vault_network": True}, {"default_action": "Allow"}),
        ],
    )
    def test_options_that_contradict_it(self, options, changes):
        goal = make.goal(**options)
        state = self.state(goal)
        found = problem(goal, replace(state, vault=replace(state.vault, **changes)))
        assert f"--{next(iter(options)).replace('_', '-')}" in found.message

    def test_what_it_does_not_show_is_not_compared_with_options(self):
        goal = make.goal(retention_days=30)
        state = self.state(goal)
        there = replace(state, vault=replace(state.vault, retention_days=None))
        assert plan(goal, there).problems == ()

    def test_an_hsm_key_in_a_standard_vault(self):
        goal = make.goal(asked_key_type="RSA-HSM")
        state = self.state(goal)
        found = problem(goal, replace(state, vault=replace(state.vault, sku="standard")))
        assert "RSA-HSM" in found.message

    @pytest.mark.parametrize(
        "changes",
        [{"default_action": "Deny", "bypass": "None"}, {"public_network_access": "Disabled", "bypass": "None"}],
    )
    def test_a_firewall_that_shuts_the_registry_out(self, changes):
        goal = make.goal()
        state = self.state(goal)
        found = problem(goal, replace(state, vault=replace(state.vault, **changes)))
        assert "--bypass AzureServices" in words(found)

    def test_a_firewall_with_trusted_services_is_fine(self):
        goal = make.goal()
        state = self.state(goal)
        assert not plan(goal, replace(state, vault=replace(state.vault, default_action="Deny"))).problems

    def test_the_firewall_of_one_in_a_perimeter_is_left_alone(self):
        goal = make.goal()
        there = make.vault(goal, public_network_access="SecuredByPerimeter", default_action="Deny", bypass="None")
        made = plan(goal, replace(self.state(goal), vault=there))
        assert not made.problems
        assert make.step(made, "trusted-services") is None

    def test_one_that_cannot_be_read_is_not_taken_for_absent(self):
        goal = make.goal()
        unknown = Unknown("Microsoft.KeyVault/vaults/read", str(goal.vault), "no")
        assert problem(goal, replace(self.state(goal), vault=unknown)).kind == FORBIDDEN


class TestKey:
    def refusal(self, goal=None, **changes):
        goal = goal or make.goal()
        state = replace(
            make.nothing(goal), identity=make.identity(goal), vault=make.vault(goal), key=make.key(goal, **changes)
        )
        return problem(goal, state)

    def test_a_soft_deleted_one_is_recovered(self):
        goal = make.goal()
        state = replace(make.nothing(goal), vault=make.vault(goal), key=DeletedKey(goal.key_name))
        assert make.actions(plan(goal, state))["key"] is RECOVER

    def test_one_that_is_created_has_its_rotation_in_the_plan(self):
        goal = make.goal(rotation_period="P90D", key_lifetime="P2Y", key_size=4096)
        reason = make.step(plan(goal, make.nothing(goal)), "key").reason
        assert "RSA 4096" in reason
        assert "P90D" in reason
        assert "P2Y" in reason

    def test_elliptic_curve(self):
        assert "EC" in self.refusal(type="EC").message

    def test_disabled(self):
        assert "--enabled true" in words(self.refusal(enabled=False))

    def test_expired(self):
        assert "expired" in self.refusal(expires=make.NOW - timedelta(days=1)).message

    def test_not_yet_valid(self):
        assert "not valid before" in self.refusal(not_before=make.NOW + timedelta(days=1)).message

    def test_without_wrapping(self):
        assert "wrapkey" in self.refusal(operations=frozenset({"sign", "unwrapkey"})).message

    @pytest.mark.parametrize(
        ("options", "changes"),
        [
            ({"key_size": 3072}, {"size": 2048}),
            ({"rotation_period": "P30D"}, {"rotation_policy": RotationPolicy("P90D")}),
            ({"rotation_period": "P30D"}, {"rotation_policy": None}),
        ],
    )
    def test_options_that_contradict_it(self, options, changes):
        found = self.refusal(make.goal(**options), **changes)
        assert f"--{next(iter(options)).replace('_', '-')}" in found.message

    def test_what_it_does_not_show_is_not_compared_with_options(self):
        goal = make.goal(key_size=3072)
        state = replace(make.nothing(goal), vault=make.vault(goal), key=make.key(goal, size=None))
        assert plan(goal, state).problems == ()

    def test_one_of_a_uri_that_is_not_there(self):
        goal = make.goal(key_encryption_key=make.uri())
        state = replace(make.nothing(goal), vault=make.vault(goal), key=ABSENT)
        assert problem(goal, state).kind == NOT_FOUND

    def test_all_that_is_wrong_is_told_at_once(self):
        goal = make.goal()
        state = replace(
            make.nothing(goal),
            vault=make.vault(goal, default_action="Deny", bypass="None"),
            key=make.key(goal, enabled=False, operations=frozenset()),
        )
        assert len(plan(goal, state).problems) == 3


class TestSkipGrant:
    def test_it_takes_an_identity_that_exists(self):
        goal = make.goal(skip_grant=True)
        assert problem(goal, make.nothing(goal)).kind == NOT_FOUND

    def test_a_missing_grant_is_named_with_the_command_to_make_it(self):
        goal = make.goal(skip_grant=True)
        state = replace(make.reached(goal), registry=ABSENT, roles=())
        assert "az role assignment create" in words(problem(goal, state))
        policies = replace(state, vault=replace(state.vault, permission_model=ACCESS_POLICY))
        assert "az keyvault set-policy" in words(problem(goal, policies))

    def test_a_grant_that_is_there_is_used(self):
        goal = make.goal(skip_grant=True)
        assert make.actions(plan(goal, replace(make.reached(goal), registry=ABSENT)))["grant"] is REUSE

    def test_a_grant_that_cannot_be_read_is_left_to_the_registry_to_verify(self):
        goal = make.goal(skip_grant=True)
        state = replace(make.reached(goal), registry=ABSENT, roles=Unknown())
        assert make.actions(plan(goal, state))["grant"] is VERIFY

    def test_a_vault_that_cannot_be_read_takes_it(self):
        hidden = Unknown("Microsoft.KeyVault/vaults/read", "https://keys.vault.azure.net", "hidden")
        goal = make.goal(key_encryption_key=make.uri())
        state = replace(make.nothing(goal), identity=make.identity(goal), vault=hidden, key=hidden)
        assert "--skip-grant" in words(plan(goal, state).problems[0])
        goal = make.goal(key_encryption_key=make.uri(), skip_grant=True)
        assert make.actions(plan(goal, state))["registry"] is CREATE


@pytest.mark.parametrize("skip_grant", [False, True])
def test_access_that_a_deny_assignment_takes_is_not_granted_again_but_refused(skip_grant):
    goal = make.goal(skip_grant=skip_grant)
    denied = make.role(
        make.vault(goal).id, denied_by=(DenyAssignment("Locked", ("Microsoft.KeyVault/vaults/keys/*",)),)
    )
    said = words(problem(goal, replace(make.reached(goal), registry=ABSENT, roles=(denied,))))
    assert "deny assignment 'Locked'" in said
    assert "exclude the identity" in said
    assert "--skip-grant" not in said


def test_a_grant_that_cannot_be_read_is_made():
    goal = make.goal()
    state = replace(make.reached(goal), registry=ABSENT, roles=Unknown())
    assert make.actions(plan(goal, state))["grant"] is CREATE
