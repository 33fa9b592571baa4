"""What is in the wheel: what the CLI and the index of extensions ask for, and nothing of the rest of the repository."""

from __future__ import annotations

import json
import re
import zipfile
from email import message_from_string
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(wheel_path):
    with zipfile.ZipFile(wheel_path) as archive:
        yield archive


@pytest.fixture(scope="module")
def metadata(wheel):
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return message_from_string(wheel.read(name).decode())


def test_runs_on_every_flavour_of_the_cli(wheel, metadata):
    assert wheel.filename.endswith("-py3-none-any.whl")
    assert metadata["Requires-Python"] == ">=3.10"


def test_names_every_python_that_it_runs_on(metadata):
    named = [each.rsplit(" ", 1)[-1] for each in metadata.get_all("Classifier") if "Python :: 3." in each]
    assert named == ["3.10", "3.11", "3.12", "3.13"]


def test_names_where_it_is_documented_and_nothing_that_is_not_there(metadata):
    urls = dict(each.split(", ") for each in metadata.get_all("Project-URL"))
    assert urls["Documentation"] == "https://aka.ms/acr/cmk"
    # Those of the repository only once whoever publishes it has said where that is.
    home = re.search(r'^HOME = "(.*)"$', (ROOT / "setup.py").read_text(encoding="utf-8"), re.MULTILINE)[1]
    assert urls.keys() == ({"Documentation", "Home", "Changelog", "Issues"} if home else {"Documentation"})
    assert all(url.startswith("https://") for url in urls.values())


def test_needs_nothing_that_the_cli_does_not_bring(metadata):
    assert metadata.get_all("Requires-Dist") is None


def test_holds_the_extension_and_nothing_else(wheel):
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"azext_acrcmk"}


def test_holds_every_module(wheel):
    sources = {str(path.relative_to(ROOT)) for path in (ROOT / "azext_acrcmk").rglob("*.py")}
    assert sources == {name for name in wheel.namelist() if name.endswith(".py")}


def test_tells_the_cli_what_it_asks_for(wheel):
    assert json.loads(wheel.read("azext_acrcmk/azext_metadata.json")) == {
        "azext.isPreview": True,
        "azext.minCliCoreVersion": "2.80.0",
    }


def test_summary_suits_the_index(metadata):
    summary = metadata["Summary"]
    assert len(summary) <= 140
    assert not re.search("azure cli|extension", summary, re.IGNORECASE)


def test_description_is_how_readme_begins_and_history(metadata):
    assert metadata["Description-Content-Type"] == "text/markdown"
    description = metadata.get_payload()
    assert description.startswith("# acrcmk")
    assert "](#" not in description
    assert "Release History" in description
    # The CLI parses all of it whenever it starts.
    assert len(description.splitlines()) < 50


def test_history_begins_with_this_version(metadata):
    versions = re.findall(r"^(\S+)\n\++$", (ROOT / "HISTORY.rst").read_text(encoding="utf-8"), re.MULTILINE)
    assert versions[0] == metadata["Version"]


def test_what_is_installed_is_this_wheel(wheel, extension_directory):
    installed = extension_directory / "acrcmk"
    for name in wheel.namelist():
        if name.startswith("azext_acrcmk/"):
            assert (installed / name).read_bytes() == wheel.read(name), name
