"""Operations on keys that only the data plane has. Requires permission on the vault's keys and a network path to it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.model.ids import KeyId
from azext_acrcmk.model.state import MOST_TAGS_OF_A_KEY, Key


def create_key(
    clients: Clients,
    host: str,
    key: KeyId,
    type_: str,
    size: int,
    tags: dict[str, str] | None,
    expires: datetime | None,
) -> KeyId:
    """Creates a key through the data plane. An existing key is returned: creating it again would add a version."""
    from azure.core.exceptions import ResourceNotFoundError

    client = clients.keys(host)
    try:
        return KeyId.parse(client.get_key(key.name).id)
    except ResourceNotFoundError:
        pass
    made = client.create_rsa_key(
        key.name,
        size=size,
        hardware_protected=type_ == "RSA-HSM",
        key_operations=["wrapKey", "unwrapKey"],
        tags=tags,
        expires_on=expires,
    )
    return KeyId.parse(made.id)


def set_rotation_policy(
    clients: Clients, host: str, key: KeyId, rotate_after: str | None, lifetime: str | None
) -> None:
    """Durations in ISO 8601."""
    from azure.keyvault.keys import KeyRotationLifetimeAction, KeyRotationPolicy, KeyRotationPolicyAction

    rotate = KeyRotationLifetimeAction(KeyRotationPolicyAction.rotate, time_after_create=rotate_after)
    clients.keys(host).update_key_rotation_policy(
        key.name,
        KeyRotationPolicy(),
        lifetime_actions=[rotate] if rotate_after else [],
        expires_in=lifetime,
    )


def create_version(clients: Clients, host: str, key: KeyId) -> KeyId:
    """Rotates a key: a new version of the same type, size and rotation policy."""
    return KeyId.parse(clients.keys(host).rotate_key(key.name).id)


# The spelling of a key's permitted operations in the data plane, if it is not lowercase.
_OPERATIONS = {"wrapkey": "wrapKey", "unwrapkey": "unwrapKey"}


def create_version_like(clients: Clients, host: str, latest: Key) -> KeyId:
    """A new version from creating the key again: with the same type, size, operations and tags."""
    made = clients.keys(host).create_rsa_key(
        latest.id.name,
        size=latest.size,
        hardware_protected=latest.type.upper().endswith("-HSM"),
        key_operations=[_OPERATIONS.get(each, each) for each in sorted(latest.operations)],
        tags=get_tags(clients, host, latest.id) or None,
    )
    return KeyId.parse(made.id)


def recover_key(clients: Clients, host: str, key: KeyId) -> None:
    """Recovers a soft-deleted key with all its versions."""
    clients.keys(host).begin_recover_deleted_key(key.name).result()


def update_version(clients: Clients, host: str, key: KeyId, **properties: Any) -> None:
    """Changes one version of a key in one request: `enabled`, `key_operations` or all `tags`."""
    clients.keys(host).update_key_properties(key.name, key.version, **properties)


def revoke_version(clients: Clients, host: str, key: KeyId, tag: str) -> bool:
    """Disables a version and tags it, in one request. False if it has no room for the tag: then it is only disabled."""
    tags = {**get_tags(clients, host, key), tag: "true"}
    tagged = len(tags) <= MOST_TAGS_OF_A_KEY
    update_version(clients, host, key, enabled=False, **({"tags": tags} if tagged else {}))
    return tagged


def get_tags(clients: Clients, host: str, key: KeyId) -> dict[str, str]:
    """A version's tags, from the list of versions: a disabled version can't be read (service facts 1.6)."""
    for version in clients.keys(host).list_properties_of_key_versions(key.name):
        if key.with_version(version.version) == key:
            return dict(version.tags or {})
    return {}
