"""The kinds of change in a plan. Each has every value that is required to carry it out.

Readers of a plan go by the action of a change, or by its kind; these raise UnknownChange on a kind that they don't
know. The file is a list: each entry stands for itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from datetime import datetime

from azext_acrcmk.model.ids import HSM_TYPE, ArmId, Id, KeyId, Scope
from azext_acrcmk.model.registry_options import RegistryOptions
from azext_acrcmk.model.state import Identity, Key, Registry, RoleGrant, Vault
from azext_acrcmk.plan.change import (
    ACCESS,
    CREATE,
    DELETE,
    KEY,
    MANUAL,
    READ,
    RECOVER,
    REUSE,
    UPDATE,
    VERIFY,
    Change,
    kind,
)

# Resource group


@kind
class CreateGroup(Change):
    action, noun, about = CREATE, "resource group", "id"
    step: str = "group"
    id: Scope
    location: str
    tags: dict[str, str] | None = field(default=None, hash=False)


@kind
class UseGroup(Change):
    action, noun, about = REUSE, "resource group", "id"
    step: str = "group"
    id: Scope


# Identity


@kind
class CreateIdentity(Change):
    action, noun, about = CREATE, "identity", "id"
    step: str = "identity"
    id: ArmId
    location: str
    tags: dict[str, str] | None = field(default=None, hash=False)


@kind
class UseIdentity(Change):
    action, noun, about = REUSE, "identity", "identity.id"
    step: str = "identity"
    identity: Identity


@kind
class AttachIdentity(Change):
    """Assigns an identity to a registry, or enables the system-assigned identity if `identity` is the registry's id."""

    action, noun, about = UPDATE, "identities of registry", "registry"
    step: str = "attach"
    registry: ArmId
    identity: ArmId


# Key vault


@kind
class CreateVault(Change):
    """`restrict_network` denies network access except from trusted services.

    A vault with access policies is created with a policy for the identity `policy_for`, which must exist by then.
    """

    action, noun, irreversible, about = CREATE, "key vault", True, "id"
    step: str = "vault"
    id: ArmId
    location: str
    tenant: Id
    sku: str
    permission_model: str
    retention_days: int
    restrict_network: bool = False
    public_network_access: str | None = None
    policy_for: ArmId | None = None
    tags: dict[str, str] | None = field(default=None, hash=False)

    @property
    def is_closed(self) -> bool:
        """Whether only trusted services may reach it."""
        return self.restrict_network or self.public_network_access == "Disabled"


@kind
class RecoverVault(Change):
    action, noun, about = RECOVER, "key vault", "id"
    step: str = "vault"
    id: ArmId
    location: str
    tenant: Id


@kind
class UseVault(Change):
    action, noun, about = REUSE, "key vault", "vault.id"
    step: str = "vault"
    vault: Vault


@kind
class SkipVault(Change):
    """A vault that can't be read; the registry verifies that the key can be used."""

    action, noun = VERIFY, "key vault"
    step: str = "vault"
    host: str

    @property
    def resource(self) -> str:
        return f"https://{self.host}"


@kind
class ProtectVault(Change):
    """Enables purge protection."""

    action, noun, irreversible, about = UPDATE, "purge protection of key vault", True, "vault"
    step: str = "purge-protection"
    vault: ArmId


@kind
class AllowTrustedServices(Change):
    action, noun, about = UPDATE, "firewall of key vault", "vault"
    step: str = "trusted-services"
    vault: ArmId


# Key


@kind
class CreateKey(Change):
    """`may_exist` says that the vault, which is recovered first, may have it. Durations are in ISO 8601; `expires` is
    the end of the first version's `lifetime`."""

    action, noun, about = CREATE, "key", "key"
    alters = KEY
    step: str = "key"
    key: KeyId
    vault: ArmId
    type: str
    size: int
    rotation_period: str | None = None
    lifetime: str | None = None
    expires: datetime | None = None
    tags: dict[str, str] | None = field(default=None, hash=False)
    may_exist: bool = False


@kind
class RecoverKey(Change):
    action, noun, about = RECOVER, "key", "key"
    alters = KEY
    step: str = "key"
    key: KeyId
    vault: ArmId


@kind
class UseKey(Change):
    """`asked` is the key as the user specified it: with a version only if they gave one."""

    action, noun, about = REUSE, "key", "asked"
    step: str = "key"
    key: Key
    asked: KeyId


@kind
class SkipKey(Change):
    """A key that can't be read; the registry verifies that it can be used."""

    action, noun, about = VERIFY, "key", "key"
    step: str = "key"
    key: KeyId


@kind
class CreateVersion(Change):
    """Rotates a key in its vault."""

    action, noun, about = CREATE, "new version of key", "key.versionless"
    alters, is_resource = KEY, False
    step: str = "version"
    key: KeyId


@kind
class UseVersion(Change):
    """A version that exists but is not in use yet."""

    action, noun, about = REUSE, "new version of key", "key.id.versionless"
    step: str = "version"
    key: Key


@kind
class EnableVersion(Change):
    action, noun, about = UPDATE, "version of key", "key"
    step: str = "key-version"
    key: KeyId


@kind
class PermitOperations(Change):
    action, noun, about = UPDATE, "operations of key", "key"
    step: str = "key-operations"
    key: KeyId
    operations: tuple[str, ...]


@kind
class DisableVersion(Change):
    """Disables a version that a registry no longer uses; not if the registry still uses it."""

    action, noun, about = UPDATE, "old version of key", "key"
    alters = KEY
    step: str = "old-version"
    key: KeyId


@kind
class KeepVersion(Change):
    action, noun, about = REUSE, "version of key", "key"
    step: str = "key"
    key: KeyId


