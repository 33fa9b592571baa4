"""Plans the changes that fix failed rules. Pure."""

from __future__ import annotations

from dataclasses import replace

from azext_acrcmk.model.state import DeletedVault, Vault
from azext_acrcmk.plan import kinds
from azext_acrcmk.plan.change import Change, Plan, after
from azext_acrcmk.plan.grants import REVOKED_TAG, narrowest_grant
from azext_acrcmk.plan.parts import allow_trusted_services, policy_of, protect_vault, recover_vault
from azext_acrcmk.rules import Facts, Finding, Fix, Health
from azext_acrcmk.rules.catalogue import ERROR, INFO

# Fixes that set the registry's encryption.
_SETS_KEY = frozenset({Fix.SET_ENCRYPTION, Fix.USE_RECREATED_IDENTITY, Fix.NEW_VERSION})
# The changes after which more can be read than before.
REVEALING = (kinds.RecoverVault, kinds.RecoverKey, kinds.EnableVersion)

# It may have been revoked on purpose.
_RESTORES_ACCESS = "Give the registry access to its key again?"


def plan_repair(facts: Facts, health: Health, tenant: str) -> Plan:
    """A change for each failed rule that has a fix, and one that is left to the user for each that doesn't.

    Findings of severity info are ignored.
    """
    failed = [each for each in health.findings if each.failed and each.severity != INFO]
    wanted = frozenset(each.change for each in failed if each.change)
    made = _parts(facts, wanted, tenant)
    changes = after(*made.values())
    fixed = frozenset(fix for fix, change in made.items() if change)
    provable = not any(each.severity == ERROR and each.change not in fixed | _SETS_KEY for each in failed)
    new_version = made[Fix.NEW_VERSION]
    if registry := _registry_change(facts, wanted, provable, made, changes):
        changes, fixed = (*changes, registry), fixed | _SETS_KEY
    # What a new version makes irrelevant.
    replaced = "LatestVersionUnusable" if new_version else None
    left = [each for each in failed if each.change not in fixed and each.code != replaced]
    return Plan((*changes, *map(_leave, left)))


def _parts(facts: Facts, wanted: frozenset[Fix], tenant: str) -> dict[Fix, Change | None]:
    """The fixes of vault, key, identity and access; None for those that are not wanted or not possible."""
    vault = _recovered_vault(facts, wanted, tenant)
    protection = _protection(facts, wanted, vault)
    firewall = None
    if Fix.ALLOW_TRUSTED_SERVICES in wanted:
        firewall = allow_trusted_services(facts.vault, after(protection))
    key = _recovered_key(facts, wanted, after(vault, protection))
    grant = _grant(facts, wanted, vault, after(vault, protection, key))
    enabled = _enabled_version(facts, wanted)
    permitted = _permitted_operations(facts, wanted, after(enabled))
    version = _new_version(facts, wanted, after(key, enabled, permitted, grant))
    attach = _attached_identity(facts, wanted)
    return {
        Fix.RECOVER_VAULT: vault,
        Fix.PROTECT_VAULT: protection,
        Fix.ALLOW_TRUSTED_SERVICES: firewall,
        Fix.RECOVER_KEY: key,
        Fix.ENABLE_VERSION: enabled,
        Fix.PERMIT_OPERATIONS: permitted,
        Fix.ATTACH_IDENTITY: attach,
        Fix.GRANT: grant,
        Fix.NEW_VERSION: version,
    }


def _recovered_vault(facts: Facts, wanted: frozenset[Fix], tenant: str) -> Change | None:
    vault = facts.state.vault
    if Fix.RECOVER_VAULT not in wanted or not isinstance(vault, DeletedVault):
        return None
    return recover_vault(vault, tenant, "Soft-deleted key vault is recovered with its keys.")


def _protection(facts: Facts, wanted: frozenset[Fix], recovered: Change | None) -> Change | None:
    vault = facts.state.vault
    if recovered and not vault.purge_protection:
        return protect_vault(vault.id, (recovered,))
    return protect_vault(vault.id) if Fix.PROTECT_VAULT in wanted and isinstance(vault, Vault) else None


def _recovered_key(facts: Facts, wanted: frozenset[Fix], waits_for: tuple[Change, ...]) -> Change | None:
    if Fix.RECOVER_KEY not in wanted:
        return None
    key = facts.encryption.key.with_version(None)
    return kinds.RecoverKey(key=key, vault=facts.vault.id, reason="Soft-deleted key is recovered.", after=waits_for)


def _enabled_version(facts: Facts, wanted: frozenset[Fix]) -> Change | None:
    if Fix.ENABLE_VERSION not in wanted or not facts.used:
        return None
    notice = (
        f"Version {facts.used.id} is disabled, maybe to revoke access on purpose. Enabling it gives registry "
        f"'{facts.registry.name}' access again."
    )
    return kinds.EnableVersion(
        key=facts.used.id, reason="The version in use is enabled.", notice=notice, question=_RESTORES_ACCESS
    )


