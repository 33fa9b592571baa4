"""SARIF 2.1.0, as GitHub's code scanning takes it: each result has a file, and a fingerprint that no text changes."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import quote

from azext_acrcmk.rules.catalogue import CATALOGUE, ERROR, FAILED, WARNING, Rule

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {ERROR: "error", WARNING: "warning"}
_SECURITY = {ERROR: "9.0", WARNING: "5.0"}


def sarif(document: dict[str, Any]) -> str:
    """Only what failed: GitHub shows whatever is in it as a failure."""
    rules = sorted(CATALOGUE, key=lambda rule: rule.code)
    places = {rule.code: number for number, rule in enumerate(rules)}
    results = [
        _result(row, finding, places)
        for row in document["registries"]
        for finding in row["findings"]
        if finding["status"] == FAILED
    ]
    scopes = sorted({row["subscription"].lower() for row in document["registries"]})
    scope = scopes[0] if len(scopes) == 1 else hashlib.sha256("".join(scopes).encode()).hexdigest()[:16]
    run = {
        "tool": {"driver": {"name": "az acr cmk", "rules": [_rule(each) for each in rules]}},
        "automationDetails": {"id": f"acr-cmk/{scope}/"},
        "invocations": [
            {
                # A partial look is no successful one: what it does not name is not fixed.
                "executionSuccessful": not document["partial"],
                "endTimeUtc": document["generatedAt"].replace("+00:00", "Z"),
                "toolExecutionNotifications": [
                    {"level": "warning", "message": {"text": f"Not seen: {each['what']}. {each['why']}"}}
                    for each in document["notSeen"]
                ],
            }
        ],
        "results": results,
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(rule: Rule) -> dict[str, Any]:
    properties: dict[str, Any] = {"tags": ["security", "azure", f"severity/{rule.severity}"]}
    if rule.severity in _SECURITY:
        properties["security-severity"] = _SECURITY[rule.severity]
    return {
        "id": rule.code,
        "name": rule.code,
        "shortDescription": {"text": rule.cause},
        "fullDescription": {"text": rule.cause},
        "help": {"text": f"{rule.cause} {rule.cure}", "markdown": f"{rule.cause}\n\n{rule.cure}"},
        "defaultConfiguration": {"level": _level(rule.severity)},
        "properties": properties,
    }


def _result(row: dict[str, Any], finding: dict[str, Any], places: dict[str, int]) -> dict[str, Any]:
    code, fix = finding["code"], finding.get("fix")
    id_ = row["id"]
    parts = ("azure", row["subscription"], row["resourceGroup"], row["name"])
    path = "/".join(quote(each, safe="", errors="replace") for each in parts)
    rule = {"ruleIndex": places[code]} if code in places else {}
    return {
        "ruleId": code,
        **rule,
        "level": _level(finding["severity"]),
        "message": {"text": finding["message"] + (f" Fix: {fix}" if fix else "")},
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": path}, "region": {"startLine": 1}},
                "logicalLocations": [{"fullyQualifiedName": id_, "kind": "resource"}],
            }
        ],
        "partialFingerprints": {
            "acrCmk/v1": hashlib.sha256(f"{code}\n{id_.lower()}".encode(errors="replace")).hexdigest()
        },
    }


def _level(severity: str) -> str:
    return _LEVELS.get(severity, "note")
