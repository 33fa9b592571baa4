"""The `az` commands that errors and findings name, each in one place. Pure."""

from __future__ import annotations

from azext_acrcmk.model.access import ENCRYPTION_USER_NAME, HSM_ENCRYPTION_USER_NAME, key_scope
from azext_acrcmk.model.ids import ArmId, KeyId
from azext_acrcmk.model.state import ACCESS_POLICY, Vault


def grant_key(vault: Vault, key_name: str, principal_id: str, scope: str = "vault") -> str:
    """Lets a principal use a key as a registry must; on the `vault` or the `key` alone."""
    if vault.is_hsm:
        return (
            f'az keyvault role assignment create --hsm-name {vault.name} --role "{HSM_ENCRYPTION_USER_NAME}" '
            f"--assignee-object-id {principal_id} --assignee-principal-type ServicePrincipal "
            f"--scope {key_scope(vault, key_name)}"
        )
    if vault.permission_model == ACCESS_POLICY:
        return (
            f"az keyvault set-policy --name {vault.name} --subscription {ArmId.parse(vault.id).subscription} "
            f"--object-id {principal_id} --key-permissions get wrapKey unwrapKey"
        )
    target = key_scope(vault, key_name) if scope == "key" else vault.id
    return (
        f'az role assignment create --role "{ENCRYPTION_USER_NAME}" --assignee-object-id {principal_id} '
        f"--assignee-principal-type ServicePrincipal --scope {target}"
    )


def registry_command(registry_id: str, verb: str, options: str = "", named: str = "--name") -> str:
    """A command of `az acr` on a registry, whatever subscription the login has as its own."""
    id_ = ArmId.parse(registry_id)
    return f"az acr {verb} {named} {id_.name} --subscription {id_.subscription} {options}".rstrip()


def update_vault(vault: Vault, options: str) -> str:
    """Changes a vault or managed HSM."""
    command = f"update-hsm --hsm-name {vault.name}" if vault.is_hsm else f"update --name {vault.name}"
    return f"az keyvault {command} --subscription {ArmId.parse(vault.id).subscription} {options}"


def key_command(verb: str, key: KeyId, options: str = "") -> str:
    """A command on a key: `key_command("recover", key)`."""
    store = f"--hsm-name {key.store}" if key.is_hsm else f"--vault-name {key.store}"
    return f"az keyvault key {verb} {store} --name {key.name} {options}".rstrip()


def assign_identity(registry_id: str, identity_id: str) -> str:
    """Attaches an identity to a registry."""
    return registry_command(registry_id, "identity assign", f"--identities {identity_id}")
