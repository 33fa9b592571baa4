"""CSV: a row a registry, or a row a finding. No cell begins as a formula of a spreadsheet does."""

from __future__ import annotations

import csv
import io
from typing import Any

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
_FINDING = ("code", "severity", "status", "subject", "message", "fix")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_of_registries(document: dict[str, Any]) -> str:
    """The codes of the findings are one cell."""
    return _written(
        [*_REGISTRY, "findings"],
        (
            [*(row.get(name) for name in _REGISTRY), ";".join(each["code"] for each in row["findings"])]
            for row in document["registries"]
        ),
    )


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
