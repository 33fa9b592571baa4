from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azext_acrcmk.model.access import ENCRYPTION_USER, HSM_ENCRYPTION_USER, HSM_NEEDED_ACTIONS, NEEDED_ACTIONS
from azext_acrcmk.model.ids import HSM_TYPE, REGISTRY_TYPE, ArmId
from azext_acrcmk.model.problem import FORBIDDEN
from azext_acrcmk.model.state import ABSENT, ACCESS_POLICY, Encryption, Sharer, State, Unknown
from azext_acrcmk.plan.change import CREATE, DELETE, MANUAL, REUSE, UPDATE
from azext_acrcmk.plan.grants import REVOKED_TAG, cover, find_grants, needs_tag, tag_of, tagged_grants
from azext_acrcmk.plan.restore import plan_restore
from azext_acrcmk.plan.revoke import BY_GRANT, BY_KEY, plan_revoke
from azext_acrcmk.rules import Facts
from tests.harness import make

OFFICER = "14b46e9e-c2b7-41b4-b07b-48a6ebf60603"
SECOND = ArmId(make.SUBSCRIPTION, "images", REGISTRY_TYPE, "second")
THIRD = ArmId(make.SUBSCRIPTION, "images", REGISTRY_TYPE, "third")
MACHINE = ArmId(make.SUBSCRIPTION, "images", "Microsoft.Compute/virtualMachines", "builder")
KEY = "myregistry-cmk"
CUSTOM = "0c0ffee0-0000-4000-8000-00000000000c"


def encrypted(**vault) -> State:
    state = make.reached(make.goal())
    return replace(state, vault=replace(state.vault, **vault), sharing=())


def by_policy(*permissions, **more) -> State:
    return replace(encrypted(permission_model=ACCESS_POLICY, policies=(make.policy(*permissions, **more),)), roles=())


def in_hsm(*roles) -> State:
    """A registry whose key is in a managed HSM, with roles as pairs of GUID and scope."""
    state = encrypted()
    vault_id = ArmId(make.SUBSCRIPTION, "images", HSM_TYPE, state.vault.name)
    hsm = replace(state.vault, id=vault_id, kind="managedHSM", permission_model=None)
    actions = tuple(HSM_NEEDED_ACTIONS.values())
    made = tuple(
        make.role(scope, id=f"{scope}#{i}", role_id=role, data_actions=actions) for i, (role, scope) in enumerate(roles)
    )
    return replace(state, vault=hsm, roles=made)


def with_roles(*roles) -> State:
    """A registry whose identity has roles, as pairs of GUID and "vault" or "key"."""
    state = encrypted()
    scopes = {"vault": str(state.vault.id), "key": f"{state.vault.id}/keys/{KEY}"}
    made = (make.role(scopes[on], id=f"{on}-{role}", role_id=role) for role, on in roles)
    return replace(state, roles=tuple(made))


def revoke(state, by=BY_GRANT, users=()):
    return plan_revoke(Facts(state, make.NOW), by, users)


def restore(state, disabled_by_revoke=False):
    return plan_restore(Facts(state, make.NOW), disabled_by_revoke)


def tagged(state, text) -> State:
    return replace(state, registry=replace(state.registry, tags={"team": "images", REVOKED_TAG: text}))


def own(state):
    return find_grants(state.vault, state.registry.encryption.key, make.PRINCIPAL, state.roles)[0]


def tag(state) -> str:
    return tag_of(Facts(state, make.NOW), own(state))


def disabled(state) -> State:
    return replace(state, version_in_use=replace(state.version_in_use, enabled=False))


def deleted_identity(state) -> State:
    return replace(state, identity=ABSENT)


def recreated_identity(state) -> State:
    return replace(state, identity=replace(state.identity, client_id="another", principal_id="another"))


def no_system_identity(state) -> State:
    encryption = replace(state.registry.encryption, identity="system")
    return replace(state, identity=Unknown(), registry=replace(state.registry, encryption=encryption))


