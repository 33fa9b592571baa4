"""`az acr cmk enable`"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from knack.log import get_logger

from azext_acrcmk.apply.context import read_back
from azext_acrcmk.cloud.load import load_goal_state
from azext_acrcmk.cloud.waiting import until_settled
from azext_acrcmk.model.goal import EnableGoal, enable_goal
from azext_acrcmk.model.ids import REGISTRY_TYPE, ArmId
from azext_acrcmk.model.state import State
from azext_acrcmk.operations.ahead import find_obstacles, obstructed_plan, stop_where_blocked
from azext_acrcmk.operations.session import Session
from azext_acrcmk.output.documents import registry_document, steps_document
from azext_acrcmk.plan.change import Plan
from azext_acrcmk.plan.enable import plan_enable
from azext_acrcmk.plan.kinds import CreateRegistry
from azext_acrcmk.plan.obstacle import Obstacle
from azext_acrcmk.rules import BROKEN, examine
from azext_acrcmk.rules.fixes import registry_command
from azext_acrcmk.run import Outcome

logger = get_logger(__name__)

# How long what was created may take to show in a read, in seconds.
READ_BACK_TIMEOUT = 60


def enable(cmd, registry_name: str, group: str, what_if: bool, yes: bool, **options):
    """Creates a registry encrypted with a customer-managed key, and verifies it by reading it back."""
    with Session.of(cmd) as session:
        prepared = prepare(session, goal_of(session, registry_name, group, options))
        goal = prepared.goal
        if what_if:
            return obstructed_plan(session, prepared.plan, prepared.found)
        stop_where_blocked(prepared.found, plan=prepared.plan)
        state, outcomes = carry_out(session, prepared, yes)
        document = registry_document(state, session.now)
        if document["health"] == BROKEN:
            logger.warning(
                "The key of registry '%s' does not work. To find the cause: %s",
                goal.registry.name,
                registry_command(goal.registry, "cmk check"),
            )
            if not prepared.plan.changing:
                session.fail_after_output()
        return {**document, "steps": steps_document(outcomes)}


@dataclass(frozen=True)
class Prepared:
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
    subscriptions = session.login.subscriptions
    goal, state = load_goal_state(session.clients, goal, subscriptions, session.progress.note, session.stop)
    plan = plan_enable(goal, state, session.now)
    return Prepared(goal, state, plan, [] if plan.problems else find_obstacles(session, plan, state))


def prepare(session: Session, goal: EnableGoal) -> Prepared:
    """The plan of a goal; raises one error for all its problems. Nothing is changed yet."""
    prepared = planned(session, goal)
    session.checked(prepared.plan)
    return prepared


def carry_out(session: Session, prepared: Prepared, yes: bool) -> tuple[State, list[Outcome]]:
    """What exists in the end, and what was done."""
    goal, state, plan = prepared.goal, prepared.state, prepared.plan
    context = session.context(state, goal, goal.grant_timeout)
    outcomes = session.carry_out(plan, context, yes)
    if plan.changing or goal.key.version:
        # What was just created may not be shown everywhere yet: a grant, a key, the vault.
        seconds = READ_BACK_TIMEOUT if plan.find(CreateRegistry) else 0
        state = until_settled(lambda: read_back(context), partial(_works, session), session.stop, seconds)
    return state, outcomes


def _works(session: Session, state: State) -> bool:
    return examine(state, session.now).status != BROKEN
