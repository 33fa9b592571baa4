"""Everything that bears on a registry's encryption, in as few rounds of requests as there are dependencies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.cloud.hsm import see_hsm_roles
from azext_acrcmk.cloud.observe import (
    find_identity,
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
    vault_name_is_free,
)
from azext_acrcmk.cloud.waiting import Stop, until_settled
from azext_acrcmk.model.goal import EnableGoal
from azext_acrcmk.model.ids import HSM_TYPE, REGISTRY_TYPE, VAULT_TYPE, ArmId, KeyId, same
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
) -> tuple[EnableGoal, State]:
    """What exists of a goal; and the goal with its vault where that was found in another place than assumed.

    `subscriptions` are those a vault given by name or URI is looked for in, the login's own first. Waits for an
    operation on the registry that is under way, saying so by `note`: until it ends nothing about it is sure.
    `known_identity` is given where the goal's identity need not be looked for: a registry's own.
    """
    registry, group, identity, (goal, vault) = together(
        lambda: _see_settled_registry(clients, goal.registry, note, stop),
        lambda: see_group(clients, goal.registry.subscription, goal.registry.group),
        lambda: see_identity(clients, goal.identity) if known_identity is None else known_identity,
        lambda: _locate_vault(clients, goal, subscriptions),
    )
    name_problem, key, in_use, roles, groups = together(
        lambda: None if registry or isinstance(registry, Unknown) else registry_name_problem(clients, goal.registry),
        lambda: _see_key(clients, vault, goal.key),
        lambda: _see_version_in_use(clients, registry, vault),
        lambda: _see_roles_for(clients, goal, vault, identity),
        lambda: _see_groups(clients, goal, group, identity, vault),
    )
    if name_problem and see_registry(clients, goal.registry):
        # The same command, run at the same time elsewhere, has created it since.
        return survey_goal(clients, goal, subscriptions, note, stop, known_identity)
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


def survey_registry(
    clients: Clients,
    registry: Registry,
    subscriptions: Sequence[str],
    vault_id: ArmId | None = None,
) -> State:
    """All there is to see of an existing registry's identity, vault, key and grant.

    `vault_id` saves looking for the vault where it is known.
    """
    encryption = registry.encryption
    if not encryption.enabled or encryption.key is None:
        return State(registry=registry)
    key = encryption.key.with_version(None)
    identity, found = together(
        lambda: _see_identity_of(clients, registry),
        lambda: vault_id or _find_vault_id(clients, key, subscriptions),
    )
    if not isinstance(found, ArmId):
        return State(registry=registry, identity=identity, vault=found, key=found, version_in_use=found)
    in_use = key.with_version(encryption.version_in_use)
    vault, latest, in_use, roles = together(
        lambda: see_vault(clients, found),
        lambda: see_key(clients, found, key),
        lambda: see_key(clients, found, in_use) if in_use.version else Unknown(),
        lambda: see_roles_on(clients, found, key, _principal(registry, identity)),
    )
    if isinstance(latest, Absent) and isinstance(vault, Vault):
        deleted = see_deleted_key(clients, vault, key.name)
        latest = Absent(unless=deleted) if isinstance(deleted, Unknown) else deleted
    return State(registry=registry, identity=identity, vault=vault, key=latest, version_in_use=in_use, roles=roles)


def _principal(registry: Registry, identity: Identity | Absent | Unknown) -> str | None:
    """The object id that the key must be granted to."""
    client_id = registry.encryption.identity or ""
    if same(client_id, "system"):
        return registry.system_principal_id
    if isinstance(identity, Identity):
        return identity.principal_id
    attached = registry.attached_as(client_id)
    return attached.principal_id if attached and isinstance(identity, Unknown) else None


def find_registry(clients: Clients, name: str, subscription: str) -> ArmId | Absent | Unknown:
    """A registry by its name alone, in the subscription."""
    return find_resource(clients, REGISTRY_TYPE, name, [subscription])


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


def _locate_vault(clients: Clients, goal: EnableGoal, subscriptions: Sequence[str]):
    if goal.key_uri:
        vault = _find_vault(clients, goal.key_uri, subscriptions)
        return goal, vault
    vault = see_vault(clients, goal.vault)
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


def _find_vault(clients: Clients, key: KeyId, subscriptions: Sequence[str]):
    found = _find_vault_id(clients, key, subscriptions)
    return see_vault(clients, found) if isinstance(found, ArmId) else found


def _find_vault_id(
    clients: Clients, key: KeyId, subscriptions: Sequence[str]
) -> ArmId | DeletedVault | Absent | Unknown:
    """Where the vault or managed HSM of a key is. Unknown where it may be in a place that can't be looked at."""
    type_ = HSM_TYPE if key.is_hsm else VAULT_TYPE
    found = find_resource(clients, type_, key.store, subscriptions)
    if isinstance(found, ArmId):
        return found
    if not key.is_hsm:
        deleted = together(*(lambda s=each: see_deleted_vault(clients, s, key.store) for each in subscriptions))
        if there := next((each for each in deleted if isinstance(each, DeletedVault)), None):
            return there
        if vault_name_is_free(clients, subscriptions[0], key.store):
            return ABSENT
    return Unknown(f"{type_}/read", f"https://{key.host}", "No subscription that you can read has it.")