def words(made):
    assert made.changes == ()
    (found,) = made.problems
    return " ".join((found.message, *found.advice))


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
        assert "az acr cmk revoke --name myregistry --by key" in said

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
        assert first.question == "Revoke its key?"
        for said in (first.notice, first.reason):
            for word in ("All pulls from and pushes to", "az acr cmk restore", "registry second", "builder"):
                assert word in said
            assert said.count("second") == 1

    def test_says_where_others_cannot_be_read(self):
        step = revoke(replace(encrypted(), sharing=Unknown())).changes[0]
        assert "Which other registries use them can't be read." in step.notice
        assert "Which other registries use them can't be read." in step.reason

    def test_another_registry_that_only_shares_the_key_is_not_hit(self):
        step = revoke(replace(encrypted(), sharing=(Sharer(SECOND, key=True, vault=True),))).changes[0]
        assert "second" not in step.notice

    def test_a_role_with_a_condition_that_could_not_be_granted_again_is_refused_with_the_way_out(self):
        state = with_roles((ENCRYPTION_USER, "vault"), (OFFICER, "key"))
        usual, conditional = state.roles
        conditional = replace(conditional, uncertain="A role assignment has a condition.")
        said = words(revoke(replace(state, roles=(usual, conditional))))
        assert "on the key could not be granted again as it is: A role assignment has a condition." in said
        assert "az acr cmk revoke --name myregistry --by key" in said

    @pytest.mark.parametrize(
        "role",
        [make.role(make.REGISTRY.group_id), make.role("/", principal_id="a group")],
        ids=["inherited", "group"],
    )
    def test_roles_from_elsewhere_are_refused_with_the_way_out(self, role):
        state = encrypted()
        scope = state.vault.id if role.principal_id != make.PRINCIPAL else role.scope
        said = words(revoke(replace(state, roles=(*state.roles, replace(role, scope=scope)))))
        assert "more than its own grants" in said
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

    def test_a_role_whose_condition_cannot_be_judged_is_refused_with_reason_and_the_way_out(self):
        state = encrypted()
        conditional = replace(state.roles[0], uncertain="A role assignment has a condition.")
        said = words(revoke(replace(state, roles=(conditional,))))
        assert "Could not read whether the identity has access to the key: A role assignment has a condition." in said
        assert "az acr cmk revoke --name myregistry --by key" in said

    @pytest.mark.parametrize("gone", [deleted_identity, recreated_identity, no_system_identity])
    def test_without_an_identity_it_is_refused_with_the_way_out(self, gone):
        assert "az acr cmk revoke --name myregistry --by key" in words(revoke(gone(encrypted())))

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
        assert "What else uses the key besides registries can't be read." in step.notice

    def test_run_again_is_nothing_to_do(self):
        assert make.actions(revoke(disabled(encrypted()), BY_KEY)) == {"key": REUSE}

    def test_a_version_that_cannot_be_read_is_refused(self):
        assert revoke(replace(encrypted(), version_in_use=Unknown()), BY_KEY).problems[0].kind == FORBIDDEN


