"""What changed since an earlier report of `list`. Pure."""

from __future__ import annotations

from typing import Any

from azext_acrcmk.model.defaults import REGISTRY_DEPTH

Row = dict[str, Any]

KINDS = ("worse", "better", "unclear", "new", "gone", "notComparable")
# What is not known is neither better nor worse.
_RANKS = {"healthy": 0, "attention": 1, "notEncrypted": 1, "broken": 2}
_BROKEN = _RANKS["broken"]
_KEYS = "what only keys show"


def compare(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """When the earlier report was made, and the registries of each of KINDS.

    `before` and `now` of a registry are its health, null where it is not in that report; `appeared` and `disappeared`
    are the codes of errors and warnings. Where the later report is partial, or its scope does not include a registry,
    one that is not in it need not be gone; nor need one be new where that is so of the earlier.
    """
    old, new = _by_id(before["registries"]), _by_id(now["registries"])
    unread = _unread_keys(before, now), _unread_keys(now, before)
    changed: dict[str, list[Row]] = {kind: [] for kind in KINDS}
    for id_, row in new.items():
        if id_ not in old:
            changed["new" if _shows_all(before, now, row) else "notComparable"].append(_change(None, row))
        elif kind := _kind(old[id_], row, *unread):
            changed[kind].append(_change(old[id_], row))
    for id_, row in old.items():
        if id_ not in new:
            changed["gone" if _shows_all(now, before, row) else "notComparable"].append(_change(row, None))
    return {"since": before["generatedAt"], **changed}


def changes_by_id(document: dict[str, Any]) -> dict[str, tuple[str, Row]]:
    """The kind of each change that the document tells, and the change, by the registry's ID in lower case."""
    compared = document.get("comparison") or {}
    return {each["id"].lower(): (kind, each) for kind in KINDS for each in compared.get(kind, ())}


def _shows_all(document: dict[str, Any], other: dict[str, Any], row: Row) -> bool:
    """Whether a registry that is in the `other` document and not in this one was not there when this one was made."""
    if document["partial"]:
        return False
    scope = document.get("scope")
    if not scope or scope == other.get("scope"):
        return True
    if scope["managementGroups"]:
        return False  # which subscriptions they have is not told
    if scope["resourceGroup"] and scope["resourceGroup"].lower() != row["resourceGroup"].lower():
        return False
    return not scope["subscriptions"] or row["subscription"].lower() in scope["subscriptions"]


def _by_id(rows: list[Row]) -> dict[str, Row]:
    return {row["id"].lower(): row for row in rows}


def _unread_keys(document: dict[str, Any], other: dict[str, Any]) -> frozenset[str]:
    """What is not known of any registry, because the document was made without the keys and the other one with them."""
    alone = document.get("depth") == REGISTRY_DEPTH != other.get("depth")
    return frozenset({_KEYS} if alone else ())


def _kind(old: Row, new: Row, unread_before: frozenset[str], unread_now: frozenset[str]) -> str | None:
    was, is_ = _RANKS.get(old["health"]), _RANKS.get(new["health"])
    if was is None or is_ is None:
        return "unclear" if old["health"] != new["health"] else None
    # No error is left open in a registry that is not broken: this is certain, whatever could not be read.
    if was != is_ and _BROKEN in (was, is_):
        return "worse" if is_ > was else "better"
    # A finding on what could not be read in the other report may have been there before, or be there still.
    hidden_before, hidden_now = _unknown(old) | unread_before, _unknown(new) | unread_now
    if is_ > was or (is_ == was and _grave(new) - _grave(old)):
        return "worse" if hidden_before <= hidden_now else "unclear"
    if is_ < was or _grave(old) - _grave(new):
        return "better" if hidden_now <= hidden_before else "unclear"
    return None


def _grave(row: Row | None) -> set[str]:
    findings = row["findings"] if row else ()
    return {each["code"] for each in findings if each["severity"] != "info" and each["status"] == "failed"}


def _unknown(row: Row) -> set[str]:
    return {each["code"] for each in row["findings"] if each["status"] == "unknown"}


def _change(old: Row | None, new: Row | None) -> Row:
    return {
        "id": (new or old or {})["id"],
        "before": old["health"] if old else None,
        "now": new["health"] if new else None,
        "appeared": sorted(_grave(new) - _grave(old)),
        "disappeared": sorted(_grave(old) - _grave(new)),
    }