def _permitted_operations(facts: Facts, wanted: frozenset[Fix], waits_for: tuple[Change, ...]) -> Change | None:
    if Fix.PERMIT_OPERATIONS not in wanted or not facts.used:
        return None
    return kinds.PermitOperations(
        key=facts.used.id,
        operations=tuple(facts.used.operations_to_permit),
        reason="The version in use is changed to permit wrapKey and unwrapKey.",
        after=waits_for,
    )


def _attached_identity(facts: Facts, wanted: frozenset[Fix]) -> Change | None:
    if Fix.ATTACH_IDENTITY not in wanted:
        return None
    id_ = facts.key_identity.id
    reason = f"The identity {id_} is assigned again."
    return kinds.AttachIdentity(registry=facts.registry.id, identity=id_, reason=reason)


def _grant(
    facts: Facts, wanted: frozenset[Fix], recovered: Change | None, waits_for: tuple[Change, ...]
) -> Change | None:
    if not facts.principal or not (recovered or Fix.GRANT in wanted):
        return None
    reason = "The identity is granted get, wrapKey and unwrapKey on the key."
    key = facts.encryption.key.with_version(None)
    if recovered:
        return kinds.GrantInRecoveredVault(
            principal=facts.principal, vault=facts.state.vault.id, key=key, reason=reason, after=waits_for
        )
    undone = _undone(facts)
    grant = narrowest_grant(facts.vault, key, facts.principal).giving(reason, waits_for)
    return replace(grant, notice=undone, question=_RESTORES_ACCESS if undone else None)


def _undone(facts: Facts) -> str | None:
    """A warning that a grant undoes what was revoked on purpose, as the registry's tag records."""
    if REVOKED_TAG not in facts.registry.tags:
        return None
    return (
        f"The tag '{REVOKED_TAG}' of registry '{facts.registry.name}' records that access was revoked by `az acr cmk "
        "revoke`. It is granted again."
    )


def _new_version(facts: Facts, wanted: frozenset[Fix], waits_for: tuple[Change, ...]) -> Change | None:
    """A new version, unless the latest is valid: then that is used instead of the expired one."""
    latest = facts.latest
    if Fix.NEW_VERSION not in wanted or _identity_is_lost(facts) or not latest:
        return None
    if not latest.expires or latest.expires > facts.now:
        return None
    return kinds.CreateVersion(
        key=facts.encryption.key.with_version(None),
        reason="New version of the key, because the one in use has expired.",
        # A new version permits the same operations as the previous one.
        after=waits_for,
    )


def _registry_change(
    facts: Facts,
    wanted: frozenset[Fix],
    provable: bool,
    made: dict[Fix, Change | None],
    waits_for: tuple[Change, ...],
) -> Change | None:
    """The change that makes the registry use its key again, as a fix or to prove that access works."""
    if _identity_is_lost(facts) or not facts.registry.settled or not facts.key_identity.id:
        return None
    if facts.is_behind and facts.latest_is_unusable and not made[Fix.NEW_VERSION]:
        return None
    # A registry pinned to an older version would change to the latest: not for the proof alone.
    stays = facts.is_automatic or not facts.is_behind
    proves_grant = provable and facts.access.granted is False and Fix.GRANT in wanted and stays
    recreated = Fix.USE_RECREATED_IDENTITY in wanted
    if not (wanted & _SETS_KEY or proves_grant):
        return None
    if recreated:
        reason = f"Uses the key through the identity {facts.key_identity.id}, which is assigned in the same request."
    elif wanted & _SETS_KEY:
        reason = "Uses the key's latest version."
    else:
        reason = "Uses its key again, after access has taken effect."
    return kinds.SetEncryption(
        registry=facts.registry.id,
        identity=facts.key_identity.id,
        key=facts.encryption.key.with_version(None),
        vault=getattr(facts.state.vault, "id", None),
        pinned=not facts.is_automatic,
        policy=policy_of(made[Fix.GRANT]),
        attach=recreated and facts.registry.attaches(facts.key_identity.id),
        reason=reason,
        after=waits_for,
    )


def _identity_is_lost(facts: Facts) -> bool:
    """Whether the registry has no identity through which it can use a key."""
    used = facts.key_identity
    return not used.is_attached if used.is_system else used.exists is False and not used.is_recreated


def _leave(finding: Finding) -> kinds.LeaveToUser:
    """A problem that this command can't fix, with the manual step."""
    step = f"Run: {finding.fix}" if finding.fix else finding.rule.cure
    reason = f"{finding.message} This command can't fix it. {step}"
    return kinds.LeaveToUser(subject=finding.subject, step=finding.code, reason=reason)
