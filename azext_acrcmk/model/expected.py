"""What is expected of a registry before it is read, so that questions about a plan can be asked meanwhile. Pure."""

from __future__ import annotations

from azext_acrcmk.model.access import ENCRYPTION_USER, ENCRYPTION_USER_NAME, NEEDED_ACTIONS
from azext_acrcmk.model.ids import VAULT_TYPE, ArmId, Id, KeyId
from azext_acrcmk.model.key_identity import key_identity
from azext_acrcmk.model.state import Identity, Key, Registry, RoleGrant, State, Vault


def vault_beside(registry: Registry, key: KeyId) -> ArmId | None:
    """Where `enable` creates the vault of a key. It does not create managed HSMs."""
    return None if key.is_hsm else ArmId(registry.id.subscription, registry.id.group, VAULT_TYPE, key.store)


def expected_state(registry: Registry, granted: bool) -> State | None:
    """A registry that uses what `enable` creates for it, its access to the vault `granted` or not. None if it is known
    to be another."""
    key, identity = registry.encryption.key, key_identity(State(registry=registry)).as_identity
    place = vault_beside(registry, key) if key else None
    if place is None or not isinstance(identity, Identity):
        return None
    role = RoleGrant(
        id=place.as_scope,
        scope=place.as_scope,
        role_id=Id(ENCRYPTION_USER),
        role_name=ENCRYPTION_USER_NAME,
        principal_id=identity.principal_id,
        data_actions=tuple(NEEDED_ACTIONS.values()),
    )
    vault = Vault(place, f"https://{key.host}/", registry.location)
    used = Key(registry.encryption.in_use or key, "RSA")
    roles = (role,) if granted else ()
    return State(registry, identity, vault, key=used, version_in_use=used, roles=roles)
