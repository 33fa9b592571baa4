"""`make docs-output` writes what commands print: in order, shortened where the page says so, the same in each run."""

from __future__ import annotations

import os

import pytest

from scripts.docs_output import CommandFailed, StableIds, at_terminal, refreshed

PAGE = """# Page

<!-- sandbox
as Contributor
$ prepare
-->

```console
$ first \\
    --option
old output
$ second
```

Between.

```console fails head=1
$ third
```

```sh
$ not a block that is run
```
"""


class Shell:
    """Answers commands from a table, and notes what was done."""

    def __init__(self, **outputs: str):
        self.outputs, self.done = outputs, []

    def __call__(self, command: str) -> tuple[int, str]:
        self.done.append(command)
        return int(command == "third"), self.outputs.get(command.split(maxsplit=1)[0], "")

    def sign_in(self, role: str) -> None:
        self.done.append(f"as {role}")


def test_commands_run_in_order_and_their_output_is_written():
    shell = Shell(first="one\n", second="two  \nand more\n", third="three\nfour\n")
    page = refreshed(PAGE, shell, shell.sign_in)
    assert shell.done == ["as Contributor", "prepare", "first \\\n    --option", "second", "third"]
    assert "```console\n$ first \\\n    --option\none\n$ second\ntwo\nand more\n```\n\nBetween." in page
    assert "```console fails head=1\n$ third\nthree\n...\n```" in page
    assert page.endswith("```sh\n$ not a block that is run\n```\n")
    assert refreshed(page, shell, shell.sign_in) == page


def test_a_time_alone_changes_nothing():
    shell = Shell(first="registry  created  0.1\n")
    page = refreshed(PAGE, shell, shell.sign_in)
    shell.outputs["first"] = "registry  created  12.5\n"
    assert refreshed(page, shell, shell.sign_in) == page
    shell.outputs["first"] = "registry  updated  12.5\n"
    assert "registry  updated  12.5" in refreshed(page, shell, shell.sign_in)


@pytest.mark.parametrize(
    "page",
    ["```console\n$ third\n```\n", "```console fails\n$ first\n```\n", "<!-- sandbox\n$ third\n-->\n"],
    ids=["fails", "does not fail", "fails unseen"],
)
def test_a_command_that_ends_otherwise_than_the_page_says_is_told(page):
    shell = Shell()
    with pytest.raises(CommandFailed, match="exit code"):
        refreshed(page, shell, shell.sign_in)


def test_ids_are_the_same_in_each_run():
    texts = [
        "0b6cf3a1-5f0e-4f39-9c39-55a3a1a8f0a1 11111111-1111-4111-8111-111111111111 0123456789abcdef0123456789abcdef",
        "ff6cf3a1-5f0e-4f39-9c39-55a3a1a8f0ff 11111111-1111-4111-8111-111111111111 ff23456789abcdef0123456789abcdff",
    ]
    first, second = (StableIds("page")(text) for text in texts)
    assert first == second
    assert "11111111-1111-4111-8111-111111111111" in first
    assert "0b6cf3a1" not in first
    same = StableIds("page")
    assert same(texts[0]) == same(texts[0])
    assert StableIds("another")(texts[0]) != first


def test_answers_are_typed_at_a_terminal(tmp_path):
    asks = 'test -t 0 && test -t 1; printf "Name: "; read a; printf "%s\\nAge [7]: " "$a"; read b; echo "$a/$b"; exit 3'
    code, shown = at_terminal(["sh", "-c", asks], ["me", ""], dict(os.environ), tmp_path)
    assert (code, shown) == (3, "Name: me\nme\nAge [7]: \nme/\n")


def test_a_page_says_what_is_typed():
    given = []

    def run(command, *answers):
        given.append((command, *answers))
        return 0, "done\n"

    assert refreshed("```console answers=a||c\n$ ask\n```\n", run, run) == "```console answers=a||c\n$ ask\ndone\n```\n"
    assert given == [("ask", ["a", "", "c"])]
