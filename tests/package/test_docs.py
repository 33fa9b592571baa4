"""The documentation: commands can be typed, no option is missing, links lead somewhere, generated parts are current."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from argparse import SUPPRESS
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest
from azure.cli.core import MainCommandsLoader
from azure.cli.core.file_util import create_invoker_and_load_cmds_and_args
from azure.cli.core.mock import DummyCli

from scripts.docs import ROOT, pages, with_parts
from scripts.docs_output import PICTURE, PICTURED
from tests.conftest import BUILD
from tests.harness.commands import CLI, COMMANDS, options_of

PAGES = {str(page.relative_to(ROOT)): page.read_text(encoding="utf-8") for page in pages()}
BLOCK = re.compile(r"^(?:```\w*[^\n]*\n(.*?)^```$|<!-- sandbox\n(.*?)^-->$)|((?:^    .*\n)+)", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^ *(?:\$ )?(az .*)$", re.MULTILINE)
INNER = re.compile(r"\$\((az [^()]*)\)")
LINK = re.compile(r"(?<!!)\[[^]]*\]\(([^)\s]+)\)")
IMAGE = re.compile(r"!\[[^]]*\]\(([^)\s]+)\)")
OURS = "az acr cmk "
# The modules of the CLI that have the commands of others, where they are not named as the commands are.
MODULES = {
    "network private-dns": "privatedns",
    "account": "profile",
    "login": "profile",
    "deployment": "resource",
    "group": "resource",
    "ts": "resource",
}
# Those that end in another way than as commands do.
BUILT_IN = ("az config ", "az version")


def typed() -> Iterator[str]:
    """The commands in blocks of code, without what the shell makes of them."""
    for text in PAGES.values():
        for block in BLOCK.finditer(text):
            lines = (block[1] or block[2] or block[3]).replace("\\\n", " ")
            for command in COMMAND.findall(lines):
                yield from INNER.findall(command)
                yield re.sub(r" > \S+$", "", INNER.sub("someid", " ".join(command.split())))


TYPED = sorted(set(typed()))
OF_OTHERS = [command for command in TYPED if not command.startswith((OURS, *BUILT_IN))]


class CoreCommands(MainCommandsLoader):
    """The CLI's own loader, with the commands that the documentation uses: all would take half a minute."""

    def load_command_table(self, args):
        used = set()
        for words in {tuple(re.sub(r" -.*", "", command).split()[1:]) for command in OF_OTHERS}:
            module = MODULES.get(" ".join(words[:2]), MODULES.get(words[0], words[0]))
            self._process_results_with_timing(self._load_modules(list(words), [module]))
            used.add(" ".join(words))
        self.command_table = {name: self.command_table[name] for name in used}
        for loader in self.loaders:
            loader.skip_applicability = True
        return self.command_table


@pytest.fixture(scope="module")
def core():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AZURE_CONFIG_DIR", str(BUILD / "azure"))
        cli = DummyCli(commands_loader_cls=CoreCommands)
        create_invoker_and_load_cmds_and_args(cli)
    return cli


def test_the_commands_of_blocks_are_found():
    assert len(TYPED) > 60
    assert "az acr cmk show --name myregistry --output table" in TYPED
    assert "az role definition create --role-definition enabler.json" in OF_OTHERS


@pytest.mark.parametrize("command", [command for command in TYPED if command.startswith(OURS)])
def test_every_command_of_ours_can_be_typed(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "registries.txt").write_text("/some/id\n", encoding="utf-8")
    words = shlex.split(command)[1:]
    if "sometimes" in words or "my-registry" in words:
        return  # shown for how they fail
    parsed = CLI.invocation.parser.parse_args(words)
    assert parsed.command == " ".join(words[:3])
    # Whether an id is one is not the parser's to judge.
    if "--ids" not in words:
        parsed.cmd = COMMANDS[parsed.command]
        CLI.invocation._validation(parsed)


@pytest.mark.parametrize("command", OF_OTHERS)
def test_every_other_command_can_be_typed(core, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = shlex.split(command)[1:]
    assert f"{command} ".startswith(f"az {core.invocation.parser.parse_args(words).command} ")


@pytest.mark.parametrize("shell", [shell for shell in ("bash", "zsh") if shutil.which(shell)])
def test_a_shell_takes_each_as_it_is_meant(shell, tmp_path):
    script = 'az() { printf "%s\\n" "$@"; echo --end--; }\n' + "\n".join(TYPED)
    done = subprocess.run([shell, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
    taken = [block.strip("\n").split("\n") for block in done.stdout.split("--end--\n") if block]
    assert taken == [shlex.split(command)[1:] for command in TYPED]


def test_commands_in_sentences_have_only_options_that_there_are():
    given = {"--subscription", "--output", "--query", "--only-show-errors", "--verbose", "--debug", "--help"}
    for text in PAGES.values():
        for command in re.findall(r"`az (acr cmk [a-z]+[^`]*)`", text):
            words = command.split()
            named = {word for word in words if word.startswith("--")} - given
            assert named <= set(options_of(" ".join(words[:3]))), command


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_no_option_is_left_out(name):
    command = name.split()[-1]
    _, _, section = PAGES["docs/commands.md"].partition(f"<!-- generated: options {command} -->")
    told = set(re.findall(r"`(--?[a-z-]+)`", section.partition("<!-- end -->")[0]))
    arguments = COMMANDS[name].arguments.values()
    own = [each for each in arguments if each.type.settings.get("arg_group") != "Global Policy"]
    own = [each for each in own if each.type.settings.get("help") != SUPPRESS]
    assert {str(option) for each in own for option in each.options_list or ()} <= told


def anchors(text: str) -> set[str]:
    """Those of a page's titles, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_within_leads_somewhere(page):
    for link in [*LINK.findall(PAGES[page]), *IMAGE.findall(PAGES[page])]:
        if link.startswith(("https://", "http://")):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), link


def test_every_page_is_found_from_readme():
    reached, left = set(), ["README.md"]
    while left:
        page = left.pop()
        if page in reached or page not in PAGES:
            continue
        reached.add(page)
        links = [link.partition("#")[0] for link in LINK.findall(PAGES[page])]
        inner = [((ROOT / page).parent / link).resolve() for link in links if link and "://" not in link]
        left += [str(path.relative_to(ROOT.resolve())) for path in inner]
    assert reached == set(PAGES)


def test_readme_is_short():
    assert len(PAGES["README.md"].splitlines()) <= 150


@pytest.mark.parametrize("page", PAGES)
def test_generated_parts_are_current(page):
    assert with_parts(PAGES[page]) == PAGES[page], "make docs"


def test_every_file_that_architecture_names_is_there():
    text = PAGES["docs/architecture.md"]
    named = re.findall(r"`((?:[\w]+/)*(?!NAME)[\w]+\.(?:py|toml|md)|(?:[\w]+/)+)`", text)
    assert len(named) > 40
    for name in named:
        assert (ROOT / name).exists() or (ROOT / "azext_acrcmk" / name).exists(), name


def test_the_picture_needs_nothing_from_elsewhere():
    text = PICTURE.read_text(encoding="utf-8")
    tree = ElementTree.fromstring(text)
    shown = [element.text for element in tree.iter("{http://www.w3.org/2000/svg}text")]
    assert [line for line in shown if line.startswith("$ ")] == [f"$ {command}" for command in PICTURED]
    names = {element.tag.rpartition("}")[2] for element in tree.iter()}
    assert names == {"svg", "title", "rect", "circle", "g", "text"}
    assert not re.search(r"href|url\(|@import|<script|font-face", text)
