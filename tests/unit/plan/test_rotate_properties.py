"""Of every rotation: what it leads to leaves nothing to do, and what is old goes last."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from azext_acrcmk.model.goal import RotateGoal
from azext_acrcmk.model.state import AttachedIdentity, Encryption, Identity, Key, State, Unknown
from azext_acrcmk.plan.change import REUSE
from azext_acrcmk.plan.kinds import ReadBack
from azext_acrcmk.plan.rotate import plan_rotate
from tests.harness import make
from tests.harness.encrypted import OTHER_IDENTITY, encrypted, goal, other_identity, target_of

SYSTEM_PRINCIPAL = "b0000000-0000-4000-8000-00000000005e"

rotations = st.fixed_dictionaries(
    {
        "identity": st.sampled_from([None, "myregistry-cmk", str(OTHER_IDENTITY), "[system]"]),
        "key_vault": st.sampled_from([None, "myvault"]),
        "key_name": st.sampled_from([None, "mykey"]),
        "rotation": st.sampled_from([None, "auto", "manual"]),
        "no_new_version": st.booleans(),
        "revoke_old": st.booleans(),
        "disable_old_version": st.booleans(),
    }
)


def carried_out(asked: RotateGoal, current: State, target: State) -> State:
    """The registry and its parts after a rotation; written apart from the code that does it."""
    registry = current.registry
    version = make.NEWER
    if asked.system_identity:
        principal, client = registry.system_principal_id or SYSTEM_PRINCIPAL, "system"
        registry, identity = replace(registry, system_principal_id=principal), Unknown()
    else:
        identity = target.identity or replace(other_identity(), id=asked.target.identity)
        principal, client = identity.principal_id, identity.client_id
        if not registry.attaches(identity.id):
            attached = (*registry.attached, AttachedIdentity(identity.id, client, principal))
            registry = replace(registry, attached=attached)
    key = Key(asked.target.key.with_version(version), "RSA")
    uri = asked.target.key.with_version(version if asked.manual else None)
    registry = replace(
        registry, encryption=Encryption("enabled", uri, uri.with_version(version), client, not asked.manual)
    )
    vault = target.vault or make.vault(asked.target)
    roles = (make.role(vault.id, principal_id=principal),)
    return State(registry, identity, vault, key, key, roles, current.groups, sharing=(), identity_users=())


@given(rotations, st.booleans(), st.booleans())
def test_planning_the_state_that_a_rotation_leads_to_yields_nothing_to_do(options, pinned, behind):
    current = encrypted(pinned=pinned, behind=behind)
    asked = goal(current, **options)
    target = target_of(asked, current)
    first = plan_rotate(asked, current, target, make.NOW)
    assert first.problems == ()
    after = carried_out(asked, current, target)
    again = goal(after, **{**options, "no_new_version": True})
    system = Identity(after.registry.id, "westeurope", "system", SYSTEM_PRINCIPAL)
    seen = replace(after, identity=system) if again.system_identity else after
    second = plan_rotate(again, after, seen, make.NOW)
    assert second.problems == ()
    assert not second.changing, second


@given(rotations, st.booleans(), st.booleans())
def test_what_is_old_goes_only_after_the_registry_has_the_new(options, pinned, behind):
    current = encrypted(pinned=pinned, behind=behind)
    asked = goal(current, **options)
    made = plan_rotate(asked, current, target_of(asked, current), make.NOW)
    before = []
    for change in made.changes:
        assert all(any(each is seen for seen in before) for each in change.after)
        before.append(change)
        if change.step in ("old-grant", "old-version"):
            assert change.action is REUSE or [each.step for each in change.after] == ["registry"]


@given(rotations, st.booleans(), st.booleans())
def test_the_result_is_read_back_after_all_but_the_tag_that_lets_a_second_run_finish(options, pinned, behind):
    current = encrypted(pinned=pinned, behind=behind)
    asked = goal(current, **options)
    made = plan_rotate(asked, current, target_of(asked, current), make.NOW)
    (place,) = (number for number, each in enumerate(made.changes) if isinstance(each, ReadBack))
    assert [each.step for each in made.changes[place + 1 :]] in ([], ["tag"])
    assert all(made.changes[place] in each.after for each in made.changes[place + 1 :])
    unwaited = goal(current, **options, no_wait=True)
    assert plan_rotate(unwaited, current, target_of(unwaited, current), make.NOW).find(ReadBack) is None
