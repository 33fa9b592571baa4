"""Texts of a user come out of every format as they went in: none ends a string, or is run."""

from __future__ import annotations

import json
import os
import re
import subprocess

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from azext_acrcmk.output.template.formats import FORMATS
from tests.unit.output.template.test_formats import planned

ODD = [
    "${x}",
    "%{if}",
    "'",
    '"',
    "\\",
    "[x]",
    "[[x]]",
    "$${x}",
    "\n",
    "$(id)",
    "`id`",
    "'''",
    "\\'",
    "\\${",
    "-n",
    "#",
    "//",
]
TEXTS = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), min_size=1, max_size=20)
TAGS = st.dictionaries(st.sampled_from(ODD) | TEXTS, st.sampled_from(ODD) | TEXTS, min_size=1, max_size=3)
few = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))


def written(name, tags):
    made = FORMATS[name].write(planned(tags=tags))
    return made[""] if name == "bicep" else made


@few
@given(TAGS)
def test_resource_manager(tags):
    default = json.loads(json.dumps(written("arm", tags)))["parameters"]["tags"]["defaultValue"]

    def read(text):
        assert not re.fullmatch(r"\[(?!\[).*\]", text, re.DOTALL), "an expression"
        return text[1:] if text.startswith("[[") else text

    assert {read(name): read(each) for name, each in default.items()} == tags


STRING = re.compile(r"'((?:[^'\\\n\r]|\\(?:[\\'nrt$]|u\{[0-9a-f]+\}))*)'")
ESCAPE = re.compile(r"\\(u\{([0-9a-f]+)\}|.)")
PLAIN = {"n": "\n", "r": "\r", "t": "\t"}


def of_bicep(literal):
    """The text of a string as Bicep's documentation has its escapes; nothing in it is interpolated."""
    inner = STRING.fullmatch(literal)[1]
    assert not re.search(r"(?<!\\)(?:\\\\)*\$\{", inner), literal
    return ESCAPE.sub(lambda found: chr(int(found[2], 16)) if found[2] else PLAIN.get(found[1], found[1]), inner)


@few
@given(TAGS)
def test_bicep(tags):
    block = re.search(r"^param tags object = \{\n(.*?)^\}$", written("bicep", tags), re.MULTILINE | re.DOTALL)[1]
    entry = re.compile(rf"  ({STRING.pattern}|[A-Za-z_][A-Za-z0-9_]*): ({STRING.pattern})")
    found = {}
    for line in block.split("\n")[:-1]:
        name, _, value, _ = entry.fullmatch(line).groups()
        found[of_bicep(name) if name.startswith("'") else name] = of_bicep(value)
    assert found == tags


HCL = re.compile(r'"((?:[^"\\\n\r]|\\(?:[\\"nrt]|u[0-9a-f]{4}))*)"')
NAME = r"[A-Za-z_][A-Za-z0-9_-]*"


def of_hcl(literal):
    """The text of a string without templates. HashiCorp's parser proves elsewhere that its escapes are those of HCL."""
    text = HCL.fullmatch(literal)[1]
    assert not re.search(r"\$\{|%\{", text.replace("$${", "").replace("%%{", "")), literal
    return json.loads(f'"{text}"', strict=False).replace("$${", "${").replace("%%{", "%{")


@pytest.mark.parametrize("provider", ["azurerm", "azapi"])
@few
@given(tags=TAGS)
def test_terraform(provider, tags):
    blocks = re.findall(r"^  tags += \{\n(.*?)^  \}$", written(provider, tags), re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 3
    entry = re.compile(rf"    ({HCL.pattern}|{NAME}) += ({HCL.pattern})")
    for block in blocks:
        found = {}
        for line in block.split("\n")[:-1]:
            name, _, value, _ = entry.fullmatch(line).groups()
            found[of_hcl(name) if name.startswith('"') else name] = of_hcl(value)
        assert found == tags


# Writes its arguments, each after a byte that is in none of them, and answers so that the script goes on.
AZ = r"""#!/bin/sh
printf '\001' >>"$LOG"
for each in "$@"; do printf '\002%s' "$each" >>"$LOG"; done
case "$*" in
  *provisioningState*) echo Succeeded ;;
  *encryption.status*) echo enabled ;;
  *"--method get"*"--output none"*) echo NotFound >&2; exit 1 ;;
  *) echo x ;;
esac
"""


@settings(few, max_examples=10)
@given(TAGS)
@example({name: name for name in ODD[:15]})
def test_a_script(tmp_path_factory, tags):
    """It is run by a shell, with an `az` that only notes its arguments."""
    tags = {name: each for name, each in tags.items() if not set(name + each) & {"\1", "\2"}} or {"a": "b"}
    folder = tmp_path_factory.mktemp("sh")
    (folder / "az").write_text(AZ)
    (folder / "az").chmod(0o755)
    (folder / "registry.sh").write_text(written("sh", tags), encoding="utf-8", newline="")
    environment = {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "LOG": str(folder / "log")}
    done = subprocess.run(
        ["sh", "registry.sh"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    calls = [call.split("\2")[1:] for call in (folder / "log").read_bytes().decode().split("\1")[1:]]
    seen = [json.loads(call[call.index("--body") + 1]).get("tags") for call in calls if "--body" in call]
    for call in calls:
        if "--tags" in call:
            after = call[call.index("--tags") + 1 :]
            seen.append(
                dict(each.split("=", 1) for each in after[: len(tags)]) if not any("=" in n for n in tags) else tags
            )
    assert len(seen) >= 3
    assert [each for each in seen if each is not None] == [tags] * len([each for each in seen if each is not None])
    assert sorted(os.listdir(folder)) == ["az", "log", "registry.sh"]
