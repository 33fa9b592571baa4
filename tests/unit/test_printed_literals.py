"""Every command in a text of the extension, wherever that is printed, is quoted for a shell: in errors, advice, fixes,
warnings, help. Texts are read from the source, so that none is forgotten; `test_pasted_commands` has the finished ones.
"""

from __future__ import annotations

import ast
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import azext_acrcmk
from azext_acrcmk._format import _COMMAND as AFTER_A_COLON

PACKAGE = Path(azext_acrcmk.__file__).parent
SHELLS = [shell for shell in ("bash", "zsh", "dash") if shutil.which(shell)]
# After a colon as in tables, or between backticks or parentheses, or a whole text. The script is read by shellcheck.
COMMAND = re.compile(rf"{AFTER_A_COLON.pattern}|`(az [^`]*)`|\((az [a-z][^)]*)\)|^(az [a-z].*)", re.DOTALL)
NO_TEXTS = [PACKAGE / "output" / "template" / "shell.py", PACKAGE / "_format.py"]

# What is inserted into commands without being quoted: it has no character that means something to a shell.
GUIDS = {
    "subscription", "principal_id", "value", "change.role_id", "group.id.subscription",
    "registry.subscription", "vault.subscription", "vault.id.subscription", "change.identity.subscription",
}  # fmt: skip
NAMES_BY_RULE = {  # of registries, vaults, keys and identities: letters, digits, hyphens and underscores
    "name", "new", "registry", "registry.name", "source.name", "target.name", "source.registry.name", "vault.name",
    "vault.id.name", "key.name", "change.key.name", "change.key.store", "change.identity.name", "goal.identity.name",
    "change.registry.name", "store", "host", "image", "new.name",
}  # fmt: skip
OURS = {  # texts of this source, or made of such
    "verb", "named", "options", "command", "scope", "role", "wire", "ENCRYPTION_USER_NAME", "HSM_ENCRYPTION_USER_NAME",
    "permission or 'create'", "namespace", "required", "where", "principal", "group", "file", "folder",
    "vault.location",
}  # fmt: skip
SAFE = GUIDS | NAMES_BY_RULE | OURS
QUOTED = re.compile(r"quote\(.*\)|f' --resource-group \{quote\(group\)\}' if group else ''")


def texts() -> Iterator[tuple[str, str, list[str]]]:
    """Where each text is, the text with a word in place of what is inserted, and what is inserted."""
    for file in sorted(PACKAGE.rglob("*.py")):
        if file in NO_TEXTS:
            continue
        nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
        within = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
        documentation = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
        for node in nodes:
            if id(node) in within | documentation:
                continue
            place = f"{file.relative_to(PACKAGE)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield place, node.value, []
            elif isinstance(node, ast.JoinedStr):
                inserted = [ast.unparse(each.value) for each in node.values if isinstance(each, ast.FormattedValue)]
                numbers = iter(range(len(inserted)))
                parts = [
                    each.value if isinstance(each, ast.Constant) else f"word{next(numbers)}w" for each in node.values
                ]
                yield place, "".join(parts), inserted


@cache
def commands() -> list[tuple[str, str, list[str]]]:
    found = []
    for place, text, inserted in texts():
        for match in COMMAND.finditer(text):
            command = next(filter(None, (*match.groups(), match[0])))
            within = [inserted[int(number)] for number in re.findall(r"word(\d+)w", command)]
            found.append((place, command.rstrip(".; "), within))
    return found


def test_there_are_those_of_every_kind_of_text():
    files = {place.split(":")[0] for place, _, _ in commands()}
    for part in ("cloud/errors.py", "rules/fixes.py", "plan/conflicts.py", "operations/session.py", "apply/keys.py"):
        assert part in files or part == "apply/keys.py"
    assert len(commands()) > 100


def test_what_is_inserted_is_quoted_or_can_not_need_it():
    unquoted = {
        f"{place}: {{{each}}} in {command}"
        for place, command, inserted in commands()
        for each in inserted
        if each not in SAFE and not QUOTED.fullmatch(each)
    }
    assert unquoted == set()


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_takes_each_as_it_is_meant(shell):
    lines = sorted({" ".join(command.split()) for _, command, _ in commands() if "$(" not in command})
    script = 'az() { printf "%s\\n" "$@"; echo --end--; }\n' + "\n".join(lines)
    done = subprocess.run([shell, "-c", script], capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
    taken = [block.strip("\n").split("\n") for block in done.stdout.split("--end--\n") if block]
    assert taken == [shlex.split(line)[1:] for line in lines]
