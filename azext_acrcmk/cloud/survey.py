"""Everything that bears on a goal, in as few rounds of requests as there are dependencies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.cloud.find import find_vault, trace_vault
from azext_acrcmk.cloud.observe import (
    find_resource,
    registry_name_problem,
    see_deleted_key,
    see_deleted_vault,
    see_group,
    see_identity,
    see_key,
    see_registry,
    see_roles,
    see_vault,
    together,
)
from azext_acrcmk.cloud.survey_registry import NOTHING_KNOWN, see_roles_on, survey_registry
from azext_acrcmk.cloud.waiting import Stop, until_settled
from azext_acrcmk.model.goal import EnableGoal
from azext_acrcmk.model.ids import VAULT_TYPE, ArmId, KeyId, same
from azext_acrcmk.model.state import (
    ABSENT,
    ACCESS_POLICY,
    Absent,
    DeletedKey,
    DeletedVault,
    Group,
    Identity,
    Key,
    Registry,
    RoleGrant,
    State,
    Unknown,
    Vault,
)


def survey_goal(
    clients: Clients,
    goal: EnableGoal,
    subscriptions: Sequence[str],
    note: Callable[[str], None],
    stop: Stop,
    known_identity: Identity | Absent | None = None,
    known: State = NOTHING_KNOWN,
) -> tuple[EnableGoal, State]:
    """What exists of a goal; and the goal with its vault where that was found in another place than assumed.

    `subscriptions` are those a vault given by name or URI is looked for in, the login's own first. Waits for an
    operation on the registry that is under way, saying so by `note`: until it ends nothing about it is sure.
    `known_identity` is given where the goal's identity need not be looked for, such as a registry's own; `known` is
    what the registry uses, seen a moment ago.
    """
    registry, group = together(
        lambda: _settled(known.registry) or _see_settled_registry(clients, goal.registry, note, stop),
        lambda: see_group(clients, goal.registry.subscription, goal.registry.group),
    )
    if known_identity is None and _is_encrypted_as(goal, registry):
        state = survey_registry(clients, registry, subscriptions, None if goal.find_vault else goal.vault)
        known_identity = state.identity
        if isinstance(state.vault, Vault):
            found = ArmId.parse(state.vault.id) if goal.vault else None
            groups = _see_groups(clients, goal, group, state.identity, state.vault)
            return replace(goal, vault=found), replace(state, groups=groups)
    # What would be in a group that isn't there isn't there either.
    gone = goal.registry.group_id if isinstance(group, Absent) else None
    identity, (goal, vault), name_problem = together(
        lambda: _see_identity(clients, goal, gone) if known_identity is None else known_identity,
        lambda: _known_vault(goal, known) or _locate_vault(clients, goal, subscriptions, gone),
        lambda: None if registry or isinstance(registry, Unknown) else registry_name_problem(clients, goal.registry),
    )
    key, in_use, roles, groups = together(
        lambda: _see_key(clients, vault, goal.key),
        lambda: known.version_in_use or _see_version_in_use(clients, registry, vault),
        lambda: _see_roles_for(clients, goal, vault, identity),
        lambda: _see_groups(clients, goal, group, identity, vault),
    )
    if name_problem and see_registry(clients, goal.registry):
        # The same command, run at the same time elsewhere, has created it since.
        return survey_goal(clients, goal, subscriptions, note, stop, known_identity, known)
    return goal, State(
        registry=registry,
        identity=identity,
        vault=vault,
        key=key,
        version_in_use=in_use,
        roles=roles,
        groups=groups,
        name_problem=name_problem,
    )


def _settled(registry: Registry | Absent | Unknown) -> Registry | None:
    return registry if isinstance(registry, Registry) and registry.settled else None


def _known_vault(goal: EnableGoal, known: State) -> tuple[EnableGoal, Vault] | None:
    """The vault that is known, if it is the goal's."""
    vault = known.vault
    if not isinstance(vault, Vault) or not same(vault.host, goal.key.host):
        return None
    return (goal if goal.key_uri else replace(goal, vault=ArmId.parse(vault.id))), vault