class TestRestore:
    def test_of_what_was_not_revoked_is_nothing_to_do(self):
        assert make.actions(restore(encrypted())) == {"key": REUSE, "grant": REUSE}

    def test_grants_access_to_the_key_alone_where_nothing_is_tagged_and_says_so(self):
        state = encrypted()
        made = restore(replace(state, roles=()))
        assert make.actions(made) == {"key": REUSE, "grant": CREATE}
        assert make.step(made, "grant").scope == f"{state.vault.id}/keys/{KEY}"
        assert "On the key alone" in make.step(made, "grant").notice

    def test_makes_what_the_tag_names_and_then_removes_it(self):
        state = with_roles((ENCRYPTION_USER, "key"), (OFFICER, "vault"))
        made = restore(replace(tagged(state, tag(state)), roles=()))
        assert make.actions(made) == {"key": REUSE, "grant": CREATE, "grant-2": CREATE, "tag": UPDATE}
        assert make.step(made, "grant").resource == f"{state.vault.id}/keys/{KEY}"
        assert make.step(made, "grant-2").resource == str(state.vault.id)
        assert make.after(made, "tag") == {"grant", "grant-2"}

    def test_enables_a_version_that_revoke_disabled(self):
        assert make.actions(restore(disabled(encrypted()), True))["key"] == UPDATE

    def test_leaves_alone_a_version_that_somebody_else_disabled(self):
        step = make.step(restore(disabled(encrypted()), False), "key")
        assert step.action == MANUAL
        assert "not by `revoke`" in step.reason
        assert "--enabled true" in step.reason

    def test_a_version_of_which_it_cannot_be_read_who_disabled_it_is_refused(self):
        made = restore(disabled(encrypted()), Unknown("keys/read", "the vault", "No way to it."))
        said = words(made)
        assert "Only the vault tells whether `revoke` did that" in said
        assert "No way to it." in said
        assert "'keys/read'" in said
        assert "--enabled true" in said
        assert made.problems[0].kind == FORBIDDEN

    def test_a_grant_that_cannot_be_read_is_refused_with_the_permission(self):
        made = restore(replace(encrypted(), roles=Unknown("roleAssignments/read", "the vault", "Not you.")))
        assert made.problems[0].kind == FORBIDDEN
        said = words(made)
        assert "You don't have permission to read whether the identity has access to the key" in said
        assert "Not you." in said
        assert "'roleAssignments/read' on the vault" in said

    @pytest.mark.parametrize("note", [True, False])
    @pytest.mark.parametrize("gone", [deleted_identity, recreated_identity, no_system_identity])
    def test_with_nobody_to_grant_the_key_to_it_is_refused_with_the_way_out(self, gone, note):
        state = with_roles((OFFICER, "vault"))
        text = tag(state)
        state = gone(replace(state, roles=()))
        said = words(restore(tagged(state, text) if note else state))
        if gone is no_system_identity:
            assert "Only Azure support" in said
        else:
            assert "az acr cmk rotate --name myregistry --subscription" in said

    @pytest.mark.parametrize("change", [{"roles": Unknown(why="Not you.")}, {"identity": ABSENT}])
    def test_a_key_that_can_be_enabled_is_whatever_becomes_of_the_grant(self, change):
        made = restore(replace(disabled(encrypted()), **change), True)
        assert make.actions(made) == {"key": UPDATE, "grant": MANUAL}
        assert "Not you." in make.step(made, "grant").reason or "rotate" in make.step(made, "grant").reason

    def test_a_version_that_cannot_be_read_is_refused_where_nothing_else_is_to_do(self):
        state = replace(encrypted(), version_in_use=Unknown())
        assert restore(state).problems[0].kind == FORBIDDEN
        assert make.actions(restore(replace(state, roles=()))) == {"grant": CREATE}

    def test_a_role_with_a_condition_was_not_revoked(self):
        state = encrypted()
        conditional = replace(state.roles[0], uncertain="A role assignment has a condition.")
        assert make.actions(restore(replace(state, roles=(conditional,))))["grant"] == REUSE

    def test_asks_nothing(self):
        assert not any(step.question for step in restore(disabled(replace(encrypted(), roles=())), True).changes)


@pytest.mark.parametrize("plan", [revoke, restore])
def test_a_registry_without_a_key_of_its_own_is_refused(plan):
    state = encrypted()
    state = replace(state, registry=replace(state.registry, encryption=Encryption("disabled")))
    assert "not encrypted" in words(plan(state))


@pytest.mark.parametrize("plan", [revoke, restore])
def test_a_registry_that_does_not_name_its_key_is_refused(plan):
    state = encrypted()
    unnamed = replace(state.registry.encryption, key=None)
    state = replace(state, registry=replace(state.registry, encryption=unnamed))
    assert "not with which key" in words(plan(state))


@pytest.mark.parametrize("plan", [revoke, restore])
def test_a_vault_that_cannot_be_read_is_refused(plan):
    said = words(plan(replace(encrypted(), vault=Unknown(why="No subscription has it."))))
    assert "No subscription has it." in said


