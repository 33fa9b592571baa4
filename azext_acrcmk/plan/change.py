"""The kinds of change in a plan. Each has every value that is required to carry it out.

All readers of a plan dispatch on the kind of change, and raise UnknownChange on a kind that they don't know.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import ClassVar

from azext_acrcmk.model.ids import HSM_TYPE, ArmId, KeyId
from azext_acrcmk.model.problem import Problem
from azext_acrcmk.model.registry_options import RegistryOptions
from azext_acrcmk.model.state import Identity, Key, Registry, RoleGrant, Vault


class Action(Enum):
    """The action of a change: its name in results, its symbol (as in `az deployment group what-if`), its verb in
    progress messages, and its outcome."""

    CREATE = ("create", "+", "Creating", "created")
    UPDATE = ("update", "~", "Updating", "updated")
    DELETE = ("delete", "-", "Removing", "removed")
    RECOVER = ("recover", "^", "Recovering", "recovered")
    REUSE = ("reuse", "=", "Using", "reused")
    VERIFY = ("verify", "?", "Not checking", "notChecked")
    MANUAL = ("manual", "!", "Leaving", "left")
    READ = ("read", " ", "Reading", "read")

    def __init__(self, label: str, symbol: str, verb: str, outcome: str):
        self.label, self.symbol, self.verb, self.outcome = label, symbol, verb, outcome


CREATE, UPDATE, DELETE, RECOVER, REUSE, VERIFY, MANUAL, READ = Action

# The actions that change something in Azure.
CHANGING = (CREATE, UPDATE, DELETE, RECOVER)


class UnknownChange(TypeError):
    """A kind of change that a reader of plans does not know: a defect."""

    def __init__(self, reader: str, change: Change):
        super().__init__(f"{reader} does not know the change {type(change).__name__}.")


@dataclass(frozen=True, kw_only=True)
class Change:
    """A change to make, or one that is not required.

    `reason` explains it to the user. `after` are the changes that must be completed first. `question` prompts for
    confirmation, and `notice` is a warning, before anything is changed; `notice` is shown even without a prompt. `step`
    is its name in results.
    """

    action: ClassVar[Action]
    # Follows the verb in progress messages.
    noun: ClassVar[str]
    irreversible: ClassVar[bool] = False

    reason: str
    after: tuple[Change, ...] = field(default=(), compare=False, repr=False)
    question: str | None = None
    notice: str | None = None
    step: str

    @property
    def resource(self) -> str:
        """The id of what it is done to, which its kind must say: without it no change can be told."""
        raise UnknownChange("resource", self)

    @property
    def verb(self) -> str:
        return self.action.verb

    @property
    def symbol(self) -> str:
        return self.action.symbol

    @property
    def changes(self) -> bool:
        return self.action in CHANGING


@dataclass(frozen=True)
class Plan:
    """Changes in an order in which they can be made, or the problems that must be fixed first."""

    changes: tuple[Change, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def told(self) -> tuple[Change, ...]:
        """The changes that are shown to the user: all but reading back."""
        return tuple(change for change in self.changes if change.action is not READ)

    @property
    def changing(self) -> tuple[Change, ...]:
        """The changes that change something in Azure."""
        return tuple(change for change in self.changes if change.changes)

    def find(self, *kinds: type[Change]) -> Change | None:
        """The first change of one of the kinds."""
        return next((change for change in self.changes if isinstance(change, kinds)), None)


def after(*changes: Change | None) -> tuple[Change, ...]:
    """The changes to wait for, without those that a plan does not have."""
    return tuple(change for change in changes if change is not None)


def kinds() -> Iterator[type[Change]]:
    """Every kind of change."""
    return (each for base in (Change, _Granting) for each in base.__subclasses__() if each is not _Granting)


# Resource group


@dataclass(frozen=True, kw_only=True)
class CreateGroup(Change):
    action, noun = CREATE, "resource group"
    step: str = "group"
    subscription: str
    name: str
    location: str
    tags: dict[str, str] | None = field(default=None, hash=False)

    @property
    def resource(self) -> str:
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.name}"


@dataclass(frozen=True, kw_only=True)
class UseGroup(Change):
    action, noun = REUSE, "resource group"
    step: str = "group"
    id: str

    @property
    def resource(self) -> str:
        return self.id


# Identity


@dataclass(frozen=True, kw_only=True)
class CreateIdentity(Change):
    action, noun = CREATE, "identity"
    step: str = "identity"
    id: ArmId
    location: str
    tags: dict[str, str] | None = field(default=None, hash=False)

    @property
    def resource(self) -> str:
        return str(self.id)


@dataclass(frozen=True, kw_only=True)
class UseIdentity(Change):
    action, noun = REUSE, "identity"
    step: str = "identity"
    identity: Identity

    @property
    def resource(self) -> str:
        return str(self.identity.id)


@dataclass(frozen=True, kw_only=True)
class AttachIdentity(Change):
    """Assigns an identity to a registry, or enables the system-assigned identity if `identity` is the registry's id."""

    action, noun = UPDATE, "identities of registry"
    step: str = "attach"
    registry: ArmId
    identity: ArmId

    @property
    def resource(self) -> str:
        return str(self.registry)


