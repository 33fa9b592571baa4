"""Everything that bears on the encryption of a registry, in as few rounds of requests as there are dependencies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.cloud.find import find_vault, trace_vault
from azext_acrcmk.cloud.hsm import see_hsm_roles
from azext_acrcmk.cloud.observe import (
    find_identity,
    see_deleted_key,
    see_identity,
    see_key,
    see_roles,
    see_vault,
    together,
)
from azext_acrcmk.model.ids import VAULT_TYPE, ArmId, KeyId, same
from azext_acrcmk.model.state import Absent, Identity, Key, Registry, RoleGrant, State, Unknown, Vault

NOTHING_KNOWN = State()


def survey_registry(
    clients: Clients,
    registry: Registry,
    subscriptions: Sequence[str],
    vault_id: ArmId | None = None,
    known: State = NOTHING_KNOWN,
) -> State:
    """All there is to see of an existing registry's identity, vault, key and grant, side by side.

    `vault_id` saves looking for the vault where it is known; else it is asked for where `enable` puts it, beside the
    registry, and looked for at the same time. `known` are parts that were seen and have not changed since.
    """
    encryption = registry.encryption
    if not encryption.enabled or encryption.key is None:
        return State(registry=registry)
    key = encryption.key.with_version(None)
    principal = _principal(registry, Unknown())

    def in_vault(id_: ArmId | None, principal: str | None) -> State:
        return _see_in_vault(clients, id_, registry, principal, known) if id_ else State()

    identity, found, parts = together(
        lambda: known.identity or _see_identity_of(clients, registry, subscriptions),
        lambda: vault_id or find_vault(clients, key, subscriptions),
        lambda: in_vault(vault_id or _beside(registry, key), principal),
    )
    asked_for, principal = principal, _principal(registry, identity)
    if not vault_id and not isinstance(parts.vault, Vault):
        found = found or trace_vault(clients, key, subscriptions)
        if not isinstance(found, ArmId):
            return State(registry=registry, identity=identity, vault=found, key=found, version_in_use=found)
        parts = in_vault(found, principal)
    elif principal != asked_for:
        roles = see_roles_on(clients, vault_id or ArmId.parse(parts.vault.id), key, principal)
        parts = replace(parts, roles=roles)
    latest = parts.key
    if isinstance(latest, Absent) and isinstance(parts.vault, Vault):
        deleted = see_deleted_key(clients, parts.vault, key.name)
        latest = Absent(unless=deleted) if isinstance(deleted, Unknown) else deleted
    return replace(parts, registry=registry, identity=identity, key=latest)


def _see_in_vault(clients: Clients, vault: ArmId, registry: Registry, principal: str | None, known: State) -> State:
    """The vault, the registry's key in it, and the grant of `principal`."""
    key = registry.encryption.key.with_version(None)
    in_use = key.with_version(registry.encryption.version_in_use)

    def version_in_use() -> Key | Absent | Unknown:
        if isinstance(known.key, Key) and known.key.id == in_use:
            return known.key
        return see_key(clients, vault, in_use) if in_use.version else Unknown()

    seen, latest, used, roles = together(
        lambda: known.vault or see_vault(clients, vault),
        lambda: known.key or see_key(clients, vault, key),
        version_in_use,
        lambda: known.roles or see_roles_on(clients, vault, key, principal),
    )
    return State(vault=seen, key=latest, version_in_use=used, roles=roles)


def _beside(registry: Registry, key: KeyId) -> ArmId | None:
    """Where `enable` puts the vault of a key. A managed HSM is not its to make."""
    id_ = ArmId.parse(registry.id)
    return None if key.is_hsm else ArmId(id_.subscription, id_.group, VAULT_TYPE, key.store)


def _principal(registry: Registry, identity: Identity | Absent | Unknown) -> str | None:
    """The object id that the key must be granted to."""
    client_id = registry.encryption.identity or ""
    if same(client_id, "system"):
        return registry.system_principal_id
    if isinstance(identity, Identity):
        return identity.principal_id
    attached = registry.attached_as(client_id)
    return attached.principal_id if attached and isinstance(identity, Unknown) else None


def _see_identity_of(clients: Clients, registry: Registry, subscriptions: Sequence[str]) -> Identity | Absent | Unknown:
    """The user-assigned identity that the registry uses its key through: by its attachment, else by its client id."""
    client_id = registry.encryption.identity or ""
    if same(client_id, "system"):
        return Unknown()
    if attached := registry.attached_as(client_id):
        return see_identity(clients, ArmId.parse(attached.id))
    own = ArmId.parse(registry.id).subscription
    return find_identity(clients, [own, *(each for each in subscriptions if not same(each, own))], client_id)


def see_roles_on(clients: Clients, vault: ArmId, key: KeyId, principal: str | None) -> tuple[RoleGrant, ...] | Unknown:
    """The role assignments of a principal that reach a key; they mean nothing in a vault with access policies."""
    if not principal:
        return ()
    if key.is_hsm:
        return see_hsm_roles(clients, key.host, key.name, principal)
    return see_roles(clients, f"{vault}/keys/{key.name}", vault.subscription, principal)
