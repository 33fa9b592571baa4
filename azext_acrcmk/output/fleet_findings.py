"""Findings about several registries. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

Rows = list[dict[str, Any]]


def fleet_findings(rows: Rows) -> list[dict[str, Any]]:
    """The most severe first; of each kind, those that affect the most registries first."""
    return [*_expiring(rows), *_shared_keys(rows), *_shared_vaults(rows), *_other_regions(rows), *_plain(rows)]


def _finding(code: str, severity: str, subject: str, message: str, rows: Rows) -> dict[str, Any]:
    named = sorted((row["id"] for row in rows), key=str.lower)
    return {"code": code, "severity": severity, "subject": subject, "message": message, "registries": named}


def _by(rows: Rows, value: Callable[[dict[str, Any]], str | None]) -> list[tuple[str, Rows]]:
    """The rows grouped by a value, case-insensitively; the largest groups first."""
    groups: dict[str, Rows] = defaultdict(list)
    for row in rows:
        if found := value(row):
            groups[found.lower()].append(row)
    return sorted(groups.items(), key=lambda each: (-len(each[1]), each[0]))


def _expiring(rows: Rows) -> list[dict[str, Any]]:
    soon = [row for row in rows if any(each["code"] == "KeyExpiresSoon" for each in row["findings"])]
    return [
        _finding(
            "KeyExpiresForSeveral",
            "warning",
            some[0]["key"],
            f"The key expires soon, first at {min(row['expires'] or '' for row in some)}; {_count(some)} it.",
            some,
        )
        for _, some in _by(soon, lambda row: row["key"])
    ]


def _shared_keys(rows: Rows) -> list[dict[str, Any]]:
    return [
        _finding("KeyOfSeveral", "info", some[0]["key"], f"{_count(some)} this key: all stop working without it.", some)
        for _, some in _by(rows, lambda row: row["key"])
        if len(some) > 1
    ]


def _shared_vaults(rows: Rows) -> list[dict[str, Any]]:
    return [
        _finding(
            "VaultOfSeveral", "info", vault, f"{_count(some)} keys in this vault: all stop working without it.", some
        )
        for vault, some in _by(rows, lambda row: row["key"] and row["key"].partition("/keys/")[0])
        if len(some) > 1
    ]


def _other_regions(rows: Rows) -> list[dict[str, Any]]:
    def away(row: dict[str, Any]) -> str | None:
        there, here = row["vaultLocation"], row["location"]
        return row["vault"] if there and _plain_name(there) != _plain_name(here) else None

    return [
        _finding(
            "VaultInAnotherRegion",
            "info",
            some[0]["vault"],
            f"The vault is in {some[0]['vaultLocation']}; {len(some)} registries that use it are in other regions, so "
            "they depend on both regions.",
            some,
        )
        for _, some in _by(rows, away)
    ]


def _plain_name(location: str) -> str:
    return location.replace(" ", "").lower()


def _plain(rows: Rows) -> list[dict[str, Any]]:
    plain = [row for row in rows if row["health"] == "notEncrypted"]
    premium = [row for row in plain if row["sku"].lower() == "premium"]
    others = [row for row in plain if row["sku"].lower() != "premium"]
    found = []
    if premium:
        message = (
            f"{len(premium)} Premium registries have no customer-managed key, which can be set only when a registry is "
            "created."
        )
        found.append(_finding("PremiumNotEncrypted", "info", "", message, premium))
    if others:
        message = f"{len(others)} registries are not Premium, which customer-managed keys require."
        found.append(_finding("NeverEncrypted", "info", "", message, others))
    return found


def _count(rows: Rows) -> str:
    return "1 registry uses" if len(rows) == 1 else f"{len(rows)} registries use"
