"""What exists in Azure, in Azure's words. Absent and Unknown are values: 404 is absent, 403 is unknown."""

from __future__ import annotations

from dataclasses import field
from datetime import datetime
from typing import Any

from azext_acrcmk.model.ids import ArmId, Id, KeyId, Scope
from azext_acrcmk.model.value import Value, immutable

RBAC = "rbac"
ACCESS_POLICY = "access-policy"


@immutable
class Absent(Value):
    """Does not exist. `unless` is what could not be read: it may exist soft-deleted, or elsewhere."""

    unless: Unknown | None = None

    def __bool__(self) -> bool:
        return False


@immutable
class Unknown(Value):
    """Could not be read. `action` on `scope` is the required permission; `why` is the message of the service.

    `denied` is false if the cause is not a missing permission, but no response or an unexpected one. `places` are those
    that could not be searched, if it is about several.
    """

    action: str = ""
    scope: str = ""
    why: str = ""
    denied: bool = True
    places: tuple[Unknown, ...] = ()

    def __bool__(self) -> bool:
        return False


@immutable
class NotLoaded(Value):
    """Has not been read, as in a command that reads less because it covers many registries."""

    def __bool__(self) -> bool:
        return False


ABSENT = Absent()
NOT_LOADED = NotLoaded()


@immutable
class Group(Value):
    id: Scope
    location: str


@immutable
class Identity(Value):
    """A user-assigned identity."""

    id: ArmId
    location: str
    client_id: Id
    principal_id: Id
    tenant: Id | None = None


@immutable
class AttachedIdentity(Value):
    """A user-assigned identity as listed by the registry, with the client and principal ids when it was assigned."""

    id: ArmId
    client_id: Id | None
    principal_id: Id | None


@immutable
class Encryption(Value):
    """The registry's encryption block. `in_use` is the key with the version that it reports to use; `identity` is a
    client id, or "system"."""

    status: str
    key: KeyId | None = None
    in_use: KeyId | None = None
    identity: Id | None = None
    wire: dict[str, Any] = field(default_factory=dict, compare=False, hash=False)

    @property
    def version_in_use(self) -> str | None:
        return self.in_use.version if self.in_use else None

    @property
    def enabled(self) -> bool:
        return self.status == "enabled"


@immutable
class Registry(Value):
    id: ArmId
    location: str
    sku: str
    login_server: str | None
    provisioning_state: str
    encryption: Encryption
    system_principal_id: Id | None = None
    system_tenant: Id | None = None
    attached: tuple[AttachedIdentity, ...] = ()
    status_message: str | None = None
    # In wire format.
    properties: dict[str, Any] = field(default_factory=dict, compare=False, hash=False)
    content_trust: bool = False
    tags: dict[str, str] = field(default_factory=dict, compare=False, hash=False)

    @property
    def name(self) -> str:
        return self.id.name

    @property
    def settled(self) -> bool:
        """Whether no operation is running on it; else its encryption block may be wrong (recordings to 2023-02)."""
        return self.provisioning_state in ("Succeeded", "Failed", "Canceled")

    @property
    def went_wrong(self) -> bool:
        """Whether its last operation failed or was canceled."""
        return self.provisioning_state in ("Failed", "Canceled")

    @property
    def being_created(self) -> bool:
        return self.provisioning_state == "Creating"

    def attached_as(self, client_id: Id) -> AttachedIdentity | None:
        return next((each for each in self.attached if each.client_id and each.client_id == client_id), None)

    def attaches(self, identity: ArmId) -> bool:
        return any(each.id == identity for each in self.attached)


@immutable
class AccessPolicy(Value):
    """A vault's access policy: the key permissions of one principal, in their original spelling.

    Key Vault ignores their case when it checks access, but not when it removes them. With an `application_id`, they
    apply only to that application on behalf of the principal.
    """

    object_id: Id
    key_permissions: tuple[str, ...]
    application_id: Id | None = None

    def permits(self, permission: str) -> bool:
        enough = (permission.lower(), "all")
        return any(each.lower() in enough for each in self.key_permissions)


@immutable
class Vault(Value):
    """A key vault or (`kind` managedHSM) a managed HSM. `permission_model`: RBAC or ACCESS_POLICY, None for an HSM."""

    id: ArmId
    uri: str
    location: str
    kind: str = "vault"
    sku: str = "standard"
    permission_model: str | None = RBAC
    soft_delete: bool | None = True
    retention_days: int | None = 90
    purge_protection: bool = False
    public_network_access: str | None = "Enabled"
    default_action: str | None = "Allow"
    bypass: str | None = "AzureServices"
    policies: tuple[AccessPolicy, ...] = ()
    provisioning_state: str = "Succeeded"
    tenant: Id | None = None
    network_rules: dict[str, Any] = field(default_factory=dict, compare=False, hash=False)

    @property
    def name(self) -> str:
        return self.id.name

    @property
    def is_hsm(self) -> bool:
        return self.kind == "managedHSM"

    @property
    def kind_in_words(self) -> str:
        return "managed HSM" if self.is_hsm else "key vault"

    @property
    def uses_policies(self) -> bool:
        """Whether access policies, not roles, control access to its keys."""
        return self.permission_model == ACCESS_POLICY

    @property
    def in_dns(self) -> bool:
        """Whether its name is in DNS; until then, nobody can use its keys, not even a registry."""
        return self.provisioning_state != "RegisteringDns"

    @property
    def host(self) -> str:
        return self.uri.removeprefix("https://").rstrip("/").lower()


