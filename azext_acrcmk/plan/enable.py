"""Plans the changes from what exists to a registry encrypted with a customer-managed key. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

from azext_acrcmk.model.goal import EnableGoal
from azext_acrcmk.model.problem import Problem, unreadable_problem
from azext_acrcmk.model.state import ABSENT, Absent, Group, NotLoaded, Registry, State, Unknown
from azext_acrcmk.plan.change import Change, Plan, after
from azext_acrcmk.plan.conflicts import group_problems, registry_conflicts
from azext_acrcmk.plan.kinds import CreateGroup, CreateRegistry, SetEncryption, UseGroup, UseRegistry
from azext_acrcmk.plan.parts import location_of, parts_problems, plan_identity, plan_parts, policy_of, vault_id_of
from azext_acrcmk.rules import Facts, Fix
from azext_acrcmk.rules.catalogue import ENABLE

# The problems of existing resources that a plan for `enable` fixes.
FIXED = frozenset({Fix.PROTECT_VAULT, Fix.RECOVER_VAULT, Fix.RECOVER_KEY})


def plan_enable(goal: EnableGoal, state: State, now: datetime | None = None) -> Plan:
    """The changes from `state` to `goal`, or the problems that must be fixed first.

    If the goal is reached, everything is reused. `now` is used to judge the key's dates.
    """
    now = now or datetime.now(timezone.utc)
    if creation_failed(goal, state.registry):
        state = replace(state, registry=ABSENT)
    if problems := _problems(goal, state, now):
        return Plan(problems=tuple(problems))
    group = _group_change(goal, state)
    creating = group if group.changes else None
    identity = plan_identity(goal, state, creating)
    parts = plan_parts(goal, state, now, identity, creating)
    registry = _registry_change(goal, state, parts.grant, after(group, identity, *parts.changes))
    return Plan((group, identity, *parts.changes, registry))


def creation_failed(goal: EnableGoal, registry: Registry | Absent | Unknown | NotLoaded) -> bool:
    """Whether a run whose key was rejected left this registry: it was never encrypted, so it is created again.

    The identity distinguishes it from a failed registry of somebody else.
    """
    return (
        isinstance(registry, Registry)
        and registry.went_wrong
        and not registry.encryption.enabled
        and registry.attaches(goal.identity)
    )


def _problems(goal: EnableGoal, state: State, now: datetime) -> list[Problem]:
    # An existing registry is checked first: if it can't match the goal, nothing else matters.
    if isinstance(state.registry, Unknown):
        return [unreadable_problem(f"registry '{goal.registry}'", state.registry)]
    if isinstance(state.registry, Registry):
        if found := registry_conflicts(goal, state.registry, Facts(state, now)):
            return found
    elif state.name_problem:
        return [
            Problem(
                state.name_problem,
                ("Choose another name. Registry names are global: az acr check-name --name NAME",),
            )
        ]
    return group_problems(goal, state) + parts_problems(ENABLE, goal, state, now, FIXED)


def _group_change(goal: EnableGoal, state: State) -> Change:
    group, id_ = state.group(goal.registry), goal.registry
    if isinstance(group, Absent):
        return CreateGroup(
            id=id_.group_id,
            location=goal.location,
            tags=goal.tags,
            reason=f"Resource group in {goal.location}.",
        )
    reason = "Resource group exists." if isinstance(group, Group) else "Can't be read; assumed to exist."
    return UseGroup(id=id_.group_id, reason=reason)


def _registry_change(goal: EnableGoal, state: State, grant: Change, waits_for: tuple[Change, ...]) -> Change:
    registry = state.registry
    vault = vault_id_of(goal, state)
    if not isinstance(registry, Registry):
        mode = "pinned to a version" if goal.manual else "uses new versions automatically"
        return CreateRegistry(
            id=goal.registry,
            location=location_of(goal, state),
            identity=goal.identity,
            key=goal.key,
            vault=vault,
            pinned=goal.manual,
            options=goal.options,
            tags=goal.tags,
            policy=policy_of(grant),
            reason=f"Premium registry encrypted with the key ({mode}); encryption can't be disabled later.",
            after=waits_for,
        )
    if registry.provisioning_state == "Succeeded":
        return UseRegistry(registry=registry, reason="Already encrypted with this key.")
    return SetEncryption(
        registry=registry.id,
        identity=goal.identity,
        key=registry.encryption.key,
        vault=vault,
        pinned=registry.encryption.key.version is not None,
        policy=policy_of(grant),
        reason=f"The last operation ended in state {registry.provisioning_state}; the same encryption is set again.",
        after=waits_for,
    )
