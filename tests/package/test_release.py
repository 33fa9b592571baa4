"""What is released: the same bytes from the same sources, and a folder that the real `az` installs and updates from."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from azure.cli.core.extension import dynamic_install
from azure.cli.core.mock import DummyCli

from sandbox.client import Sandbox
from tests.harness.commands import COMMANDS
from tests.harness.publication import ROOT, build, change_version, checkout, published, release

AZ = Path(sys.executable).parent / "az"
NEXT = "1.0.0b99"
HOME = "https://example.com/acrcmk"
ADD = "extension add --upgrade --yes --name acrcmk"


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("release")


@pytest.fixture(scope="module")
def newer(place) -> tuple[Path, Path]:
    """A checkout of the next version, and its wheel."""
    source = checkout(place / "next")
    change_version(source, NEXT, HOME)
    return source, build(source, place / "next-wheel")


@pytest.fixture(scope="module")
def site(place, wheel_path):
    """A release of this version, published: its folder and its URL."""
    directory = place / "site"
    directory.mkdir()
    with published(directory) as url:
        wheel = Path(shutil.copy(wheel_path, directory))
        release(checkout(place / "this"), wheel, directory, url)
        yield directory, url


class Cli:
    """The real `az` in the sandbox, which looks for extensions in a release, and has none yet."""

    def __init__(self, sandbox: Sandbox, directory: Path):
        self.directory, self.extensions = directory, directory / "extensions"
        self.environment = {**sandbox.login(directory), "AZURE_EXTENSION_DIR": str(self.extensions)}

    def look_in(self, url: str) -> None:
        """As `az config set extension.index_url=...`"""
        config = Path(self.environment["AZURE_CONFIG_DIR"]) / "config"
        config.write_text(f"[extension]\nindex_url = {url}/index.json\n[auto-upgrade]\nenable = no\n", encoding="utf-8")

    def __call__(self, command: str, **given: str) -> subprocess.CompletedProcess[str]:
        environment = self.environment | given
        return subprocess.run(
            [AZ, *command.split()], env=environment, cwd=self.directory, capture_output=True, text=True, check=False
        )

    def versions(self) -> list[str]:
        """Those of the extension that are installed."""
        found = self.extensions.glob("acrcmk/acrcmk-*.dist-info")
        return [path.name.removeprefix("acrcmk-").removesuffix(".dist-info") for path in found]


@pytest.fixture
def az(tmp_path):
    with Sandbox(tmp_path / "sandbox") as sandbox:
        yield Cli(sandbox, tmp_path)
        # Nothing was asked of anybody else: not the public index, nor a registry of packages.
        assert [entry for entry in sandbox.log() if entry["status"] == 403] == []


@pytest.mark.parametrize(
    ("umask", "environment"),
    [
        (0o077, {"LC_ALL": "C", "TZ": "Asia/Kathmandu", "SOURCE_DATE_EPOCH": "1700000000", "PYTHONHASHSEED": "1"}),
        (0o002, {"LC_ALL": "C.UTF-8", "TZ": "UTC", "SOURCE_DATE_EPOCH": "0", "PYTHONHASHSEED": "2"}),
    ],
    ids=["private", "shared"],
)
def test_same_sources_make_the_same_bytes(umask, environment, wheel_path, tmp_path):
    source = checkout(tmp_path / "a path with spaces" / f"née {umask}")
    for path in source.rglob("*"):
        path.chmod(path.stat().st_mode & ~umask)
        os.utime(path, (umask, umask))
    # What others have left there is no part of it.
    for left in ("azext_acrcmk/__pycache__/run.cpython-310.pyc", "build/lib/azext_acrcmk/gone.py"):
        (source / left).parent.mkdir(parents=True)
        (source / left).write_text("left")
    assert sha256(build(source, tmp_path / "built", environment, umask)) == sha256(wheel_path)


def test_document_of_installation_names_this_version(wheel_path):
    text = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    assert set(re.findall(r"acrcmk-[\w.]+-py3-none-any\.whl\b", text)) == {wheel_path.name}


def test_checksum_is_as_sha256sum_reads_it(site):
    (line,) = [path.read_text() for path in site[0].glob("*.sha256")]
    digest, name = line.rstrip("\n").split("  ")
    assert digest == sha256(site[0] / name)


def test_index_says_what_the_wheel_is(site, wheel_path):
    index = json.loads((site[0] / "index.json").read_text())
    assert index["formatVersion"] == "1"
    (entry,) = index["extensions"]["acrcmk"]
    assert entry["sha256Digest"] == sha256(wheel_path)
    assert entry["downloadUrl"] == f"{site[1]}/{wheel_path.name}"
    metadata = entry["metadata"]
    assert metadata["name"] == "acrcmk"
    assert wheel_path.name == f"acrcmk-{metadata['version']}-py3-none-any.whl"
    assert (metadata["azext.minCliCoreVersion"], metadata["azext.isPreview"]) == ("2.80.0", True)
    assert metadata["run_requires"] == []


def test_command_tree_has_every_command(site):
    def commands(tree, *words):
        for word, below in tree.items():
            if isinstance(below, str):
                yield " ".join([*words, word]), below
            else:
                yield from commands(below, *words, word)

    tree = json.loads((site[0] / "extensionCommandTree.json").read_text())
    assert dict(commands(tree)) == dict.fromkeys(COMMANDS, "acrcmk")


def test_bill_of_materials_has_every_file_and_no_dependency(site, wheel_path):
    (path,) = site[0].glob("*.cdx.json")
    bill = json.loads(path.read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    (itself,) = bill["metadata"]["component"]["hashes"]
    assert itself["content"] == sha256(wheel_path)
    with zipfile.ZipFile(wheel_path) as wheel:
        files = {name: hashlib.sha256(wheel.read(name)).hexdigest() for name in wheel.namelist()}
    parts = bill["components"]
    assert {each["name"]: each["hashes"][0]["content"] for each in parts if each["type"] == "file"} == files
    assert [each["name"] for each in parts if each["type"] != "file"] == ["azure-cli"]


def test_next_version_joins_the_index(newer, site, wheel_path, tmp_path):
    output = Path(shutil.copytree(site[0], tmp_path / "site"))
    source, wheel = newer
    for _ in range(2):  # again, it takes its own place
        release(source, wheel, output, f"{site[1]}/")
    entries = json.loads((output / "index.json").read_text())["extensions"]["acrcmk"]
    assert [entry["filename"] for entry in entries] == [wheel_path.name, wheel.name]
    assert entries[1]["metadata"]["extensions"]["python.details"]["project_urls"] == {"Home": HOME}
    assert entries[1]["downloadUrl"] == f"{site[1]}/{wheel.name}"


def test_is_added_by_name_and_updated(az, newer, site, wheel_path, tmp_path):
    site_of_two = Path(shutil.copytree(site[0], tmp_path / "site"))
    az.look_in(site[1])
    added = az(ADD)
    assert (added.returncode, az.versions()) == (0, [wheel_path.name.split("-")[1]]), added

    with published(site_of_two) as url:
        release(*newer, site_of_two, url)
        az.look_in(url)
        updated = az(ADD)
    assert (updated.returncode, az.versions()) == (0, [NEXT]), updated


def test_another_wheel_than_the_index_says_is_refused(az, newer, site, wheel_path, tmp_path):
    forged = Path(shutil.copytree(site[0], tmp_path / "site"))
    with published(forged) as url:
        wheel = Path(shutil.copy(newer[1], forged))
        release(*newer, forged, url)
        with zipfile.ZipFile(wheel, "a") as archive:
            archive.writestr("azext_acrcmk/more.py", "")
        az.look_in(url)
        added = az(ADD)
        assert (added.returncode, az.versions()) == (1, []), added
        assert "The checksum of the extension does not match the expected value." in added.stderr

        # Nor does it take the place of one that is there.
        assert az(f"extension add --yes --source {wheel_path}").returncode == 0
        there = az.versions()
        updated = az(ADD)
    assert (updated.returncode, az.versions()) == (1, there), updated
    assert "checksum" in updated.stderr


@pytest.mark.parametrize(
    ("typed", "prefix", "found"),
    [
        ("acr cmk show", False, "acrcmk"),
        ("acr cmk", True, ["acrcmk"]),  # with --help
        ("acr show", False, None),
    ],
)
def test_cli_finds_the_extension_for_what_was_typed(site, tmp_path, monkeypatch, typed, prefix, found):
    """By the CLI's own function: the whole of it, which then adds the extension by name, takes ten seconds."""
    monkeypatch.setenv("AZURE_CONFIG_DIR", str(tmp_path))
    cli = DummyCli()
    shutil.copy(site[0] / "extensionCommandTree.json", tmp_path)
    assert dynamic_install._search_in_extension_commands(cli, typed, allow_prefix_match=prefix) == found
