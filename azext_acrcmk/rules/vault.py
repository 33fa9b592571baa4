"""Rules for the key vault or managed HSM."""

from __future__ import annotations

from shlex import quote

from azext_acrcmk.model.ids import same
from azext_acrcmk.model.problem import FORBIDDEN, NOT_FOUND
from azext_acrcmk.model.state import Absent, DeletedVault, Identity, Registry, Unknown, Vault
from azext_acrcmk.rules.catalogue import (
    ENABLE,
    ERROR,
    INFO,
    RESTORE,
    REVOKE,
    ROTATE,
    UNKNOWN,
    VAULT,
    WARNING,
    Facts,
    Fix,
    Verdict,
    failed,
    passed,
    rules_about,
    unreadable,
)
from azext_acrcmk.rules.fixes import key_command, update_vault

RECOMMENDED_RETENTION_DAYS = 90
rule = rules_about(VAULT, "vault")


def shuts_out_registries(vault: Vault) -> bool:
    """Whether the vault's firewall is closed and does not let trusted services pass (service facts 1.4).

    In a network security perimeter that decides, and the firewall means nothing.
    """
    return not in_perimeter(vault) and is_closed(vault) and not same(vault.bypass, "AzureServices")


def is_closed(vault: Vault) -> bool:
    """Whether not every network may reach the vault."""
    return same(vault.default_action, "Deny") or same(vault.public_network_access, "Disabled")


def in_perimeter(vault: Vault) -> bool:
    """Whether a network security perimeter controls access, instead of the vault's firewall."""
    return same(vault.public_network_access, "SecuredByPerimeter")


@rule(
    "VaultUnknown",
    ERROR,
    cause="You don't have permission to read the vault, or it is in no subscription that you can read.",
    cure="Ask for a role with the permission that the message names.",
    stops=(ENABLE, ROTATE, REVOKE, RESTORE),
    error=FORBIDDEN,
)
def _readable(facts: Facts) -> Verdict | None:
    vault, goal = facts.state.vault, facts.goal
    if not facts.uses_key or not isinstance(vault, Unknown):
        return None
    if not goal:
        return unreadable(f"the {facts.store}, and therefore neither the key nor the access to it", vault)
    if goal.key_uri is None:
        return unreadable(f"the key vault '{goal.vault}'", vault)
    if goal.skip_grant:
        return None  # the registry itself will verify it
    return Verdict(
        UNKNOWN,
        f"The vault of {goal.key} was not found in any subscription that you can read, so the identity can't be "
        "granted access to the key.",
        advice=("If access is already granted, add --skip-grant. The registry then verifies it.",),
    )


@rule(
    "VaultNotFound",
    ERROR,
    cause="The vault was deleted and purged, or its subscription was deleted.",
    cure="There is no fix: the images can't be decrypted without the key. Push them again to a new registry.",
    stops=(ENABLE, ROTATE, REVOKE, RESTORE),
    error=NOT_FOUND,
)
def _exists(facts: Facts) -> Verdict | None:
    if vault := facts.vault:
        return passed(
            f"{vault.kind_in_words.capitalize() if not vault.is_hsm else 'Managed HSM'} '{vault.name}' exists."
        )
    if not facts.uses_key or not isinstance(facts.state.vault, Absent):
        return None
    goal = facts.goal
    if not goal:
        return failed(f"The {facts.store} no longer exists.")
    if not isinstance(facts.state.registry, Registry):
        return failed(f"There is no {facts.store} for the key {goal.key}.") if goal.key_uri else None
    return failed(
        f"Registry '{goal.registry.name}' is encrypted with {goal.key}, but the {facts.store} does not exist. A new "
        "one with the same name would not decrypt the registry.",
        advice=(f"If the key was deleted, recover it: {key_command('recover', goal.key)}",),
    )


@rule(
    "VaultDeleted",
    ERROR,
    cause="The vault is soft-deleted.",
    cure="Recover it, and grant the identity access to the key again, because role assignments are not recovered.",
    stops=(REVOKE, RESTORE),
)
def _deleted(facts: Facts) -> Verdict | None:
    vault = facts.state.vault
    if not facts.uses_key or not isinstance(vault, DeletedVault):
        return None
    until = f", to be purged on {vault.scheduled_purge}." if vault.scheduled_purge else "."
    return failed(
        f"Key vault '{vault.name}' is soft-deleted{until}",
        f"az keyvault recover --name {vault.name} --resource-group {quote(vault.id.group)} --location {vault.location} "
        f"--subscription {vault.id.subscription}",
        Fix.RECOVER_VAULT,
    )


