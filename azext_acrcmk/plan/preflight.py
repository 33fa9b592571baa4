"""What would stop a plan: missing permissions, unregistered providers, policies, quotas, locks, locations. Pure."""

from __future__ import annotations

from typing import Any

from azext_acrcmk.model.api_versions import API_VERSIONS
from azext_acrcmk.model.ids import (
    GROUP_TYPE,
    IDENTITY_TYPE,
    REGISTRY_TYPE,
    ROLE_ASSIGNMENT_TYPE,
    VAULT_TYPE,
    Id,
    Scope,
    same,
)
from azext_acrcmk.model.preflight import Allowed, Denial, NewResource, Preflight, Questions
from azext_acrcmk.model.problem import not_searched, taken_vault_name
from azext_acrcmk.model.state import ACCESS_POLICY, Absent, Identity, State, Unknown, Vault
from azext_acrcmk.plan import kinds
from azext_acrcmk.plan.bodies import (
    key_body,
    located_body,
    registry_body,
    role_assignment_body,
    vault_body,
)
from azext_acrcmk.plan.change import CREATE, Change, Plan, UnknownChange
from azext_acrcmk.plan.needs import Need, innermost, needs
from azext_acrcmk.plan.obstacle import BLOCKED, REGISTERED, UNDETERMINED, Obstacle
from azext_acrcmk.plan.patched import NO_ID, patched_resources
from azext_acrcmk.plan.permissions import ASSIGN_IDENTITY, KEY_WRITE, ROLE_WRITE, Permission
from azext_acrcmk.plan.restrictions import can_be_locked, locked, misplaced


def questions(state: State, plan: Plan, *others: State) -> Questions:
    """What to ask Azure before a plan is carried out. `others` are further states of what the plan is about."""
    needed = needs(state, plan, *others)
    providers = _providers(plan)
    scopes = {need.scope for need in needed} | {_subscription(subscription) for subscription, _ in providers}
    roles = [need.permission.on.subscription for need in needed if need.permission.action == ROLE_WRITE]
    vault = plan.find(kinds.CreateVault)
    return Questions(
        providers=providers,
        scopes=tuple(sorted(scopes)),
        resources=(*_new_resources(state, plan), *patched_resources(state, plan)),
        new_vault=vault.id if vault else None,
        quota_of=roles[0] if roles else None,
        locked=tuple(sorted({need.scope for need in needed if can_be_locked(need.permission)})),
    )


def _providers(plan: Plan) -> tuple[tuple[Id, str], ...]:
    """The resource providers of new resources, by subscription and namespace."""
    ids = [
        each.id
        for each in plan.changes
        if isinstance(each, (kinds.CreateIdentity, kinds.CreateVault, kinds.CreateRegistry))
    ]
    return tuple((id_.subscription, id_.type.split("/", 1)[0]) for id_ in ids)


def _subscription(id_: Id) -> Scope:
    return Scope(f"/subscriptions/{id_}")


def _new_resources(state: State, plan: Plan) -> list[NewResource]:
    found = []
    for change in plan.changes:
        if details := _details(change, state):
            in_group = change.vault.as_scope if isinstance(change, kinds.CreateKey) else Scope(change.resource)
            found.append(NewResource(change.resource, innermost(in_group.group, (state,), plan), details))
    return found


def _principal_of(change: kinds.CreateVault, identity: Identity | None) -> str | None:
    if change.policy_for is None:
        return None
    return identity.principal_id if identity else NO_ID


