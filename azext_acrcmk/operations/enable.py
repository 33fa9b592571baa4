"""`az acr cmk enable`"""

from __future__ import annotations

from typing import Any

from azext_acrcmk.apply.context import READ_BACK_TIMEOUT, read_back_working
from azext_acrcmk.cloud.load import load_goal_state
from azext_acrcmk.model.goal import EnableGoal, enable_goal
from azext_acrcmk.model.ids import REGISTRY_TYPE, ArmId
from azext_acrcmk.model.key_identity import key_identity
from azext_acrcmk.model.state import State
from azext_acrcmk.model.value import Value, immutable
from azext_acrcmk.operations.ahead import ask_early, find_obstacles, obstructed_plan, stop_where_blocked
from azext_acrcmk.operations.others import Others
from azext_acrcmk.operations.session import Session
from azext_acrcmk.output.documents import registry_document, steps_document
from azext_acrcmk.plan.change import Plan
from azext_acrcmk.plan.enable import plan_enable
from azext_acrcmk.plan.kinds import CreateRegistry
from azext_acrcmk.plan.obstacle import Obstacle
from azext_acrcmk.run import Outcome


def enable(cmd, registry_name: str, group: str, what_if: bool, yes: bool, **options):
    """Creates a registry encrypted with a customer-managed key, and verifies it by reading it back."""
    with Session.of(cmd) as session:
        prepared = prepare(session, goal_of(session, registry_name, group, options))
        goal = prepared.goal
        if what_if:
            return obstructed_plan(session, prepared.plan, prepared.found)
        stop_where_blocked(prepared.found, plan=prepared.plan)
        others = Others(session, goal.key)
        state, outcomes = carry_out(session, prepared, yes, others)
        document = {**registry_document(state, session.now), "steps": steps_document(outcomes)}
        session.fail_if_broken(document, goal.registry)
        principal = key_identity(state).principal_id
        return {**document, **others.document(prepared.plan, state.vault, principal)}


@immutable
class Prepared(Value):
    """What there is, what has to be done, and what stands in the way."""

    goal: EnableGoal
    state: State
    plan: Plan
    found: list[Obstacle]


def goal_of(session: Session, name: str, group: str, options: dict[str, Any]) -> EnableGoal:
    """What options ask for."""
    login = session.login
    id_ = ArmId(login.subscription, group, REGISTRY_TYPE, name)
    return enable_goal(id_, login.tenant, login.vault_suffix, tenants=login.tenants, **options)


def planned(session: Session, goal: EnableGoal) -> Prepared:
    """The plan of a goal, which may have problems; then nothing else is asked."""
    session.clients.registry_api_version = goal.options.api_version
    session.clients.prepare(goal.registry.subscription)
    subscriptions, now = session.login.subscriptions, session.now

    def ask_as_if(state: State) -> None:
        ask_early(session, plan_enable(goal, state, now), state)

    goal, state = load_goal_state(
        session.clients, goal, subscriptions, session.progress.note, session.stop, as_if_new=ask_as_if
    )
    plan = plan_enable(goal, state, now)
    return Prepared(goal, state, plan, [] if plan.problems else find_obstacles(session, plan, state))


def prepare(session: Session, goal: EnableGoal) -> Prepared:
    """The plan of a goal; raises one error for all its problems. Nothing is changed yet."""
    prepared = planned(session, goal)
    session.checked(prepared.plan)
    return prepared


def carry_out(
    session: Session, prepared: Prepared, yes: bool, others: Others | None = None
) -> tuple[State, list[Outcome]]:
    """What exists in the end, and what was done. `others` are read beside the creation of the registry."""
    goal, state, plan = prepared.goal, prepared.state, prepared.plan
    context = session.context(state, goal, goal.grant_timeout)
    beside = (others or Others(session, goal.key)).beside(plan, context, CreateRegistry)
    outcomes = session.carry_out(plan, context, yes, beside=beside)
    if plan.changing or goal.key.version:
        state = read_back_working(context, READ_BACK_TIMEOUT if plan.changing else 0)
    return state, outcomes