# Key vault


@dataclass(frozen=True, kw_only=True)
class CreateVault(Change):
    """`restrict_network` denies network access except from trusted services.

    A vault with access policies is created with a policy for the identity `policy_for`, which must exist by then.
    """

    action, noun, irreversible = CREATE, "key vault", True
    step: str = "vault"
    id: ArmId
    location: str
    tenant: str
    sku: str
    permission_model: str
    retention_days: int
    restrict_network: bool = False
    public_network_access: str | None = None
    policy_for: ArmId | None = None
    tags: dict[str, str] | None = field(default=None, hash=False)

    @property
    def resource(self) -> str:
        return str(self.id)


@dataclass(frozen=True, kw_only=True)
class RecoverVault(Change):
    action, noun = RECOVER, "key vault"
    step: str = "vault"
    id: ArmId
    location: str
    tenant: str

    @property
    def resource(self) -> str:
        return str(self.id)


@dataclass(frozen=True, kw_only=True)
class UseVault(Change):
    action, noun = REUSE, "key vault"
    step: str = "vault"
    vault: Vault

    @property
    def resource(self) -> str:
        return str(self.vault.id)


@dataclass(frozen=True, kw_only=True)
class SkipVault(Change):
    """A vault that can't be read; the registry verifies that the key can be used."""

    action, noun = VERIFY, "key vault"
    step: str = "vault"
    host: str

    @property
    def resource(self) -> str:
        return f"https://{self.host}"


@dataclass(frozen=True, kw_only=True)
class ProtectVault(Change):
    """Enables purge protection."""

    action, noun, irreversible = UPDATE, "purge protection of key vault", True
    step: str = "purge-protection"
    vault: ArmId

    @property
    def resource(self) -> str:
        return str(self.vault)


@dataclass(frozen=True, kw_only=True)
class AllowTrustedServices(Change):
    action, noun = UPDATE, "firewall of key vault"
    step: str = "trusted-services"
    vault: ArmId

    @property
    def resource(self) -> str:
        return str(self.vault)


# Key


@dataclass(frozen=True, kw_only=True)
class CreateKey(Change):
    """`may_exist` says that the vault, which is recovered first, may have it. Durations are in ISO 8601; `expires` is
    the end of the first version's `lifetime`."""

    action, noun = CREATE, "key"
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

    @property
    def resource(self) -> str:
        return str(self.key)


@dataclass(frozen=True, kw_only=True)
class RecoverKey(Change):
    action, noun = RECOVER, "key"
    step: str = "key"
    key: KeyId
    vault: ArmId

    @property
    def resource(self) -> str:
        return str(self.key)


@dataclass(frozen=True, kw_only=True)
class UseKey(Change):
    """`asked` is the key as the user specified it: with a version only if they gave one."""

    action, noun = REUSE, "key"
    step: str = "key"
    key: Key
    asked: KeyId

    @property
    def resource(self) -> str:
        return str(self.asked)