def _details(change: Change, state: State) -> dict[str, Any] | None:
    """A resource to be created as the policy check wants it: a partial content, and for what lies in or on a resource
    that resource's id as `scope` (CheckRestrictionsResourceDetails of the SDK). An access policy changes its vault."""
    identity = state.identity if isinstance(state.identity, Identity) else None
    if isinstance(change, kinds.CreateGroup):
        return _content(GROUP_TYPE, change.id.name, located_body(change))
    if isinstance(change, kinds.CreateIdentity):
        return _content(IDENTITY_TYPE, change.id.name, located_body(change))
    if isinstance(change, kinds.CreateVault):
        return _content(
            VAULT_TYPE,
            change.id.name,
            vault_body(change, _principal_of(change, identity)),
            apiVersion=API_VERSIONS[VAULT_TYPE],
        )
    if isinstance(change, kinds.CreateKey):
        versioned = {"apiVersion": API_VERSIONS[f"{VAULT_TYPE}/keys"], "scope": str(change.vault)}
        return _content(f"{VAULT_TYPE}/keys", change.key.name, key_body(change), **versioned)
    if isinstance(change, kinds.AssignRole) and change.is_resource:
        principal = change.principal or (identity.principal_id if identity else NO_ID)
        body = role_assignment_body(change.scope, change.role_id, principal)
        return _content(ROLE_ASSIGNMENT_TYPE, NO_ID, body, scope=str(change.scope))
    if isinstance(change, kinds.CreateRegistry):
        body = registry_body(change, identity.client_id if identity else NO_ID, change.key)
        return _content(REGISTRY_TYPE, change.id.name, body, apiVersion=change.options.api_version)
    if change.action is CREATE and change.is_resource:
        raise UnknownChange("the policy check", change)
    return None


def _content(type_: str, name: str, body: dict[str, Any], **more: str) -> dict[str, Any]:
    return {"resourceContent": {"type": type_, "name": name, **body}, **more}


def obstacles(state: State, plan: Plan, seen: Preflight, *others: State) -> list[Obstacle]:
    """Everything that would block the plan, can't be determined, or is fixed during the run."""
    permissions = dict(seen.permissions)
    return [
        *_missing(needs(state, plan, *others), state, plan, permissions),
        *_unregistered(seen, permissions),
        *_taken(state, plan, seen),
        *_denied(seen),
        *_quota(plan, seen),
        *locked(plan, seen),
        *misplaced(plan, seen),
    ]


def _missing(
    needed: list[Need], state: State, plan: Plan, permissions: dict[Scope, tuple[Allowed, ...] | Unknown]
) -> list[Obstacle]:
    found = []
    for need in needed:
        held, change, action = permissions.get(need.scope), need.change, need.permission.action
        if isinstance(held, Unknown):
            reason = f"Could not determine whether you have permission '{action}': {held.why}"
            found.append(Obstacle(UNDETERMINED, change.step, need.scope, reason))
        elif held is not None:
            found += _without(need, held, state, plan)
    return found


def _without(need: Need, held: tuple[Allowed, ...], state: State, plan: Plan) -> list[Obstacle]:
    """What it means where a permission is missing."""
    change, permission = need.change, need.permission
    possible = (permission.action, *permission.either)
    allowed = _allowed_by_vault if permission.data else _allowed
    missing = [action for action in possible if not allowed(held, action)]
    if not missing:
        return []
    names = "' or '".join(missing)
    reason = f"You don't have permission '{names}' on {need.scope}."
    if len(missing) < len(possible):
        reason += " Whether it is required is known only after the vault is recovered."
        return [Obstacle(UNDETERMINED, change.step, change.resource, reason)]
    by_vault = permission.action == KEY_WRITE and _vault_creates_key(held, change, state, plan)
    if by_vault is None:
        reason += " Could not determine whether the vault's access policies allow you to create the key instead."
        return [Obstacle(UNDETERMINED, change.step, change.resource, reason)]
    return [] if by_vault else [Obstacle(BLOCKED, change.step, change.resource, reason, _advice(permission))]


def _advice(permission: Permission) -> str:
    role = "the role 'Key Vault Crypto Officer' on the vault" if permission.data else "a role with this permission"
    if permission.action == ASSIGN_IDENTITY:
        role = "the role 'Managed Identity Operator' on the identity"
    return f"Ask for {role} to be assigned to you. If that was done recently, wait a few minutes."


def _vault_creates_key(held: tuple[Allowed, ...], change: kinds.CreateKey, state: State, plan: Plan) -> bool | None:
    """Whether the caller can create a key in the vault itself, if not through the control plane. A role may allow it;
    whether an access policy does can't be read (None), and a new vault has none."""
    there, new = state.vault if isinstance(state.vault, Vault) else None, plan.find(kinds.CreateVault)
    if there and there.uses_policies:
        return None
    if new and new.permission_model == ACCESS_POLICY:
        return False
    required = ["keys/read", "keys/create/action"]
    if change.rotation_period or change.lifetime:
        required.append("keyrotationpolicies/write")
    return all(_allowed_by_vault(held, f"{VAULT_TYPE}/{action}") for action in required)