@immutable
class DeletedVault(Value):
    """A soft-deleted vault; its keys and policies are recovered with it, its role assignments are not."""

    id: ArmId
    location: str
    purge_protection: bool
    scheduled_purge: str | None = None

    @property
    def name(self) -> str:
        return self.id.name


@immutable
class RotationPolicy(Value):
    """Durations in ISO 8601, as stored by Key Vault; None if not set."""

    rotate_after: str | None = None
    rotate_before_expiry: str | None = None
    expiry: str | None = None


# Of each version (service facts 9).
MOST_TAGS_OF_A_KEY = 15


@immutable
class Key(Value):
    """A key as the control plane shows it: its current version's type and attributes.

    A disabled key may have no other attributes: then `type` is empty.
    """

    id: KeyId
    type: str
    size: int | None = None
    enabled: bool | None = True
    not_before: datetime | None = None
    expires: datetime | None = None
    created: datetime | None = None
    operations: frozenset[str] = frozenset({"wrapkey", "unwrapkey"})
    rotation_policy: RotationPolicy | None = None

    @property
    def latest_version(self) -> str | None:
        return self.id.version

    @property
    def missing_operations(self) -> list[str]:
        """The operations that a registry requires and the key does not permit, in lowercase."""
        return sorted({"wrapkey", "unwrapkey"} - self.operations)

    @property
    def operations_to_permit(self) -> list[str]:
        """The operations that a registry requires and all that the key already permits."""
        return ["wrapKey", "unwrapKey", *sorted(self.operations - {"wrapkey", "unwrapkey"})]


@immutable
class DeletedKey(Value):
    """A soft-deleted key; its name can't be used again until it is recovered or purged."""

    name: str
    scheduled_purge: str | None = None


@immutable
class DenyAssignment(Value):
    """Data actions that a deny assignment blocks, regardless of roles."""

    name: str
    data_actions: tuple[str, ...]
    not_data_actions: tuple[str, ...] = ()


@immutable
class RoleGrant(Value):
    """A role assignment that applies to the key, with the data actions of its role.

    `denied_by` are the deny assignments that apply to the key and the same principal; `unseen_denials` is set if they
    can't be read.
    """

    id: Scope
    scope: Scope
    role_id: Id
    role_name: str
    principal_id: Id
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()
    created: datetime | None = None
    # Why it can't be determined what this assignment allows: it has a condition, or its role can't be read.
    uncertain: str | None = None
    denied_by: tuple[DenyAssignment, ...] = ()
    unseen_denials: Unknown | None = None


@immutable
class Holder(Value):
    """A principal that can unwrap with keys of a vault, by its object id, and `through` what, in words."""

    principal_id: Id
    through: str


@immutable
class Sharer(Value):
    """Another registry, and what it shares with this one."""

    id: ArmId
    key: bool = False
    identity: bool = False
    vault: bool = False


@immutable
class State(Value):
    """Everything that affects a registry's encryption, as far as the caller can read it.

    `vault` is the key's vault or managed HSM, `key` the key with its latest version (or the one asked for), and
    `version_in_use` the version that an existing registry says it uses. `groups` are the resource groups by id, as far
    as read. `roles` are the role assignments of the identity that reach the key. `name_problem` says why
    the registry's name is not available, where there is no registry. `sharing` are the other registries with the same
    key, vault or identity, `identity_users` the ids of all other resources that the identity is attached to;
    `unsearched` are the subscriptions that could not be searched for either, each with the reason.
    `namesakes` are others with the name that was typed for something that does not exist.
    `individuals` are the object ids of principals that are known not to be groups. `replicas` are the regions that the
    registry is replicated to.
    """

    registry: Registry | Absent | Unknown | NotLoaded = NOT_LOADED
    identity: Identity | Absent | Unknown | NotLoaded = NOT_LOADED
    vault: Vault | DeletedVault | Absent | Unknown | NotLoaded = NOT_LOADED
    key: Key | DeletedKey | Absent | Unknown | NotLoaded = NOT_LOADED
    version_in_use: Key | Absent | Unknown | NotLoaded = NOT_LOADED
    roles: tuple[RoleGrant, ...] | Unknown | NotLoaded = NOT_LOADED
    groups: tuple[tuple[Scope, Group | Absent | Unknown], ...] = ()
    name_problem: str | None = None
    sharing: tuple[Sharer, ...] | Unknown | NotLoaded = NOT_LOADED
    identity_users: tuple[ArmId, ...] | Unknown | NotLoaded = NOT_LOADED
    individuals: frozenset[Id] = frozenset()
    unsearched: tuple[Unknown, ...] = ()
    namesakes: tuple[ArmId, ...] | Unknown = ()
    replicas: tuple[str, ...] | NotLoaded = NOT_LOADED

    def group(self, resource: ArmId) -> Group | Absent | Unknown:
        """The resource group of `resource`."""
        return next((group for id_, group in self.groups if id_ == resource.group_id), Unknown())
