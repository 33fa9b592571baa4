"""Encryption of registries with customer-managed keys: a real data key, wrapped with the key in the vault.

Messages and rules: facts service.md 1.5 to 1.7 and 2.1. Unknown, so assumed here: the codes of A1 and A3, and all that
the service returns for encryption enabled or disabled later, and for registries that are not Premium (A7).
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any

from sandbox.core.web import AzureError
from sandbox.key_vault.key_access import KeyUser, find_version, use
from sandbox.key_vault.key_material import KeyVersion
from sandbox.key_vault.key_store import KeyStore, find_store, parse_key_uri, stores
from sandbox.registry.identity import credential_for, is_active
from sandbox.registry.record import Credential, Encryption, Registry, find_registry
from sandbox.world import World

_ALGORITHM = "RSA-OAEP-256"
_DATA_KEY_BYTES = 32
_MORE = "For more information on customer-managed keys, please visit 'https://aka.ms/acr/cmk'."
_INACTIVE = (
    "The identity associated with the registry is inactive. This could be due to attempted removal of the identity. "
    "Reassign the identity manually"
)


@dataclass(frozen=True)
class KeyChoice:
    """The key and identity in a request."""

    key_identifier: str
    identity: str


def choose(registry: Registry, properties: dict[str, Any], *, new: bool, whole: bool) -> KeyChoice | None:
    """The encryption settings of a request, or None if they don't change."""
    wanted = properties.get("encryption")
    if wanted is None and not whole:
        return None
    wanted = wanted or {}
    # Names in any case, as the tutorial's template has `KeyIdentifier` (facts templates.md 1.1).
    given = {name.lower(): value for name, value in (wanted.get("keyVaultProperties") or {}).items()}
    status = str(wanted.get("status") or ("enabled" if given else "disabled")).lower()
    if status != "enabled":
        if registry.encryption and wanted.get("status"):
            raise AzureError(400, "BadRequest", f"Encryption cannot be disabled for registry {registry.name}. {_MORE}")
        if registry.encryption:
            raise _incomplete(registry)
        return None
    if not given.get("identity") or not given.get("keyidentifier"):
        raise _incomplete(registry)
    if not registry.encryption and not new:
        raise AzureError(
            400, "BadRequest", f"Encryption cannot be enabled for existing registry {registry.name}. {_MORE}"
        )
    return KeyChoice(given["keyidentifier"], given["identity"])


def engage(world: World, registry: Registry, choice: KeyChoice) -> Encryption:
    """Encrypt the registry with a key, or wrap its data key again. As in Azure, all failures have the same message."""
    credential = credential_for(world, registry, choice.identity)
    try:
        store, name, version = _usable_key(world, choice, credential)
        previous = registry.encryption
        data_key = _data_key(world, previous, credential)
        wrapped = _wrap(world, store, name, version, credential, data_key)
    except (ValueError, AzureError) as error:
        raise _no_access(choice) from error
    result = Encryption(choice.key_identifier, version.id, credential, wrapped, _fingerprint(data_key))
    if previous:
        same = (previous.versioned_identifier, previous.credential.object_id) == (
            result.versioned_identifier,
            credential.object_id,
        )
        result.rotated = previous.rotated if same else world.now()
    return result


def pull(world: World, name: str) -> dict[str, Any]:
    """Whether an image could be pulled now: the vault really unwraps the data key."""
    registry = find_registry(world, name)
    if registry is None:
        return _pulled(404, f"There is no registry {name}.")
    failed = registry.creation_failed(world.now())
    encryption = registry.encryption
    if encryption is None:
        return _pulled(403, "The creation of the registry failed.") if failed else _pulled(200, "")
    if not is_active(world, encryption.credential):
        return _pulled(403, _INACTIVE)
    try:
        data_key = _unwrap(world, encryption, encryption.credential)
    except AzureError as error:
        return _pulled(403, error.message)
    if _fingerprint(data_key) != encryption.fingerprint:
        return _pulled(403, "The data key that came out is not the one that was wrapped.")
    return _pulled(200, "")


