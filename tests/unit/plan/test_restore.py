from dataclasses import replace

import pytest

from azext_acrcmk.model.access import ENCRYPTION_USER
from azext_acrcmk.model.problem import FORBIDDEN
from azext_acrcmk.model.state import ABSENT, Encryption, Unknown
from azext_acrcmk.plan.change import CREATE, MANUAL, REUSE, UPDATE
from azext_acrcmk.plan.grants import REVOKED_TAG
from tests.harness import make
from tests.harness.revocations import (
    KEY,
    OFFICER,
    deleted_identity,
    disabled,
    encrypted,
    no_system_identity,
    recreated_identity,
    restore,
    revoke,
    tag,
    tagged,
    unseen_identity,
    with_roles,
    words,
)

BY_REVOKE = {REVOKED_TAG: "true", "team": "images"}


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
        change = make.step(restore(disabled(encrypted()), BY_REVOKE), "key")
        assert (change.action, change.tags) == (UPDATE, {"team": "images"})

    def test_leaves_alone_a_version_that_somebody_else_disabled(self):
        step = make.step(restore(disabled(encrypted()), {"team": "images"}), "key")
        assert step.action == MANUAL
        assert "was not disabled by `revoke`" in step.reason
        assert "--enabled true" in step.reason

    def test_a_version_of_which_it_cannot_be_read_who_disabled_it_is_refused(self):
        made = restore(disabled(encrypted()), Unknown("keys/read", "the vault", "No way to it."))
        said = words(made)
        assert "only the vault shows whether by `revoke`" in said
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

    def test_an_identity_that_cannot_be_read_is_refused_with_the_permission(self):
        made = restore(unseen_identity(encrypted()))
        assert made.problems[0].kind == FORBIDDEN
        assert "'identities/read' on the subscription" in words(made)

    def test_the_key_of_an_identity_that_cannot_be_read_is_enabled(self):
        made = restore(unseen_identity(disabled(encrypted())), BY_REVOKE)
        assert make.actions(made) == {"key": UPDATE, "grant": MANUAL}
        assert "'identities/read' on the subscription" in make.step(made, "grant").reason

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
        made = restore(replace(disabled(encrypted()), **change), BY_REVOKE)
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
        assert not any(step.question for step in restore(disabled(replace(encrypted(), roles=())), BY_REVOKE).changes)


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
    assert "does not report its key" in words(plan(state))


@pytest.mark.parametrize("plan", [revoke, restore])
def test_a_vault_that_cannot_be_read_is_refused(plan):
    said = words(plan(replace(encrypted(), vault=Unknown(why="No subscription has it."))))
    assert "No subscription has it." in said
