"""`az acr cmk rotate`"""

from __future__ import annotations

from dataclasses import replace

from azure.cli.core.azclierror import RequiredArgumentMissingError

from azext_acrcmk.cloud.asked import KeyUsers
from azext_acrcmk.cloud.load import load_goal_state, load_registry_state
from azext_acrcmk.cloud.reads import get_vault
from azext_acrcmk.cloud.sharing import find_identity_users, load_with_sharing, merged
from azext_acrcmk.model.goal import RotateGoal, rotate_goal
from azext_acrcmk.model.key_identity import SYSTEM, key_identity
from azext_acrcmk.model.state import NOT_LOADED, Identity, Registry, State, Vault
from azext_acrcmk.operations.ahead import expect_write, find_obstacles, obstructed_plan, stop_where_blocked
from azext_acrcmk.operations.others import Others
from azext_acrcmk.operations.session import Session
from azext_acrcmk.output.documents import registry_document, steps_document
from azext_acrcmk.plan.change import Plan
from azext_acrcmk.plan.kinds import REMOVING, LeaveToUser
from azext_acrcmk.plan.rotate import (
    grant_scope,
    plan_rotate,
    resumed,
    same_identity,
    same_key,
)


def rotate(cmd, registry_name: str, group: str | None, what_if: bool, yes: bool, **options):
    """Changes a registry to another key, version or identity, and waits until it uses them."""
    with Session.of(cmd) as session:
        registry = session.registry(registry_name, group)
        current = _load_current(session, registry, options)
        goal, target = None, current
        if registry.encryption.enabled and registry.encryption.key:
            goal = _goal_of(session, current, **options)
            goal, target = _load_target(session, goal, current)
            goal = resumed(goal, current)
        before = goal.completes if goal and _cleans(options) else None
        old = _load_with_others(session, before, options) if before else None
        plan = session.checked(plan_rotate(goal, current, target, session.now, old))
        state = replace(target, registry=registry)
        found = find_obstacles(session, plan, state, current, *([old] if old else []))
        if what_if:
            return obstructed_plan(session, plan, found)
        stop_where_blocked(found, plan=plan)
        context = session.context(state, goal.target, goal.target.grant_timeout)
        outcomes = session.carry_out(plan, context, yes)
        if goal.no_wait:
            return None
        document = registry_document(context.result, session.now)
        session.fail_if_broken(document, registry.id)
        if plan.find(LeaveToUser):
            session.fail_after_output()
        others = _others(session, plan, old or current, context.result)
        return {**document, **others, "steps": steps_document(outcomes)}


def _others(session: Session, plan: Plan, old: State, new: State) -> dict:
    """Who else can use the old key if access to it was removed, otherwise the new key."""
    told = old if plan.find(*REMOVING) else new
    principal = key_identity(told).principal_id if told is new else None
    vault = told.vault
    if told is old and isinstance(vault, Vault) and vault.uses_policies:
        seen = get_vault(session.clients, vault.id)
        vault = seen if isinstance(seen, Vault) else vault
    return Others(session, told.registry.encryption.key).document(plan, vault, principal)


def _goal_of(session: Session, current: State, **options) -> RotateGoal:
    """The goal of the rotation of an encrypted registry, based on what it uses now."""
    registry, login, used = current.registry, session.login, key_identity(current)
    vault_id = current.vault.id if isinstance(current.vault, Vault) else None
    identity_id = None if used.is_system else used.id
    try:
        goal = rotate_goal(registry, vault_id, identity_id, login.tenant, login.vault_suffix, **options)
    except ValueError as error:
        raise RequiredArgumentMissingError(str(error)) from None
    return replace(goal, target=replace(goal.target, kept_grant_scope=grant_scope(current), tenants=login.tenants))


def _cleans(options: dict) -> bool:
    return options["revoke_old"] or options["disable_old_version"]


def _load_current(session: Session, registry: Registry, options: dict) -> State:
    if _cleans(options):
        return _load_with_others(session, registry, options)
    if registry.encryption.key:
        # Not beside the search for others, whose time is limited.
        expect_write(session, registry.id)
    return load_registry_state(session.clients, registry, session.login.subscriptions)


def _load_with_others(session: Session, registry: Registry, options: dict) -> State:
    """What the registry uses, or used before an interrupted rotation, and who else uses the same."""
    subscriptions = session.login.subscriptions
    state = load_with_sharing(session.clients, registry, subscriptions, KeyUsers(), thorough=True)
    return _with_users(session, state, options)


def _with_users(session: Session, state: State, options: dict) -> State:
    """The state with the other resources that use the registry's identity, if its access may be removed."""
    if not options["revoke_old"] or not isinstance(state.identity, Identity):
        return replace(state, identity_users=())
    subscriptions = session.login.subscriptions
    users, unsearched = find_identity_users(session.clients, state.registry, state.identity.id, subscriptions)
    return replace(state, identity_users=users, unsearched=merged(state.unsearched, unsearched))


def _load_target(session: Session, goal: RotateGoal, current: State) -> tuple[RotateGoal, State]:
    """What exists of what the registry should use. What it already uses has been read."""
    used = key_identity(current)
    if same_key(goal, current) and same_identity(goal, current) and not goal.target.key.version:
        return goal, replace(current, identity=used.as_identity if goal.system_identity else current.identity)
    identity = NOT_LOADED
    if goal.system_identity:
        own = key_identity(replace(current, registry=_with_system_identity(current)))
        identity = own.as_identity
    elif same_identity(goal, current) and isinstance(current.identity, Identity):
        identity = current.identity
    target, state = load_goal_state(
        session.clients,
        goal.target,
        session.login.subscriptions,
        session.progress.note,
        session.stop,
        replace(current, identity=identity),
    )
    return replace(goal, target=target), state


def _with_system_identity(current: State):
    """The registry as if it used its key through its system-assigned identity."""
    registry = current.registry
    return replace(registry, encryption=replace(registry.encryption, identity=SYSTEM))
