"""Runs the commands of the documentation in the sandbox and writes what they print into it: `make docs-output`.

A block of code of language `console` has commands, each after "$ ", and below each what it printed. All of a page run
in order, by sh, in a sandbox of the page's own that is empty at first. After the language, `fails` says that its last
command ends with another exit code than 0, and `head=N` keeps the first N lines of each output. With `answers=A|B||C`
each command has a terminal, at which these lines are typed where it asks: an empty one is Enter. What a reader need not
see stands in a comment: commands, and who signs in:

<!-- sandbox
as Contributor
$ az group create --name mygroup --location westeurope
-->

Ids that differ from run to run are replaced by others that don't, and times are kept where nothing else has changed:
a second run changes nothing.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sandbox.client import OWNER, Sandbox
from sandbox.world import SUBSCRIPTION
from scripts.docs import ROOT, pages
from scripts.terminal_svg import terminal_svg

BLOCK = re.compile(r"^```console ?(.*?)\n(.*?)^```$|^<!-- sandbox\n(.*?)^-->$", re.MULTILINE | re.DOTALL)
PICTURE = ROOT / "docs" / "demo.svg"
PICTURED = (
    "az acr cmk enable --name myregistry --resource-group mygroup --location westeurope --output table",
    "az acr cmk show --name myregistry --output table",
)
SECONDS = 120
_TIME = re.compile(r"\b\d+\.\d$", re.MULTILINE)
_ID = re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b|\b[0-9a-f]{32}\b")
# Subscriptions and tenant of the sandbox, and the like: the same in each run.
_FIXED = re.compile(r"(\d)\1{7}-")

# Runs a command, at a terminal with answers if there are some, and returns its exit code and what it printed.
Run = Callable[..., tuple[int, str]]


class CommandFailed(Exception):
    """A command of the documentation ended with another exit code than the page says."""


class StableIds:
    """Replaces ids by others that are the same in each run, in the order in which they are first seen."""

    def __init__(self, name: str):
        self._name, self._known = name, {}

    def __call__(self, text: str) -> str:
        return _ID.sub(lambda found: found[0] if _FIXED.match(found[0]) else self._stable(found[0]), text)

    def _stable(self, id_: str) -> str:
        if id_ not in self._known:
            made = uuid.uuid5(uuid.NAMESPACE_URL, f"{self._name}/{len(self._known)}")
            self._known[id_] = str(made) if "-" in id_ else made.hex
        return self._known[id_]


def refreshed(text: str, run: Run, sign_in: Callable[[str], None]) -> str:
    """A page with the output of its commands as `run` gives it. Raises CommandFailed."""

    def block(found: re.Match) -> str:
        if found[3] is not None:
            _prepare(found[3], run, sign_in)
            return found[0]
        attributes = found[1].split()
        output = "".join(_shown(command, attributes, run) for command in _commands(found[2], attributes))
        opening = f"```console {found[1]}".rstrip()
        new = f"{opening}\n{output}```"
        return found[0] if _TIME.sub("", new) == _TIME.sub("", found[0]) else new

    return BLOCK.sub(block, text)


def commands_of(block: str) -> list[str]:
    """The commands of a block, each with the lines on which it continues."""
    return re.findall(r"^\$ ((?:.*\\\n)*.*)$", block, re.MULTILINE)


def _commands(block: str, attributes: list[str]) -> list[tuple[str, bool]]:
    """With each command, whether it fails."""
    found = commands_of(block)
    return [(command, "fails" in attributes and number == len(found)) for number, command in enumerate(found, 1)]


def _shown(command: tuple[str, bool], attributes: list[str], run: Run) -> str:
    typed, fails = command
    settings = dict(each.split("=", 1) for each in attributes if "=" in each)
    answers = [settings["answers"].split("|")] if "answers" in settings else []
    lines = _run(typed, fails, run, *answers).rstrip().splitlines()
    head = int(settings.get("head", len(lines)))
    kept = [line.rstrip() for line in lines[:head]] + (["..."] if len(lines) > head else [])
    return "".join(f"{line}\n" for line in [f"$ {typed}", *kept])


def _run(command: str, fails: bool, run: Run, *answers: list[str]) -> str:
    code, output = run(command, *answers)
    if bool(code) != fails:
        raise CommandFailed(f"exit code {code}: {command}\n{output}")
    return output


def _prepare(lines: str, run: Run, sign_in: Callable[[str], None]) -> None:
    for line in lines.splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "as":
            sign_in(rest)
        elif kind == "$":
            _run(rest, False, run)
        else:
            raise CommandFailed(f"'{line}' is neither a command nor who signs in.")


class Shell:
    """Commands in a sandbox of their own, by whoever is signed in."""

    def __init__(self, sandbox: Sandbox, directory: Path, name: str):
        self._sandbox, self._directory, self._stable = sandbox, directory, StableIds(name)
        self._code = 0
        self.sign_in("owner")

    def sign_in(self, role: str) -> None:
        """As the owner of everything, or as somebody who has one role on the subscription."""
        who = OWNER if role == "owner" else self._sandbox.principal((role, f"/subscriptions/{SUBSCRIPTION}"))
        home = self._directory / who.object_id
        self._environment = {**self._sandbox.login(home, who), "HOME": str(home), "XDG_CACHE_HOME": str(home)}

    def __call__(self, command: str, answers: list[str] | None = None) -> tuple[int, str]:
        # `echo $?` sees how the command before it ended.
        words = ["sh", "-c", f"(exit {self._code})\n{command}"]
        if answers is not None:
            # A terminal that can't replace a line: nothing on it passes.
            self._code, shown = at_terminal(words, answers, {**self._environment, "TERM": "dumb"}, self._directory)
            return self._code, self._stable(shown)
        done = subprocess.run(
            words,
            env=self._environment,
            # Not in the checkout: there az would load the extension's sources in place of the installed wheel.
            cwd=self._directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        self._code = done.returncode
        return done.returncode, self._stable(done.stdout)


def at_terminal(words: list[str], answers: list[str], environment: dict[str, str], directory: Path) -> tuple[int, str]:
    """Runs a command at a terminal of 120 columns, and types the answers, one where it asks: after a colon and a space.

    Returns its exit code and all that was shown, with what was typed.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 120, 0, 0))
    with subprocess.Popen(
        words, env=environment, cwd=directory, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    ) as process:
        os.close(theirs)
        shown, left = b"", list(answers)
        while part := _read(ours):
            shown += part
            if left and shown.endswith(b": "):
                os.write(ours, f"{left.pop(0)}\n".encode())
        os.close(ours)
        return process.wait(SECONDS), shown.decode().replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # nobody has the other end open
        return b""