@dataclass(frozen=True, kw_only=True)
class SkipKey(Change):
    """A key that can't be read; the registry verifies that it can be used."""

    action, noun = VERIFY, "key"
    step: str = "key"
    key: KeyId

    @property
    def resource(self) -> str:
        return str(self.key)


@dataclass(frozen=True, kw_only=True)
class CreateVersion(Change):
    """Rotates a key in its vault."""

    action, noun = CREATE, "new version of key"
    step: str = "version"
    key: KeyId

    @property
    def resource(self) -> str:
        return self.key.versionless


@dataclass(frozen=True, kw_only=True)
class UseVersion(Change):
    """A version that exists but is not in use yet."""

    action, noun = REUSE, "new version of key"
    step: str = "version"
    key: Key

    @property
    def resource(self) -> str:
        return self.key.id.versionless


@dataclass(frozen=True, kw_only=True)
class EnableVersion(Change):
    action, noun = UPDATE, "version of key"
    step: str = "key-version"
    key: KeyId

    @property
    def resource(self) -> str:
        return str(self.key)


@dataclass(frozen=True, kw_only=True)
class PermitOperations(Change):
    action, noun = UPDATE, "operations of key"
    step: str = "key-operations"
    key: KeyId
    operations: tuple[str, ...]

    @property
    def resource(self) -> str:
        return str(self.key)


@dataclass(frozen=True, kw_only=True)
class DisableVersion(Change):
    """Disables a version that a registry no longer uses; not if the registry still uses it."""

    action, noun = UPDATE, "old version of key"
    step: str = "old-version"
    key: KeyId

    @property
    def resource(self) -> str:
        return str(self.key)


@dataclass(frozen=True, kw_only=True)
class KeepVersion(Change):
    action, noun = REUSE, "version of key"
    step: str = "key"
    key: KeyId

    @property
    def resource(self) -> str:
        return str(self.key)


@dataclass(frozen=True, kw_only=True)
class RevokeVersion(Change):
    """Disables a version and tags it, so that RestoreVersion can identify it."""

    action, noun = UPDATE, "version of key"
    step: str = "key"
    key: KeyId

    @property
    def resource(self) -> str:
        return str(self.key)


@dataclass(frozen=True, kw_only=True)
class RestoreVersion(Change):
    action, noun = UPDATE, "version of key"
    step: str = "key"
    key: KeyId

    @property
    def resource(self) -> str:
        return str(self.key)


# Grant


@dataclass(frozen=True, kw_only=True)
class _Granting(Change):
    """To `identity`, by its id, that may exist only later; or where `principal` is given, to that. `untag` is a tag of
    the registry that goes with it: what named the access that is given again."""

    step: str = "grant"
    identity: ArmId | None = None
    principal: str | None = None
    untag: TagRegistry | None = None

    @property
    def verb(self) -> str:
        return "Granting access to"


@dataclass(frozen=True, kw_only=True)
class AssignRole(_Granting):
    """Assigns a role by its GUID at `scope`: an ARM id, or in a managed HSM a path."""

    action = CREATE
    vault: ArmId
    scope: str
    role_id: str
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
    def resource(self) -> str:
        return self.key.versionless if self.is_local and self.scope.startswith("/keys/") else self.scope


@dataclass(frozen=True, kw_only=True)
class AddAccessPolicy(_Granting):
    action, noun = CREATE, "key vault"
    vault: ArmId
    permissions: tuple[str, ...]

    @property
    def resource(self) -> str:
        return str(self.vault)


@dataclass(frozen=True, kw_only=True)
class GrantInRecoveredVault(_Granting):
    """Grants the access that a registry requires, by the permission model that is read once the vault is recovered."""

    action, noun = CREATE, "key vault"
    vault: ArmId
    key: KeyId
    on_key: bool = True

    @property
    def resource(self) -> str:
        return str(self.vault)


