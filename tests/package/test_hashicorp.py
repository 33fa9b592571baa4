"""Terraform's configurations are read by HashiCorp's own parser, which npm has as a package. Skips where npm is not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest

from azext_acrcmk.output.template.first import problems_of
from azext_acrcmk.output.template.formats import FORMATS
from tests.conftest import BUILD
from tests.unit.output.template.test_formats import GOALS, planned

PARSER = "@cdktf/hcl2json@0.21.0"
QUIETLY = ("--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=0")
SCRIPT = """
const { parse } = require(process.argv[1] + "/node_modules/@cdktf/hcl2json");
let given = "";
process.stdin.on("data", (part) => (given += part)).on("end", async () => {
  const found = [];
  for (const text of JSON.parse(given)) found.push(await parse("main.tf", text).catch((error) => String(error)));
  process.stdout.write(JSON.stringify(found));
});
"""
HOSTILE = {
    "${self}": "%{ if true }",
    'a"b': "back\\slash",
    "line": "one\ntwo\r\t",
    "$${x}": "%%{y}",
    "it's": "$(id) `id` # // /* <<EOT",
    "\u00e9\u4e2d": "\U0001f600",
    "end": "\\",
}
KINDS = {"azurerm": "azurerm_container_registry", "azapi": "azapi_resource"}


@pytest.fixture(scope="module")
def parsed():
    """Parses texts, all in one process."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if not (npm and node):
        pytest.skip("npm is not there.")
    folder = BUILD / "npm"
    if not (folder / "node_modules").is_dir():
        # In a folder of this process, which then takes its place: another process may do the same.
        own = BUILD / f"npm-{os.getpid()}"
        install = [npm, "install", "--prefix", str(own), "--cache", str(BUILD / "cache" / "npm"), *QUIETLY, PARSER]
        try:
            subprocess.run(install, capture_output=True, check=True, timeout=60)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            pytest.skip(f"npm can't install {PARSER}.")
        if not folder.exists():
            own.rename(folder)

    def parse(texts):
        done = subprocess.run(
            [node, "-e", SCRIPT, str(folder)], input=json.dumps(texts), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return parse


def test_every_goal_in_both_providers(parsed):
    cases = [(goal, name) for goal in GOALS for name in KINDS if not problems_of(GOALS[goal](), name)]
    found = parsed([FORMATS[name].write(GOALS[goal]()) for goal, name in cases])
    assert len(cases) > 20
    for case, each in zip(cases, found, strict=True):
        assert isinstance(each, dict), (case, each)
        assert "registry" in each["resource"][KINDS[case[1]]], case


@pytest.mark.parametrize("name", KINDS)
def test_hostile_tags_come_out_as_they_are(parsed, name):
    (found,) = parsed([FORMATS[name].write(planned(tags=HOSTILE))])
    assert isinstance(found, dict), found
    (registry,) = found["resource"][KINDS[name]]["registry"]
    # The parser leaves the escapes of what would be a template as they are.
    tags = {read(key): read(each) for key, each in registry["tags"].items()}
    assert tags == HOSTILE


def read(text):
    return text.replace("$${", "${").replace("%%{", "%{")


def test_an_error_would_be_found(parsed):
    (found,) = parsed(['resource "x" {'])
    assert "main.tf" in found
