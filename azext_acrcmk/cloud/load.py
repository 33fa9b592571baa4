"""Loads everything that a registry's encryption depends on, in as few rounds of requests as there are
dependencies. The current and the wanted state are read by the same code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from azext_acrcmk.cloud.across import find_identity, find_resource, find_vault, trace_vault
from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.cloud.holders import find_individuals
from azext_acrcmk.cloud.hsm import list_hsm_roles
from azext_acrcmk.cloud.namesakes import find_namesakes
from azext_acrcmk.cloud.reads import (
    find_deleted_vault,
    get_deleted_key,
    get_group,
    get_identity,
    get_key,
    get_registry,
    get_registry_name_problem,
    get_vault,
    in_parallel,
    list_roles,
    read_if_possible,
)
from azext_acrcmk.cloud.waiting import Stop, in_thread, result_of, until_settled
from azext_acrcmk.model.access import key_in
from azext_acrcmk.model.expected import vault_beside
from azext_acrcmk.model.goal import EnableGoal
from azext_acrcmk.model.ids import IDENTITY_TYPE, VAULT_TYPE, ArmId, Id, KeyId, Scope, is_guid
from azext_acrcmk.model.key_identity import key_identity
from azext_acrcmk.model.state import (
    ABSENT,
    NOT_LOADED,
    Absent,
    DeletedKey,
    DeletedVault,
    Group,
    Identity,
    Key,
    NotLoaded,
    Registry,
    RoleGrant,
    State,
    Unknown,
    Vault,
)

NOTHING = State()
_NO_VERSION = Unknown(denied=False)


def load_registry_state(
    clients: Clients,
    registry: Registry,
    subscriptions: Sequence[str],
    vault_id: ArmId | None = None,
    known: State = NOTHING,
) -> State:
    """The state of an existing registry: its identity, vault, key and access, read in parallel.

    `vault_id` saves searching for the vault if it is known. Otherwise it is read where `enable` creates it, next to the
    registry, and searched for at the same time. What is loaded in `known` is not read again.
    """
    encryption = registry.encryption
    known = replace(known, registry=registry)
    if not encryption.enabled or encryption.key is None:
        return State(registry=registry)
    key = encryption.key.with_version(None)
    in_use = encryption.in_use or key
    if vault_id is None and not isinstance(known.vault, (Vault, NotLoaded)):
        # It was looked for already, and is not there or can't be read.
        identity = known.identity or get_key_identity(clients, registry, subscriptions)
        return replace(known, identity=identity, key=known.vault, version_in_use=known.vault, roles=())
    principal = key_identity(known).principal_id

    def in_vault(id_: ArmId | None, principal: Id | None) -> State:
        return _load_parts(clients, id_, key, in_use, principal, known) if id_ else NOTHING

    identity, found, parts = in_parallel(
        lambda: known.identity or get_key_identity(clients, registry, subscriptions),
        lambda: vault_id or find_vault(clients, key, subscriptions),
        lambda: in_vault(vault_id or vault_beside(registry, key), principal),
    )
    asked_for, principal = principal, key_identity(replace(known, identity=identity)).principal_id
    if not vault_id and not isinstance(parts.vault, Vault):
        parts = in_vault(found, principal) if isinstance(found, ArmId) else NOTHING
        if not isinstance(found, ArmId) or isinstance(parts.vault, Absent):
            # Not listed, or the list is behind and still has it.
            gone = trace_vault(clients, key, subscriptions)
            return replace(known, identity=identity, vault=gone, key=gone, version_in_use=gone, roles=())
    elif principal != asked_for:
        parts = replace(parts, roles=load_roles(clients, vault_id or parts.vault.id, key, principal))
    state = replace(parts, registry=registry, identity=identity, key=_or_deleted(clients, parts.vault, parts.key, key))
    return replace(state, individuals=find_individuals(clients, state))


def load_again(clients: Clients, before: Registry, subscriptions: Sequence[str], vault_id: ArmId | None) -> State:
    """The state of a registry as it is now. It was read `before`, and still uses the same in most cases: then all is
    read at the same time."""
    registry, state = in_parallel(
        lambda: get_registry(clients, before.id),
        lambda: load_registry_state(clients, before, subscriptions, vault_id),
    )
    if not isinstance(registry, Registry):
        return state
    # Its tags, which are not compared, may have changed.
    same = registry == before
    return (
        replace(state, registry=registry) if same else load_registry_state(clients, registry, subscriptions, vault_id)
    )


def _load_parts(
    clients: Clients, vault: ArmId, key: KeyId, in_use: KeyId, principal: Id | None, known: State = NOTHING
) -> State:
    """The vault, its key, the version in use, and the roles of `principal` that apply to the key."""

    def version_in_use() -> Key | Absent | Unknown:
        if isinstance(known.key, (Absent, DeletedKey)):
            return ABSENT  # as all its versions
        if isinstance(known.key, Key) and known.key.id == in_use:
            return known.key
        return known.version_in_use or (get_key(clients, vault, in_use) if in_use.version else _NO_VERSION)

    seen, latest, used, roles = in_parallel(
        lambda: known.vault or get_vault(clients, vault),
        lambda: get_key(clients, vault, key) if isinstance(known.key, NotLoaded) else known.key,
        version_in_use,
        lambda: known.roles or load_roles(clients, vault, key, principal),
    )
    return State(vault=seen, key=latest, version_in_use=used, roles=roles)


def _or_deleted(clients: Clients, vault, found, key: KeyId):
    """A key that was found, or the soft-deleted key with its name."""
    if not isinstance(found, Absent) or found.unless is not None or not isinstance(vault, Vault):
        return found
    # Without permission to read deleted keys, the service reports one when the name is used.
    deleted = get_deleted_key(clients, vault, key.name)
    return Absent(unless=deleted) if isinstance(deleted, Unknown) else deleted


def get_key_identity(clients: Clients, registry: Registry, subscriptions: Sequence[str]) -> Identity | Absent | Unknown:
    """The user-assigned identity of a registry's key: by its ID if it is assigned, otherwise by its client ID."""
    used = key_identity(State(registry=registry))
    if used.is_system:
        return _NO_VERSION
    own = registry.id.subscription
    if used.id and used.id.subscription == own:
        return get_identity(clients, used.id)
    if used.id:
        # The registry determines whose access is judged; a failure of another subscription must not fail the command.
        return read_if_possible(lambda: get_identity(clients, used.id), f"{IDENTITY_TYPE}/read", used.id)
    return find_identity(clients, [own, *(each for each in subscriptions if each != own)], used.client_id)


