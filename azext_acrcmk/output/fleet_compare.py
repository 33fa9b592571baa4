"""What changed since an earlier report of `list`. Pure."""

from __future__ import annotations

from typing import Any

# What is not known is neither better nor worse.
_RANKS = {"healthy": 0, "attention": 1, "notEncrypted": 1, "broken": 2}
Rows = list[dict[str, Any]]


def compare(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """Where the later report is partial, a registry that is not in it need not be gone; nor need one be new where the
    earlier was."""
    old, new = _by_id(before["registries"]), _by_id(now["registries"])
    changed: dict[str, Rows] = {"worse": [], "better": [], "unclear": []}
    for id_, row in new.items():
        if id_ in old and (kind := _kind(old[id_], row)):
            changed[kind].append(_change(old[id_], row))
    added = [row["id"] for id_, row in new.items() if id_ not in old]
    missing = [row["id"] for id_, row in old.items() if id_ not in new]
    return {
        "since": before["generatedAt"],
        **changed,
        "new": [] if before["partial"] else added,
        "gone": [] if now["partial"] else missing,
        "notComparable": (added if before["partial"] else []) + (missing if now["partial"] else []),
    }


def _by_id(rows: Rows) -> dict[str, dict[str, Any]]:
    return {row["id"].lower(): row for row in rows}


def _kind(old: dict[str, Any], new: dict[str, Any]) -> str | None:
    was, is_ = _RANKS.get(old["health"]), _RANKS.get(new["health"])
    if was is None or is_ is None:
        return "unclear" if old["health"] != new["health"] else None
    appeared, went = _grave(new) - _grave(old), _grave(old) - _grave(new)
    if is_ > was or (is_ == was and appeared):
        return "worse"
    return "better" if is_ < was or went else None


def _grave(row: dict[str, Any]) -> set[str]:
    return {each["code"] for each in row["findings"] if each["severity"] != "info" and each["status"] == "failed"}


def _change(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": new["id"],
        "before": old["health"],
        "now": new["health"],
        "appeared": sorted(_grave(new) - _grave(old)),
        "disappeared": sorted(_grave(old) - _grave(new)),
    }
