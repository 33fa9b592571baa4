"""What would stop a plan: permissions that lack, providers not registered, policies that deny, quota used up. Pure."""

from __future__ import annotations

from azext_acrcmk.model.access import matches
from azext_acrcmk.model.goal import EnableGoal
from azext_acrcmk.model.ids import IDENTITY_TYPE, REGISTRY_TYPE, VAULT_TYPE, ArmId
from azext_acrcmk.model.preflight import Permission, Preflight, Questions
from azext_acrcmk.model.state import DeletedVault, Group, State, Unknown, Vault
from azext_acrcmk.plan.step import BLOCKED, CREATE, RECOVER, UNSEEN, UPDATE, Plan, Step

_WRITES = {
    "group": ("Microsoft.Resources/subscriptions/resourceGroups/write",),
    "identity": (f"{IDENTITY_TYPE}/write",),
    "vault": (f"{VAULT_TYPE}/write",),
    "purge-protection": (f"{VAULT_TYPE}/write",),
    "key": (f"{VAULT_TYPE}/keys/write",),
    "registry": (
        f"{REGISTRY_TYPE}/write",
        f"{REGISTRY_TYPE}/operationStatuses/read",
        f"{IDENTITY_TYPE}/assign/action",
    ),
}
ROLE_WRITE = "Microsoft.Authorization/roleAssignments/write"
POLICY_WRITE = f"{VAULT_TYPE}/accessPolicies/write"

NAMESPACES = {
    "identity": "Microsoft.ManagedIdentity",
    "vault": "Microsoft.KeyVault",
    "registry": "Microsoft.ContainerRegistry",
}


def actions_of(step: Step) -> tuple[str, ...]:
    """The control-plane actions that a step takes (service facts 4.2)."""
    if step.action not in (CREATE, UPDATE, RECOVER) or _by_data_plane(step):
        return ()
    if step.name == "grant":
        return (POLICY_WRITE,) if "ccess policy" in step.reason else (ROLE_WRITE,)
    return _WRITES.get(step.name, ())


def _by_data_plane(step: Step) -> bool:
    """Whether Azure Resource Manager has no say in a step: recovering a key, or a role that is local to an HSM."""
    return (step.name, step.action) == ("key", RECOVER) or (step.name == "grant" and step.resource.startswith("https"))


def vault_of(goal: EnableGoal, state: State) -> ArmId | None:
    """The vault or managed HSM that a goal is about, also where that names the key by its URI."""
    there = isinstance(state.vault, (Vault, DeletedVault))
    return goal.vault or (ArmId.parse(state.vault.id) if there else None)


def scope_of(step: Step, vault: ArmId | None) -> str:
    """Where a step's actions must be allowed, as far up as permissions are looked at: its group or subscription."""
    resource = step.resource if step.resource.startswith("/") else str(vault or "")
    parts = resource.split("/")
    if step.name == "group":
        return "/".join(parts[:3]).lower()
    return "/".join(parts[:5]).lower()


def questions(goal: EnableGoal, state: State, plan: Plan) -> Questions:
    """What to ask before a plan is carried out. At a group that is yet to be nothing can be asked."""
    vault = vault_of(goal, state)
    groups = dict(state.groups)
    scopes = sorted({scope_of(step, vault) for step in plan.steps if actions_of(step)})
    there = {scope for scope in scopes if "/resourcegroups/" not in scope or isinstance(groups.get(scope), Group)}
    created = [step.name for step in plan.steps if step.action == CREATE]
    ids = {"vault": goal.vault, "registry": goal.registry}
    parts = [name for name in created if ids.get(name) and isinstance(groups.get(ids[name].group_id.lower()), Group)]
    assigns_role = any(ROLE_WRITE in actions_of(step) for step in plan.steps)
    return Questions(
        namespaces=tuple(NAMESPACES[name] for name in created if name in NAMESPACES),
        scopes=tuple(scope for scope in scopes if scope in there),
        parts=tuple(parts),
        quota_of=(vault or goal.registry).subscription if assigns_role else None,
    )


def blockers(plan: Plan, seen: Preflight, vault: ArmId | None) -> list[Step]:
    """A step of action `blocked` for each thing that would stop the plan, `unknown` for what can't be told."""
    return [
        *_lacking(plan, seen, vault),
        *_unregistered(seen),
        *_denied(seen),
        *_quota(plan, seen),
    ]


def _lacking(plan: Plan, seen: Preflight, vault: ArmId | None) -> list[Step]:
    permissions, found = dict(seen.permissions), []
    for step in plan.steps:
        scope = scope_of(step, vault)
        held = permissions.get(scope)
        for action in actions_of(step):
            if isinstance(held, Unknown):
                found.append(Step(step.name, UNSEEN, scope, f"Whether you have '{action}' can't be seen: {held.why}"))
            elif held is not None and not _allowed(held, action):
                found.append(Step(step.name, BLOCKED, step.resource, f"You lack the permission '{action}' on {scope}."))
    return found


def _allowed(permissions: tuple[Permission, ...], action: str) -> bool:
    return any(matches(each.actions, action) and not matches(each.not_actions, action) for each in permissions)


def _unregistered(seen: Preflight) -> list[Step]:
    found = []
    for namespace, state in seen.providers:
        if isinstance(state, Unknown):
            reason = f"Whether the subscription is registered for {namespace} can't be seen: {state.why}"
            found.append(Step("provider", UNSEEN, namespace, reason))
        elif state != "Registered":
            reason = (
                f"The subscription is not registered for {namespace} ({state}). The CLI registers it where you may; "
                f"else: az provider register --namespace {namespace} --wait"
            )
            found.append(Step("provider", UPDATE, namespace, reason))
    return found


def _denied(seen: Preflight) -> list[Step]:
    if isinstance(seen.denials, Unknown):
        return [
            Step("policy", UNSEEN, seen.denials.scope, f"Which policies would deny can't be seen: {seen.denials.why}")
        ]
    return [Step("policy", BLOCKED, each.resource, f"The policy {each.policy} would deny it.") for each in seen.denials]


def _quota(plan: Plan, seen: Preflight) -> list[Step]:
    grant, left = plan.step("grant"), seen.role_assignments_left
    if grant is None or ROLE_WRITE not in actions_of(grant) or left is None:
        return []
    if isinstance(left, Unknown):
        return [Step("quota", UNSEEN, left.scope, f"The quota of role assignments can't be seen: {left.why}")]
    if left > 0:
        return []
    return [Step("quota", BLOCKED, grant.resource, "The subscription has no role assignments left.")]