def adopt_new_versions(world: World) -> None:
    """What registries do automatically: use a new version of a key that was set without a version, after a delay."""
    by_host = {store.host: store for store in stores(world)}
    for registry in world.registries.values():
        encryption = registry.encryption
        if encryption and encryption.automatic and _newer_version_due(world, encryption, by_host):
            choice = KeyChoice(encryption.key_identifier, encryption.credential.identity)
            try:
                registry.encryption = engage(world, registry, choice)
                world.changes += 1
            except AzureError:
                continue  # the old version stays in use, and the registry retries later


def _newer_version_due(world: World, encryption: Encryption, by_host: dict[str, KeyStore]) -> bool:
    uri = parse_key_uri(encryption.key_identifier)
    store = by_host.get(uri.host)
    key = store.keys.get(uri.name.lower()) if store else None
    if key is None or key.latest.id == encryption.version:
        return False
    return key.latest.created + world.settings.auto_rotation_seconds <= world.now()


def _usable_key(world: World, choice: KeyChoice, credential: Credential) -> tuple[KeyStore, str, KeyVersion]:
    """The key version to wrap with. Requires permission to get, wrap and unwrap."""
    uri = parse_key_uri(choice.key_identifier)
    store = find_store(world, uri.host)
    if store is None or (world.settings.require_purge_protection and not store.purge_protection):
        raise ValueError(choice.key_identifier)
    user = _user(credential)
    for operation in ("get", "wrapKey", "unwrapKey"):
        use(world, store, user, operation, uri.name, uri.version)
    return store, uri.name, find_version(store, uri.name, uri.version)


def _wrap(world: World, store: KeyStore, name: str, version: KeyVersion, credential: Credential, data: bytes) -> bytes:
    return use(world, store, _user(credential), "wrapKey", name, version.id).wrap(data, _ALGORITHM)


def _data_key(world: World, encryption: Encryption | None, newcomer: Credential) -> bytes:
    """A new data key, or the current one, unwrapped by the current identity or, if that has no access, the new one."""
    if encryption is None:
        return secrets.token_bytes(_DATA_KEY_BYTES)
    try:
        if is_active(world, encryption.credential):
            return _unwrap(world, encryption, encryption.credential)
    except AzureError:
        if newcomer.object_id == encryption.credential.object_id:
            raise
    return _unwrap(world, encryption, newcomer)


def _unwrap(world: World, encryption: Encryption, credential: Credential) -> bytes:
    uri = parse_key_uri(encryption.versioned_identifier)
    store = find_store(world, uri.host)
    if store is None:
        raise AzureError(404, "VaultNotFound", f"The vault of key {encryption.versioned_identifier} does not exist.")
    version = use(world, store, _user(credential), "unwrapKey", uri.name, uri.version)
    if encryption.opened is None or encryption.opened[0] is not version:
        encryption.opened = version, version.unwrap(encryption.wrapped, _ALGORITHM)
    return encryption.opened[1]


def _user(credential: Credential) -> KeyUser:
    return KeyUser(credential.object_id, credential.client_id, trusted_service=True)


def _fingerprint(data_key: bytes) -> str:
    return hashlib.sha256(data_key).hexdigest()


def _pulled(status: int, reason: str) -> dict[str, Any]:
    return {"status": status, "reason": reason}


def _no_access(choice: KeyChoice) -> AzureError:
    key, identity = choice.key_identifier, choice.identity
    return AzureError(
        400,
        "BadRequest",
        f"Failed to access KeyId '{key}'. Verify that identity '{identity}' has 'Get, Wrap Key, Unwrap Key' permission "
        f"on key '{key}'. For more information on bring your own key, please visit 'https://aka.ms/acr/cmk'.",
    )


def _incomplete(registry: Registry) -> AzureError:
    return AzureError(
        400,
        "InvalidEncryptionKeyVaultProperties",
        f"Invalid encryption key vault property specified for registry {registry.name}. Property Identity and "
        f"KeyIdentifier must be set when encryption is enabled. {_MORE}",
    )
