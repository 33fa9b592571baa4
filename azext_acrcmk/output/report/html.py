"""HTML: one file that opens from disk, asks nobody for anything, and shows texts of Azure only as text. Pure."""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from html import escape
from typing import Any

from azext_acrcmk.output.fleet_compare import changes_by_id
from azext_acrcmk.output.report.changes import change_filter, changes, in_words
from azext_acrcmk.output.report.page import SCRIPT, STYLE
from azext_acrcmk.output.report.shared import shared
from azext_acrcmk.rules.catalogue import ERROR, FAILED, INFO, UNKNOWN, WARNING

_COLORS = {
    "broken": "#c4314b",
    "unknown": "#8764b8",
    "attention": "#c98500",
    "notLoaded": "#7a7574",
    "notEncrypted": "#5b7a9d",
    "healthy": "#13803b",
}
_MOST_BARS = 12
_GRADES = (ERROR, UNKNOWN, WARNING, INFO)
_MOST_NAMED = 3  # subscriptions and management groups, in the heading


def html(document: dict[str, Any]) -> str:
    """The policy in the page lets run only the script and the style that are in it, by their hashes."""
    policy = (
        f"default-src 'none'; script-src '{_hash(SCRIPT)}'; style-src '{_hash(STYLE)}'; base-uri 'none'; "
        "form-action 'none'"
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>Customer-managed keys of container registries</title>
<style>{STYLE}</style>
</head>
<body>
<header>
<h1>Customer-managed keys of container registries</h1>
<p>{_read(document)}</p>
</header>
<main>
{_not_seen(document)}
{_cards(document)}
{changes(document)}
{_charts(document)}
{shared(document["registries"])}
{_fleet_findings(document)}
<section aria-labelledby="registries-title">
<h2 id="registries-title">Registries</h2>
<div class="controls">
<label>Search <input id="search" type="search" autocomplete="off"></label>
<label>Health <select id="health"><option value="">all</option></select></label>
{change_filter(document)}
<span id="shown" role="status"></span>
</div>
<div class="wide" role="region" aria-label="Table" tabindex="0">
<table id="registries"{_portal(document)}>
<thead><tr></tr></thead>
<tbody></tbody>
</table>
</div>
<div class="controls"><button id="previous" type="button">Previous</button> <span id="page"></span>
<button id="next" type="button">Next</button></div>
<noscript>The table requires JavaScript; the CSV report has the same rows.</noscript>
</section>
</main>
<script type="application/json" id="data">{_data(document)}</script>
<script>{SCRIPT}</script>
</body>
</html>
"""


def _hash(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


def _data(document: dict[str, Any]) -> str:
    """The rows as JSON in which nothing can end the element or begin another."""
    rows, changed = document["registries"], changes_by_id(document)
    if changed:
        kinds = {id_: kind for id_, (kind, _) in changed.items()}
        rows = [{**row, "change": kinds.get(row["id"].lower())} for row in rows]
    text = json.dumps(rows, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _text(value: Any) -> str:
    return escape("" if value is None else str(value))


def _portal(document: dict[str, Any]) -> str:
    return f' data-portal="{_text(document["portal"])}"' if document.get("portal") else ""


def _read(document: dict[str, Any]) -> str:
    when = f"Read at {_text(in_words(document['generatedAt']))}, depth {_text(document.get('depth'))}."
    return when + _scope(document) + _listed(document)


def _scope(document: dict[str, Any]) -> str:
    asked = document.get("scope")
    if not asked:
        return ""
    for kind, names in (("Subscription", asked["subscriptions"]), ("Management group", asked["managementGroups"])):
        if names:
            more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
            which = f"{kind}{'' if len(names) == 1 else 's'} {', '.join(names[:_MOST_NAMED])}{more}"
            break
    else:
        which = "All subscriptions that could be read"
    group = f", resource group {asked['resourceGroup']}" if asked["resourceGroup"] else ""
    return _text(f" {which}{group}.")


def _listed(document: dict[str, Any]) -> str:
    healths = document.get("listed")
    return f" Only registries in these states of health are listed: {_text(', '.join(healths))}." if healths else ""


def _not_seen(document: dict[str, Any]) -> str:
    if not document["partial"]:
        return ""
    items = "".join(f"<li>{_text(each['what'])}: {_text(each['why'])}</li>" for each in document["notSeen"])
    return (
        '<section class="partial" aria-labelledby="partial-title"><h2 id="partial-title">This report is partial</h2>'
        f"<p>Not everything could be read. Anything that is not listed here is unknown.</p><ul>{items}</ul></section>"
    )


def _counts(document: dict[str, Any]) -> list[tuple[str, int]]:
    counts = document["counts"]
    return [
        (health, counts[health]) for health in _COLORS if isinstance(counts.get(health), int) and counts[health] > 0
    ]


def _cards(document: dict[str, Any]) -> str:
    cards = "".join(
        f'<li class="{health}"><strong>{number}</strong> {health}</li>' for health, number in _counts(document)
    )
    total = document["counts"].get("total")
    return (
        f'<ul class="cards" aria-label="Registries by health"><li><strong>{_text(total)}</strong> '
        f"{'registry' if total == 1 else 'registries'}</li>{cards}</ul>"
    )


def _charts(document: dict[str, Any]) -> str:
    subscriptions: dict[str, int] = {}
    names: dict[str, str] = {}
    codes: dict[tuple[str, str], int] = {}
    for row in document["registries"]:
        subscription = row["subscription"]
        names[subscription] = row.get("subscriptionName") or subscription
        subscriptions[subscription] = subscriptions.get(subscription, 0) + (row["health"] == "broken")
        for found in {(each["code"], _grade(each)) for each in row["findings"]}:
            codes[found] = codes.get(found, 0) + 1
    # The gravest first: of what is only good to know there is most.
    ranks = {grade: rank for rank, grade in enumerate(_GRADES)}
    findings = sorted(codes.items(), key=lambda each: (ranks.get(each[0][1], len(ranks)), -each[1], each[0]))
    number_of = Counter(names.values())
    shown = {each: name if number_of[name] == 1 else f"{name} ({each})" for each, name in names.items()}
    broken = sorted(
        ((shown[each], some) for each, some in subscriptions.items() if some), key=lambda each: (-each[1], each[0])
    )
    return (
        f'<div class="charts">{_donut(_counts(document))}'
        + _bars("Registries by finding", "Finding", [(f"{code} ({grade})", some) for (code, grade), some in findings])
        + _bars("Broken registries by subscription", "Subscription", broken)
        + "</div>"
    )


def _grade(finding: dict[str, Any]) -> str:
    return finding["severity"] if finding["status"] == FAILED else finding["status"]


def _donut(counts: list[tuple[str, int]]) -> str:
    """A ring, and a table of the same numbers that says what its colors mean; nothing of no registries."""
    if not counts:
        return ""
    total, at, arcs, rows = sum(number for _, number in counts), 0.0, [], []
    for health, number in counts:
        share = 100 * number / total
        arcs.append(
            f'<circle r="15.9155" cx="21" cy="21" fill="none" stroke="{_COLORS[health]}" stroke-width="7" '
            f'stroke-dasharray="{share:.3f} {100 - share:.3f}" stroke-dashoffset="{25 - at:.3f}"/>'
        )
        rows.append(
            '<tr><th scope="row"><svg width="12" height="12" aria-hidden="true"><rect width="12" height="12" '
            f'fill="{_COLORS[health]}"/></svg> {health}</th><td>{number}</td><td>{_percent(share)}</td></tr>'
        )
        at += share
    said = ", ".join(f"{number} {health}" for health, number in counts)
    return (
        f'<figure class="donut"><svg viewBox="0 0 42 42" width="180" height="180" role="img" '
        f'aria-label="Registries by health: {said}">{"".join(arcs)}</svg>'
        '<table><caption>Registries by health</caption><thead><tr><th scope="col">Health</th>'
        f'<th scope="col">Registries</th><th scope="col">Share</th></tr></thead><tbody>{"".join(rows)}</tbody></table>'
        "</figure>"
    )


def _percent(share: float) -> str:
    """Neither nothing nor all, unless it is."""
    return "&lt;1%" if 0 < share < 1 else "&gt;99%" if 99 < share < 100 else f"{share:.0f}%"


def _bars(title: str, heading: str, numbers: list[tuple[str, int]]) -> str:
    """A table, in which a bar stands beside each number; what is too much to see at once is in another to be opened."""
    if not numbers:
        return ""
    first, rest = numbers[:_MOST_BARS], numbers[_MOST_BARS:]
    more = f"<details><summary>{len(rest)} more</summary>{_bar_table(title, heading, rest)}</details>" if rest else ""
    return f"<figure>{_bar_table(title, heading, first)}{more}</figure>"


def _bar_table(title: str, heading: str, numbers: list[tuple[str, int]]) -> str:
    most = max(number for _, number in numbers)
    rows = "".join(
        f'<tr><th scope="row">{_text(name)}</th><td>{number}</td><td><svg width="160" height="12" aria-hidden="true">'
        f'<rect class="bar" width="{160 * number / most:.1f}" height="12"/></svg></td></tr>'
        for name, number in numbers
    )
    return (
        f'<table class="bars"><caption>{title}</caption><thead><tr><th scope="col">{heading}</th>'
        f'<th scope="col">Registries</th><td></td></tr></thead><tbody>{rows}</tbody></table>'
    )


def _fleet_findings(document: dict[str, Any]) -> str:
    items = "".join(
        f"<li><details><summary>{_text(each.get('code'))}: {_text(each.get('message'))} "
        f"<code>{_text(each.get('subject'))}</code></summary><ul>"
        + "".join(f"<li>{_text(id_)}</li>" for id_ in each.get("registries") or ())
        + "</ul></details></li>"
        for each in document["fleetFindings"]
        if isinstance(each, dict)
    )
    return (
        '<section aria-labelledby="fleet-title"><h2 id="fleet-title">Findings about several registries</h2>'
        f"{f'<ul>{items}</ul>' if items else '<p>None.</p>'}</section>"
    )