@kind
class RevokeVersion(Change):
    """Disables a version and adds a tag, by which `restore` knows it."""

    action, noun, about = UPDATE, "version of key", "key"
    step: str = "key"
    key: KeyId
    tag: str


@kind
class RestoreVersion(Change):
    """Enables a version. `tags` are all that it has from then on."""

    action, noun, about = UPDATE, "version of key", "key"
    step: str = "key"
    key: KeyId
    tags: dict[str, str] = field(hash=False)


# Grant


@kind
class _Granting(Change):
    """To `identity`, by its id, that may exist only later; or where `principal` is given, to that. `untag` is a tag of
    the registry that goes with it: what named the access that is given again."""

    alters, is_resource = ACCESS, False
    step: str = "grant"
    identity: ArmId | None = None
    principal: Id | None = None
    untag: TagRegistry | None = None

    @property
    def verb(self) -> str:
        return "Granting access to"


@kind
class AssignRole(_Granting):
    """Assigns a role by its GUID at `scope`: an ARM id, or in a managed HSM a path."""

    action = CREATE
    vault: ArmId
    scope: Scope
    role_id: Id
    # The key to use.
    key: KeyId

    @property
    def noun(self) -> str:
        return "key" if "/keys/" in self.scope else "managed HSM" if self.is_local else "key vault"

    @property
    def is_local(self) -> bool:
        """Whether it is a local role of a managed HSM, which Azure Resource Manager does not know."""
        return self.vault.type == HSM_TYPE

    @property
    def is_resource(self) -> bool:
        return not self.is_local

    @property
    def resource(self) -> str:
        return self.key.versionless if self.is_local and self.scope.startswith("/keys/") else str(self.scope)


@kind
class AddAccessPolicy(_Granting):
    action, noun, about = CREATE, "key vault", "vault"
    vault: ArmId
    permissions: tuple[str, ...]


@kind
class GrantInRecoveredVault(_Granting):
    """Grants the access that a registry requires, by the permission model that is read once the vault is recovered."""

    action, noun, about = CREATE, "key vault", "vault"
    vault: ArmId
    key: KeyId
    on_key: bool = True


@kind
class UseGrant(Change):
    action, noun, about = REUSE, "access to", "on"
    step: str = "grant"
    on: Scope | ArmId | KeyId


@kind
class SkipGrant(Change):
    """Access that the user said is already granted, and that can't be read."""

    action, noun, about = VERIFY, "access to", "on"
    step: str = "grant"
    on: Scope | ArmId | KeyId


@kind
class _Removing(Change):
    """`tag` is set before, where that is possible."""

    action, noun, alters = DELETE, "access to", ACCESS
    step: str = "grant"
    tag: TagRegistry | None = None
    vault: ArmId


@kind
class RemoveRole(_Removing):
    about = "role.id"
    # The data plane of a managed HSM, which has its roles.
    host: str
    role: RoleGrant


@kind
class RemoveAccessPolicy(_Removing):
    """Removes key permissions from a principal's access policy."""

    about = "vault"
    principal: Id
    permissions: tuple[str, ...]


# The changes that grant and that remove access to a key.
GRANTING, REMOVING = (_Granting,), (_Removing,)


# Registry


@kind
class _UsingKey(Change):
    """`policy` is the access policy that the plan adds for it. While that is waited for, another program may replace
    all of the vault's: then it is added again."""

    step: str = "registry"
    policy: AddAccessPolicy | None = field(default=None, compare=False, repr=False)


@kind
class CreateRegistry(_UsingKey):
    """`pinned` to the key's version, which may be known only after the key is created; otherwise `key` has none."""

    action, noun, irreversible, about = CREATE, "registry", True, "id"
    id: ArmId
    location: str
    identity: ArmId
    key: KeyId
    vault: ArmId | None
    pinned: bool
    options: RegistryOptions
    tags: dict[str, str] | None = field(default=None, hash=False)


@kind
class UseRegistry(Change):
    action, noun, about = REUSE, "registry", "registry.id"
    step: str = "registry"
    registry: Registry


@kind
class SetEncryption(_UsingKey):
    """Sets the key and identity of an existing registry; the registry's own id means the system-assigned identity.

    `key` has a version where the registry is to be pinned to that; `pinned` without a version in `key` means the
    latest. `attach` assigns the identity in the same request. `tags` are added to the registry's in the same request,
    where Azure and its policies allow that. `wait` says that it ends when the registry is seen to use the key.
    """

    action, noun, about = UPDATE, "registry", "registry"
    registry: ArmId
    identity: ArmId
    key: KeyId
    vault: ArmId | None
    pinned: bool
    attach: bool = False
    tags: tuple[tuple[str, str], ...] = ()
    wait: bool = True


@kind
class TagRegistry(Change):
    """Sets a tag, or without a `value` removes it. `instead` says what follows where it can't be set: then the rest of
    the plan is carried out all the same. Without it, that ends the plan."""

    action, noun, about = UPDATE, "tags of registry", "registry"
    step: str = "tag"
    registry: ArmId
    name: str
    value: str | None
    instead: str | None = None


@kind
class ReadBack(Change):
    """Reads all that the registry uses, as proof and for the result, before the tag for a second run is removed."""

    action, noun, about = READ, "registry", "registry"
    step: str = "read-back"
    registry: ArmId


# Left to the user


@kind
class LeaveToUser(Change):
    action, noun, about = MANUAL, "", "subject"
    subject: str


def kinds() -> Iterator[type[Change]]:
    """Every kind of change."""
    shared = (_Granting, _Removing, _UsingKey)
    return (each for base in (Change, *shared) for each in base.__subclasses__() if each not in shared)
