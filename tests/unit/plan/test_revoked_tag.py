from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azext_acrcmk.model.access import ENCRYPTION_USER, HSM_ENCRYPTION_USER
from azext_acrcmk.model.state import State
from azext_acrcmk.plan.change import CREATE, DELETE, REUSE, UPDATE
from azext_acrcmk.plan.grants import REVOKED_TAG, cover, needs_tag, tagged_grants
from azext_acrcmk.rules import Facts
from tests.harness import make
from tests.harness.revocations import (
    CUSTOM,
    KEY,
    OFFICER,
    by_policy,
    in_hsm,
    own,
    restore,
    revoke,
    tag,
    tagged,
    with_roles,
    words,
)

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
    assert [str(each.resource) for each in found] == places


@given(states)
def test_restore_grants_again_just_what_revoke_took(state):
    taken = {step.resource for step in revoke(state).changes if step.action is DELETE}
    assert taken == {str(each.resource) for each in own(state)}
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
        assert "It is ignored and removed" in make.step(made, "tag").notice

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
