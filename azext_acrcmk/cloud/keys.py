"""What only the data plane of a vault can do with a key. Takes a right on the vault's keys and a network path to it."""

from __future__ import annotations

from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.model.ids import KeyId, same
from azext_acrcmk.model.state import Vault

# Marks a key version that `revoke` disabled, so that `restore` enables just that, on any machine.
REVOKED_TAG = "acrcmk-revoked"


def new_version(clients: Clients, vault: Vault, name: str) -> KeyId:
    """Rotates a key: a new version of the same type, size and rotation policy."""
    return KeyId.parse(clients.keys(vault.host).rotate_key(name).id)


def recover_key(clients: Clients, vault: Vault, name: str) -> None:
    """Brings a soft-deleted key back with all its versions."""
    clients.keys(vault.host).begin_recover_deleted_key(name).result()


def set_enabled(clients: Clients, vault: Vault, key: KeyId, enabled: bool) -> None:
    """Enables or disables one version of a key."""
    clients.keys(vault.host).update_key_properties(key.name, key.version, enabled=enabled)


def set_operations(clients: Clients, vault: Vault, key: KeyId, operations: list[str]) -> None:
    """What one version of a key permits."""
    clients.keys(vault.host).update_key_properties(key.name, key.version, key_operations=operations)


def revoke_version(clients: Clients, vault: Vault, key: KeyId) -> None:
    """Disables a version and marks it, in one request."""
    tags = {**_tags(clients, vault, key), REVOKED_TAG: "true"}
    clients.keys(vault.host).update_key_properties(key.name, key.version, enabled=False, tags=tags)


def restore_version(clients: Clients, vault: Vault, key: KeyId) -> None:
    """Enables a version and takes the mark off, in one request."""
    tags = {name: value for name, value in _tags(clients, vault, key).items() if name != REVOKED_TAG}
    clients.keys(vault.host).update_key_properties(key.name, key.version, enabled=True, tags=tags)


def is_revoked(clients: Clients, vault: Vault, key: KeyId) -> bool:
    """Whether a version carries the mark of `revoke`."""
    return REVOKED_TAG in _tags(clients, vault, key)


def _tags(clients: Clients, vault: Vault, key: KeyId) -> dict[str, str]:
    """A version's tags, from the list of versions: a disabled version can't be got (service facts 1.6)."""
    for version in clients.keys(vault.host).list_properties_of_key_versions(key.name):
        if same(version.version, key.version):
            return dict(version.tags or {})
    return {}
