"""`az acr cmk repair`"""

from __future__ import annotations

from dataclasses import replace

from azext_acrcmk.cloud.load import load_registry_state
from azext_acrcmk.cloud.reads import get_registry
from azext_acrcmk.model.ids import ArmId
from azext_acrcmk.model.state import Registry, State
from azext_acrcmk.operations.ahead import find_obstacles, obstructed_plan, stop_where_blocked
from azext_acrcmk.operations.others import others_document
from azext_acrcmk.operations.session import Session
from azext_acrcmk.output.documents import left_document, steps_document
from azext_acrcmk.plan.change import Plan
from azext_acrcmk.plan.repair import plan_repair
from azext_acrcmk.rules import Facts, Health, examine, fails
from azext_acrcmk.rules.catalogue import ERROR

ROUNDS = 3


def repair(cmd, registry_name: str, group: str | None, what_if: bool, yes: bool, grant_timeout: int):
    """Fixes the problems that rules find, and checks again; fails if an error remains."""
    with Session.of(cmd) as session:
        tenant, registry = session.login.tenant, session.registry(registry_name, group)
        facts, health = _examine(session, registry)
        plan = session.checked(plan_repair(facts, health, tenant))
        found = find_obstacles(session, plan, _state_of(facts))
        if what_if:
            return obstructed_plan(session, plan, found)
        stop_where_blocked(plan, found)
        outcomes = []
        # Problems hidden by a deleted vault or key are found and fixed in another round.
        for _ in range(ROUNDS):
            if not plan.changing:
                break
            state = _state_of(facts)
            outcomes += session.carry_out(plan, session.context(state, grant_timeout=grant_timeout), yes)
            now = get_registry(session.clients, registry.id) or registry
            facts, health = _examine(session, now, facts.vault.id if facts.vault else None)
            plan = plan_repair(facts, health, tenant)
        if fails(health, ERROR):
            session.fail_after_output()
        done = Plan(tuple(each.change for each in outcomes))
        return {
            "name": registry.name,
            "health": health.status,
            **others_document(session, done, facts.state.vault, facts.key_id, facts.principal),
            "steps": steps_document(outcomes),
            "findings": left_document(health),
        }


def _state_of(facts: Facts) -> State:
    return replace(facts.state, identity=facts.key_identity.as_identity)


def _examine(session: Session, registry: Registry, vault: ArmId | None = None) -> tuple[Facts, Health]:
    state = load_registry_state(session.clients, registry, session.login.subscriptions, vault)
    return Facts(state, session.now), examine(state, session.now)
