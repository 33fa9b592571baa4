"""`az acr cmk enable`"""

from __future__ import annotations

from functools import partial

from knack.log import get_logger

from azext_acrcmk.apply.context import read_back
from azext_acrcmk.cloud.load import load_goal_state
from azext_acrcmk.cloud.waiting import until_settled
from azext_acrcmk.model.goal import enable_goal
from azext_acrcmk.model.ids import REGISTRY_TYPE, ArmId
from azext_acrcmk.model.state import State
from azext_acrcmk.operations.ahead import find_obstacles, obstructed_plan, stop_where_blocked
from azext_acrcmk.operations.session import Session
from azext_acrcmk.output.documents import registry_document, steps_document
from azext_acrcmk.plan.enable import plan_enable
from azext_acrcmk.plan.kinds import CreateRegistry
from azext_acrcmk.rules import BROKEN, examine
from azext_acrcmk.rules.fixes import registry_command

logger = get_logger(__name__)

# How long what was created may take to show in a read, in seconds.
READ_BACK_TIMEOUT = 60


def enable(cmd, registry_name: str, group: str, what_if: bool, yes: bool, **options):
    """Creates a registry encrypted with a customer-managed key, and verifies it by reading it back."""
    with Session.of(cmd) as session:
        login = session.login
        id_ = ArmId(login.subscription, group, REGISTRY_TYPE, registry_name)
        goal = enable_goal(id_, login.tenant, login.vault_suffix, tenants=login.tenants, **options)
        session.clients.registry_api_version = goal.options.api_version
        goal, state = load_goal_state(session.clients, goal, login.subscriptions, session.progress.note, session.stop)
        plan = session.checked(plan_enable(goal, state, session.now))
        found = find_obstacles(session, plan, state)
        if what_if:
            return obstructed_plan(session, plan, found)
        stop_where_blocked(plan, found)
        context = session.context(state, goal, goal.grant_timeout)
        outcomes = session.carry_out(plan, context, yes)
        if plan.changing or goal.key.version:
            # What was just created may not be shown everywhere yet: a grant, a key, the vault.
            seconds = READ_BACK_TIMEOUT if plan.find(CreateRegistry) else 0
            state = until_settled(lambda: read_back(context), partial(_works, session), session.stop, seconds)
        document = registry_document(state, session.now)
        if document["health"] == BROKEN:
            logger.warning(
                "The key of registry '%s' does not work. To find the cause: %s",
                id_.name,
                registry_command(id_, "cmk check"),
            )
            if not plan.changing:
                session.fail_after_output()
        return {**document, "steps": steps_document(outcomes)}


def _works(session: Session, state: State) -> bool:
    return examine(state, session.now).status != BROKEN
