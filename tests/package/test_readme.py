"""README: its table of findings is that of the catalogue, its commands can be typed, and it leaves no option out."""

from __future__ import annotations

import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.commands import CLI, COMMANDS, options_of

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```\w*\n(.*?)^```$|((?:^    .*\n)+)", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^ *(?:\$ )?(az acr cmk .*)$", re.MULTILINE)
# Options that the CLI gives to every command.
GLOBAL = {
    *("--subscription", "--output", "-o", "--query", "--only-show-errors", "--verbose", "--debug", "--help", "-h"),
    *("--cmd", "--acquire-policy-token", "--change-reference"),
}


def typed() -> Iterator[str]:
    """The commands in blocks of code, without what the shell makes of them."""
    for block in BLOCK.finditer(README):
        text = (block[1] or block[2]).replace("\\\n", " ")
        for command in COMMAND.findall(text):
            yield re.sub(r"\$\(.*?\)", "someid", " ".join(command.split()))


TYPED = sorted(set(typed()))


def findings_script():
    spec = importlib.util.spec_from_file_location("findings", ROOT / "scripts" / "findings.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_table_of_findings_is_that_of_the_catalogue():
    assert findings_script().with_table(README) == README, "make readme"


def test_the_commands_of_blocks_are_found():
    assert len(TYPED) > 40
    assert "az acr cmk show --name myregistry" in TYPED


@pytest.mark.parametrize("command", TYPED)
def test_every_command_can_be_typed(command):
    words = shlex.split(command)[1:]
    # The subscription is for ids that are; whether the id is one is not the parser's to judge.
    parsed = CLI.invocation.parser.parse_args(words)
    assert parsed.command == " ".join(words[:3])
    if "--ids" not in words:
        parsed.cmd = COMMANDS[parsed.command]
        CLI.invocation._validation(parsed)


def test_commands_in_sentences_have_only_options_that_there_are():
    for command in re.findall(r"`az (acr cmk [^`]*)`", README):
        words = command.split()
        named = {word for word in words if word.startswith("--")} - GLOBAL
        assert named <= set(options_of(" ".join(words[:3]))), command


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_no_option_is_left_out(name):
    told = {word for command in TYPED if command.startswith(f"az {name} ") for word in shlex.split(command)}
    if name == "acr cmk template":
        told |= set(options_of("acr cmk enable"))
    # Those that all our commands have are told of once.
    told |= {"--name", "--resource-group", "--ids"} | GLOBAL
    arguments = COMMANDS[name].arguments.values()
    long = [{str(option) for option in each.options_list or ()} for each in arguments]
    assert [options for options in long if options and not options & told] == []


def test_every_link_within_leads_somewhere():
    titles = re.findall(r"^#+ (.*)$", README, re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
    assert set(re.findall(r"\]\(#([^)]*)\)", README)) <= anchors
