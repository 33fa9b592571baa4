"""Changes of resource groups, identities and vaults."""

from __future__ import annotations

from azext_acrcmk.apply.context import Context, apply_change
from azext_acrcmk.cloud import changes
from azext_acrcmk.cloud.reads import get_vault
from azext_acrcmk.model.state import Vault
from azext_acrcmk.plan import bodies, kinds


@apply_change.register
def _(change: kinds.CreateGroup, context: Context) -> None:
    changes.put_group(context.clients, change.id, bodies.located_body(change))


@apply_change.register
def _(change: kinds.CreateIdentity, context: Context) -> None:
    body = bodies.located_body(change)
    context.identity = changes.put_identity(context.clients, change.id, body, context.stop)


@apply_change.register
def _(change: kinds.CreateVault, context: Context) -> str | None:
    principal = None
    if change.policy_for:
        # Another run may have created it in the meantime; a PUT would replace all its access policies.
        seen = get_vault(context.clients, change.id)
        if isinstance(seen, Vault):
            context.vault = seen
            return "reused"
        principal = context.principal_of(change.policy_for, None)
    context.vault = changes.put_vault(context.clients, change.id, bodies.vault_body(change, principal), context.stop)
    return None


@apply_change.register
def _(change: kinds.RecoverVault, context: Context) -> None:
    """Recovers the vault in its old resource group; its role assignments are not recovered."""
    context.vault = changes.put_vault(context.clients, change.id, bodies.recovery_body(change), context.stop)


@apply_change.register
def _(_change: kinds.ProtectVault, context: Context) -> None:
    context.vault = changes.protect_vault(context.clients, context.vault, context.stop)


@apply_change.register
def _(_change: kinds.AllowTrustedServices, context: Context) -> None:
    context.vault = changes.allow_trusted_services(context.clients, context.vault, context.stop)
