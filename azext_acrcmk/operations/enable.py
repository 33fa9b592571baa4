"""`az acr cmk enable`"""

from __future__ import annotations

from knack.log import get_logger

from azext_acrcmk.acts.enable import EnableActs
from azext_acrcmk.cloud.preflight import look_ahead
from azext_acrcmk.cloud.survey import survey_goal
from azext_acrcmk.cloud.survey_registry import survey_registry
from azext_acrcmk.health import BROKEN
from azext_acrcmk.model.goal import EnableGoal, enable_goal
from azext_acrcmk.model.ids import REGISTRY_TYPE, ArmId
from azext_acrcmk.model.state import Registry, State, Vault
from azext_acrcmk.operations.known import still_known
from azext_acrcmk.operations.session import Session
from azext_acrcmk.plan.enable import location_of, plan_enable
from azext_acrcmk.plan.preflight import blockers, questions
from azext_acrcmk.plan.step import BLOCKED, Plan
from azext_acrcmk.report import plan_document, registry_document, steps_document

logger = get_logger(__name__)


def enable(cmd, registry_name: str, group: str, what_if: bool, yes: bool, **options):
    """Makes a registry encrypted with a customer-managed key, and ends by reading it back."""
    with Session.of(cmd) as session:
        login = session.login
        id_ = ArmId(login.subscription, group, REGISTRY_TYPE, registry_name)
        goal = enable_goal(id_, login.tenant, login.vault_suffix, **options)
        goal, state = survey_goal(session.clients, goal, login.subscriptions, session.progress.note, session.stop)
        plan = session.checked(plan_enable(goal, state, session.now))
        if what_if:
            return _what_if(session, goal, state, plan)
        acts = EnableActs(session.clients, goal, state, session.progress, session.stop)
        outcomes = session.carry_out(plan, acts, yes)
        if plan.changes or goal.key.version:
            vault_id = ArmId.parse(acts.parts.vault.id) if isinstance(acts.parts.vault, Vault) else None
            known = still_known(goal, state, plan, acts.parts)
            state = survey_registry(session.clients, acts.registry, login.subscriptions, vault_id, known)
        document = registry_document(state, session.now)
        if document["health"] == BROKEN:
            logger.warning("The key of registry '%s' does not work: az acr cmk check --name %s", id_.name, id_.name)
            if not plan.changes:
                session.fail_after_output()
        return {**document, "steps": steps_document(outcomes)}


def _what_if(session: Session, goal: EnableGoal, state: State, plan: Plan):
    """The plan, and what would stop it where the registry is yet to be; then the command fails."""
    if isinstance(state.registry, Registry):
        return plan_document(plan)
    asked = questions(goal, state, plan)
    seen = look_ahead(session.clients, asked, goal, state, location_of(goal, state))
    stops = blockers(goal, state, plan, seen)
    if any(step.action == BLOCKED for step in stops):
        session.fail_after_output()
    return plan_document(Plan((*plan.steps, *stops)))