def refresh_page(page: Path) -> bool:
    """Writes a page whose output has changed, and returns whether it has."""
    text = page.read_text(encoding="utf-8")
    if not BLOCK.search(text):
        return False
    with Sandbox() as sandbox, tempfile.TemporaryDirectory() as directory:
        shell = Shell(sandbox, Path(directory), page.name)
        new = refreshed(text, shell, shell.sign_in)
    page.write_text(new, encoding="utf-8")
    return new != text


def refresh_picture(picture: Path) -> bool:
    """Writes the picture of a run in a terminal, and returns whether it has changed."""
    with Sandbox() as sandbox, tempfile.TemporaryDirectory() as directory:
        shell = Shell(sandbox, Path(directory), picture.name)
        block = "".join(_shown((command, False), [], shell) + "\n" for command in PICTURED)
    old = picture.read_text(encoding="utf-8") if picture.exists() else ""
    new = terminal_svg(block.rstrip(), "A registry is encrypted with a customer-managed key by one command")
    if _TIME_IN_PICTURE.sub("", new) == _TIME_IN_PICTURE.sub("", old):
        return False
    picture.write_text(new, encoding="utf-8")
    return True


_TIME_IN_PICTURE = re.compile(r"\b\d+\.\d</text>")


def main() -> int:
    """All pages and the picture, or the pages that are named."""
    named = [Path(each).resolve() for each in sys.argv[1:]]
    with ThreadPoolExecutor(max_workers=2) as pool:
        work = {page: pool.submit(refresh_page, page) for page in named or pages()}
        if not named:
            work[PICTURE] = pool.submit(refresh_picture, PICTURE)
    for page, future in work.items():
        if error := future.exception():
            print(f"{page.name}: {error}", file=sys.stderr)
        elif future.result():
            print(f"{page.name}: written")
    return int(any(future.exception() for future in work.values()))


if __name__ == "__main__":
    sys.exit(main())
