"""The catalogue of checks of a registry's encryption, and what they add up to. Pure.

One catalogue, many uses: `show` summarises it, `check` lists it, `repair` turns it into a plan.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from azext_acrcmk.health import access, identity, key, registry, vault, versions  # noqa: F401  (each adds its checks)
from azext_acrcmk.health.catalogue import (
    CATALOGUE,
    ERROR,
    FAILED,
    GRANT,
    IDENTITY,
    KEY,
    REGISTRY,
    SEVERITIES,
    UNKNOWN,
    VAULT,
    WARNING,
    Facts,
)
from azext_acrcmk.model.defaults import EXPIRY_DAYS
from azext_acrcmk.model.state import Identity, State, Vault

HEALTHY, ATTENTION, BROKEN, NOT_ENCRYPTED = "healthy", "attention", "broken", "notEncrypted"


@dataclass(frozen=True)
class Finding:
    """A check's verdict on `subject`, the id or name of what it is about."""

    code: str
    severity: str
    status: str
    subject: str
    message: str
    fix: str | None


@dataclass(frozen=True)
class Health:
    """`broken`: the registry can't use its key now, or soon won't. `unknown`: whether it can, can't be seen."""

    status: str
    findings: tuple[Finding, ...]


def examine(state: State, now: datetime, expiry_days: int = EXPIRY_DAYS) -> Health:
    """All that is to be said of an existing registry, the gravest first, passed checks last."""
    facts = Facts(state, now, expiry_days)
    found = []
    for check in CATALOGUE:
        if verdict := check.judge(facts):
            subject = _name(check.subject, facts)
            found.append(Finding(check.code, check.severity, verdict.status, subject, verdict.message, verdict.fix))
    found.sort(key=lambda finding: (finding.status not in (FAILED, UNKNOWN), SEVERITIES.index(finding.severity)))
    return Health(_status(facts, found), tuple(found))


def fails(health: Health, fail_on: str) -> bool:
    """Whether a check failed: one of severity error, with `fail_on` "warning" also a warning or one that can't be told.

    `fail_on` "none" never fails.
    """
    if fail_on == "none":
        return False
    grave = (ERROR,) if fail_on == ERROR else (ERROR, WARNING)
    statuses = (FAILED,) if fail_on == ERROR else (FAILED, UNKNOWN)
    return any(finding.severity in grave and finding.status in statuses for finding in health.findings)


def _status(facts: Facts, findings: list[Finding]) -> str:
    if not facts.encryption.enabled:
        return UNKNOWN if facts.registry.being_created else NOT_ENCRYPTED
    failures = {finding.severity for finding in findings if finding.status == FAILED}
    if ERROR in failures:
        return BROKEN
    if any(finding.status == UNKNOWN and finding.severity == ERROR for finding in findings):
        return UNKNOWN
    return ATTENTION if WARNING in failures else HEALTHY


def _name(subject: str, facts: Facts) -> str:
    state, encryption = facts.state, facts.encryption
    key_id = encryption.key.versionless if encryption.key else ""
    attached = facts.registry.attached_as(encryption.identity or "")
    identity_id = attached.id if attached else encryption.identity or ""
    return {
        REGISTRY: facts.registry.id,
        IDENTITY: state.identity.id if isinstance(state.identity, Identity) else identity_id,
        GRANT: key_id,
        KEY: key_id,
        VAULT: state.vault.id if isinstance(state.vault, Vault) else key_id.split("/keys/", 1)[0],
    }[subject]
