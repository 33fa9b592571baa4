"""The `az` commands in errors and findings, each defined once and quoted for a shell. Pure."""

from __future__ import annotations

from datetime import datetime
from shlex import quote

from azext_acrcmk.model.access import ENCRYPTION_USER_NAME, HSM_ENCRYPTION_USER_NAME, key_scope
from azext_acrcmk.model.ids import ArmId, KeyId
from azext_acrcmk.model.state import Key, Vault


def grant_key(vault: Vault, key_name: str, principal_id: str, scope: str = "vault") -> str:
    """Grants a principal the access to a key that a registry requires, on the `vault` or only on the `key`."""
    if vault.is_hsm:
        return (
            f'az keyvault role assignment create --hsm-name {vault.name} --role "{HSM_ENCRYPTION_USER_NAME}" '
            f"--assignee-object-id {principal_id} --assignee-principal-type ServicePrincipal "
            f"--scope {quote(key_scope(vault, key_name))}"
        )
    if vault.uses_policies:
        return (
            f"az keyvault set-policy --name {vault.name} --subscription {vault.id.subscription} "
            f"--object-id {principal_id} --key-permissions get wrapKey unwrapKey"
        )
    target = key_scope(vault, key_name) if scope == "key" else vault.id
    return (
        f'az role assignment create --role "{ENCRYPTION_USER_NAME}" --assignee-object-id {principal_id} '
        f"--assignee-principal-type ServicePrincipal --scope {quote(str(target))}"
    )


def registry_command(registry: ArmId, verb: str, options: str = "", named: str = "--name") -> str:
    """A command of `az acr` on a registry, regardless of the current subscription."""
    return f"az acr {verb} {named} {registry.name} --subscription {registry.subscription} {options}".rstrip()


def update_vault(vault: Vault, options: str) -> str:
    """Updates a vault or managed HSM."""
    command = f"update-hsm --hsm-name {vault.name}" if vault.is_hsm else f"update --name {vault.name}"
    return f"az keyvault {command} --subscription {vault.id.subscription} {options}"


def key_command(verb: str, key: KeyId, options: str = "") -> str:
    """A command on a key: `key_command("recover", key)`."""
    store = f"--hsm-name {key.store}" if key.is_hsm else f"--vault-name {key.store}"
    return f"az keyvault key {verb} {store} --name {key.name} {options}".rstrip()


def assign_identity(registry: ArmId, identity: ArmId) -> str:
    """Assigns an identity to a registry."""
    return registry_command(registry, "identity assign", f"--identities {quote(str(identity))}")


def enable_version(key: Key) -> str:
    """Enables a version of a key."""
    return key_command("set-attributes", key.id, f"--version {key.id.version} --enabled true")


def validate_version(key: Key, now: datetime) -> str:
    """Makes a version of a key valid from now on."""
    return key_command("set-attributes", key.id, f"--version {key.id.version} --not-before {now:%Y-%m-%dT%H:%M:%SZ}")


def permit_wrapping(key: Key) -> str:
    """Permits the operations that a registry requires, in addition to those that a version of a key already permits."""
    operations = " ".join(key.operations_to_permit)
    return key_command("set-attributes", key.id, f"--version {key.id.version} --ops {operations}")
