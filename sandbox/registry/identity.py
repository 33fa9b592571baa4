"""The managed identities of a registry: assigning and removing them, and the effect on encryption."""

from __future__ import annotations

from typing import Any

from sandbox.core.web import AzureError, Caller
from sandbox.entra.directory import add_principal
from sandbox.registry.record import SYSTEM, TYPE, AttachedIdentity, Credential, Registry
from sandbox.resource_manager.access import require_linked
from sandbox.world import World

_ASSIGN = "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action"
_KINDS = {"none", "systemassigned", "userassigned"}


def apply(world: World, caller: Caller, registry: Registry, wanted: dict[str, Any] | None, *, whole: bool) -> bool:
    """Assign and remove the identities in a request. Returns whether anything changed.

    A request without `identity` doesn't change the identities. (For PUT this is assumed; `az` always sends it.)
    """
    if wanted is None:
        return False
    kinds = _kinds(wanted)
    before = registry.identity_document()
    named = wanted.get("userAssignedIdentities") or {}
    replaces = whole or (world.settings.patch_replaces_identities and named)
    attached = {} if replaces or "userassigned" not in kinds else dict(registry.identities)
    for identity_id, value in named.items():
        if value is None:
            attached.pop(identity_id.lower(), None)
        elif "userassigned" in kinds:
            attached[identity_id.lower()] = _attach(world, caller, registry, identity_id)
    registry.identities = attached
    _switch_system_identity(world, registry, "systemassigned" in kinds)
    return registry.identity_document() != before


def remove_old_principal(world: World, before: Registry | None, after: Registry | None) -> None:
    """A disabled system-assigned identity is deleted; enabling it again creates another one."""
    if before and before.system_principal and (after is None or after.system_principal != before.system_principal):
        world.principals.pop(before.system_principal, None)


def renew_credential(world: World, registry: Registry) -> None:
    """Let the credential for the key expire when its identity is removed, and renew it when that is assigned again."""
    if registry.encryption is None:
        return
    credential = registry.encryption.credential
    if _is_attached(registry, credential):
        credential.lapses = None
    elif credential.lapses is None:
        credential.lapses = world.now() + world.settings.identity_credential_seconds


def credential_for(world: World, registry: Registry, identity: str) -> Credential:
    """How the registry signs in as an identity: the client ID of an assigned one, or "system"."""
    if identity.lower() == SYSTEM:
        principal = world.principals.get(registry.system_principal or "")
        if principal:
            return Credential(SYSTEM, principal.object_id, principal.app_id)
    for attached in registry.identities.values():
        present = world.identities.get(attached.id.lower())
        if attached.client_id == identity.lower() and present and present.client_id == attached.client_id:
            return Credential(attached.client_id, attached.principal_id, attached.client_id)
    raise AzureError(
        400,
        "BadRequest",  # the service's code for this text is not known (facts: service.md A3)
        f"Azure resource '{registry.id}' does not have access to identity '{identity}' Try forcibly adding the "
        f"identity to the registry {registry.name}. For more information on bring your own key, please visit "
        "'https://aka.ms/acr/cmk'.",
    )


def is_active(world: World, credential: Credential) -> bool:
    """Whether a credential is valid. If its principal is deleted, it is valid only until it expires after removal."""
    if credential.lapses is not None:
        return world.now() < credential.lapses
    return credential.object_id in world.principals


def _kinds(wanted: dict[str, Any]) -> set[str]:
    kinds = {kind.strip().lower() for kind in str(wanted.get("type") or "None").split(",")}
    if kinds - _KINDS:
        raise AzureError(400, "InvalidIdentityType", f"The identity type '{wanted['type']}' is not supported.")
    return kinds


def _attach(world: World, caller: Caller, registry: Registry, identity_id: str) -> AttachedIdentity:
    require_linked(world, caller, f"{TYPE}/write", registry.id, _ASSIGN, identity_id)
    identity = world.identities.get(identity_id.lower())
    if identity is None:
        # From user reports (facts: service.md 9.3); the message is for a virtual machine.
        raise AzureError(
            400,
            "FailedIdentityOperation",
            f"Identity operation for resource '{registry.id}' failed with error 'Failed to perform resource identity "
            'operation. Status: \'BadRequest\'. Response: \'{"error":{"code":"BadRequest","message":"Resource '
            f"'{identity_id}' was not found.\"}}}}'.'.",
        )
    principal = world.principals.get(identity.principal_id)
    if principal and world.now() - principal.created < world.settings.identity_lag_seconds:
        # As users report it of other resources (azure-policy#1311, cloud-credential-operator#878).
        inner = f'{{"error":{{"code":"BadRequest","message":"Resource \'{identity_id}\' was not found."}}}}'
        raise AzureError(
            400,
            "FailedIdentityOperation",
            f"Identity operation for resource '{registry.id}' failed with error 'Failed to perform resource identity "
            f"operation. Status: 'BadRequest'. Response: '{inner}'.'.",
        )
    return AttachedIdentity(identity.id, identity.principal_id, identity.client_id)


def _switch_system_identity(world: World, registry: Registry, on: bool) -> None:
    if on and not registry.system_principal:
        registry.tenant = world.tenant_of(registry.id)
        registry.system_principal = add_principal(world, name=registry.name, tenant=registry.tenant).object_id
    elif not on:
        registry.system_principal = None


def _is_attached(registry: Registry, credential: Credential) -> bool:
    own = {attached.principal_id for attached in registry.identities.values()} | {registry.system_principal}
    return credential.object_id in own
