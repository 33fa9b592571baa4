"""The identity through which a registry uses its key. It is determined only here."""

from __future__ import annotations

from azext_acrcmk.model.ids import ArmId, Id
from azext_acrcmk.model.state import ABSENT, Absent, Identity, NotLoaded, Registry, State, Unknown
from azext_acrcmk.model.value import Value, immutable

# The registry's name for its system-assigned identity.
SYSTEM = Id("system")


@immutable
class KeyIdentity(Value):
    """The identity of a registry's key.

    `client_id` is the one that the registry has stored, or SYSTEM; `found` is the identity as read now. A user-assigned
    identity that was deleted and recreated with the same name has another client id than the registry has stored.
    """

    registry: Registry
    client_id: Id
    found: Identity | Absent | Unknown | NotLoaded

    @property
    def is_system(self) -> bool:
        return self.client_id == SYSTEM

    @property
    def id(self) -> ArmId | None:
        """The identity's id, or the registry's id if it is system-assigned; None if it isn't known."""
        if self.is_system:
            return self.registry.id
        if isinstance(self.found, Identity):
            return self.found.id
        attached = self.registry.attached_as(self.client_id)
        return attached.id if attached else None

    @property
    def principal_id(self) -> Id | None:
        """The object id that must have access to the key: the current one, otherwise the stored one."""
        if self.is_system:
            return self.registry.system_principal_id
        if isinstance(self.found, Identity):
            return self.found.principal_id
        attached = self.registry.attached_as(self.client_id)
        return None if attached is None or isinstance(self.found, Absent) else attached.principal_id

    @property
    def is_attached(self) -> bool:
        """Whether it is assigned to the registry, with the stored client id or with the same id."""
        if self.is_system:
            return bool(self.registry.system_principal_id)
        if self.registry.attached_as(self.client_id):
            return True
        return isinstance(self.found, Identity) and not self.is_recreated and self.registry.attaches(self.found.id)

    @property
    def is_recreated(self) -> bool:
        return isinstance(self.found, Identity) and not self.is_system and self.found.client_id != self.client_id

    @property
    def exists(self) -> bool | None:
        """Whether the identity that the registry has stored exists; None if that isn't known."""
        if self.is_system:
            return self.is_attached
        if isinstance(self.found, Identity):
            return not self.is_recreated
        return False if isinstance(self.found, Absent) else None

    @property
    def as_identity(self) -> Identity | Absent:
        """The identity as read now, otherwise as the registry has stored it."""
        if isinstance(self.found, Identity) and not self.is_system:
            return self.found
        if self.id is None or self.principal_id is None:
            return ABSENT
        client_id = SYSTEM if self.is_system else self.client_id
        return Identity(self.id, self.registry.location, client_id, self.principal_id)


def key_identity(state: State) -> KeyIdentity:
    """The identity of an existing registry's key."""
    return identity_used(state.registry, state.identity)


def identity_used(registry: Registry, found: Identity | Absent | Unknown | NotLoaded) -> KeyIdentity:
    """The same, where no more is known."""
    return KeyIdentity(registry, registry.encryption.identity or Id(), found)
