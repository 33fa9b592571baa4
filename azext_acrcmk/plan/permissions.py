"""The permissions that each kind of change requires (service facts 4.2). Pure."""

from __future__ import annotations

from collections.abc import Callable

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
from azext_acrcmk.model.value import Value, immutable
from azext_acrcmk.plan import kinds
from azext_acrcmk.plan.change import Change, UnknownChange

ASSIGN_IDENTITY = f"{IDENTITY_TYPE}/assign/action"
ROLE_WRITE = f"{ROLE_ASSIGNMENT_TYPE}/write"
ROLE_DELETE = f"{ROLE_ASSIGNMENT_TYPE}/delete"
KEY_WRITE = f"{VAULT_TYPE}/keys/write"
POLICY_WRITE = f"{VAULT_TYPE}/accessPolicies/write"
REGISTRY_WRITE = f"{REGISTRY_TYPE}/write"
OPERATION_READ = f"{REGISTRY_TYPE}/operationStatuses/read"


@immutable
class Permission(Value):
    """An action of the control plane on the resource with the id `on`, or a `data` action. `either` are alternatives,
    if it isn't known in advance which permission is required."""

    action: str
    on: Scope
    either: tuple[str, ...] = ()
    data: bool = False


def required_permissions(change: Change) -> tuple[Permission, ...]:
    """The permissions on the control plane that a change requires; none for changes on the data plane, where the vault
    itself checks them: see `data_actions`. Raises UnknownChange."""
    if required := _REQUIRED.get(type(change)):
        return required(change)
    if change.changes and type(change) not in _DATA_ACTIONS:
        raise UnknownChange("required_permissions", change)
    return ()


def data_actions(change: Change) -> tuple[str, ...]:
    """What a change requires on its `key` in a vault that uses Azure RBAC; none for changes on the control plane."""
    return _DATA_ACTIONS.get(type(change), ())


def _one(action: str, on: ArmId | Scope, *either: str) -> tuple[Permission, ...]:
    return (Permission(action, on if isinstance(on, Scope) else on.as_scope, either),)


def _writes_vault(change: Change) -> tuple[Permission, ...]:
    return _one(f"{VAULT_TYPE}/write", Scope(change.resource))


def _writes_registry(registry: ArmId, assigns: ArmId | None = None) -> tuple[Permission, ...]:
    """`assigns` is an identity that is assigned with it; the registry's own needs no permission of its own."""
    assigning = _one(ASSIGN_IDENTITY, assigns) if assigns and assigns != registry else ()
    return (*_one(REGISTRY_WRITE, registry), *_one(OPERATION_READ, registry), *assigning)


_REQUIRED: dict[type[Change], Callable[..., tuple[Permission, ...]]] = {
    kinds.CreateGroup: lambda change: _one(f"{GROUP_TYPE}/write", change.id),
    kinds.CreateIdentity: lambda change: _one(f"{IDENTITY_TYPE}/write", change.id),
    kinds.CreateVault: _writes_vault,
    kinds.RecoverVault: _writes_vault,
    kinds.ProtectVault: _writes_vault,
    kinds.AllowTrustedServices: _writes_vault,
    kinds.CreateKey: lambda change: _one(KEY_WRITE, change.vault),
    kinds.AssignRole: lambda change: () if change.is_local else _one(ROLE_WRITE, change.scope),
    kinds.AddAccessPolicy: lambda change: _one(POLICY_WRITE, change.vault),
    # Which of both is known only by the vault's permission model.
    kinds.GrantInRecoveredVault: lambda change: _one(ROLE_WRITE, change.vault, POLICY_WRITE),
    kinds.RemoveRole: lambda change: () if change.vault.type == HSM_TYPE else _one(ROLE_DELETE, change.role.scope),
    kinds.RemoveAccessPolicy: lambda change: _one(POLICY_WRITE, change.vault),
    kinds.CreateRegistry: lambda change: (*_writes_registry(change.id), *_one(ASSIGN_IDENTITY, change.identity)),
    kinds.SetEncryption: lambda change: _writes_registry(change.registry, change.identity if change.attach else None),
    kinds.AttachIdentity: lambda change: _writes_registry(change.registry, change.identity),
    kinds.TagRegistry: lambda change: _writes_registry(change.registry),
}
_READ, _UPDATE = f"{VAULT_TYPE}/keys/read", f"{VAULT_TYPE}/keys/update/action"
_DATA_ACTIONS: dict[type[Change], tuple[str, ...]] = {
    kinds.RecoverKey: (f"{VAULT_TYPE}/keys/recover/action",),
    kinds.CreateVersion: (f"{VAULT_TYPE}/keys/rotate/action",),
    kinds.EnableVersion: (_UPDATE,),
    kinds.PermitOperations: (_UPDATE,),
    kinds.DisableVersion: (_UPDATE,),
    kinds.RevokeVersion: (_READ, _UPDATE),
    kinds.RestoreVersion: (_READ, _UPDATE),
}
