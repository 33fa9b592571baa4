from dataclasses import replace

import pytest

from azext_acrcmk.model.access import ENCRYPTION_USER, NEEDED_ACTIONS
from azext_acrcmk.model.problem import FORBIDDEN
from azext_acrcmk.model.state import Sharer, Unknown
from azext_acrcmk.plan.change import DELETE, REUSE, UPDATE
from azext_acrcmk.plan.revoke import BY_KEY
from tests.harness import make
from tests.harness.revocations import (
    MACHINE,
    OFFICER,
    SECOND,
    THIRD,
    by_policy,
    deleted_identity,
    disabled,
    encrypted,
    no_system_identity,
    own,
    recreated_identity,
    revoke,
    tag,
    tagged,
    unseen_identity,
    with_roles,
    words,
)

DISABLE_INSTEAD = f"az acr cmk revoke --name myregistry --subscription {make.SUBSCRIPTION} --by key"


class TestRevokeByGrant:
    def test_removes_the_role_on_the_key_alone_and_needs_no_tag(self):
        state = with_roles((ENCRYPTION_USER, "key"))
        made = revoke(state)
        assert make.actions(made) == {"grant": DELETE}
        assert make.step(made, "grant").resource == state.roles[0].id

    def test_the_usual_role_is_named_in_a_tag_that_goes_with_its_removal(self):
        state = encrypted()
        made = revoke(state)
        assert make.actions(made) == {"grant": DELETE}
        assert make.step(made, "grant").tag.value == tag(state)

    def test_where_the_tag_cannot_be_set_the_usual_role_is_removed_all_the_same(self):
        assert make.step(revoke(encrypted()), "grant").tag.instead is not None
        full = {f"tag{number}": "" for number in range(50)}
        state = encrypted()
        made = revoke(replace(state, registry=replace(state.registry, tags=full)))
        assert make.actions(made) == {"grant": DELETE}
        assert "already has 50 tags" in made.changes[0].notice
        assert "will grant access to the key alone" in made.changes[0].notice

    def test_where_the_tag_cannot_be_set_what_only_it_could_name_is_not_removed(self):
        state = with_roles((OFFICER, "vault"))
        assert make.step(revoke(state), "tag").instead is None
        full = {f"tag{number}": "" for number in range(50)}
        said = words(revoke(replace(state, registry=replace(state.registry, tags=full))))
        assert "already has 50 tags" in said
        assert DISABLE_INSTEAD in said

    @pytest.mark.parametrize(
        "roles",
        [
            [(OFFICER, "vault")],
            [(ENCRYPTION_USER, "vault"), (OFFICER, "key")],
        ],
    )
    def test_names_in_a_tag_what_is_wider_before_it_is_removed(self, roles):
        made = revoke(with_roles(*roles))
        assert make.actions(made)["tag"] == UPDATE
        removed = [step for step in made.changes if step.action is DELETE]
        assert len(removed) == len(roles)
        assert all(step.after == (make.step(made, "tag"),) for step in removed)

    def test_a_policy_with_the_usual_permissions_needs_no_tag(self):
        assert make.actions(revoke(by_policy("get", "wrapkey", "unwrapkey", "list"))) == {"grant": DELETE}

    @pytest.mark.parametrize("held", [["all"], ["get", "unwrapkey"], ["all", "unwrapkey"]])
    def test_a_policy_with_others_is_named_in_a_tag(self, held):
        assert make.actions(revoke(by_policy(*held))) == {"tag": UPDATE, "grant": DELETE}

    def test_a_policy_loses_all_that_lets_it_use_the_key_and_nothing_else(self):
        (grant,) = own(by_policy("all", "unwrapkey", "list", "sign"))
        assert {p.lower() for p in grant.permissions} == {"all", "unwrapkey"}

    def test_a_policy_for_an_application_on_behalf_of_the_identity_is_not_its_own(self):
        assert own(by_policy("get", application_id=make.CLIENT)) == []

    def test_asks_once_and_says_what_stops_working(self):
        state = with_roles((ENCRYPTION_USER, "vault"), (OFFICER, "key"))
        state = replace(state, sharing=(Sharer(SECOND, identity=True, vault=True),))
        made = revoke(state, users=(MACHINE, SECOND))
        first = made.changes[0]
        assert [step for step in made.changes if step.question or step.notice] == [first]
        assert first.question == "Revoke the key?"
        for said in (first.notice, first.reason):
            for word in ("All pulls from and pushes to", "az acr cmk restore", "registry second", "builder"):
                assert word in said
            assert said.count("second") == 1

    def test_says_where_others_cannot_be_read(self):
        step = revoke(replace(encrypted(), sharing=Unknown())).changes[0]
        assert "Could not read which other registries use them." in step.notice
        assert "Could not read which other registries use them." in step.reason

    def test_another_registry_that_only_shares_the_key_is_not_hit(self):
        step = revoke(replace(encrypted(), sharing=(Sharer(SECOND, key=True, vault=True),))).changes[0]
        assert "second" not in step.notice

    def test_a_role_with_a_condition_that_could_not_be_granted_again_is_refused_with_the_way_out(self):
        state = with_roles((ENCRYPTION_USER, "vault"), (OFFICER, "key"))
        usual, conditional = state.roles
        conditional = replace(conditional, uncertain="A role assignment has a condition.")
        said = words(revoke(replace(state, roles=(usual, conditional))))
        assert "on the key could not be restored in its current form: A role assignment has a condition." in said
        assert DISABLE_INSTEAD in said

    @pytest.mark.parametrize(
        "role",
        [
            make.role(make.REGISTRY.group_id),
            make.role("/providers/Microsoft.Management/managementGroups/corp"),
            make.role("/", principal_id="a group"),
        ],
        ids=["inherited", "management group", "group"],
    )
    def test_roles_from_elsewhere_are_refused_with_the_way_out(self, role):
        state = encrypted()
        scope = state.vault.id.as_scope if role.principal_id != make.PRINCIPAL else role.scope
        said = words(revoke(replace(state, roles=(*state.roles, replace(role, scope=scope)))))
        assert "not only through its own grants" in said
        assert str(scope) in said
        assert "--by key" in said

    @pytest.mark.parametrize("kept", ["get", "wrapKey"])
    def test_roles_from_elsewhere_that_would_not_keep_it_going_stay(self, kept):
        state = encrypted()
        inherited = make.role(make.REGISTRY.group_id, data_actions=(NEEDED_ACTIONS[kept],))
        made = revoke(replace(state, roles=(*state.roles, inherited)))
        removed = [step.resource for step in made.changes if step.action is DELETE]
        assert removed == [state.roles[0].id]

    @pytest.mark.parametrize("scope", [make.REGISTRY.group_id, encrypted().vault.id], ids=["above", "own"])
    def test_a_role_that_cannot_be_read_may_keep_it_going(self, scope):
        state = encrypted()
        hidden = make.role(scope, data_actions=(), uncertain="The role can't be read.")
        assert "or can't be read" in words(revoke(replace(state, roles=(*state.roles, hidden))))

    def test_without_a_grant_is_nothing_to_do(self):
        assert make.actions(revoke(replace(encrypted(), roles=()))) == {"grant": REUSE}

    def test_a_grant_that_cannot_be_read_is_refused_with_the_permission(self):
        made = revoke(replace(encrypted(), roles=Unknown("roleAssignments/read", "the vault")))
        assert made.problems[0].kind == FORBIDDEN
        assert "'roleAssignments/read' on the vault" in words(made)

    @pytest.mark.parametrize("state", [encrypted(), by_policy("get", "wrapKey", "unwrapKey")], ids=["role", "policy"])
    def test_an_identity_that_cannot_be_read_is_not_said_to_have_no_access(self, state):
        made = revoke(unseen_identity(state))
        assert made.problems[0].kind == FORBIDDEN
        said = words(made)
        assert "'identities/read' on the subscription" in said
        assert DISABLE_INSTEAD in said

    def test_a_role_whose_condition_cannot_be_judged_is_refused_with_reason_and_the_way_out(self):
        state = encrypted()
        conditional = replace(state.roles[0], uncertain="A role assignment has a condition.")
        said = words(revoke(replace(state, roles=(conditional,))))
        assert "Could not read whether the identity has access to the key: A role assignment has a condition." in said
        assert DISABLE_INSTEAD in said

    @pytest.mark.parametrize("gone", [deleted_identity, recreated_identity, no_system_identity])
    def test_without_an_identity_it_is_refused_with_the_way_out(self, gone):
        assert DISABLE_INSTEAD in words(revoke(gone(encrypted())))

    def test_the_rest_of_a_run_that_was_interrupted_does_not_replace_its_tag(self):
        state = with_roles((ENCRYPTION_USER, "key"), (OFFICER, "key"))
        rest = replace(tagged(state, tag(state)), roles=state.roles[1:])
        assert make.actions(revoke(rest)) == {"grant": DELETE}

    def test_what_was_granted_since_replaces_the_tag(self):
        old = with_roles((OFFICER, "vault"))
        made = revoke(tagged(encrypted(), tag(old)))
        assert make.step(made, "grant").tag.value == tag(encrypted())


class TestRevokeByKey:
    def test_disables_the_version_in_use(self):
        state = encrypted()
        made = revoke(state, BY_KEY)
        assert make.actions(made) == {"key": UPDATE}
        assert make.step(made, "key").resource == str(state.version_in_use.id)
        assert "no key is deleted" in make.step(made, "key").reason

    def test_says_which_others_have_the_key(self):
        sharing = (Sharer(SECOND, key=True), Sharer(THIRD, identity=True, vault=True))
        (step,) = revoke(replace(encrypted(), sharing=sharing), BY_KEY).changes
        assert "second" in step.notice
        assert "third" not in step.notice
        assert "Uses of the key by anything other than registries can't be detected." in step.notice

    def test_run_again_is_nothing_to_do(self):
        assert make.actions(revoke(disabled(encrypted()), BY_KEY)) == {"key": REUSE}

    def test_a_version_that_cannot_be_read_is_refused(self):
        assert revoke(replace(encrypted(), version_in_use=Unknown()), BY_KEY).problems[0].kind == FORBIDDEN
