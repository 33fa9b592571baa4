"""Reports of a fleet: read back by what reads them, whatever the names and texts in them."""

import csv
import io
import json
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azext_acrcmk._validators import REPORT_ENDINGS
from azext_acrcmk.output.fleet_compare import KINDS, compare
from azext_acrcmk.output.report import ENDINGS, render
from azext_acrcmk.rules import CATALOGUE
from azext_acrcmk.rules.fleet import FLEET_CATALOGUE

HOSTILE = "=cmd|'/C calc'!A0 <script>alert(1)</script> </script> ]]> \"&; \x00\x07\x1b ,\r\n\u2028 \ud800 \ufffe"


def finding(code="GrantMissing", severity="error", status="failed", message="It has none.", fix="az do --it"):
    return {"code": code, "severity": severity, "status": status, "subject": "s", "message": message, "fix": fix}


def row(name="one", health="broken", findings=(), subscription="11111111-1111-4111-8111-111111111111"):
    group = f"/subscriptions/{subscription}/resourceGroups/rg"
    return {
        "id": f"{group}/providers/Microsoft.ContainerRegistry/registries/{name}",
        "name": name,
        "subscription": subscription,
        "subscriptionName": "Sub",
        "resourceGroup": "rg",
        "location": "westeurope",
        "sku": "Premium",
        "health": health,
        "key": None,
        "versionInUse": None,
        "upToDate": True,
        "expires": None,
        "rotation": "auto",
        "vault": None,
        "vaultLocation": None,
        "identity": None,
        "findings": list(findings),
    }


def document(*rows, not_seen=()):
    return {
        "schema": "acr-cmk-list/1",
        "generatedAt": "2026-11-01T08:00:00+00:00",
        "depth": "key",
        "partial": bool(not_seen),
        "notSeen": [{"what": what, "why": why} for what, why in not_seen],
        "counts": {"total": len(rows)},
        "extension": "1.0.0b1",
        "portal": "https://portal.azure.com",
        "listed": None,
        "fleetFindings": [],
        "registries": list(rows),
    }


EVIL = document(row(HOSTILE, findings=[finding(message=HOSTILE, fix=HOSTILE)]), not_seen=[(HOSTILE, HOSTILE)])
MIXED = document(
    row("one", findings=[finding(), finding("KeyUnknown", status="unknown")]),
    row("two", "attention", [finding("RotationLag", "warning")]),
    row("three", "healthy"),
    not_seen=[("/subscriptions/x", "No permission.")],
)


def test_every_ending_that_is_offered_is_written():
    assert set(ENDINGS) == set(REPORT_ENDINGS)


@pytest.mark.parametrize("ending", ENDINGS)
def test_hostile_names_can_be_written_and_read_back(ending):
    text = render(ending, EVIL, "registries").encode(errors="replace").decode()
    if ending in (".json", ".sarif"):
        assert json.loads(text)
    elif ending == ".xml":
        case = ElementTree.fromstring(text).find("./testsuite/testcase")
        assert "<script>alert(1)</script>" in case.get("classname")


def cells(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def test_csv_has_a_row_a_registry_or_a_finding():
    by_registry = cells(render(".csv", MIXED, "registries"))
    assert [line[1] for line in by_registry] == ["name", "one", "two", "three"]
    assert by_registry[1][-1] == "GrantMissing;KeyUnknown"
    by_finding = cells(render(".csv", MIXED, "findings"))
    assert [line[2] for line in by_finding] == ["code", "GrantMissing", "KeyUnknown", "RotationLag"]
    assert {len(line) for line in by_finding} == {8}


@given(st.sampled_from("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"), st.text())
def test_no_cell_of_csv_is_a_formula(first, rest):
    text = render(".csv", document(row(first + rest, findings=[finding(message=first + rest)])), "findings")
    (line,) = cells(text)[1:]
    assert not any(
        cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")) for cell in line
    )


def test_sarif_is_what_github_takes():
    (run,) = json.loads(render(".sarif", MIXED, "registries"))["runs"]
    assert {rule["id"] for rule in run["tool"]["driver"]["rules"]} == {
        rule.code for rule in (*CATALOGUE, *FLEET_CATALOGUE)
    }
    assert [result["ruleId"] for result in run["results"]] == ["GrantMissing", "RotationLag"]
    assert [result["level"] for result in run["results"]] == ["error", "warning"]
    for result in run["results"]:
        (location,) = result["locations"]
        uri = location["physicalLocation"]["artifactLocation"]["uri"]
        assert re.fullmatch(r"azure/[\w-]+/rg/\w+", uri)
        assert location["physicalLocation"]["region"]["startLine"] == 1
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    assert run["invocations"][0]["executionSuccessful"] is False
    assert "/subscriptions/x" in run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]


def test_fingerprints_do_not_change_with_the_message():
    def prints(message, name):
        text = render(".sarif", document(row(name, findings=[finding(message=message)])), "registries")
        return json.loads(text)["runs"][0]["results"][0]["partialFingerprints"]

    assert prints("Since 2 hours.", "one") == prints("Since 3 hours.", "ONE") != prints("Since 2 hours.", "two")