def _see_settled_registry(clients: Clients, id_: ArmId, note: Callable[[str], None], stop: Stop):
    told = False

    def settled(seen: Registry | Absent | Unknown) -> bool:
        nonlocal told
        busy = isinstance(seen, Registry) and not seen.settled
        if busy and not told:
            told = True
            note(f"  Waiting for registry {seen.name}, which is in state {seen.provisioning_state}.")
        return not busy

    return until_settled(lambda: see_registry(clients, id_), settled, stop)


def _is_encrypted_as(goal: EnableGoal, registry: Registry | Absent | Unknown) -> bool:
    """Whether a registry has the goal's key and identity, so that what it uses is what the goal is about."""
    if not isinstance(registry, Registry) or not registry.encryption.key or goal.key.version:
        return False
    attached = registry.attached_as(registry.encryption.identity or "")
    return registry.encryption.key.same_key(goal.key) and bool(attached) and same(attached.id, str(goal.identity))


def _see_identity(clients: Clients, goal: EnableGoal, gone: str | None) -> Identity | Absent | Unknown:
    return ABSENT if same(goal.identity.group_id, gone) else see_identity(clients, goal.identity)


def _locate_vault(clients: Clients, goal: EnableGoal, subscriptions: Sequence[str], gone: str | None):
    if goal.key_uri:
        found = find_vault(clients, goal.key_uri, subscriptions) or trace_vault(clients, goal.key_uri, subscriptions)
        return goal, see_vault(clients, found) if isinstance(found, ArmId) else found
    vault = ABSENT if same(goal.vault.group_id, gone) else see_vault(clients, goal.vault)
    if vault or isinstance(vault, Unknown):
        return goal, vault
    if goal.find_vault:
        found = find_resource(clients, VAULT_TYPE, goal.vault.name, subscriptions)
        if isinstance(found, ArmId):
            return replace(goal, vault=found), see_vault(clients, found)
    deleted = see_deleted_vault(clients, goal.vault.subscription, goal.vault.name)
    if isinstance(deleted, DeletedVault):
        return replace(goal, vault=ArmId.parse(deleted.id)), deleted
    # One who may not list deleted vaults is told by the service if there is one: it refuses the name.
    return goal, ABSENT


def _see_key(clients: Clients, vault, key: KeyId) -> Key | DeletedKey | Absent | Unknown:
    if isinstance(vault, Unknown):
        return vault
    if not isinstance(vault, Vault):
        return ABSENT
    found = see_key(clients, ArmId.parse(vault.id), key)
    if isinstance(found, Absent):
        # One who may not look at deleted keys is told by the service if there is one: it refuses the name.
        deleted = see_deleted_key(clients, vault, key.name)
        return Absent(unless=deleted) if isinstance(deleted, Unknown) else deleted
    return found


def _see_version_in_use(clients: Clients, registry, vault) -> Key | Absent | Unknown:
    if not isinstance(registry, Registry) or not isinstance(vault, Vault) or not registry.encryption.key:
        return Unknown()
    in_use = registry.encryption.key.with_version(registry.encryption.version_in_use)
    return see_key(clients, ArmId.parse(vault.id), in_use) if in_use.version else Unknown()


def _see_roles_for(clients: Clients, goal: EnableGoal, vault, identity) -> tuple[RoleGrant, ...] | Unknown:
    principal = identity.principal_id if isinstance(identity, Identity) else None
    if isinstance(vault, Vault):
        has_roles = vault.permission_model != ACCESS_POLICY
        return see_roles_on(clients, ArmId.parse(vault.id), goal.key, principal) if has_roles else ()
    if principal and goal.vault and not isinstance(vault, Unknown):
        # Roles at the resource group or above reach a vault that is yet to be.
        return see_roles(clients, goal.vault.group_id, goal.vault.subscription, principal)
    return ()


def _see_groups(clients: Clients, goal: EnableGoal, group: Group | Absent | Unknown, identity, vault):
    """The resource groups by id: the registry's, and those of parts that are yet to be created elsewhere."""
    groups = {goal.registry.group_id.lower(): group}
    for resource, seen in ((goal.identity, identity), (goal.vault, vault)):
        if resource and isinstance(seen, (Absent, DeletedVault)) and resource.group_id.lower() not in groups:
            groups[resource.group_id.lower()] = see_group(clients, resource.subscription, resource.group)
    return tuple(groups.items())