def load_roles(
    clients: Clients,
    vault: ArmId,
    key: KeyId,
    principal: Id | None,
    denials: Sequence[dict[str, Any]] | Unknown | None = None,
) -> tuple[RoleGrant, ...] | Unknown:
    """The role assignments of a principal that apply to a key; they have no effect in a vault with access policies.
    `denials` are the deny assignments that reach the key, if they were read before."""
    if not principal:
        return ()
    if not is_guid(principal):
        return Unknown(why=f"'{principal}' is not an object ID.", denied=False)
    if key.is_hsm:
        return list_hsm_roles(clients, key.host, key.name, principal)
    return list_roles(clients, key_in(vault, key.name), vault.subscription, principal, denials)


def load_goal_state(
    clients: Clients,
    goal: EnableGoal,
    subscriptions: Sequence[str],
    note: Callable[[str], None],
    stop: Stop,
    known: State = NOTHING,
    as_if_new: Callable[[State], None] = lambda _: None,
) -> tuple[EnableGoal, State]:
    """What exists of a goal; and the goal, with its vault if that was found in another place than assumed.

    `subscriptions` are searched for a vault given by name or URI, the command's own first. Waits for a running
    operation on the registry, and reports that by `note`: until it ends, the state is not final. `known` is
    what the registry uses, read just before; its identity, if loaded, is that of the goal. If there is neither
    registry, identity nor vault, `as_if_new` is called with this state while deleted vaults are searched for.
    """
    registry, group = in_parallel(
        lambda: _settled(known.registry) or _get_settled_registry(clients, goal.registry, note, stop),
        lambda: get_group(clients, goal.registry.group_id),
    )
    if isinstance(known.identity, NotLoaded) and _is_encrypted_as(goal, registry):
        state = load_registry_state(clients, registry, subscriptions, None if goal.find_vault else goal.vault)
        known = replace(known, identity=state.identity)
        if isinstance(state.vault, Vault):
            found = state.vault.id if goal.vault else None
            groups = _load_groups(clients, goal, group, state.identity, state.vault)
            return replace(goal, vault=found), replace(state, groups=groups)
    # Nothing exists in a group that doesn't exist.
    gone = goal.registry.group_id if isinstance(group, Absent) else None
    found = in_thread(
        lambda: _get_identity(clients, goal, gone) if isinstance(known.identity, NotLoaded) else known.identity
    )

    def no_vault() -> None:
        if isinstance(registry, Absent) and isinstance(result_of(found), Absent):
            as_if_new(_nothing_but(goal, group))

    (goal, vault), name_problem = in_parallel(
        lambda: _known_vault(goal, known) or locate_vault(clients, goal, subscriptions, gone, no_vault),
        lambda: (
            None if registry or isinstance(registry, Unknown) else get_registry_name_problem(clients, goal.registry)
        ),
    )
    identity = result_of(found)
    (key, roles, used), groups, namesakes = in_parallel(
        lambda: _load_in_vault(clients, goal, vault, identity, registry, known),
        lambda: _load_groups(clients, goal, group, identity, vault),
        lambda: find_namesakes(clients, goal, State(identity=identity, vault=vault), subscriptions),
    )
    if name_problem and get_registry(clients, goal.registry):
        # It was created in the meantime by the same command, running elsewhere.
        return load_goal_state(clients, goal, subscriptions, note, stop, known)
    return goal, State(
        registry=registry,
        identity=identity,
        vault=vault,
        key=key,
        version_in_use=used,
        roles=roles,
        groups=groups,
        name_problem=name_problem,
        namesakes=namesakes,
    )


