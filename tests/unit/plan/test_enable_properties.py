"""Planning the state that a plan leads to yields nothing to do, whatever there was before."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from azext_acrcmk.model.goal import EnableGoal
from azext_acrcmk.model.state import ABSENT, ACCESS_POLICY, RBAC, DeletedKey, DeletedVault, Key, State, Vault
from azext_acrcmk.plan.change import CREATE, Plan
from azext_acrcmk.plan.enable import plan_enable
from tests.harness import make

goals = st.builds(
    make.goal,
    location=st.just("westeurope"),
    identity=st.sampled_from([None, "myidentity"]),
    key_vault=st.sampled_from([None, "myvault"]),
    key_name=st.sampled_from([None, "mykey"]),
    rotation=st.sampled_from([None, "auto", "manual"]),
    asked_key_type=st.sampled_from([None, "RSA", "RSA-HSM"]),
    key_size=st.sampled_from([None, 2048, 4096]),
    permission_model=st.sampled_from([None, RBAC, ACCESS_POLICY]),
    grant_scope=st.sampled_from(["vault", "key"]),
    retention_days=st.sampled_from([None, 7, 90]),
)


@st.composite
def goals_and_states(draw) -> tuple[EnableGoal, State, Vault]:
    """A goal, a state from which each of its parts is there, missing, half there or soft-deleted, and the vault that a
    soft-deleted one turns out to be."""
    goal = draw(goals)
    if goal.permission_model == ACCESS_POLICY:
        goal = replace(goal, grant_scope="vault")
    recovered = replace(
        make.vault(goal), permission_model=draw(st.sampled_from([RBAC, ACCESS_POLICY])), retention_days=30
    )
    group = draw(st.booleans())
    state = make.nothing(goal, with_group=group)
    if not group:
        return goal, state, recovered
    vault = replace(make.vault(goal), retention_days=goal.new_retention_days, purge_protection=draw(st.booleans()))
    deleted = DeletedVault(goal.vault, "westeurope", draw(st.booleans()))
    state = replace(state, vault=draw(st.sampled_from([ABSENT, vault, deleted])))
    if state.vault == deleted:
        goal = replace(goal, permission_model=None, retention_days=None, grant_scope="vault")
    if draw(st.booleans()):
        state = replace(state, identity=make.identity(goal))
    if isinstance(state.vault, Vault):
        state = replace(state, key=draw(st.sampled_from([ABSENT, make.key(goal), DeletedKey(goal.key_name)])))
        granted = draw(st.sampled_from([(), ("get",), ("get", "wrapkey", "unwrapkey")]))
        if vault.permission_model == ACCESS_POLICY:
            state = replace(state, vault=replace(vault, policies=(make.policy(*granted),) if granted else ()))
        elif len(granted) == 3:
            state = replace(state, roles=(make.role(vault.id),))
    return goal, state, recovered


def carried_out(goal: EnableGoal, plan: Plan, state: State, recovered: Vault) -> State:
    """What there is when every step of the plan has done what it says; written apart from the code that does it."""
    for change in plan.changing:
        step = change.step
        if step == "group":
            state = replace(state, groups=((change.resource.lower(), make.group()),))
        elif step == "identity":
            state = replace(state, identity=make.identity(goal))
        elif step == "vault" and change.action is CREATE:
            made = replace(make.vault(goal), retention_days=goal.new_retention_days, purge_protection=True)
            state = replace(state, vault=made, roles=())
        elif step == "vault":
            state = replace(state, vault=replace(recovered, purge_protection=state.vault.purge_protection), roles=())
        elif step == "purge-protection":
            state = replace(state, vault=replace(state.vault, purge_protection=True))
        elif step == "key":
            state = replace(state, key=make.key(goal))
        elif step == "grant" and state.vault.permission_model == ACCESS_POLICY:
            state = replace(state, vault=replace(state.vault, policies=(make.policy(),)))
        elif step == "grant":
            state = replace(state, roles=(make.role(change.resource),))
        elif step == "registry":
            state = replace(state, registry=make.registry(goal))
    return state


@given(goals_and_states())
def test_planning_the_state_that_a_plan_leads_to_yields_nothing_to_do(case):
    goal, state, recovered = case
    plan = plan_enable(goal, state, make.NOW)
    assert not plan.problems
    again = plan_enable(goal, carried_out(goal, plan, state, recovered), make.NOW)
    assert not again.problems
    assert not again.changing


@given(goals_and_states())
def test_a_plan_is_in_order_and_waits_only_for_what_it_has(case):
    goal, state, _ = case
    made, seen = plan_enable(goal, state, make.NOW), []
    for change in made.changes:
        assert all(any(each is before for before in seen) for each in change.after)
        seen.append(change)
    assert make.steps(made).keys() >= {"group", "identity", "vault", "key", "grant", "registry"}


@given(goals_and_states())
def test_nothing_that_exists_is_created(case):
    goal, state, _ = case
    plan = plan_enable(goal, state, make.NOW)
    for name, there in (
        ("identity", bool(state.identity)),
        ("vault", isinstance(state.vault, Vault)),
        ("key", isinstance(state.key, Key)),
    ):
        assert not (there and make.step(plan, name).action is CREATE)
