"""Checks of the key vault or managed HSM."""

from __future__ import annotations

from azext_acrcmk.health.catalogue import (
    ERROR,
    INFO,
    UNKNOWN,
    VAULT,
    WARNING,
    Facts,
    Verdict,
    check,
    failed,
    passed,
    unseen,
)
from azext_acrcmk.model.ids import ArmId, same
from azext_acrcmk.model.state import Absent, DeletedVault, Unknown, Vault
from azext_acrcmk.plan.checks import shuts_out_registries
from azext_acrcmk.plan.remedies import update_vault

RECOMMENDED_RETENTION_DAYS = 90


def _vault(facts: Facts) -> Vault | None:
    return facts.state.vault if facts.encryption.enabled and isinstance(facts.state.vault, Vault) else None


def _store(facts: Facts) -> str:
    return facts.encryption.key.store if facts.encryption.key else "?"


@check(
    "VaultUnknown",
    ERROR,
    VAULT,
    cause="You may not look at the vault, or no subscription that you can read has it.",
    cure="Have the permission that the message names assigned to you.",
)
def _visible(facts: Facts) -> Verdict | None:
    if facts.encryption.enabled and isinstance(facts.state.vault, Unknown):
        what = f"the key vault or managed HSM '{_store(facts)}', and so neither the key nor who is granted it"
        return unseen(what, facts.state.vault)
    return None


@check(
    "VaultNotFound",
    ERROR,
    VAULT,
    cause="The vault was deleted and purged, or its subscription is gone.",
    cure="None: the images can't be opened without its key. Push them again to a new registry.",
)
def _exists(facts: Facts) -> Verdict | None:
    if _vault(facts):
        return passed(f"{'Managed HSM' if facts.state.vault.is_hsm else 'Key vault'} '{_store(facts)}' exists.")
    if facts.encryption.enabled and facts.encryption.key and isinstance(facts.state.vault, Absent):
        return failed(f"There is no key vault or managed HSM '{_store(facts)}' any more.")
    return None


@check(
    "VaultDeleted",
    ERROR,
    VAULT,
    cause="The vault is soft-deleted.",
    cure="Recover it, and grant the identity the key again: role assignments don't come back with it.",
)
def _deleted(facts: Facts) -> Verdict | None:
    vault = facts.state.vault
    if not facts.encryption.enabled or not isinstance(vault, DeletedVault):
        return None
    until = f", to be purged on {vault.scheduled_purge}." if vault.scheduled_purge else "."
    id_ = ArmId.parse(vault.id)
    return failed(
        f"Key vault '{vault.name}' is soft-deleted{until}",
        f"az keyvault recover --name {vault.name} --resource-group {id_.group} --location {vault.location} "
        f"--subscription {id_.subscription}",
    )


@check(
    "FirewallBlocksRegistry",
    ERROR,
    VAULT,
    cause="The vault's firewall is closed, or its public access disabled, and trusted services may not bypass it.",
    cure="Allow trusted services: `az keyvault update --bypass AzureServices`.",
)
def _firewall(facts: Facts) -> Verdict | None:
    vault = _vault(facts)
    if not vault or same(vault.public_network_access, "SecuredByPerimeter"):
        return None
    if not shuts_out_registries(vault):
        return passed("The vault's firewall lets the registry in.")
    return failed(
        f"The firewall of '{vault.name}' lets no trusted services in, so the registry can't reach its key.",
        update_vault(vault, "--bypass AzureServices"),
    )


@check(
    "SecuredByPerimeter",
    ERROR,
    VAULT,
    cause="The vault is in a network security perimeter, which blocks trusted services too.",
    cure="Have a rule added to the perimeter that lets the registry's identity in.",
)
def _perimeter(facts: Facts) -> Verdict | None:
    vault = _vault(facts)
    if not vault or not same(vault.public_network_access, "SecuredByPerimeter"):
        return None
    return Verdict(
        UNKNOWN,
        f"'{vault.name}' is secured by a network security perimeter, which lets the registry in only by a rule of "
        "its own. Whether there is one can't be seen from here.",
    )


@check(
    "NoPurgeProtection",
    WARNING,
    VAULT,
    cause="Without purge protection a deleted key can be lost for good, and all images with it.",
    cure="Turn it on; this can't be undone: `az keyvault update --enable-purge-protection true`.",
)
def _purge_protection(facts: Facts) -> Verdict | None:
    vault = _vault(facts)
    if not vault:
        return None
    if vault.purge_protection:
        return passed("The vault has purge protection.")
    return failed(
        f"'{vault.name}' has no purge protection: a deleted key can be lost for good, and all images with it.",
        update_vault(vault, "--enable-purge-protection true"),
    )


@check(
    "ShortRetention",
    INFO,
    VAULT,
    cause=f"The vault keeps what is deleted for less than {RECOMMENDED_RETENTION_DAYS} days.",
    cure="It can't be changed later. A new vault may have more: `az acr cmk rotate --key-vault`.",
)
def _retention(facts: Facts) -> Verdict | None:
    vault = _vault(facts)
    if not vault or vault.retention_days is None:
        return None
    if vault.retention_days >= RECOMMENDED_RETENTION_DAYS:
        return passed(f"The vault keeps what is deleted for {vault.retention_days} days.")
    return failed(
        f"'{vault.name}' keeps deleted keys for {vault.retention_days} days only; this can't be changed later."
    )
