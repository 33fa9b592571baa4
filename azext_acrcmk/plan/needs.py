"""The permissions that a plan requires, and where they may be assigned. Pure."""

from __future__ import annotations

from azext_acrcmk.model.access import key_in
from azext_acrcmk.model.ids import HSM_TYPE, Scope
from azext_acrcmk.model.state import Absent, Identity, Key, Registry, State, Vault
from azext_acrcmk.model.value import Value, immutable
from azext_acrcmk.plan.change import DELETE, REUSE, UPDATE, Change, Plan
from azext_acrcmk.plan.kinds import RecoverVault, RemoveRole
from azext_acrcmk.plan.permissions import Permission, data_actions, required_permissions


@immutable
class Need(Value):
    """A permission that a change requires, and the innermost existing scope at which it may be assigned: the resource
    itself, its parent, its resource group, or the subscription, whose roles a new group inherits."""

    change: Change
    permission: Permission
    scope: Scope


def needs(state: State, plan: Plan, *others: State) -> list[Need]:
    """Every permission that the changes of a plan require. `others` are further states of what the plan is about."""
    states = (state, *others)
    return [
        Need(change, permission, innermost(permission.on, states, plan))
        for change in plan.changes
        for permission in (*required_permissions(change), *_in_vault(change, states, plan))
    ]


def _in_vault(change: Change, states: tuple[State, ...], plan: Plan) -> list[Permission]:
    """The data actions that a change requires in a vault that uses Azure RBAC, if it is not the first one: the vault's
    own refusal of the first is early enough. Access policies and local roles of the caller can't be read."""
    actions = data_actions(change)
    if not actions or plan.changing[0] is change:
        return []
    key = change.key
    vaults = [each.vault for each in states if isinstance(each.vault, Vault) and each.vault.host == key.host]
    if not vaults or vaults[0].uses_policies or vaults[0].id.type == HSM_TYPE:
        return []
    return [Permission(action, key_in(vaults[0].id, key.name), data=True) for action in actions]


def innermost(id_: Scope, states: tuple[State, ...], plan: Plan) -> Scope:
    """The id, or that of its nearest existing parent."""
    there = _existing(states, plan)
    gone = {group for state in states for group, seen in state.groups if isinstance(seen, Absent)}
    levels = list(id_.levels)
    return next((each for each in levels if each in there or (each == id_.group and each not in gone)), levels[-1])


def _existing(states: tuple[State, ...], plan: Plan) -> set[Scope]:
    """The ids of what exists: what was read, and what the plan uses, changes or removes."""
    ids = {Scope(each.resource) for each in plan.changes if each.action in (UPDATE, DELETE, REUSE)}
    ids |= {each.role.scope for each in plan.changes if isinstance(each, RemoveRole)}
    for state in states:
        seen = (state.registry, state.identity, state.vault)
        ids |= {each.id.as_scope for each in seen if isinstance(each, (Registry, Identity, Vault))}
        if isinstance(state.vault, Vault) and isinstance(state.key, Key):
            ids.add(key_in(state.vault.id, state.key.id.name))
    return ids - {each.id.as_scope for each in plan.changes if isinstance(each, RecoverVault)}
