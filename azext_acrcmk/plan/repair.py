"""From failed checks to the steps that mend them. Pure."""

from __future__ import annotations

from azext_acrcmk.health import Finding, Health
from azext_acrcmk.health.catalogue import ERROR, FAILED, INFO, Facts, cure_of
from azext_acrcmk.model.access import key_scope
from azext_acrcmk.model.state import DeletedVault, Key, Vault
from azext_acrcmk.plan.enable import in_order, purge_protection_step
from azext_acrcmk.plan.rotate import trusted_services_steps
from azext_acrcmk.plan.step import CREATE, MANUAL, RECOVER, UPDATE, Plan, Step

GRANT_CODES = {"GrantMissing", "GrantPartial", "GrantThroughGroup", "IneffectiveGrant"}
RETRIGGER_CODES = {"RotationLag", "RegistryNotSucceeded"}
# What is mended by a step of another code beside it, or by itself.
FOLLOWS = {"IneffectiveGrant"}


def plan_repair(facts: Facts, health: Health) -> Plan:
    """A step for each failed check that can be mended, and one of action `manual` for each that can't.

    What is only for information is left alone.
    """
    failed = [each for each in health.findings if each.status == FAILED and each.severity != INFO]
    codes = {each.code for each in failed}
    steps = [
        *_vault_steps(facts, codes),
        *_key_steps(facts, codes),
        *_identity_steps(facts, codes),
        *_grant_steps(facts, codes),
    ]
    mended = FOLLOWS | {code for step in steps for code in _mends(step, codes)}
    hopeless = any(each.severity == ERROR and each.code not in mended for each in failed)
    makes_version = any(step.name == "version" for step in steps)
    steps += _registry_steps(facts, codes, not hopeless, makes_version)
    mended |= {code for step in steps for code in _mends(step, codes)}
    steps += [_manual_step(each) for each in failed if each.code not in mended]
    return in_order(steps)


def _vault_steps(facts: Facts, codes: set[str]) -> list[Step]:
    vault = facts.state.vault
    if "VaultDeleted" in codes and isinstance(vault, DeletedVault):
        steps = [Step("vault", RECOVER, vault.id, "Soft-deleted vault is recovered, with its keys.")]
        return steps if vault.purge_protection else [*steps, purge_protection_step(vault.id, vault.name)]
    if not isinstance(vault, Vault):
        return []
    protection = [purge_protection_step(vault.id, vault.name)] if "NoPurgeProtection" in codes else []
    firewall = trusted_services_steps(vault) if "FirewallBlocksRegistry" in codes else []
    return protection + firewall


def _key_steps(facts: Facts, codes: set[str]) -> list[Step]:
    key, used, after = facts.encryption.key, facts.state.version_in_use, ("vault", "purge-protection")
    steps = []
    if "KeyDeleted" in codes:
        steps.append(Step("key", RECOVER, key.versionless, "Soft-deleted key is recovered.", after=after))
    if not isinstance(used, Key):
        return steps
    if "KeyDisabled" in codes:
        steps.append(Step("key-version", UPDATE, str(used.id), "The version in use is enabled.", after=after))
    if "KeyOperationsMissing" in codes:
        reason = "The version in use is permitted to wrap and unwrap."
        steps.append(Step("key-operations", UPDATE, str(used.id), reason, after=(*after, "key-version")))
    if "KeyExpired" in codes and not _identity_is_lost(facts, codes) and _lacks_a_valid_version(facts):
        reason = "New version of the key, as the one in use has expired."
        # A new version permits what the one before it does.
        names = (*after, "key-version", "key-operations", "grant")
        steps.append(Step("version", CREATE, key.versionless, reason, after=names))
    return steps


def _lacks_a_valid_version(facts: Facts) -> bool:
    """Whether also the latest version has expired; else that is to be taken, and no other made."""
    latest = facts.state.key
    return isinstance(latest, Key) and latest.expires is not None and latest.expires <= facts.now


def _identity_steps(facts: Facts, codes: set[str]) -> list[Step]:
    if "IdentityNotAttached" not in codes or facts.uses_system_identity:
        return []
    return [Step("attach", UPDATE, facts.registry.id, f"The identity {facts.state.identity.id} is attached again.")]


def _grant_steps(facts: Facts, codes: set[str]) -> list[Step]:
    vault, key = facts.state.vault, facts.encryption.key
    recovered = isinstance(vault, DeletedVault)
    if not facts.principal or not (codes & GRANT_CODES or recovered):
        return []
    target = key_scope(vault, key.name) if isinstance(vault, Vault) and vault.is_hsm else key.versionless
    reason = "The identity is granted get, wrapKey and unwrapKey on the key."
    return [Step("grant", CREATE, target, reason, after=("vault", "purge-protection", "key"))]


def _registry_steps(facts: Facts, codes: set[str], provable: bool, makes_version: bool) -> list[Step]:
    if _identity_is_lost(facts, codes) or not facts.registry.settled:
        return []
    if "LatestVersionUnusable" in codes and not makes_version:
        return []
    # A registry that is pinned to an older version would be moved to the latest: not for the proof alone.
    proves_grant = provable and bool(codes & {"GrantMissing", "GrantPartial"}) and "NotLatestVersion" not in codes
    takes_again = bool(codes & {*RETRIGGER_CODES, "IdentityRecreated", "KeyExpired"})
    if not (takes_again or proves_grant):
        return []
    if "IdentityRecreated" in codes:
        reason = f"Takes the key through the identity {facts.state.identity.id}, which is attached with it."
    elif takes_again:
        reason = "Takes the key's latest version again."
    else:
        reason = "Takes its key again, once the grant has taken effect."
    names = ("vault", "purge-protection", "trusted-services", "key", "key-version", "key-operations", "version")
    return [Step("registry", UPDATE, facts.registry.id, reason, after=(*names, "attach", "grant"))]


def _identity_is_lost(facts: Facts, codes: set[str]) -> bool:
    """Whether the registry has no identity to take a key through."""
    return "IdentityNotFound" in codes or ("IdentityNotAttached" in codes and facts.uses_system_identity)


def _mends(step: Step, codes: set[str]) -> set[str]:
    """The codes that a step is for."""
    return codes & {
        "vault": {"VaultDeleted", "NoPurgeProtection"},
        "purge-protection": {"NoPurgeProtection"},
        "trusted-services": {"FirewallBlocksRegistry"},
        "key": {"KeyDeleted"},
        "key-version": {"KeyDisabled"},
        "key-operations": {"KeyOperationsMissing"},
        "version": {"KeyExpired", "LatestVersionUnusable"},
        "attach": {"IdentityNotAttached"},
        "grant": GRANT_CODES,
        "registry": {*RETRIGGER_CODES, "IdentityRecreated", "KeyExpired"},
    }.get(step.name, set())


def _manual_step(finding: Finding) -> Step:
    """What can't be mended from here, with the way out."""
    out = f"Run: {finding.fix}" if finding.fix else cure_of(finding.code)
    return Step(finding.code, MANUAL, finding.subject, f"{finding.message} Can't be repaired from here. {out}")
