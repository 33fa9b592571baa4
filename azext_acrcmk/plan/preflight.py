"""What would stop a plan: permissions that lack, providers not registered, policies that deny, quota used up. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from azext_acrcmk.model.access import matches
from azext_acrcmk.model.goal import EnableGoal
from azext_acrcmk.model.ids import (
    GROUP_TYPE,
    IDENTITY_TYPE,
    REGISTRY_TYPE,
    ROLE_ASSIGNMENT_TYPE,
    VAULT_TYPE,
    taken_vault_name,
)
from azext_acrcmk.model.preflight import Part, Permission, Preflight, Questions
from azext_acrcmk.model.state import ACCESS_POLICY, Absent, Identity, Key, State, Unknown, Vault
from azext_acrcmk.plan.step import BLOCKED, CREATE, RECOVER, UNSEEN, UPDATE, Plan, Step

ASSIGN_IDENTITY = f"{IDENTITY_TYPE}/assign/action"
ROLE_WRITE = f"{ROLE_ASSIGNMENT_TYPE}/write"
KEY_WRITE = f"{VAULT_TYPE}/keys/write"
POLICY_WRITE = f"{VAULT_TYPE}/accessPolicies/write"

_ACTIONS = {
    "group": (f"{GROUP_TYPE}/write",),
    "identity": (f"{IDENTITY_TYPE}/write",),
    "vault": (f"{VAULT_TYPE}/write",),
    "purge-protection": (f"{VAULT_TYPE}/write",),
    "key": (KEY_WRITE,),
    "registry": (f"{REGISTRY_TYPE}/write", f"{REGISTRY_TYPE}/operationStatuses/read", ASSIGN_IDENTITY),
}

_NAMESPACES = {
    "identity": "Microsoft.ManagedIdentity",
    "vault": "Microsoft.KeyVault",
    "registry": "Microsoft.ContainerRegistry",
}


@dataclass(frozen=True)
class Need:
    """A control-plane action that a step takes, and the innermost scope that exists of those where it may be allowed:
    the resource itself, what it lies in, its group, or else the subscription, whose roles a new group inherits."""

    step: Step
    action: str
    scope: str


def needs(goal: EnableGoal, state: State, plan: Plan) -> list[Need]:
    """Everything that the steps of a plan must be allowed to do (service facts 4.2)."""
    return [
        Need(step, action, _innermost(_target(step, action, goal), state))
        for step in plan.steps
        for action in actions_of(step)
    ]


def actions_of(step: Step) -> tuple[str, ...]:
    """The control-plane actions that a step takes."""
    if step.action not in (CREATE, UPDATE, RECOVER) or _by_data_plane(step):
        return ()
    if step.name == "grant":
        return (POLICY_WRITE,) if "ccess policy" in step.reason else (ROLE_WRITE,)
    return _ACTIONS.get(step.name, ())


def _by_data_plane(step: Step) -> bool:
    """Whether Azure Resource Manager has no say in a step: recovering a key, or a role that is local to an HSM."""
    return (step.name, step.action) == ("key", RECOVER) or (step.name == "grant" and step.resource.startswith("https"))


def _target(step: Step, action: str, goal: EnableGoal) -> str:
    """The id of what an action is done to; for a key, which the plan names by its URI, that of its vault."""
    if action == ASSIGN_IDENTITY:
        return str(goal.identity)
    return str(goal.vault) if step.name == "key" else step.resource


def _innermost(id_: str, state: State) -> str:
    """The id, or else the nearest above it of something that exists, in lower case."""
    there = _existing(state)
    gone = {group for group, seen in state.groups if isinstance(seen, Absent)}
    parts = id_.lower().split("/")
    # A resource within another, one in a group and a group each add a type and a name, so two parts.
    while len(parts) > 3:
        scope = "/".join(parts)
        if scope in there or (len(parts) == 5 and scope not in gone):
            return scope
        parts = parts[:-2]
    return "/".join(parts)


def _existing(state: State) -> set[str]:
    ids = [seen.id for seen in (state.identity, state.vault) if isinstance(seen, (Identity, Vault))]
    if isinstance(state.vault, Vault) and isinstance(state.key, Key):
        ids.append(f"{state.vault.id}/keys/{state.key.id.name}")
    return {id_.lower() for id_ in ids}


def questions(goal: EnableGoal, state: State, plan: Plan) -> Questions:
    """What to ask before a plan is carried out."""
    needed = needs(goal, state, plan)
    providers = _providers(goal, plan)
    scopes = {need.scope for need in needed} | {_subscription(subscription) for subscription, _ in providers}
    roles = [need.step.resource.split("/")[2] for need in needed if need.action == ROLE_WRITE]
    return Questions(
        providers=providers,
        scopes=tuple(sorted(scopes)),
        parts=tuple(_part(step, goal, state) for step in plan.steps if _is_put(step)),
        quota_of=roles[0] if roles else None,
    )


def _providers(goal: EnableGoal, plan: Plan) -> tuple[tuple[str, str], ...]:
    ids = {"identity": goal.identity, "vault": goal.vault, "registry": goal.registry}
    created = [step.name for step in plan.steps if step.action == CREATE and step.name in _NAMESPACES]
    return tuple((ids[name].subscription, _NAMESPACES[name]) for name in created)


def _subscription(id_: str) -> str:
    return f"/subscriptions/{id_}".lower()


def _is_put(step: Step) -> bool:
    """Whether a step creates something that policies are asked about. An access policy is a change of its vault."""
    return step.action == CREATE and bool(actions_of(step)) and POLICY_WRITE not in actions_of(step)


def _part(step: Step, goal: EnableGoal, state: State) -> Part:
    group = "/".join(_target(step, "", goal).split("/")[:5])
    return Part(step.name, step.resource, _innermost(group, state))


def blockers(goal: EnableGoal, state: State, plan: Plan, seen: Preflight) -> list[Step]:
    """A step of action `blocked` for each thing that would stop the plan, `unknown` for what can't be told."""
    permissions = dict(seen.permissions)
    return [
        *_lacking(goal, state, plan, permissions),
        *_unregistered(seen, permissions),
        *_taken(goal, seen),
        *_denied(seen),
        *_quota(plan, seen),
    ]


