"""`az acr cmk rotate`"""

from __future__ import annotations

from dataclasses import replace

from azure.cli.core.azclierror import RequiredArgumentMissingError

from azext_acrcmk.acts.rotate import RotateActs
from azext_acrcmk.cloud.observe import see_other_users, see_sharing, together
from azext_acrcmk.cloud.survey import survey_goal
from azext_acrcmk.cloud.survey_registry import survey_registry
from azext_acrcmk.model.goal import RotateGoal, rotate_goal
from azext_acrcmk.model.ids import ArmId
from azext_acrcmk.model.state import ABSENT, Identity, State, Vault
from azext_acrcmk.operations.known import still_known
from azext_acrcmk.operations.session import Session
from azext_acrcmk.plan.rotate import (
    JOURNAL,
    instead_of_new_version,
    plan_rotate,
    registry_before,
    same_identity,
    same_key,
    was_cut_short,
)
from azext_acrcmk.report import plan_document, registry_document, steps_document


def rotate(cmd, registry_name: str, group: str | None, what_if: bool, yes: bool, **options):
    """Brings a registry to another key, version or identity, and ends when it is seen to use it."""
    with Session.of(cmd) as session:
        registry = session.registry(registry_name, group)
        login = session.login
        current, sharing = together(
            lambda: survey_registry(session.clients, registry, login.subscriptions),
            lambda: see_sharing(session.clients, registry, login.subscriptions) if _tidies(options) else None,
        )
        current = _with_users(session, replace(current, sharing=sharing), options)
        goal, target = None, current
        if registry.encryption.enabled and registry.encryption.key:
            goal = goal_of(session, current, **options)
            goal, target = _see_target(session, goal, current)
        old = _see_before(session, current, options) if _tidies(options) and was_cut_short(goal, current) else None
        plan = session.checked(plan_rotate(goal, current, target, session.now, old))
        if what_if:
            return plan_document(plan)
        if instead := instead_of_new_version(goal, current):
            session.progress.note(f"  {instead}")
        noted = plan.step(JOURNAL) is not None
        acts = RotateActs(session.clients, goal, current, target, session.progress, session.stop, old, noted)
        # The note is removed last of all: while it is there, a second run makes no second version.
        rotation, forgetting = plan.split(JOURNAL)
        outcomes = session.carry_out(rotation, acts, yes)
        if goal.no_wait:
            return None
        found = acts.parts.vault
        state = survey_registry(
            session.clients,
            acts.registry,
            login.subscriptions,
            ArmId.parse(found.id) if isinstance(found, Vault) else None,
            still_known(goal.target, target, rotation, acts.parts),
        )
        outcomes += session.carry_out(forgetting, acts, yes)
        return {**registry_document(state, session.now), "steps": steps_document(outcomes)}


def goal_of(session: Session, current: State, **options) -> RotateGoal:
    """The goal of a rotation of a registry that is encrypted, from what it uses now."""
    registry, login = current.registry, session.login
    attached = registry.attached_as(registry.encryption.identity or "")
    identity = current.identity if isinstance(current.identity, Identity) else attached
    vault_id = ArmId.parse(current.vault.id) if isinstance(current.vault, Vault) else None
    try:
        return rotate_goal(
            registry, vault_id, identity.id if identity else None, login.tenant, login.vault_suffix, **options
        )
    except ValueError as error:
        raise RequiredArgumentMissingError(str(error)) from None


def _tidies(options: dict) -> bool:
    return options["revoke_old"] or options["disable_old_version"]


def _with_users(session: Session, state: State, options: dict) -> State:
    """The state with the other resources that have the registry's identity, where a grant of it may be removed."""
    if not options["revoke_old"] or not isinstance(state.identity, Identity):
        return replace(state, identity_users=())
    seen = see_other_users(session.clients, state.registry, state.identity.id, session.login.subscriptions)
    return replace(state, identity_users=seen)


def _see_before(session: Session, current: State, options: dict) -> State:
    """What the registry used before a rotation that was cut short, by the note it left."""
    before = registry_before(current.registry)
    old, sharing = together(
        lambda: survey_registry(session.clients, before, session.login.subscriptions),
        lambda: see_sharing(session.clients, before, session.login.subscriptions),
    )
    return _with_users(session, replace(old, sharing=sharing), options)


def _see_target(session: Session, goal: RotateGoal, current: State) -> tuple[RotateGoal, State]:
    """What exists of what the registry is to use. What it uses already was looked at."""
    if same_key(goal, current) and same_identity(goal, current) and not goal.target.key.version:
        return goal, replace(current, identity=_system(current) if goal.system_identity else current.identity)
    identity = None
    if goal.system_identity:
        identity = _system(current)
    elif same_identity(goal, current):
        identity = current.identity if isinstance(current.identity, Identity) else None
    target, state = survey_goal(
        session.clients,
        goal.target,
        session.login.subscriptions,
        session.progress.note,
        session.stop,
        identity,
        current,
    )
    return replace(goal, target=target), state


def _system(current: State):
    registry = current.registry
    if not registry.system_principal_id:
        return ABSENT
    return Identity(registry.id, registry.location, "system", registry.system_principal_id)
