"""What the next developer does: a finding is one file of the product, and an option of the registry at most four."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from azext_acrcmk.model.registry_options import REGISTRY_OPTIONS
from azext_acrcmk.output.documents import findings_document, registry_document
from azext_acrcmk.rules import CATALOGUE, examine, stoppers
from azext_acrcmk.rules.catalogue import Facts
from scripts.docs import findings
from tests.harness import make
from tests.harness.encrypted import HEALTHY

PACKAGE = Path(__file__).parents[3] / "azext_acrcmk"
FILE = """
from azext_acrcmk.rules.catalogue import ENABLE, REGISTRY, WARNING, failed, rule

@rule(
    "NameTooPlain",
    WARNING,
    REGISTRY,
    cause="The registry has a plain name.",
    cure="Create a registry with a finer name.",
    stops=(ENABLE,),
)
def _plain(facts):
    return failed(f"'{facts.registry.name}' is a plain name.", "az acr list")
"""


@pytest.fixture
def new_rule(tmp_path, monkeypatch):
    """A rule in a file of its own, and nothing else."""
    before = list(CATALOGUE)
    file = tmp_path / "plain.py"
    file.write_text(FILE, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("plain", file)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    yield "NameTooPlain"
    CATALOGUE[:] = before


def test_a_new_rule_is_seen_by_show_and_check_and_stops_its_command(new_rule):
    health = examine(HEALTHY, make.NOW)
    assert health.status == "attention"
    shown = registry_document(HEALTHY, make.NOW)
    assert {each["code"]: each["fix"] for each in shown["findings"]}[new_rule] == "az acr list"
    rows = findings_document(health, HEALTHY.registry)
    assert [(row["status"], row["message"]) for row in rows if row["code"] == new_rule] == [
        ("failed", f"'{HEALTHY.registry.name}' is a plain name.")
    ]
    assert [each.code for each in stoppers("enable", Facts(HEALTHY, make.NOW))] == [new_rule]


def test_a_new_rule_is_seen_in_the_documentation(new_rule):
    written = findings()
    assert f"[{new_rule}](#nametooplain) | warning | registry | The registry has a plain name. |" in written
    section = written.partition(f"### {new_rule}")[2]
    assert section.startswith("\n\nThe registry has a plain name.\n\n**Cure:** Create a registry with a finer name.\n")
    assert "Severity warning. About the registry. Stops `enable`. Fixed by `repair`: no." in section


def test_without_it_nothing_is_said():
    assert "NameTooPlain" not in findings()
    assert examine(HEALTHY, make.NOW).status == "healthy"


# Vaults have these, too.
SHARED = {"default_action", "allow_trusted_services"}


@pytest.mark.parametrize("option", [each.name for each in REGISTRY_OPTIONS if each.name not in SHARED])
def test_an_option_of_the_registry_is_in_at_most_four_files(option):
    files = [file for file in PACKAGE.rglob("*.py") if option in file.read_text(encoding="utf-8")]
    names = {str(file.relative_to(PACKAGE)) for file in files}
    assert {"model/registry_options.py", "_params_goal.py", "custom.py"} <= names
    assert len(names) <= 4, names
