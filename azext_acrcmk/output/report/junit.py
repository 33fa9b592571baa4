"""JUnit XML, as pipelines show it: a suite a subscription, a case a finding, and one for a registry without.

Valid by the schema of Jenkins's xUnit plugin (junit-10.xsd), which is the one that other tools refer to.
"""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

from azext_acrcmk.rules.catalogue import ERROR, FAILED, UNKNOWN, WARNING

# What XML 1.0 can't hold, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(document: dict[str, Any], fail_on: str = ERROR) -> str:
    """Errors fail, and with `fail_on` warning these, too; what is unknown or could not be seen is skipped; the rest is
    told in a case that passes."""
    root = ElementTree.Element("testsuites", name="az acr cmk")
    by_subscription: dict[str, list[dict[str, Any]]] = {}
    for row in document["registries"]:
        by_subscription.setdefault(row["subscription"], []).append(row)
    for subscription, rows in by_subscription.items():
        suite = ElementTree.SubElement(
            root, "testsuite", name=_text(subscription), timestamp=_text(document["generatedAt"])[:19]
        )
        for row in rows:
            _add_cases(suite, row, fail_on)
    if document["fleetFindings"]:
        suite = ElementTree.SubElement(root, "testsuite", name="several registries")
        for each in document["fleetFindings"]:
            case = ElementTree.SubElement(suite, "testcase", classname=_text(each["code"]), name=_text(each["subject"]))
            ElementTree.SubElement(case, "system-out").text = _text(f"{each['severity']}: {each['message']}")
    if document["notSeen"]:
        suite = ElementTree.SubElement(root, "testsuite", name="could not be read")
        for each in document["notSeen"]:
            case = ElementTree.SubElement(suite, "testcase", classname="could not be read", name=_text(each["what"]))
            ElementTree.SubElement(case, "skipped", message=_text(each["why"]))
    for suite in root:
        suite.set("skipped", str(_count(suite, "skipped")))
    for each in (root, *root):
        each.set("tests", str(_count(each)))
        each.set("failures", str(_count(each, "failure")))
        each.set("errors", "0")
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _add_cases(suite: ElementTree.Element, row: dict[str, Any], fail_on: str) -> None:
    place = _text(f"{row['resourceGroup']}.{row['name']}")
    failures = (ERROR, WARNING) if fail_on == WARNING else (ERROR,)
    if not row["findings"] or row["health"] == "notLoaded":
        case = ElementTree.SubElement(suite, "testcase", classname=place, name="encryption")
        if row["health"] in ("unknown", "notLoaded"):
            ElementTree.SubElement(case, "skipped", message=f"health: {row['health']}")
    for finding in row["findings"]:
        case = ElementTree.SubElement(suite, "testcase", classname=place, name=_text(finding["code"]))
        message, fix = _text(finding["message"]), finding.get("fix")
        if finding["status"] == UNKNOWN:
            ElementTree.SubElement(case, "skipped", message=f"unknown: {message}")
        elif finding["status"] == FAILED and finding["severity"] in failures:
            failure = ElementTree.SubElement(case, "failure", type=_text(finding["code"]), message=message)
            failure.text = message + (f"\nFix: {_text(fix)}" if fix else "")
        else:
            ElementTree.SubElement(case, "system-out").text = f"{finding['severity']}: {message}"


def _count(element: ElementTree.Element, outcome: str | None = None) -> int:
    """How many cases are in it, or how many of them with this outcome."""
    cases = element.iter("testcase")
    return sum(outcome is None or case.find(outcome) is not None for case in cases)


def _text(value: Any) -> str:
    return _FORBIDDEN.sub("\ufffd", str(value))
