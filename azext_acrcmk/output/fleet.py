"""The result of `list`: one row for each registry, findings about several, and what could not be read. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from azext_acrcmk.model.defaults import HEALTHS
from azext_acrcmk.model.ids import Id
from azext_acrcmk.model.key_identity import key_identity
from azext_acrcmk.model.problem import not_readable
from azext_acrcmk.model.state import Key, State, Unknown, Vault
from azext_acrcmk.model.value import Value, immutable
from azext_acrcmk.output.documents import finding_row
from azext_acrcmk.rules import Health, counts_as_failure
from azext_acrcmk.rules.fleet import FleetFinding, Member, examine_fleet

SCHEMA = "acr-cmk-list/1"


@immutable
class Row(Value):
    state: State
    health: Health


@immutable
class FleetScope(Value):
    """What was asked for: subscriptions, or management groups, or with neither all that the login can read; there
    resource groups with a name."""

    subscriptions: tuple[str, ...] = ()
    management_groups: tuple[str, ...] = ()
    resource_group: str | None = None


@dataclass
class FleetReport:
    now: datetime
    depth: str
    subscription_names: dict[Id, str]
    portal: str | None = None
    extension: str | None = None
    scope: FleetScope | None = None
    rows: list[Row] = field(default_factory=list)
    not_seen: list[tuple[str, str]] = field(default_factory=list)

    def add(self, state: State, health: Health) -> None:
        self.rows.append(Row(state, health))


def fleet_document(report: FleetReport) -> dict[str, Any]:
    rows = [_row(each, report) for each in report.rows]
    counts = Counter(each.health.status for each in report.rows)
    return {
        "schema": SCHEMA,
        "generatedAt": report.now.isoformat(timespec="seconds"),
        "scope": _scope(report.scope),
        "depth": str(report.depth),  # the CLI's default is a kind of text of its own
        "partial": bool(report.not_seen),
        "notSeen": [{"what": what, "why": why} for what, why in report.not_seen],
        "counts": {"total": len(report.rows), **{health: counts[health] for health in HEALTHS}},
        "extension": report.extension,
        "portal": report.portal,
        "listed": None,
        "fleetFindings": [_finding_of_several(each) for each in examine_fleet([_member(row) for row in report.rows])],
        "registries": sorted(rows, key=lambda row: (HEALTHS.index(row["health"]), row["id"].lower())),
    }


def _scope(asked: FleetScope | None) -> dict[str, Any] | None:
    if asked is None:
        return None
    return {
        "subscriptions": sorted({str(each).lower() for each in asked.subscriptions}),
        "managementGroups": sorted(set(asked.management_groups)),
        "resourceGroup": asked.resource_group or None,
    }


def _member(row: Row) -> Member:
    return Member(row.state, frozenset(each.code for each in row.health.findings if each.failed))


def _finding_of_several(found: FleetFinding) -> dict[str, Any]:
    return {
        "code": found.rule.code,
        "severity": found.rule.severity,
        "subject": found.verdict.subject,
        "message": found.verdict.message,
        "fix": found.verdict.fix,
        "registries": [str(id_) for id_ in found.registries],
    }


def listing(document: dict[str, Any], healths: list[str] | None) -> dict[str, Any]:
    """Only the registries in these states of health; the counts and the findings of the fleet stay those of all."""
    if not healths:
        return document
    rows = [row for row in document["registries"] if row["health"] in healths]
    before = document.get("listed")
    return {**document, "listed": sorted(set(healths) & set(before or healths)), "registries": rows}


def fails(document: dict[str, Any], fail_on: str) -> bool:
    """Whether a finding of a listed registry fails the command, or that not everything was seen."""
    if fail_on == "none":
        return False
    findings = (each for row in document["registries"] for each in row["findings"])
    return document["partial"] or any(counts_as_failure(each["severity"], each["status"], fail_on) for each in findings)


def said_of_missing(document: dict[str, Any]) -> str | None:
    """One sentence if the result is partial: also who selects a part of it, or wants none of it, gets to know."""
    if not document["partial"]:
        return None
    missed = document["notSeen"]
    first = f" Could not be read: {missed[0]['what']}. {missed[0]['why']}" if missed else ""
    more = f" {len(missed) - 1} more: see 'notSeen'." if len(missed) > 1 else ""
    said = f"The result is partial.{first}{more}"
    # A report that is read may be anybody's: its texts may not command a terminal.
    return said if said.isprintable() else "".join(each if each.isprintable() else " " for each in said)


def unseen_parts(state: State, health: Health) -> Iterator[tuple[str, str]]:
    """The parts of a registry that could not be read, and why."""
    key, registry = state.registry.encryption.key, state.registry
    if key is None:
        return
    if isinstance(state.vault, Unknown):
        yield f"https://{key.host}", not_readable(f"the vault '{key.store}'", state.vault)
        return
    if isinstance(state.key, Unknown):
        yield key.versionless, not_readable(f"the key {key.versionless}", state.key)
    if isinstance(state.roles, Unknown):
        yield f"access to {key.versionless}", not_readable("the role assignments", state.roles)
    for each in health.findings:
        if each.code == "DenialsUnknown":
            yield f"deny assignments on {key.versionless}", each.verdict.message
    used = key_identity(state)
    if isinstance(state.identity, Unknown) and not used.is_system:
        yield (
            f"identity {used.id or used.client_id}",
            not_readable(f"the identity of '{registry.name}'", state.identity),
        )


def _row(row: Row, report: FleetReport) -> dict[str, Any]:
    registry = row.state.registry
    subscription = registry.id.subscription
    return {
        "id": str(registry.id),
        "name": registry.name,
        "subscription": str(subscription),
        "subscriptionName": report.subscription_names.get(subscription),
        "resourceGroup": registry.id.group,
        "location": registry.location,
        "sku": registry.sku,
        "health": row.health.status,
        **_encryption(row.state),
        "findings": [finding_row(each) for each in row.health.problems],
    }


def _encryption(state: State) -> dict[str, Any]:
    """Null if it does not apply, or is not known."""
    used = state.registry.encryption
    if not used.enabled or used.key is None:
        return dict.fromkeys(
            ("key", "versionInUse", "upToDate", "expires", "rotation", "vault", "vaultLocation", "identity")
        )
    latest = state.key if isinstance(state.key, Key) and state.key.latest_version else None
    current = latest.id == used.in_use if latest and used.in_use else None
    in_use = state.version_in_use if isinstance(state.version_in_use, Key) else None
    vault = state.vault if isinstance(state.vault, Vault) else None
    identity = key_identity(state)
    return {
        "key": used.key.versionless,
        "versionInUse": used.version_in_use,
        "upToDate": current,
        "expires": in_use.expires.isoformat() if in_use and in_use.expires else None,
        "rotation": "auto" if used.key.version is None else "manual",
        "vault": str(vault.id) if vault else None,
        "vaultLocation": vault.location if vault else None,
        "identity": "system" if identity.is_system else str(identity.id or identity.client_id),
    }