def _allowed_by_vault(permissions: tuple[Allowed, ...], action: str) -> bool:
    return any(each.permits_data(action) for each in permissions)


def _allowed(permissions: tuple[Allowed, ...], action: str) -> bool:
    return any(each.permits(action) for each in permissions)


def _unregistered(seen: Preflight, permissions: dict[Scope, tuple[Allowed, ...] | Unknown]) -> list[Obstacle]:
    found = []
    for (subscription, namespace), state in seen.providers:
        scope = _subscription(subscription)
        command = f"az provider register --namespace {namespace} --wait --subscription {subscription}"
        reason = f"The subscription is not registered to use {namespace} ({state}). "
        held = permissions.get(scope)
        if isinstance(state, Unknown):
            reason = f"Could not determine whether the subscription is registered to use {namespace}: {state.why}"
            found.append(Obstacle(UNDETERMINED, "provider", namespace, reason))
        elif same(state, "Registered"):
            continue
        elif isinstance(held, tuple) and not _allowed(held, f"{namespace}/register/action"):
            reason += f"You don't have permission '{namespace}/register/action' on {scope}. To register it: {command}"
            found.append(Obstacle(BLOCKED, "provider", namespace, reason))
        else:
            reason += f"It will be registered if you have permission. Otherwise, register it: {command}"
            found.append(Obstacle(REGISTERED, "provider", namespace, reason))
    return found


def _unsearched(state: State) -> tuple[str, ...]:
    """Where a vault of that name was not looked for."""
    hidden = state.vault.unless if isinstance(state.vault, Absent) else None
    if hidden is None:
        return ()
    return (not_searched(hidden.places or (hidden,)),)


def _taken(state: State, plan: Plan, seen: Preflight) -> list[Obstacle]:
    free, vault = seen.vault_name_free, plan.find(kinds.CreateVault)
    if isinstance(free, Unknown):
        reason = f"Could not determine whether the key vault name '{vault.id.name}' is available: {free.why}"
        return [Obstacle(UNDETERMINED, vault.step, vault.resource, reason)]
    if free is False:
        message, advice = taken_vault_name(vault.id.name)
        return [Obstacle(BLOCKED, vault.step, vault.resource, " ".join((message, *advice, *_unsearched(state))))]
    return []


def _denied(seen: Preflight) -> list[Obstacle]:
    """One for each denied resource, and one for all that can't be determined at the same scope for the same reason."""
    return [
        Obstacle(UNDETERMINED, "policy", each.scope, f"Could not determine whether a policy would deny it: {each.why}")
        if isinstance(each, Unknown)
        else Obstacle(
            BLOCKED,
            "policy",
            each.resource,
            f"The policy {each.policy} would deny it{_because(each)}.",
            " ".join(seen.policy_advice),
        )
        for each in dict.fromkeys(seen.denials)
    ]


def _because(denial: Denial) -> str:
    return f": {denial.why.rstrip('.')}" if denial.why else ""


def _quota(plan: Plan, seen: Preflight) -> list[Obstacle]:
    grant, left = plan.find(kinds.AssignRole, kinds.GrantInRecoveredVault), seen.role_assignments_left
    if grant is None or left is None:
        return []
    if isinstance(left, Unknown):
        reason = f"Could not determine how many role assignments are left: {left.why}"
        return [Obstacle(UNDETERMINED, "quota", left.scope, reason)]
    if left > 0:
        return []
    reason = "The limit of role assignments in the subscription is reached."
    if isinstance(grant, kinds.GrantInRecoveredVault):
        reason += " Whether one is required is known only when the vault is recovered."
        return [Obstacle(UNDETERMINED, "quota", grant.resource, reason)]
    return [Obstacle(BLOCKED, "quota", grant.resource, reason)]