on_vault = st.tuples(st.sampled_from([ENCRYPTION_USER, OFFICER, CUSTOM]), st.sampled_from(["vault", "key"]))
on_hsm = st.tuples(
    st.sampled_from([HSM_ENCRYPTION_USER, "21dbd100-6940-42c2-9190-5d6cb909625b"]),
    st.sampled_from(["/", "/keys", f"/keys/{KEY}"]),
)
states = st.one_of(
    st.lists(on_vault, min_size=1, max_size=5, unique=True).map(lambda roles: with_roles(*roles)),
    st.lists(on_hsm, min_size=1, max_size=5, unique=True).map(lambda roles: in_hsm(*roles)),
    st.sets(st.sampled_from(["all", "get", "wrapkey", "unwrapkey"]), min_size=1).map(lambda held: by_policy(*held)),
)


@given(states)
def test_a_tag_written_and_read_back_is_the_same(state):
    before = own(state)
    text = tag(state)
    found = read(tagged(state, text))
    assert [str(each) for each in found] == [str(each) for each in before]
    assert cover(found, before)
    assert cover(before, found)
    assert len(text) <= 256, "the most that the value of a tag holds"
    places = [each.role.scope if each.role else str(state.vault.id) for each in before]
    assert [each.resource for each in found] == places


@given(states)
def test_restore_grants_again_just_what_revoke_took(state):
    taken = {step.resource for step in revoke(state).changes if step.action is DELETE}
    assert taken == {each.resource for each in own(state)}
    gone = replace(state, roles=(), vault=replace(state.vault, policies=()))
    if needs_tag(own(state)):
        gone = tagged(gone, tag(state))
    granted_again = [step.resource for step in restore(gone).changes if step.action is CREATE]
    assert len(granted_again) == len(own(state))


def read(state):
    return tagged_grants(Facts(state, make.NOW))


def test_entries_of_a_tag_that_are_not_understood_are_left_out():
    state = with_roles((OFFICER, "vault"))
    text = tag(state)
    assert [str(each) for each in read(tagged(state, f"{text} nonsense  by somebody"))] == [f"{OFFICER}@vault"]
    assert read(tagged(state, "nonsense  by somebody")) == []
    assert read(tagged(state, "")) == []
    assert read(state) == []


@pytest.mark.parametrize(
    "entry", [f"{OFFICER}@/", f"{OFFICER}@/subscriptions/x", "Owner@vault", "policy:get+purge", f"{OFFICER}@vault/../x"]
)
def test_an_entry_that_revoke_would_not_write_is_left_out(entry):
    state = with_roles((OFFICER, "vault"))
    assert [str(each) for each in read(tagged(state, f"{tag(state)} {entry}"))] == [f"{OFFICER}@vault"]


def in_another_vault(state) -> State:
    return replace(state, vault=replace(state.vault, id=replace(state.vault.id, name=f"{state.vault.name}2")))


def of_another_key(state) -> State:
    key = replace(state.registry.encryption.key, name="another")
    return replace(state, registry=replace(state.registry, encryption=replace(state.registry.encryption, key=key)))


def of_another_identity(state) -> State:
    return replace(state, identity=replace(state.identity, principal_id="another"))


@pytest.mark.parametrize("another", [in_another_vault, of_another_key, of_another_identity])
class TestATagAboutSomethingElse:
    @pytest.fixture
    def state(self, another):
        """What the registry has now: nothing granted, and a tag from before."""
        before = with_roles((OFFICER, "vault"))
        return another(replace(tagged(before, tag(before)), roles=()))

    def test_gives_nothing_and_is_removed_which_is_said(self, state):
        made = restore(state)
        assert make.actions(made) == {"key": REUSE, "grant": CREATE, "tag": UPDATE}
        assert "get, wrapKey and unwrapKey" in make.step(made, "grant").reason
        assert "Nothing is granted because of it" in make.step(made, "tag").notice

    def test_is_replaced_by_what_is_revoked_now(self, state):
        there = make.role(state.vault.id, principal_id=state.identity.principal_id)
        before = state.registry.tags[REVOKED_TAG]
        assert make.step(revoke(replace(state, roles=(there,))), "grant").tag.value != before


def test_more_than_a_tag_can_name_is_refused_with_the_way_out():
    custom = [(f"{number:08}-0000-4000-8000-000000000000", "vault") for number in range(6)]
    said = words(revoke(with_roles(*custom)))
    assert "by 6 grants" in said
    assert "--by key" in said
    assert DELETE in make.actions(revoke(with_roles(*custom[:5]))).values()
