"""`az acr cmk repair`"""

from __future__ import annotations

from dataclasses import replace

from azext_acrcmk.apply import Context
from azext_acrcmk.cloud.load import load_again, load_registry_state
from azext_acrcmk.model.ids import ArmId
from azext_acrcmk.model.state import State
from azext_acrcmk.operations.ahead import find_obstacles, obstructed_plan, stop_where_blocked
from azext_acrcmk.operations.others import Others
from azext_acrcmk.operations.session import Session
from azext_acrcmk.output.documents import left_document, steps_document
from azext_acrcmk.plan.change import Plan
from azext_acrcmk.plan.kinds import AttachIdentity, SetEncryption
from azext_acrcmk.plan.repair import REVEALING, plan_repair
from azext_acrcmk.rules import Facts, Health, examine, fails
from azext_acrcmk.rules.catalogue import ERROR


def repair(cmd, registry_name: str, group: str | None, what_if: bool, yes: bool, grant_timeout: int):
    """Fixes the problems that rules find, and checks again; fails if an error remains."""
    with Session.of(cmd) as session:
        tenant, registry = session.login.tenant, session.registry(registry_name, group)
        facts, health = _examine(session, load_registry_state(session.clients, registry, session.login.subscriptions))
        plan = session.checked(plan_repair(facts, health, tenant))
        found = find_obstacles(session, plan, _state_of(facts))
        if what_if:
            return obstructed_plan(session, plan, found)
        stop_where_blocked(found, plan=plan)
        outcomes = []
        # A deleted vault hides its keys, a deleted key its versions, and a disabled version what it permits: only once
        # that is back, there can be more to fix.
        for _ in range(len(REVEALING) + 1):
            if not plan.changing:
                break
            context = session.context(_state_of(facts), grant_timeout=grant_timeout)
            outcomes += session.carry_out(plan, context, yes)
            vault = facts.vault.id if facts.vault else None
            facts, health = _examine(session, _state_after(session, plan, context, vault))
            plan = plan_repair(facts, health, tenant) if plan.find(*REVEALING) else Plan()
        if fails(health, ERROR):
            session.fail_after_output()
        done = Plan(tuple(each.change for each in outcomes))
        return {
            "name": registry.name,
            "health": health.status,
            **Others(session, facts.key_id).document(done, facts.state.vault, facts.principal),
            "steps": steps_document(outcomes),
            "findings": left_document(health),
        }


def _state_of(facts: Facts) -> State:
    return replace(facts.state, identity=facts.key_identity.as_identity)


def _state_after(session: Session, plan: Plan, context: Context, vault: ArmId | None) -> State:
    """What a plan has led to. The last change of the registry itself has read that."""
    load = load_registry_state if plan.find(SetEncryption, AttachIdentity) else load_again
    return load(session.clients, context.registry, session.login.subscriptions, vault)


def _examine(session: Session, state: State) -> tuple[Facts, Health]:
    return Facts(state, session.now), examine(state, session.now)
