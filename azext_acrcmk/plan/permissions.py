"""The permissions that each kind of change requires (service facts 4.2). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch

from azext_acrcmk.model.ids import (
    GROUP_TYPE,
    HSM_TYPE,
    IDENTITY_TYPE,
    REGISTRY_TYPE,
    ROLE_ASSIGNMENT_TYPE,
    VAULT_TYPE,
    ArmId,
    Scope,
)
from azext_acrcmk.plan import kinds
from azext_acrcmk.plan.change import Change, UnknownChange

ASSIGN_IDENTITY = f"{IDENTITY_TYPE}/assign/action"
ROLE_WRITE = f"{ROLE_ASSIGNMENT_TYPE}/write"
ROLE_DELETE = f"{ROLE_ASSIGNMENT_TYPE}/delete"
KEY_WRITE = f"{VAULT_TYPE}/keys/write"
POLICY_WRITE = f"{VAULT_TYPE}/accessPolicies/write"
REGISTRY_WRITE = f"{REGISTRY_TYPE}/write"
OPERATION_READ = f"{REGISTRY_TYPE}/operationStatuses/read"


@dataclass(frozen=True)
class Permission:
    """An action of the control plane on the resource with the id `on`, or a `data` action. `either` are alternatives,
    if it isn't known in advance which permission is required."""

    action: str
    on: Scope
    either: tuple[str, ...] = ()
    data: bool = False


@singledispatch
def required_permissions(change: Change) -> tuple[Permission, ...]:
    """The permissions on the control plane that a change requires; none for changes on the data plane, where the vault
    itself checks them: see `data_actions`. Raises UnknownChange."""
    if change.changes and type(change) not in _DATA_ACTIONS:
        raise UnknownChange("required_permissions", change)
    return ()


_READ, _UPDATE = f"{VAULT_TYPE}/keys/read", f"{VAULT_TYPE}/keys/update/action"
_DATA_ACTIONS = {
    kinds.RecoverKey: (f"{VAULT_TYPE}/keys/recover/action",),
    kinds.CreateVersion: (f"{VAULT_TYPE}/keys/rotate/action",),
    kinds.EnableVersion: (_UPDATE,),
    kinds.PermitOperations: (_UPDATE,),
    kinds.DisableVersion: (_UPDATE,),
    kinds.RevokeVersion: (_READ, _UPDATE),
    kinds.RestoreVersion: (_READ, _UPDATE),
}


def data_actions(change: Change) -> tuple[str, ...]:
    """What a change requires on its `key` in a vault that uses Azure RBAC; none for changes on the control plane."""
    return _DATA_ACTIONS.get(type(change), ())


@required_permissions.register
def _(change: kinds.CreateGroup) -> tuple[Permission, ...]:
    return (Permission(f"{GROUP_TYPE}/write", change.id),)


@required_permissions.register
def _(change: kinds.CreateIdentity) -> tuple[Permission, ...]:
    return (Permission(f"{IDENTITY_TYPE}/write", change.id.as_scope),)


@required_permissions.register(kinds.CreateVault)
@required_permissions.register(kinds.RecoverVault)
@required_permissions.register(kinds.ProtectVault)
@required_permissions.register(kinds.AllowTrustedServices)
def _writes_vault(change: Change) -> tuple[Permission, ...]:
    return (Permission(f"{VAULT_TYPE}/write", Scope(change.resource)),)


@required_permissions.register
def _(change: kinds.CreateKey) -> tuple[Permission, ...]:
    return (Permission(KEY_WRITE, change.vault.as_scope),)


@required_permissions.register
def _(change: kinds.AssignRole) -> tuple[Permission, ...]:
    return () if change.is_local else (Permission(ROLE_WRITE, change.scope),)


@required_permissions.register
def _(change: kinds.AddAccessPolicy) -> tuple[Permission, ...]:
    return (Permission(POLICY_WRITE, change.vault.as_scope),)


@required_permissions.register
def _(change: kinds.GrantInRecoveredVault) -> tuple[Permission, ...]:
    return (Permission(ROLE_WRITE, change.vault.as_scope, (POLICY_WRITE,)),)


@required_permissions.register
def _(change: kinds.RemoveRole) -> tuple[Permission, ...]:
    return () if change.vault.type == HSM_TYPE else (Permission(ROLE_DELETE, change.role.scope),)


@required_permissions.register
def _(change: kinds.RemoveAccessPolicy) -> tuple[Permission, ...]:
    return (Permission(POLICY_WRITE, change.vault.as_scope),)


@required_permissions.register
def _(change: kinds.CreateRegistry) -> tuple[Permission, ...]:
    return (*_writes_registry(change.id), Permission(ASSIGN_IDENTITY, change.identity.as_scope))


@required_permissions.register
def _(change: kinds.SetEncryption) -> tuple[Permission, ...]:
    assign = change.attach and change.identity != change.registry
    more = (Permission(ASSIGN_IDENTITY, change.identity.as_scope),) if assign else ()
    return (*_writes_registry(change.registry), *more)


@required_permissions.register
def _(change: kinds.AttachIdentity) -> tuple[Permission, ...]:
    own = change.identity == change.registry
    more = () if own else (Permission(ASSIGN_IDENTITY, change.identity.as_scope),)
    return (*_writes_registry(change.registry), *more)


@required_permissions.register
def _(change: kinds.TagRegistry) -> tuple[Permission, ...]:
    return _writes_registry(change.registry)


def _writes_registry(registry: ArmId) -> tuple[Permission, ...]:
    return tuple(Permission(action, registry.as_scope) for action in (REGISTRY_WRITE, OPERATION_READ))
