"""The documented results: of a state and its findings, of a plan, and of a run. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from azext_acrcmk.model.state import Key, Registry, State, Vault
from azext_acrcmk.plan.change import READ, Change, Plan
from azext_acrcmk.rules import Facts, Finding, Health, examine

if TYPE_CHECKING:
    from azext_acrcmk.plan.obstacle import Obstacle


def plan_document(plan: Plan, obstacles: Iterable[Obstacle] = ()) -> list[dict[str, Any]]:
    """The result of --what-if: the changes, then what would block them."""
    steps = _numbered(each.step for each in plan.told)
    return [
        *(_row(each.action.label, step, each, each.irreversible) for step, each in zip(steps, plan.told, strict=True)),
        *(_row(each.action, each.step, each, irreversible=False) for each in obstacles),
    ]


def _row(action: str, step: str, told: Change | Obstacle, irreversible: bool) -> dict[str, Any]:
    return {
        "symbol": told.symbol,
        "action": action,
        "step": step,
        "resource": str(told.resource),
        "reason": told.reason,
        "irreversible": irreversible,
    }


def steps_document(outcomes) -> list[dict[str, Any]]:
    told = [each for each in outcomes if each.change.action is not READ]
    return [
        {"step": step, "resource": each.change.resource, "outcome": each.outcome, "seconds": each.seconds}
        for step, each in zip(_numbered(each.change.step for each in told), told, strict=True)
    ]


def _numbered(steps: Iterable[str]) -> list[str]:
    """Unique names of steps: the second and further ones with the same name are numbered."""
    seen: Counter[str] = Counter()
    names = []
    for step in steps:
        seen[step] += 1
        names.append(step if seen[step] == 1 else f"{step}-{seen[step]}")
    return names


def registry_document(state: State, now: datetime) -> dict[str, Any]:
    """The result of `show`: null is what the caller has no permission to read, or does not apply."""
    registry = state.registry
    facts, health = Facts(state, now), examine(state, now)
    encrypted = registry.encryption.enabled
    return {
        "id": str(registry.id),
        "name": registry.name,
        "resourceGroup": registry.id.group,
        "location": registry.location,
        "sku": registry.sku,
        "loginServer": registry.login_server,
        "provisioningState": registry.provisioning_state,
        "encryption": registry.encryption.wire,
        "identity": _identity(facts) if encrypted else None,
        "key": _key(state) if encrypted else None,
        "vault": _vault(state) if encrypted else None,
        "access": _access(facts) if encrypted else None,
        "health": health.status,
        "findings": [
            {"code": each.code, "severity": each.severity, "message": each.message, "fix": each.fix}
            for each in health.problems
        ],
    }


def findings_document(health: Health, registry: Registry) -> list[dict[str, Any]]:
    """The result of `check`: one row for each finding, with the name of its registry."""
    return [{"registry": registry.name, **finding_row(each)} for each in health.findings]


def left_document(health: Health) -> list[dict[str, Any]]:
    """The problems that `repair` could not fix, with manual steps."""
    return [{**finding_row(each), "cure": each.rule.cure} for each in health.problems]


def finding_row(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "severity": finding.severity,
        "status": finding.status,
        "subject": finding.subject,
        "message": finding.message,
        "fix": finding.fix,
    }


def _identity(facts: Facts) -> dict[str, Any]:
    used = facts.key_identity
    return {
        "id": str(used.id) if used.id else None,
        "clientId": str(used.client_id),
        "principalId": str(used.principal_id) if used.principal_id and not used.is_recreated else None,
        "attached": used.is_attached,
        "exists": used.exists,
    }


def _key(state: State) -> dict[str, Any] | None:
    encryption, key = state.registry.encryption, state.key
    if encryption.key is None:
        return None
    seen = key if isinstance(key, Key) else None
    latest = seen.latest_version if seen else None
    up_to_date = key.id == encryption.in_use if latest and encryption.in_use else None
    # The latest version is not shown as the version in use if that is another.
    used = state.version_in_use if isinstance(state.version_in_use, Key) else seen if up_to_date is not False else None
    policy = seen.rotation_policy if seen else None
    return {
        "id": encryption.key.versionless,
        "type": (seen.type or None) if seen else None,
        "size": seen.size if seen else None,
        "enabled": used.enabled if used else None,
        "expires": used.expires.isoformat() if used and used.expires else None,
        "latestVersion": latest,
        "versionInUse": encryption.version_in_use,
        "upToDate": up_to_date,
        "rotationPolicy": {
            "rotateAfter": policy.rotate_after,
            "rotateBeforeExpiry": policy.rotate_before_expiry,
            "expiry": policy.expiry,
        }
        if policy
        else None,
    }


def _vault(state: State) -> dict[str, Any] | None:
    vault = state.vault
    if not isinstance(vault, Vault):
        return None
    return {
        "id": str(vault.id),
        "kind": vault.kind,
        "permissionModel": vault.permission_model,
        "softDelete": vault.soft_delete,
        "retention": vault.retention_days,
        "purgeProtection": vault.purge_protection,
        "publicNetworkAccess": vault.public_network_access,
        "defaultAction": vault.default_action,
        "bypass": vault.bypass,
    }


def _access(facts: Facts) -> dict[str, Any]:
    access = facts.access
    return {
        "granted": access.granted,
        "through": [
            {
                "kind": source.kind,
                "name": source.name,
                "scope": str(source.scope),
                "inherited": source.inherited,
                "throughGroup": source.through_group,
            }
            for source in access.sources
        ],
        "missing": None if access.granted is None else list(access.missing),
    }