@rule(
    "TenantMismatch",
    ERROR,
    cause="The vault is in another Microsoft Entra tenant than the identity, so the identity can't use its keys.",
    cure="Change to a key in a vault of the identity's tenant: `az acr cmk rotate --key-vault`. If the vault's "
    "subscription was moved to another tenant, change the vault's tenant first.",
    needs=("identity", "vault"),
    stops=(ENABLE, ROTATE),
)
def _tenant(facts: Facts) -> Verdict | None:
    vault, identity = facts.vault, facts.state.identity
    own = identity.tenant if isinstance(identity, Identity) else None
    if own is None and not facts.goal and facts.key_identity.is_system:
        own = facts.registry.system_tenant
    own = own or (facts.goal.tenant if facts.goal else None)
    if not vault or not vault.tenant or not own:
        return None
    if vault.tenant == own:
        return passed("The vault is in the identity's tenant.")
    return failed(
        f"The {vault.kind_in_words} '{vault.name}' is in tenant {vault.tenant}, but the identity is in tenant {own}, "
        "so it can't use the key.",
        advice=("Specify a key in a vault in the identity's tenant.",),
    )


@rule(
    "FirewallBlocksRegistry",
    ERROR,
    cause="The vault's firewall is closed, or public access is disabled, and trusted services can't bypass it.",
    cure="Allow trusted services: `az keyvault update --bypass AzureServices`.",
    stops=(ENABLE, ROTATE),
)
def _firewall(facts: Facts) -> Verdict | None:
    vault = facts.vault
    if not vault or in_perimeter(vault):
        return None
    if not shuts_out_registries(vault):
        return passed("The vault's firewall allows the registry.")
    allow = update_vault(vault, "--bypass AzureServices")
    return failed(
        f"The firewall of {vault.kind_in_words} '{vault.name}' does not allow trusted services, so registries can't "
        "use its keys.",
        allow,
        Fix.ALLOW_TRUSTED_SERVICES,
        (f"Allow trusted services: {allow}",),
    )


@rule(
    "SecuredByPerimeter",
    ERROR,
    cause="The vault is in a network security perimeter, which also blocks trusted services.",
    cure="Ask for an access rule for the registry's identity to be added to the perimeter.",
)
def _perimeter(facts: Facts) -> Verdict | None:
    vault = facts.vault
    if not vault or not in_perimeter(vault):
        return None
    return Verdict(
        UNKNOWN,
        f"The {vault.kind_in_words} '{vault.name}' is secured by a network security perimeter, which allows the "
        "registry only by an access rule. This command can't read whether there is one.",
        advice=("Ask for an access rule for the registry's identity to be added, or use another vault.",),
    )


@rule(
    "NoPurgeProtection",
    WARNING,
    cause="Without purge protection, a deleted key can be lost permanently, and all images with it.",
    cure="Enable it (irreversible): `az keyvault update --enable-purge-protection true`.",
    stops=(ENABLE, ROTATE),
)
def _purge_protection(facts: Facts) -> Verdict | None:
    vault = facts.vault
    if not vault:
        return None
    if vault.purge_protection:
        return passed("The vault has purge protection.")
    turn_on = update_vault(vault, "--enable-purge-protection true")
    return failed(
        f"The {vault.kind_in_words} '{vault.name}' has no purge protection: a deleted key can be lost permanently, "
        "and all images with it.",
        turn_on,
        None if vault.is_hsm else Fix.PROTECT_VAULT,
        (f"Enable it (irreversible): {turn_on}",),
    )


@rule(
    "ShortRetention",
    INFO,
    cause=f"The vault retains deleted keys for less than {RECOMMENDED_RETENTION_DAYS} days.",
    cure="This can't be changed. Use a new vault with a longer retention period: `az acr cmk rotate --key-vault`.",
)
def _retention(facts: Facts) -> Verdict | None:
    vault = facts.vault
    if not vault or vault.retention_days is None:
        return None
    if vault.retention_days >= RECOMMENDED_RETENTION_DAYS:
        return passed(f"The vault retains deleted keys for {vault.retention_days} days.")
    return failed(f"'{vault.name}' retains deleted keys for only {vault.retention_days} days; this can't be changed.")