def test_junit_fails_for_errors_and_skips_what_is_unknown():
    root = ElementTree.fromstring(render(".xml", MIXED, "registries"))
    assert {name: root.get(name) for name in ("tests", "failures", "errors")} == {
        "tests": "5",
        "failures": "1",
        "errors": "0",
    }
    assert [suite.get("skipped") for suite in root] == ["1", "1"]
    (failure,) = root.iter("failure")
    assert (failure.get("type"), "Fix: az do --it" in failure.text) == ("GrantMissing", True)
    assert [suite.get("name") for suite in root] == ["11111111-1111-4111-8111-111111111111", "could not be read"]
    strict = ElementTree.fromstring(render(".xml", MIXED, "registries", "warning"))
    assert [each.get("type") for each in strict.iter("failure")] == ["GrantMissing", "RotationLag"]


def test_junit_does_not_pass_what_was_not_read():
    made = document(row("one", "notLoaded", [finding("KeyShared", "info")]))
    (skipped,) = ElementTree.fromstring(render(".xml", made, "registries")).iter("skipped")
    assert skipped.get("message") == "health: notLoaded"


def test_compare_tells_worse_better_new_and_gone():
    before = document(row("a", "healthy"), row("b", findings=[finding()]), row("c", "healthy"), row("d", "unknown"))
    now = document(row("A", findings=[finding()]), row("b", "healthy"), row("d", "healthy"), row("e", "healthy"))
    found = compare(before, now)
    assert [each["appeared"] for each in found["worse"]] == [["GrantMissing"]]
    assert [each["disappeared"] for each in found["better"]] == [["GrantMissing"]]
    assert [each["before"] for each in found["unclear"]] == ["unknown"]
    assert [len(found[kind]) for kind in ("new", "gone", "notComparable")] == [1, 1, 0]

    assert [(each["before"], each["now"]) for each in found["new"] + found["gone"]] == [
        (None, "healthy"),
        ("healthy", None),
    ]


def test_what_a_partial_report_lacks_is_not_gone():
    before, now = document(row("a", "healthy")), document(not_seen=[("everything", "Interrupted.")])
    assert compare(before, now)["gone"] == []
    assert len(compare(before, now)["notComparable"]) == 1


def scope(subscriptions=(), groups=(), resource_group=None):
    return {"subscriptions": list(subscriptions), "managementGroups": list(groups), "resourceGroup": resource_group}


@pytest.mark.parametrize(
    ("wide", "narrow", "comparable"),
    [
        (scope(), scope(), True),
        (scope(), scope(["11111111-1111-4111-8111-111111111111"], resource_group="RG"), True),
        (scope(), scope(["11111111-1111-4111-8111-111111111111"], resource_group="other"), False),
        (scope(), scope(["22222222-2222-4222-8222-222222222222"]), False),
        (scope(), scope(groups=["mine"]), False),
        (scope(groups=["mine"]), scope(groups=["mine"]), True),
    ],
)
def test_what_is_outside_the_scope_of_a_report_is_neither_gone_nor_new(wide, narrow, comparable):
    all_, none = {**document(row("a", "healthy")), "scope": wide}, {**document(), "scope": narrow}
    gone, new = compare(all_, none), compare(none, all_)
    assert [len(gone["gone"]), len(gone["notComparable"])] == [comparable, not comparable]
    assert [len(new["new"]), len(new["notComparable"])] == [comparable, not comparable]


def kind_of_change(before, now, depth_before="key", depth_now="key"):
    """Of one registry, with these healths and findings."""
    old, new = document(row("a", *before)), document(row("a", *now))
    found = compare({**old, "depth": depth_before}, {**new, "depth": depth_now})
    return next((kind for kind in KINDS if found[kind]), None)


def test_a_finding_on_what_was_not_read_has_neither_appeared_nor_gone():
    hidden = finding("KeyUnknown", status="unknown")
    less, more = ("broken", [finding()]), ("broken", [finding(), finding("KeyExpired")])
    unread = ("broken", [finding(), hidden])
    assert (kind_of_change(less, more), kind_of_change(more, less)) == ("worse", "better")
    assert (kind_of_change(unread, more), kind_of_change(more, unread)) == ("unclear", "unclear")
    # What is hidden in both is no reason for what has changed beside it.
    other = ("broken", [finding(), hidden, finding("VaultDeleted")])
    assert (kind_of_change(unread, other), kind_of_change(other, unread)) == ("worse", "better")
    # No registry that is not broken has an error in what was not read.
    fine = ("healthy", [finding("DenialsUnknown", "warning", "unknown")])
    assert (kind_of_change(fine, less), kind_of_change(less, fine)) == ("worse", "better")


def test_what_only_keys_show_is_not_compared_with_a_report_without_them():
    less, more = ("broken", [finding()]), ("broken", [finding(), finding("KeyExpired")])
    assert kind_of_change(more, less, "key", "registry") == "unclear"
    assert kind_of_change(less, more, "registry", "live") == "unclear"
    assert kind_of_change(more, less, "registry", "registry") == "better"
    assert kind_of_change(more, less, "live", "key") == "better"
    assert kind_of_change(less, more, "key", "registry") == "worse"


def test_csv_tells_what_changed_only_where_something_was_compared():
    before = document(row("one", "healthy"), row("two", "healthy"), row("gone", "healthy"))
    now = document(row("ONE", findings=[finding()]), row("two", "healthy"), row("new", "healthy"))
    heading, *lines = cells(render(".csv", {**now, "comparison": compare(before, now)}, "registries"))
    assert heading[-2:] == ["change", "healthBefore"]
    assert [line[-2:] for line in lines] == [["worse", "healthy"], ["", ""], ["new", ""]]
    assert "change" not in cells(render(".csv", now, "registries"))[0]
