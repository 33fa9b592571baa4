"""SARIF 2.1.0, as GitHub's code scanning takes it: each result has a file, and a fingerprint that no text changes."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import quote

from azext_acrcmk.rules.catalogue import CATALOGUE, ERROR, FAILED, WARNING, Rule
from azext_acrcmk.rules.fleet import FLEET_CATALOGUE, FleetRule

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {ERROR: "error", WARNING: "warning"}
# Of one result; GitHub takes a thousand, and shows the first.
_MOST_LOCATIONS = 100
# Of one run; GitHub rejects the whole file if there are more.
_MOST_RESULTS = 25_000
_GRAVITY = {"error": 0, "warning": 1, "note": 2}
_SECURITY = {ERROR: "9.0", WARNING: "5.0"}


def sarif(document: dict[str, Any]) -> str:
    """Only what failed: GitHub shows whatever is in it as a failure."""
    rules = sorted([*CATALOGUE, *FLEET_CATALOGUE], key=lambda rule: rule.code)
    places = {rule.code: number for number, rule in enumerate(rules)}
    results = [
        _result(row, finding, places)
        for row in document["registries"]
        for finding in row["findings"]
        if finding["status"] == FAILED
    ]
    told = [f"Could not be read: {each['what']}. {each['why']}" for each in document["notSeen"]]
    results += [_result_of_several(finding, places) for finding in document["fleetFindings"]]
    left_out = len(results) - _MOST_RESULTS
    if left_out > 0:
        # The gravest are kept, in their order.
        results = sorted(results, key=lambda each: _GRAVITY[each["level"]])[:_MOST_RESULTS]
        told.append(f"{left_out} results are left out: code scanning takes {_MOST_RESULTS}. The JSON report has all.")
    version = {"version": document["extension"]} if document.get("extension") else {}
    run = {
        "tool": {"driver": {"name": "az acr cmk", **version, "rules": [_rule(each) for each in rules]}},
        "automationDetails": {"id": f"acr-cmk/{_scope(document)}/"},
        "invocations": [
            {
                # A partial look is no successful one: what it does not name is not fixed.
                "executionSuccessful": not document["partial"],
                "endTimeUtc": document["generatedAt"].replace("+00:00", "Z"),
                "toolExecutionNotifications": [{"level": "warning", "message": {"text": each}} for each in told],
            }
        ],
        "results": results,
    }
    # Not indented: programs read it, and of a large fleet it is a third smaller.
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}) + "\n"


def _scope(document: dict[str, Any]) -> str:
    """What is the same for all reports of one scope: GitHub takes alerts as fixed that are not in the next of them."""
    asked = document.get("scope") or {"subscriptions": sorted({row["subscription"] for row in document["registries"]})}
    subscriptions, others = asked["subscriptions"], (asked.get("managementGroups"), asked.get("resourceGroup"))
    if len(subscriptions) == 1 and not any(others) and not document.get("listed"):
        return quote(subscriptions[0].lower(), safe="", errors="replace")
    which = json.dumps([asked, document.get("listed")], sort_keys=True).lower()
    return hashlib.sha256(which.encode()).hexdigest()[:16]


def _rule(rule: Rule | FleetRule) -> dict[str, Any]:
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
    return _written(finding, [row["id"]], f"{finding['code']}\n{row['id'].lower()}", places)


def _result_of_several(finding: dict[str, Any], places: dict[str, int]) -> dict[str, Any]:
    """One for all its registries, of which not all need be named."""
    named, which = finding["registries"][:_MOST_LOCATIONS], f"{finding['code']}\n{finding['subject'].lower()}"
    return _written(finding, named, which, places)


def _written(finding: dict[str, Any], ids: list[str], which: str, places: dict[str, int]) -> dict[str, Any]:
    """`which` tells it from all others, whenever it is found."""
    code, fix = finding["code"], finding.get("fix")
    rule = {"ruleIndex": places[code]} if code in places else {}
    return {
        "ruleId": code,
        **rule,
        "level": _level(finding["severity"]),
        "message": {"text": finding["message"] + (f" Fix: {fix}" if fix else "")},
        "locations": [_location(id_) for id_ in ids],
        # The name by which GitHub looks for it.
        "partialFingerprints": {"primaryLocationLineHash": hashlib.sha256(which.encode(errors="replace")).hexdigest()},
    }


def _location(id_: str) -> dict[str, Any]:
    """A registry as a file, which GitHub demands: the same in each run, and with nothing that a URI may not have."""
    parts = id_.split("/")
    shown = ("azure", *(quote(each, safe="", errors="replace") for each in (*parts[2:3], *parts[4:5], parts[-1])))
    return {
        "physicalLocation": {"artifactLocation": {"uri": "/".join(shown)}, "region": {"startLine": 1}},
        "logicalLocations": [{"fullyQualifiedName": id_, "kind": "resource"}],
    }


def _level(severity: str) -> str:
    return _LEVELS.get(severity, "note")
