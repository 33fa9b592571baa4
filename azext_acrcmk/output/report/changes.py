"""What changed since an earlier report: how many registries, and which. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from html import escape
from typing import Any

from azext_acrcmk.output.fleet_compare import KINDS

_TITLES = {
    "worse": ("Worse", "Their health is worse, or they have a new error or warning."),
    "better": ("Better", "Their health is better, or an error or warning is gone."),
    "unclear": ("Unclear", "Something was not read, then or now, so whether they are worse or better is unknown."),
    "new": ("New", "Only in this report: created or moved since, or you could not read them then."),
    "gone": ("Gone", "Only in the earlier report: deleted or moved since, or you can't read them now."),
    "notComparable": (
        "Not comparable",
        "Only in one of the two reports, and the other one is partial, or of a scope without them.",
    ),
}
# What became worse is shown at once, unless it is too much to read.
_MOST_OPEN = 50
_COLUMNS = ("Registry", "Subscription", "Resource group", "Before", "Now", "New findings", "No longer found")


def changes(document: dict[str, Any]) -> str:
    """A section with a table for each kind of change; nothing where nothing was compared."""
    compared = document.get("comparison")
    if not compared:
        return ""
    found = [(kind, compared[kind]) for kind in KINDS if compared[kind]]
    body = _body(document, found) if found else "<p>Nothing has changed.</p>"
    return (
        f'<section aria-labelledby="changes-title"><h2 id="changes-title">Changes since '
        f"{escape(in_words(compared['since']))}</h2>{body}</section>"
    )


def in_words(moment: str) -> str:
    """A time as people write it; what is none, as it is."""
    try:
        known = datetime.fromisoformat(moment)
        return f"{known.astimezone(timezone.utc):%Y-%m-%d %H:%M} UTC" if known.tzinfo else moment
    except (ValueError, OverflowError):
        return moment


def change_filter(document: dict[str, Any]) -> str:
    """The choice of what the table of registries shows, of the kinds that are in it."""
    compared = document.get("comparison") or {}
    listed = {row["id"].lower() for row in document["registries"]}
    options = "".join(
        f'<option value="{kind}">{_TITLES[kind][0].lower()}</option>'
        for kind in KINDS
        if any(each["id"].lower() in listed for each in compared.get(kind, ()))
    )
    if not options:
        return ""
    return f'<label>Change <select id="change"><option value="">all</option>{options}</select></label>'


def _body(document: dict[str, Any], found: list[tuple[str, list[dict[str, Any]]]]) -> str:
    names = {row["subscription"].lower(): row.get("subscriptionName") for row in document["registries"]}
    cards = "".join(
        f'<li class="{kind}"><strong>{len(some)}</strong> {_TITLES[kind][0].lower()}</li>' for kind, some in found
    )
    hint = (
        "<p>For their findings, and the commands to fix them, filter the table of registries by change.</p>"
        if change_filter(document)
        else ""
    )
    others = "<p>These are changes of all registries, also of those that are not listed here.</p>"
    return (
        f'<ul class="cards" aria-label="Registries by change">{cards}</ul>{hint}'
        f"{others if document.get('listed') else ''}{''.join(_details(kind, some, names) for kind, some in found)}"
    )


def _details(kind: str, some: list[dict[str, Any]], names: Mapping[str, str | None]) -> str:
    title, meaning = _TITLES[kind]
    shown = " open" if kind == "worse" and len(some) <= _MOST_OPEN else ""
    headings = "".join(f'<th scope="col">{each}</th>' for each in _COLUMNS)
    rows = "".join(_row(each, names) for each in some)
    return (
        f"<details{shown}><summary>{title}: {len(some)}. {meaning}</summary>"
        f'<div class="wide" role="region" aria-label="{title}" tabindex="0"><table>'
        f"<thead><tr>{headings}</tr></thead><tbody>{rows}</tbody></table></div></details>"
    )


def _row(change: dict[str, Any], names: Mapping[str, str | None]) -> str:
    subscription, group, name = _parts(change["id"])
    healths = (change[when] or "not listed" for when in ("before", "now"))
    codes = (", ".join(change[name]) for name in ("appeared", "disappeared"))
    cells = (names.get(subscription.lower()) or subscription, group, *healths, *codes)
    return f'<tr><th scope="row">{escape(name)}</th>{"".join(f"<td>{escape(each)}</td>" for each in cells)}</tr>'


def _parts(id_: str) -> tuple[str, str, str]:
    """Subscription, resource group and name; what is no ID of a registry is all name."""
    parts = id_.split("/")
    return (parts[2], parts[4], parts[8]) if len(parts) == 9 else ("", "", id_)