def _nothing_but(goal: EnableGoal, group: Group | Absent | Unknown) -> State:
    """The state in which nothing of a goal exists, except maybe the group of its registry."""
    return State(ABSENT, ABSENT, ABSENT, ABSENT, _NO_VERSION, (), groups=((goal.registry.group_id, group),))


def _load_in_vault(clients: Clients, goal: EnableGoal, vault, identity, registry, known: State):
    """The goal's key, the roles that apply to it, and the version that an existing registry uses."""
    principal = identity.principal_id if isinstance(identity, Identity) else None
    if not isinstance(vault, Vault):
        key = vault if isinstance(vault, Unknown) else ABSENT
        return key, _roles_at_group(clients, goal, vault, principal), known.version_in_use or _NO_VERSION
    encryption = registry.encryption if isinstance(registry, Registry) else None
    in_use = (encryption.in_use if encryption and encryption.key else None) or goal.key.with_version(None)
    # What is known is about the registry's current key; the goal can have another.
    is_same = isinstance(known.key, Key) and known.key.id.same_key(goal.key) and not goal.key.version
    parts = _load_parts(
        clients,
        vault.id,
        goal.key,
        in_use,
        None if vault.uses_policies else principal,
        State(vault=vault, key=known.key if is_same else NOT_LOADED, version_in_use=known.version_in_use),
    )
    return _or_deleted(clients, vault, parts.key, goal.key), parts.roles, parts.version_in_use