def _see_key(clients: Clients, vault, key: KeyId) -> Key | DeletedKey | Absent | Unknown:
    if isinstance(vault, Unknown):
        return vault
    if not isinstance(vault, Vault):
        return ABSENT
    found = see_key(clients, ArmId.parse(vault.id), key)
    if isinstance(found, Absent):
        # One who may not look at deleted keys is told by the service if there is one: it refuses the name.
        return see_deleted_key(clients, vault, key.name) or ABSENT
    return found


def _see_version_in_use(clients: Clients, registry, vault) -> Key | Absent | Unknown:
    if not isinstance(registry, Registry) or not isinstance(vault, Vault) or not registry.encryption.key:
        return Unknown()
    in_use = registry.encryption.key.with_version(registry.encryption.version_in_use)
    return see_key(clients, ArmId.parse(vault.id), in_use) if in_use.version else Unknown()


def _see_identity_of(clients: Clients, registry: Registry) -> Identity | Absent | Unknown:
    """The user-assigned identity that the registry uses its key through: by its attachment, else by its client id."""
    client_id = registry.encryption.identity or ""
    if same(client_id, "system"):
        return Unknown()
    if attached := registry.attached_as(client_id):
        return see_identity(clients, ArmId.parse(attached.id))
    return find_identity(clients, ArmId.parse(registry.id).subscription, client_id)


def _see_roles_for(clients: Clients, goal: EnableGoal, vault, identity) -> tuple[RoleGrant, ...] | Unknown:
    principal = identity.principal_id if isinstance(identity, Identity) else None
    if isinstance(vault, Vault):
        has_roles = vault.access_model != ACCESS_POLICY
        return see_roles_on(clients, ArmId.parse(vault.id), goal.key, principal) if has_roles else ()
    if principal and goal.vault and not isinstance(vault, Unknown):
        # Roles at the resource group or above reach a vault that is yet to be.
        return see_roles(clients, goal.vault.group_id, goal.vault.subscription, principal)
    return ()


def see_roles_on(clients: Clients, vault: ArmId, key: KeyId, principal: str | None) -> tuple[RoleGrant, ...] | Unknown:
    """The role assignments of a principal that reach a key; they mean nothing in a vault with access policies."""
    if not principal:
        return ()
    if key.is_hsm:
        return see_hsm_roles(clients, key.host, key.name, principal)
    return see_roles(clients, f"{vault}/keys/{key.name}", vault.subscription, principal)


def _see_groups(clients: Clients, goal: EnableGoal, group: Group | Absent | Unknown, identity, vault):
    """The resource groups by id: the registry's, and those of parts that are yet to be created elsewhere."""
    groups = {goal.registry.group_id.lower(): group}
    for resource, seen in ((goal.identity, identity), (goal.vault, vault)):
        if resource and isinstance(seen, Absent) and resource.group_id.lower() not in groups:
            groups[resource.group_id.lower()] = see_group(clients, resource.subscription, resource.group)
    return tuple(groups.items())
