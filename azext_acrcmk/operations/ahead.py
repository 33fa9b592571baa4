"""What Azure would reject of a plan: known before the first change of any command, and shown by --what-if."""

from __future__ import annotations

from typing import Any

from knack.log import get_logger

from azext_acrcmk._errors import problems_error
from azext_acrcmk.cloud.waiting import done, in_thread, result_of
from azext_acrcmk.model.ids import ArmId
from azext_acrcmk.model.preflight import Questions
from azext_acrcmk.model.problem import Problem
from azext_acrcmk.model.state import State
from azext_acrcmk.operations.session import Session
from azext_acrcmk.output.documents import plan_document
from azext_acrcmk.plan.change import Plan
from azext_acrcmk.plan.obstacle import BLOCKED, UNDETERMINED, Obstacle
from azext_acrcmk.plan.preflight import obstacles, questions

logger = get_logger(__name__)

# How long answers are waited for before a change that can be undone, in seconds.
SECONDS = 15.0


def ask_early(session: Session, plan: Plan, state: State) -> None:
    """Asks what is to be asked if the plan becomes this one, while the state is still being read. What else the plan
    requires is asked when it is made, and what it does not require has no effect."""
    if plan.changing and not plan.problems:
        session.ahead.begin(questions(state, plan))


def expect_write(session: Session, id_: ArmId) -> None:
    """The same if the plan will at least write this resource, whatever else it does."""
    on = (id_.as_scope,)
    session.ahead.begin(Questions(providers=(), scopes=on, resources=(), new_vault=None, quota_of=None, locked=on))


def find_obstacles(session: Session, plan: Plan, state: State, *others: State) -> list[Obstacle]:
    """What blocks a plan, or can't be determined. `others` are further states of what the plan is about.

    A plan without anything irreversible, such as a revocation, does not wait long for answers.
    """
    if not plan.changing:
        return []
    asked = in_thread(lambda: session.ahead.answers(questions(state, plan, *others)))
    if not _is_irreversible(plan) and not done(asked, SECONDS):
        reason = "Could not determine in time what Azure allows."
        return [Obstacle(UNDETERMINED, "preflight", plan.changing[0].resource, reason)]
    return obstacles(state, plan, result_of(asked), *others)


def _is_irreversible(plan: Plan) -> bool:
    return any(each.irreversible for each in plan.changing)


def obstructed_plan(session: Session, plan: Plan, found: list[Obstacle]) -> list[dict[str, Any]]:
    """The plan, and what would block it; then the command fails."""
    if any(each.action == BLOCKED for each in found):
        session.fail_after_output()
    return plan_document(plan, found)


def stop_where_blocked(found: list[Obstacle], *instead: str, plan: Plan | None = None) -> None:
    """Raises one error for everything that blocks, with what to do `instead`. What can't be determined stops nothing:
    it is a warning, unless nothing in the `plan` is irreversible."""
    if blocking := [each for each in found if each.action == BLOCKED]:
        texts = list(dict.fromkeys(each.as_text for each in blocking))
        advice = [line for line in dict.fromkeys(each.advice for each in blocking) if line]
        last = Problem(texts[-1], (*advice, *instead))
        raise problems_error((*map(Problem, texts[:-1]), last))
    if unsure := list(dict.fromkeys(each.reason for each in found if each.action == UNDETERMINED)):
        harmless = plan is not None and not _is_irreversible(plan)
        tell = logger.info if harmless else logger.warning
        tell("Not everything could be determined in advance:\n%s", "\n".join(f"- {each}" for each in unsure))