def _lacking(
    goal: EnableGoal, state: State, plan: Plan, permissions: dict[str, tuple[Permission, ...] | Unknown]
) -> list[Step]:
    found = []
    for need in needs(goal, state, plan):
        held, step = permissions.get(need.scope), need.step
        if isinstance(held, Unknown):
            reason = f"Whether you have '{need.action}' can't be seen: {held.why}"
            found.append(Step(step.name, UNSEEN, need.scope, reason))
        elif held is not None and not _allowed(held, need.action):
            reason = f"You lack the permission '{need.action}' on {need.scope}."
            by_vault = need.action == KEY_WRITE and _vault_makes_key(held, goal, state)
            if by_vault is None:
                reason += " Whether the vault's access policies let you create the key instead can't be seen."
                found.append(Step(step.name, UNSEEN, step.resource, reason))
            elif not by_vault:
                found.append(Step(step.name, BLOCKED, step.resource, reason))
    return found


def _vault_makes_key(held: tuple[Permission, ...], goal: EnableGoal, state: State) -> bool | None:
    """Whether the vault itself creates a key for one who may not by the control plane. By a role it does; whether by
    an access policy can't be seen (None), and a new vault has none."""
    there = state.vault if isinstance(state.vault, Vault) else None
    if (there.permission_model if there else goal.new_permission_model) == ACCESS_POLICY:
        return None if there else False
    taken = ["keys/read", "keys/create/action"]
    if goal.rotation_period or goal.key_lifetime:
        taken.append("keyrotationpolicies/write")
    return all(_allowed_by_vault(held, f"{VAULT_TYPE}/{action}") for action in taken)


def _allowed_by_vault(permissions: tuple[Permission, ...], action: str) -> bool:
    return any(
        matches(each.data_actions, action) and not matches(each.not_data_actions, action) for each in permissions
    )


def _allowed(permissions: tuple[Permission, ...], action: str) -> bool:
    return any(matches(each.actions, action) and not matches(each.not_actions, action) for each in permissions)


def _unregistered(seen: Preflight, permissions: dict[str, tuple[Permission, ...] | Unknown]) -> list[Step]:
    found = []
    for (subscription, namespace), state in seen.providers:
        scope = _subscription(subscription)
        command = f"az provider register --namespace {namespace} --wait --subscription {subscription}"
        reason = f"The subscription is not registered for {namespace} ({state}). "
        held = permissions.get(scope)
        if isinstance(state, Unknown):
            reason = f"Whether the subscription is registered for {namespace} can't be seen: {state.why}"
            found.append(Step("provider", UNSEEN, namespace, reason))
        elif state == "Registered":
            continue
        elif isinstance(held, tuple) and not _allowed(held, f"{namespace}/register/action"):
            reason += f"You lack the permission '{namespace}/register/action' on {scope}. Have it registered: {command}"
            found.append(Step("provider", BLOCKED, namespace, reason))
        else:
            reason += f"The CLI registers it where you may; else: {command}"
            found.append(Step("provider", UPDATE, namespace, reason))
    return found


def _taken(goal: EnableGoal, seen: Preflight) -> list[Step]:
    free = seen.vault_name_free
    if isinstance(free, Unknown):
        reason = f"Whether the key vault name '{goal.vault.name}' is free can't be seen: {free.why}"
        return [Step("vault", UNSEEN, str(goal.vault), reason)]
    if free is False:
        message, advice = taken_vault_name(goal.vault.name)
        return [Step("vault", BLOCKED, str(goal.vault), " ".join((message, *advice)))]
    return []


def _denied(seen: Preflight) -> list[Step]:
    """One row for each that is denied, and one for what can't be seen at the same place for the same reason."""
    return [
        Step("policy", UNSEEN, each.scope, f"Which policies would deny can't be seen: {each.why}")
        if isinstance(each, Unknown)
        else Step("policy", BLOCKED, each.resource, f"The policy {each.policy} would deny it.")
        for each in dict.fromkeys(seen.denials)
    ]


def _quota(plan: Plan, seen: Preflight) -> list[Step]:
    grant, left = plan.step("grant"), seen.role_assignments_left
    if grant is None or ROLE_WRITE not in actions_of(grant) or left is None:
        return []
    if isinstance(left, Unknown):
        return [Step("quota", UNSEEN, left.scope, f"The quota of role assignments can't be seen: {left.why}")]
    if left > 0:
        return []
    return [Step("quota", BLOCKED, grant.resource, "The subscription has no role assignments left.")]
