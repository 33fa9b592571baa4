"""The documented results: of a state and its findings, of a plan, and of a run. Pure."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from azext_acrcmk.health import Health, examine
from azext_acrcmk.health.catalogue import PASSED, Facts, cure_of
from azext_acrcmk.model.ids import ArmId, same
from azext_acrcmk.model.state import Identity, Key, State, Unknown, Vault
from azext_acrcmk.plan.step import Plan


def plan_document(plan: Plan) -> list[dict[str, Any]]:
    """The result of --what-if."""
    return [
        {
            "symbol": step.symbol,
            "action": step.action,
            "step": step.name,
            "resource": step.resource,
            "reason": step.reason,
            "irreversible": step.irreversible,
        }
        for step in plan.steps
    ]


def steps_document(outcomes) -> list[dict[str, Any]]:
    return [
        {
            "step": each.step.name,
            "resource": each.step.resource,
            "outcome": each.outcome,
            "seconds": each.seconds,
        }
        for each in outcomes
    ]


def registry_document(state: State, now: datetime) -> dict[str, Any]:
    """The result of `show`: null is what the caller may not see, or what does not apply."""
    registry = state.registry
    facts, health = Facts(state, now), examine(state, now)
    encrypted = registry.encryption.enabled
    return {
        "id": registry.id,
        "name": registry.name,
        "resourceGroup": ArmId.parse(registry.id).group,
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
            {
                "code": finding.code,
                "severity": finding.severity,
                "message": finding.message,
                "fix": finding.fix,
            }
            for finding in health.findings
            if finding.status != PASSED
        ],
    }


def findings_document(health: Health) -> list[dict[str, Any]]:
    """The result of `check`."""
    return [asdict(finding) for finding in health.findings]


def left_document(health: Health) -> list[dict[str, Any]]:
    """What `repair` could not mend, each with what would."""
    left = [finding for finding in health.findings if finding.status != PASSED]
    return [asdict(finding) | {"cure": cure_of(finding.code)} for finding in left]


def _identity(facts: Facts) -> dict[str, Any]:
    registry, identity = facts.registry, facts.state.identity
    client_id = registry.encryption.identity or ""
    if facts.uses_system_identity:
        there = bool(registry.system_principal_id)
        return {
            "id": registry.id,
            "clientId": client_id,
            "principalId": registry.system_principal_id,
            "attached": there,
            "exists": there,
        }
    attached = registry.attached_as(client_id)
    if isinstance(identity, Identity):
        exists = same(identity.client_id, client_id)
        return {
            "id": identity.id,
            "clientId": client_id,
            "principalId": identity.principal_id if exists else None,
            "attached": attached is not None or (exists and registry.attaches(identity.id)),
            "exists": exists,
        }
    return {
        "id": attached.id if attached else None,
        "clientId": client_id,
        "principalId": attached.principal_id if attached else None,
        "attached": attached is not None,
        "exists": None if isinstance(identity, Unknown) else False,
    }


def _key(state: State) -> dict[str, Any] | None:
    encryption, key = state.registry.encryption, state.key
    if encryption.key is None:
        return None
    seen = key if isinstance(key, Key) else None
    latest = seen.latest_version if seen else None
    up_to_date = same(latest, encryption.version_in_use) if latest and encryption.version_in_use else None
    # The latest does not stand for the version in use where that is another.
    used = state.version_in_use if isinstance(state.version_in_use, Key) else seen if up_to_date is not False else None
    policy = seen.rotation_policy if seen else None
    return {
        "id": encryption.key.versionless,
        "type": seen.type if seen else None,
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
        "id": vault.id,
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
                "scope": source.scope,
                "inherited": source.inherited,
                "throughGroup": source.through_group,
            }
            for source in access.sources
        ],
        "missing": None if access.granted is None else list(access.missing),
    }
