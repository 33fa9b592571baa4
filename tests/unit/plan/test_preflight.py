"""What is asked before a registry is created, and what the answers mean."""

from dataclasses import replace

import pytest

from azext_acrcmk.model.ids import (
    GROUP_TYPE,
    IDENTITY_TYPE,
    REGISTRY_TYPE,
    ROLE_ASSIGNMENT_TYPE,
    VAULT_TYPE,
    ArmId,
)
from azext_acrcmk.model.preflight import Allowed, Denial, Preflight
from azext_acrcmk.model.state import ABSENT, ACCESS_POLICY, DeletedVault, Unknown
from azext_acrcmk.plan.enable import plan_enable
from azext_acrcmk.plan.needs import needs
from azext_acrcmk.plan.preflight import BLOCKED, REGISTERED, UNDETERMINED, obstacles, questions
from tests.harness import make

SUBSCRIPTION = f"/subscriptions/{make.SUBSCRIPTION}"
GROUP = make.REGISTRY.group_id.lower()
ROLE_WRITE = "Microsoft.Authorization/roleAssignments/write"
ASSIGN = "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action"
EVERYTHING = (Allowed(("*",)),)


def scopes(goal, state) -> dict[str, str]:
    """Where each action must be allowed."""
    return {need.permission.action: need.scope for need in needs(state, plan_enable(goal, state, make.NOW))}


def told(goal, state, **seen) -> list[tuple[str, str, str]]:
    found = obstacles(state, plan_enable(goal, state, make.NOW), Preflight(**seen))
    return [(each.action, each.step, each.resource) for each in found]


class TestWhereToAsk:
    def test_for_what_is_yet_to_be_at_its_group(self):
        goal = make.goal()
        assert set(scopes(goal, make.nothing(goal)).values()) == {GROUP}

    def test_at_the_subscription_where_the_group_is_yet_to_be_too(self):
        goal = make.goal()
        state = make.nothing(goal, with_group=False)
        assert set(scopes(goal, state).values()) == {SUBSCRIPTION}
        asked = questions(state, plan_enable(goal, state, make.NOW))
        assert {each.scope for each in asked.resources} == {SUBSCRIPTION}
        assert [each.details["resourceContent"]["type"] for each in asked.resources] == [
            GROUP_TYPE,
            IDENTITY_TYPE,
            VAULT_TYPE,
            f"{VAULT_TYPE}/keys",
            ROLE_ASSIGNMENT_TYPE,
            REGISTRY_TYPE,
        ]

    def test_at_a_group_that_can_not_be_read(self):
        goal = make.goal()
        assert set(scopes(goal, replace(make.nothing(goal), groups=((GROUP, Unknown()),))).values()) == {GROUP}

    def test_at_the_vault_and_the_identity_that_exist(self):
        goal = make.goal()
        state = replace(make.reached(goal), registry=ABSENT, key=ABSENT, roles=())
        found = scopes(goal, state)
        vault, identity = str(goal.vault).lower(), str(goal.identity).lower()
        assert (found["Microsoft.KeyVault/vaults/keys/write"], found[ROLE_WRITE], found[ASSIGN]) == (
            vault,
            vault,
            identity,
        )
        assert found["Microsoft.ContainerRegistry/registries/write"] == GROUP

    def test_for_a_grant_on_the_key_at_the_key_that_exists(self):
        goal = make.goal(grant_scope="key")
        state = replace(make.reached(goal), registry=ABSENT, roles=())
        vault = str(goal.vault).lower()
        assert scopes(goal, state)[ROLE_WRITE] == f"{vault}/keys/{goal.key_name}"
        assert scopes(goal, replace(state, key=ABSENT))[ROLE_WRITE] == vault

    def test_at_the_group_of_a_vault_that_is_recovered(self):
        goal = make.goal()
        deleted = DeletedVault(goal.vault, "westeurope", purge_protection=True)
        assert scopes(goal, replace(make.nothing(goal), vault=deleted))["Microsoft.KeyVault/vaults/write"] == GROUP


class TestProviders:
    VAULTS = ("provider", "Microsoft.KeyVault")

    def told(self, state, held):
        goal = make.goal()
        providers = (((make.SUBSCRIPTION, "Microsoft.KeyVault"), state),)
        return told(goal, make.reached(goal), providers=providers, permissions=((SUBSCRIPTION, held),))

    def test_that_one_may_register_stop_nothing(self):
        assert self.told("Registered", ()) == []
        assert self.told("NotRegistered", EVERYTHING) == [(REGISTERED, *self.VAULTS)]

    def test_that_one_may_not_register_do(self):
        assert self.told("NotRegistered", (Allowed(("*/read",)),)) == [(BLOCKED, *self.VAULTS)]

    def test_nothing_is_made_of_rights_that_can_not_be_read(self):
        assert self.told("NotRegistered", Unknown()) == [(REGISTERED, *self.VAULTS)]
        assert self.told(Unknown(), ()) == [(UNDETERMINED, *self.VAULTS)]

    def test_are_asked_for_in_the_subscription_of_the_part(self):
        other = "22222222-2222-4222-8222-222222222222"
        vault = ArmId(other, "keys", VAULT_TYPE, "ourvault")
        goal = make.goal(key_vault=str(vault))
        state = make.nothing(goal)
        asked = questions(state, plan_enable(goal, state, make.NOW))
        assert (other, "Microsoft.KeyVault") in asked.providers
        assert f"/subscriptions/{other}" in asked.scopes
        assert asked.quota_of == other


