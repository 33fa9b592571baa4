"""CSV: a row a registry, or a row a finding. No cell begins as a formula of a spreadsheet does."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from azext_acrcmk.output.fleet_compare import changes_by_id
from azext_acrcmk.rules.catalogue import FAILED

_REGISTRY = (
    "id",
    "name",
    "subscription",
    "subscriptionName",
    "resourceGroup",
    "location",
    "sku",
    "health",
    "key",
    "versionInUse",
    "upToDate",
    "expires",
    "rotation",
    "vault",
    "identity",
)
_CHANGE = ("change", "healthBefore")
_FINDING = ("code", "severity", "status", "subject", "message", "fix")
# Of any width, as spreadsheets of some languages take them.
_FORMULA = (*"=+-@\uff1d\uff0b\uff0d\uff20", "\t", "\r", "\n")


def csv_of_registries(document: dict[str, Any]) -> str:
    """The codes of the findings are one cell. What changed has columns only if the document tells it."""
    changed = changes_by_id(document)
    unchanged = (None, {})

    def cells(row: dict[str, Any]) -> Iterator[Any]:
        yield from (row.get(name) for name in _REGISTRY)
        yield ";".join(each["code"] for each in row["findings"])
        if document.get("comparison"):
            kind, change = changed.get(row["id"].lower(), unchanged)
            yield from (kind, change.get("before"))

    heading = [*_REGISTRY, "findings", *(_CHANGE if document.get("comparison") else ())]
    return _written(heading, map(cells, document["registries"]))


def csv_of_findings(document: dict[str, Any]) -> str:
    """A finding about several registries has a row for each of them that is listed."""
    rows = {row["id"]: row for row in document["registries"]}
    findings = [(row, each) for row in rows.values() for each in row["findings"]]
    findings += [
        (rows[id_], {**each, "status": FAILED})
        for each in document["fleetFindings"]
        for id_ in each["registries"]
        if id_ in rows
    ]
    return _written(
        ["registry", "health", *_FINDING],
        ([row["id"], row["health"], *(each.get(name) for name in _FINDING)] for row, each in findings),
    )


def _written(heading: list[str], rows) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(heading)
    for row in rows:
        writer.writerow(map(_cell, row))
    return out.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