def _roles_at_group(clients: Clients, goal: EnableGoal, vault, principal: Id | None) -> tuple[RoleGrant, ...] | Unknown:
    """Roles at the resource group or above, which apply to a vault that doesn't exist yet."""
    if not principal or not goal.vault or isinstance(vault, Unknown):
        return ()
    return list_roles(clients, goal.vault.group_id, goal.vault.subscription, principal)


def _settled(registry) -> Registry | None:
    return registry if isinstance(registry, Registry) and registry.settled else None


def _known_vault(goal: EnableGoal, known: State) -> tuple[EnableGoal, Vault] | None:
    """The known vault, if it is the goal's."""
    vault = known.vault
    if not isinstance(vault, Vault) or vault.host != goal.key.host:
        return None
    return (goal if goal.key_uri else replace(goal, vault=vault.id)), vault


def _get_settled_registry(clients: Clients, id_: ArmId, note: Callable[[str], None], stop: Stop):
    told = False

    def settled(seen: Registry | Absent | Unknown) -> bool:
        nonlocal told
        busy = isinstance(seen, Registry) and not seen.settled
        if busy and not told:
            told = True
            note(f"  Waiting for registry {seen.name}, which is in state {seen.provisioning_state}.")
        return not busy

    return until_settled(lambda: get_registry(clients, id_), settled, stop)


def _is_encrypted_as(goal: EnableGoal, registry: Registry | Absent | Unknown) -> bool:
    """Whether a registry uses the goal's key and identity."""
    if not isinstance(registry, Registry) or not registry.encryption.key or goal.key.version:
        return False
    same_key = registry.encryption.key.same_key(goal.key)
    return same_key and key_identity(State(registry=registry)).id == goal.identity


def _get_identity(clients: Clients, goal: EnableGoal, gone: Scope | None) -> Identity | Absent | Unknown:
    return ABSENT if goal.identity.group_id == gone else get_identity(clients, goal.identity)


def locate_vault(
    clients: Clients,
    goal: EnableGoal,
    subscriptions: Sequence[str],
    gone: Scope | None = None,
    no_vault: Callable[[], None] = lambda: None,
):
    """The goal, with its vault where that is, and the vault: absent, soft-deleted or unknown as it may be. Nothing is
    looked for in the group `gone`. Calls `no_vault` if there is none, while deleted ones are searched for."""
    if goal.key_uri:
        found = find_vault(clients, goal.key_uri, subscriptions)
        there = get_vault(clients, found) if isinstance(found, ArmId) else ABSENT
        # Not listed, or the list is behind and still has it.
        return goal, trace_vault(clients, goal.key_uri, subscriptions) if isinstance(there, Absent) else there
    vault = ABSENT if goal.vault.group_id == gone else get_vault(clients, goal.vault)
    if vault or isinstance(vault, Unknown):
        return goal, vault
    hidden = None
    if goal.find_vault:
        found = find_resource(clients, VAULT_TYPE, goal.vault.name, subscriptions)
        there = get_vault(clients, found) if isinstance(found, ArmId) else ABSENT
        if not isinstance(there, Absent):  # which it can be although it is listed
            return replace(goal, vault=found), there
        hidden = found if isinstance(found, Unknown) else None
    deleted, _ = in_parallel(
        lambda: find_deleted_vault(clients, goal.vault.subscription, goal.vault.name),
        lambda: None if hidden else no_vault(),
    )
    if isinstance(deleted, DeletedVault):
        return replace(goal, vault=deleted.id), deleted
    # If it could not be searched for, or without permission to list deleted vaults, the service reports one when
    # the name is used.
    return goal, Absent(unless=hidden)


def _load_groups(clients: Clients, goal: EnableGoal, group: Group | Absent | Unknown, identity, vault):
    """The resource groups by ID: the registry's, and those of other resources to be created."""
    groups = {goal.registry.group_id: group}
    for resource, seen in ((goal.identity, identity), (goal.vault, vault)):
        if resource and isinstance(seen, (Absent, DeletedVault)) and resource.group_id not in groups:
            groups[resource.group_id] = get_group(clients, resource.group_id)
    return tuple(groups.items())
