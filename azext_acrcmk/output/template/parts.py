"""The changes of a plan, each in its place in a template. Every format is written from these. Pure."""

from __future__ import annotations

from dataclasses import replace

from azext_acrcmk.model.ids import ArmId, KeyId
from azext_acrcmk.model.state import Registry, State, Vault
from azext_acrcmk.model.value import Value, immutable
from azext_acrcmk.plan import kinds
from azext_acrcmk.plan.change import Change, Plan, UnknownChange

# A registry's properties that a template of this API version may set; all else is read-only or retired.
WRITABLE = (
    "adminUserEnabled",
    "anonymousPullEnabled",
    "dataEndpointEnabled",
    "networkRuleBypassOptions",
    "networkRuleSet",
    "publicNetworkAccess",
    "zoneRedundancy",
)
WRITABLE_POLICIES = {
    "azureADAuthenticationAsArmPolicy": ("status",),
    "exportPolicy": ("status",),
    "quarantinePolicy": ("status",),
    "retentionPolicy": ("days", "status"),
    "softDeletePolicy": ("retentionDays", "status"),
}


class NotInTemplates(ValueError):
    """A change that acts on what exists, such as a rotation: a template, which says how things are to be, can't."""


@immutable
class Parts(Value):
    """What a registry with a customer-managed key is made of: each is created, recovered or referred to.

    `first` are changes that only a command can make, before the template is deployed. `export` says that the registry
    exists, so that what it has is written from what was read.
    """

    registry: kinds.CreateRegistry | kinds.UseRegistry | kinds.SetEncryption | None = None
    group: kinds.CreateGroup | kinds.UseGroup | None = None
    identity: kinds.CreateIdentity | kinds.UseIdentity | None = None
    vault: kinds.CreateVault | kinds.RecoverVault | kinds.UseVault | kinds.SkipVault | None = None
    key: kinds.CreateKey | kinds.RecoverKey | kinds.UseKey | kinds.SkipKey | None = None
    grant: Change | None = None
    first: tuple[Change, ...] = ()
    found: Registry | None = None

    @property
    def id(self) -> ArmId:
        return self.found.id if self.found else self.registry.id

    @property
    def identity_id(self) -> ArmId | None:
        if self.identity is None:
            return None
        return self.identity.id if isinstance(self.identity, kinds.CreateIdentity) else self.identity.identity.id

    @property
    def location(self) -> str:
        return self.found.location if self.found else self.registry.location

    @property
    def new_key(self) -> bool:
        return isinstance(self.key, kinds.CreateKey)

    @property
    def pinned(self) -> bool:
        if self.found:
            return self.found.encryption.key.version is not None
        return self.registry.pinned

    @property
    def key_id(self) -> KeyId:
        """The key as the registry is given it, with its version where the registry is pinned to one that is known."""
        if self.found:
            return self.found.encryption.key
        key = self.registry.key
        if self.pinned and not key.version and isinstance(self.key, kinds.UseKey):
            return key.with_version(self.key.key.id.version)
        return key if self.pinned else key.with_version(None)

    @property
    def pins_unknown_version(self) -> bool:
        """Whether the registry is to be pinned to a version that is known only once the key was created."""
        return self.pinned and self.key_id.version is None

    @property
    def vault_id(self) -> ArmId | None:
        if isinstance(self.vault, (kinds.CreateVault, kinds.RecoverVault)):
            return self.vault.id
        return self.vault.vault.id if isinstance(self.vault, kinds.UseVault) else None

    @property
    def assigns_role(self) -> bool:
        """Whether it takes a role, which takes effect only after a while."""
        return isinstance(self.grant, (kinds.AssignRole, kinds.GrantInRecoveredVault))

    @property
    def grants(self) -> bool:
        """Whether access to the key is granted, by a role or an access policy."""
        return self.assigns_role or isinstance(self.grant, kinds.AddAccessPolicy)

    @property
    def policy_in_new_vault(self) -> bool:
        return isinstance(self.grant, kinds.AddAccessPolicy) and isinstance(self.vault, kinds.CreateVault)

    def is_elsewhere(self, id_: ArmId) -> bool:
        """Whether it is in another resource group than the registry."""
        return id_.group_id != self.id.group_id


def parts_of(plan: Plan) -> Parts:
    """Raises UnknownChange on a kind of change that nobody thought of here."""
    parts = Parts()
    for change in plan.changes:
        parts = place(change, parts)
    return parts


def exported_parts(state: State) -> Parts:
    """An encrypted registry as it is, and what it uses."""
    registry, found = state.registry, state
    parts = Parts(registry=kinds.UseRegistry(registry=registry, reason=""), found=registry)
    if found.identity:
        parts = replace(parts, identity=kinds.UseIdentity(identity=found.identity, reason=""))
    if isinstance(found.vault, Vault):
        parts = replace(parts, vault=kinds.UseVault(vault=found.vault, reason=""))
    return replace(parts, key=kinds.SkipKey(key=registry.encryption.key, reason=""))


# The part of a registry that a change is about.
_PARTS = {
    "group": (kinds.CreateGroup, kinds.UseGroup),
    "identity": (kinds.CreateIdentity, kinds.UseIdentity),
    "vault": (kinds.CreateVault, kinds.RecoverVault, kinds.UseVault, kinds.SkipVault),
    "key": (kinds.CreateKey, kinds.RecoverKey, kinds.UseKey, kinds.SkipKey),
    "grant": (*kinds.GRANTING, kinds.UseGrant, kinds.SkipGrant),
    "registry": (kinds.CreateRegistry, kinds.UseRegistry, kinds.SetEncryption),
}
# What only a command can do. A registry in a bad state is brought out of it by `enable`.
_FIRST = (kinds.ProtectVault, kinds.AllowTrustedServices, kinds.RecoverKey, kinds.SetEncryption)
_NOT_DESCRIBED = (
    *(kinds.AttachIdentity, kinds.CreateVersion, kinds.UseVersion, kinds.EnableVersion, kinds.PermitOperations),
    *(kinds.DisableVersion, kinds.KeepVersion, kinds.RevokeVersion, kinds.RestoreVersion, *kinds.REMOVING),
    *(kinds.TagRegistry, kinds.ReadBack, kinds.LeaveToUser),
)


def place(change: Change, parts: Parts) -> Parts:
    """The parts with a change in its place. Raises UnknownChange, or NotInTemplates."""
    if isinstance(change, _NOT_DESCRIBED):
        raise NotInTemplates(f"{type(change).__name__} acts on what exists; no template describes it.")
    is_local = isinstance(change, kinds.AssignRole) and change.is_local
    part = next((name for name, of in _PARTS.items() if isinstance(change, of) and not is_local), None)
    comes_first = is_local or isinstance(change, _FIRST)
    if part is None and not comes_first:
        raise UnknownChange("place", change)
    if comes_first:
        parts = replace(parts, first=(*parts.first, change))
    if isinstance(change, kinds.UseRegistry):
        parts = replace(parts, found=change.registry)
    return replace(parts, **{part: change}) if part else parts


def exported_properties(registry: Registry) -> dict:
    """What a template may set of an existing registry, but for its encryption."""
    read = registry.properties
    written = {name: read[name] for name in WRITABLE if read.get(name) is not None}
    policies = read.get("policies") or {}
    kept = {
        name: {each: policies[name][each] for each in fields if policies[name].get(each) is not None}
        for name, fields in WRITABLE_POLICIES.items()
        if policies.get(name)
    }
    return {**written, **({"policies": kept} if kept else {})}
