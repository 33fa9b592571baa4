"""`az acr cmk repair`"""

from __future__ import annotations

from azext_acrcmk.acts.repair import RepairActs
from azext_acrcmk.cloud.observe import see_registry
from azext_acrcmk.cloud.survey_registry import survey_registry
from azext_acrcmk.health import Health, examine, fails
from azext_acrcmk.health.catalogue import ERROR, Facts
from azext_acrcmk.model.ids import ArmId
from azext_acrcmk.model.state import Identity, Registry
from azext_acrcmk.operations.rotate import goal_of
from azext_acrcmk.operations.session import Session
from azext_acrcmk.plan.repair import plan_repair
from azext_acrcmk.report import left_document, plan_document, steps_document

ROUNDS = 3


def repair(cmd, registry_name: str, group: str | None, what_if: bool, yes: bool, grant_timeout: int):
    """Mends what checks find, and ends by checking again; fails where an error is left."""
    with Session.of(cmd) as session:
        registry = session.registry(registry_name, group)
        facts, health = _examine(session, registry)
        plan = session.checked(plan_repair(facts, health))
        if what_if:
            return plan_document(plan)
        outcomes = []
        # What a recovered vault or key hides is seen, and mended, in another round.
        for _ in range(ROUNDS):
            if not plan.changes:
                break
            outcomes += session.carry_out(plan, _acts(session, facts, grant_timeout), yes)
            facts, health = _examine(session, see_registry(session.clients, ArmId.parse(registry.id)) or registry)
            plan = plan_repair(facts, health)
        if fails(health, ERROR):
            session.fail_after_output()
        return {
            "name": registry.name,
            "health": health.status,
            "steps": steps_document(outcomes),
            "findings": left_document(health),
        }


def _examine(session: Session, registry: Registry) -> tuple[Facts, Health]:
    state = survey_registry(session.clients, registry, session.login.subscriptions)
    return Facts(state, session.now), examine(state, session.now)


def _acts(session: Session, facts: Facts, grant_timeout: int) -> RepairActs:
    client_id = facts.encryption.identity
    unnamed = not isinstance(facts.state.identity, Identity) and not facts.registry.attached_as(client_id or "")
    # What the goal is called by where the identity was not found: no step of the plan is about it.
    identity = client_id if unnamed and not facts.uses_system_identity else None
    goal = goal_of(session, facts.state, grant_timeout=grant_timeout, identity=identity)
    return RepairActs(session.clients, goal, facts.state, session.progress, session.stop)