@dataclass(frozen=True, kw_only=True)
class UseGrant(Change):
    action, noun = REUSE, "access to"
    step: str = "grant"
    on: str

    @property
    def resource(self) -> str:
        return self.on


@dataclass(frozen=True, kw_only=True)
class SkipGrant(Change):
    """Access that the user said is already granted, and that can't be read."""

    action, noun = VERIFY, "access to"
    step: str = "grant"
    on: str

    @property
    def resource(self) -> str:
        return self.on


@dataclass(frozen=True, kw_only=True)
class RemoveRole(Change):
    action, noun = DELETE, "access to"
    step: str = "grant"
    # Set before, where that is possible.
    tag: TagRegistry | None = None
    vault: ArmId
    # The data plane of a managed HSM, which has its roles.
    host: str
    role: RoleGrant

    @property
    def resource(self) -> str:
        return self.role.id


@dataclass(frozen=True, kw_only=True)
class RemoveAccessPolicy(Change):
    """Removes key permissions from a principal's access policy."""

    action, noun = DELETE, "access to"
    step: str = "grant"
    # Set before, where that is possible.
    tag: TagRegistry | None = None
    vault: ArmId
    principal: str
    permissions: tuple[str, ...]

    @property
    def resource(self) -> str:
        return str(self.vault)


# The changes that grant and that remove access to a key.
GRANTING = (AssignRole, AddAccessPolicy, GrantInRecoveredVault)
REMOVING = (RemoveRole, RemoveAccessPolicy)


# Registry


@dataclass(frozen=True, kw_only=True)
class CreateRegistry(Change):
    """`pinned` to the key's version, which may be known only after the key is created; otherwise `key` has none."""

    action, noun, irreversible = CREATE, "registry", True
    step: str = "registry"
    id: ArmId
    location: str
    identity: ArmId
    key: KeyId
    vault: ArmId | None
    pinned: bool
    options: RegistryOptions
    tags: dict[str, str] | None = field(default=None, hash=False)

    @property
    def resource(self) -> str:
        return str(self.id)


@dataclass(frozen=True, kw_only=True)
class UseRegistry(Change):
    action, noun = REUSE, "registry"
    step: str = "registry"
    registry: Registry

    @property
    def resource(self) -> str:
        return str(self.registry.id)


@dataclass(frozen=True, kw_only=True)
class SetEncryption(Change):
    """Sets the key and identity of an existing registry; the registry's own id means the system-assigned identity.

    `key` has a version where the registry is to be pinned to that; `pinned` without a version in `key` means the
    latest. `attach` assigns the identity in the same request. `tags` are added to the registry's in the same request,
    where Azure and its policies allow that. `wait` says that it ends when the registry is seen to use the key.
    """

    action, noun = UPDATE, "registry"
    step: str = "registry"
    registry: ArmId
    identity: ArmId
    key: KeyId
    vault: ArmId | None
    pinned: bool
    attach: bool = False
    tags: tuple[tuple[str, str], ...] = ()
    wait: bool = True

    @property
    def resource(self) -> str:
        return str(self.registry)


@dataclass(frozen=True, kw_only=True)
class TagRegistry(Change):
    """Sets a tag, or without a `value` removes it. `instead` says what follows where it can't be set: then the rest of
    the plan is carried out all the same. Without it, that ends the plan."""

    action, noun = UPDATE, "tags of registry"
    step: str = "tag"
    registry: ArmId
    name: str
    value: str | None
    instead: str | None = None

    @property
    def resource(self) -> str:
        return str(self.registry)


@dataclass(frozen=True, kw_only=True)
class ReadBack(Change):
    """Reads all that the registry uses, as proof and for the result, before the tag for a second run is removed."""

    action, noun = READ, "registry"
    step: str = "read-back"
    registry: ArmId

    @property
    def resource(self) -> str:
        return str(self.registry)


# Left to the user


@dataclass(frozen=True, kw_only=True)
class LeaveToUser(Change):
    action, noun = MANUAL, ""
    subject: str

    @property
    def resource(self) -> str:
        return self.subject
