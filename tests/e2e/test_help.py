"""Help of every command, group and argument: there, by the rules of Azure CLI, and with examples that can be typed."""

from __future__ import annotations

import re
import shlex

import pytest
from azure.cli.core.file_util import get_all_help
from knack.help_files import helps

from azext_acrcmk.rules import CATALOGUE
from tests.harness.commands import CLI, COMMANDS, options_of
from tests.harness.seed import REGISTRY

LONGEST_OPTION = 22
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
PLACEHOLDER = re.compile(r"<[a-zA-Z]")


HELP = {each.command: each for each in get_all_help(CLI, skip=False) if each.command.startswith("acr cmk")}
EXAMPLES = [(name, example) for name in sorted(COMMANDS) for example in HELP[name].examples]
each_command = pytest.mark.parametrize("name", sorted(COMMANDS))


def test_every_command_and_group_has_help():
    assert {name for name in helps if name.startswith("acr cmk")} == {"acr cmk", *COMMANDS}
    for name in helps:
        if name.startswith("acr cmk"):
            assert HELP[name].short_summary.endswith(".")


@each_command
def test_every_command_has_an_example(name):
    assert HELP[name].examples


@each_command
def test_every_argument_has_help(name):
    texts = {argument: known.type.settings.get("help") for argument, known in COMMANDS[name].arguments.items()}
    assert [argument for argument, text in texts.items() if not text and argument not in ("cmd", "no_wait")] == []
    assert [argument for argument, text in texts.items() if PLACEHOLDER.search(text or "")] == []


@each_command
def test_every_argument_has_a_short_enough_option(name):
    for argument in COMMANDS[name].arguments.values():
        options = [option for option in argument.options_list if isinstance(option, str)]
        long = [option.removeprefix("--") for option in options if option.startswith("--")]
        assert min((len(option) for option in long), default=0) <= LONGEST_OPTION
        assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", option) for option in long)
        assert all(len(option) == 2 for option in options if not option.startswith("--"))


@each_command
def test_no_two_arguments_have_the_same_option(name):
    options = options_of(name)
    assert sorted(options) == sorted(set(options))


@each_command
def test_texts_name_only_options_that_the_command_has(name):
    texts = [known.type.settings.get("help") or "" for known in COMMANDS[name].arguments.values()]
    texts += [HELP[name].short_summary, HELP[name].long_summary]
    # Of the commands that are quoted, only our own are known here.
    named = OPTION.findall(re.sub("`az [^`]*`", "", " ".join(texts)))
    assert set(named) <= set(options_of(name))


def test_commands_that_texts_and_findings_advise_can_be_typed():
    texts = [*helps.values(), *(f"{check.cause} {check.cure}" for check in CATALOGUE)]
    advised = [command for text in texts for command in re.findall("`az (acr cmk [^`]*)`", text)]
    assert "acr cmk rotate --no-new-version" in advised
    for command in advised:
        name = " ".join(command.split()[:3])
        assert set(OPTION.findall(command)) <= set(options_of(name)), command


@pytest.mark.parametrize("name", sorted(HELP))
def test_help_has_no_placeholders_in_angle_brackets(name):
    assert not PLACEHOLDER.search(helps[name])


@pytest.mark.parametrize(("command", "example"), EXAMPLES, ids=[example.short_summary for _, example in EXAMPLES])
def test_every_example_can_be_typed(command, example):
    # What the shell would put in.
    words = shlex.split(re.sub(r"\$\(.*?\)", f"{REGISTRY} {REGISTRY}", example.command))
    assert words[0] == "az"
    assert " ".join(words[1:]).startswith(command)
    assert example.short_summary.endswith(".")
    parsed = CLI.invocation.parser.parse_args(words[1:])
    assert parsed.command == command
    # The shape of what is typed is right, too. An id names the group, the name and the subscription.
    if not parsed.__dict__.get("ids"):
        parsed.cmd = COMMANDS[command]
        CLI.invocation._validation(parsed)


def test_an_example_that_is_wrong_would_be_found(caplog):
    with pytest.raises(SystemExit):
        CLI.invocation.parser.parse_args(["acr", "cmk", "show", "--name", "myregistry", "--nonsense"])
    assert "--nonsense" in caplog.text


def test_commands_that_change_something_can_show_what_they_would_do():
    for name, command in COMMANDS.items():
        # `wizard` always shows it first.
        looking = name.rsplit(" ", 1)[-1] in ("show", "check", "list", "wait", "template", "wizard")
        assert ("what_if" in command.arguments) is not looking, name


def test_a_command_that_need_not_wait_has_one_that_does():
    assert any("no_wait" in command.arguments for command in COMMANDS.values())
    assert "acr cmk wait" in COMMANDS


def test_the_group_shows_its_commands_as_a_preview(az):
    shown = az("acr cmk --help").ok().out
    assert "Manage encryption of container registries with customer-managed keys" in shown
    for name in COMMANDS:
        assert re.search(rf"^    {name.rsplit(' ', 1)[-1]} +\S*.*: \w", shown, re.MULTILINE), shown


@each_command
def test_az_shows_the_help_of_each_command(az, name):
    shown = az(f"{name} --help").ok()
    assert HELP[name].short_summary.split(",")[0] in " ".join(shown.out.split())
    assert "Examples" in shown.out
    assert shown.out.count(f"az {name} ") >= len(HELP[name].examples)