class TestKeyByTheVaultItself:
    OFFICER = (Allowed(data_actions=("Microsoft.KeyVault/vaults/keys/*",)),)

    def told(self, held, *, there=True, **options):
        goal = make.goal(**options)
        state = replace(make.reached(goal), registry=ABSENT, key=ABSENT)
        state = state if there else make.nothing(goal)
        scope = str(goal.vault).lower() if there else GROUP
        return [row[0] for row in told(goal, state, permissions=((scope, held),)) if row[1] == "key"]

    @pytest.mark.parametrize("there", [True, False])
    def test_by_a_role_is_as_good_as_by_the_control_plane(self, there):
        assert self.told(self.OFFICER, there=there) == []
        assert self.told((), there=there) == [BLOCKED]

    def test_takes_a_right_on_rotation_policies_for_one(self):
        assert self.told(self.OFFICER, rotation_period="P90D") == [BLOCKED]

    def test_by_an_access_policy_can_not_be_read(self):
        assert self.told(self.OFFICER, permission_model=ACCESS_POLICY) == [UNDETERMINED]
        assert self.told(EVERYTHING, permission_model=ACCESS_POLICY) == []

    def test_a_new_vault_has_no_access_policies(self):
        assert self.told(self.OFFICER, there=False, permission_model=ACCESS_POLICY) == [BLOCKED]


class TestRecoveredVault:
    """Which permission model it has is read when it is recovered, so both kinds of grant may be required."""

    GOAL = make.goal()
    STATE = replace(make.nothing(GOAL), vault=DeletedVault(GOAL.vault, "westeurope", purge_protection=True))
    OTHERS = Allowed(
        (
            "Microsoft.KeyVault/vaults/write",
            "Microsoft.KeyVault/vaults/keys/write",
            "Microsoft.ContainerRegistry/*",
            "Microsoft.ManagedIdentity/*",
        )
    )
    POLICY_WRITE = "Microsoft.KeyVault/vaults/accessPolicies/write"

    def told(self, *actions):
        return told(self.GOAL, self.STATE, permissions=((GROUP, (self.OTHERS, Allowed(actions))),))

    def test_requires_permission_for_a_role_or_for_an_access_policy(self):
        made = plan_enable(self.GOAL, self.STATE, make.NOW)
        (need,) = [each for each in needs(self.STATE, made) if each.change.step == "grant"]
        assert (need.permission.action, need.permission.either) == (ROLE_WRITE, (self.POLICY_WRITE,))
        assert need.scope == GROUP

    def test_with_neither_is_blocked(self):
        assert self.told() == [(BLOCKED, "grant", str(self.GOAL.vault))]

    @pytest.mark.parametrize("one", [ROLE_WRITE, POLICY_WRITE])
    def test_with_permission_for_one_alone_it_is_not_known(self, one):
        assert self.told(one) == [(UNDETERMINED, "grant", str(self.GOAL.vault))]

    def test_with_permission_for_both_nothing_stands_against_it(self):
        assert self.told(ROLE_WRITE, self.POLICY_WRITE) == []

    def test_without_role_assignments_left_it_is_not_known(self):
        asked = questions(self.STATE, plan_enable(self.GOAL, self.STATE, make.NOW))
        assert asked.quota_of == make.SUBSCRIPTION
        assert told(self.GOAL, self.STATE, role_assignments_left=1) == []
        assert told(self.GOAL, self.STATE, role_assignments_left=0) == [(UNDETERMINED, "quota", str(self.GOAL.vault))]


def test_no_role_assignments_left():
    goal = make.goal()
    assert told(goal, make.nothing(goal), role_assignments_left=0) == [(BLOCKED, "quota", str(goal.vault))]
    policies = make.goal(permission_model=ACCESS_POLICY)
    assert questions(make.nothing(policies), plan_enable(policies, make.nothing(policies), make.NOW)).quota_of is None


def test_a_vault_name():
    goal = make.goal()
    state = make.nothing(goal)
    assert told(goal, state, vault_name_free=True) == []
    assert told(goal, state, vault_name_free=False) == [(BLOCKED, "vault", str(goal.vault))]
    assert told(goal, state, vault_name_free=Unknown()) == [(UNDETERMINED, "vault", str(goal.vault))]


def test_policies_that_can_not_be_asked_about_at_one_place_are_one_row_and_hide_no_denial():
    goal = make.goal()
    unseen = Unknown("", GROUP, "No.")
    rows = told(goal, make.nothing(goal), denials=(unseen, Denial("vault", "no-vaults"), unseen))
    assert rows == [(UNDETERMINED, "policy", GROUP), (BLOCKED, "policy", "vault")]
