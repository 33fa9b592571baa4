"""Runs the main commands on the oldest and the newest Azure CLI, with each Python that is there: `make matrix`.

Each pair gets a virtual environment in .build/matrix (half a gigabyte, a minute or two), which is kept. What can't be
had is told as skipped; the exit code is 1 where a command did not do what it should.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from sandbox.client import Sandbox
from scripts.matrix_commands import run_commands

ROOT = Path(__file__).parents[1]
PYTHONS = ("3.10", "3.11", "3.12", "3.13")


class Skipped(Exception):
    """A pair that this computer can't try, and why."""


def oldest_cli() -> str:
    metadata = json.loads((ROOT / "azext_acrcmk" / "azext_metadata.json").read_text(encoding="utf-8"))
    return metadata["azext.minCliCoreVersion"]


def newest_cli() -> str:
    """The one that all tests run on."""
    (pinned,) = re.findall(r"^azure-cli==(.*)$", (ROOT / "requirements-dev.txt").read_text(), re.MULTILINE)
    return pinned


def interpreter(version: str) -> str:
    """The path of a Python: on PATH, or among those of pyenv, of which PATH may have only placeholders."""
    name = f"python{version}"
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for found in (shutil.which(name), *sorted(pyenv.glob(f"{version}.*/bin/{name}"), reverse=True)):
        if found and _asks(str(found), "import sys; print('%d.%d' % sys.version_info[:2])") == version:
            return str(found)
    raise Skipped(f"There is no {name} here.")


def _asks(python: str, script: str) -> str:
    return subprocess.run([python, "-c", script], capture_output=True, text=True, check=False).stdout.strip()


def environment(place: Path, python: str, cli: str) -> Path:
    """The Python of the pair's virtual environment, made where it isn't there yet."""
    home = place / f"python{python}-cli{cli}"
    ours = home / "bin" / "python"
    if not (home / "complete").exists():
        _must([interpreter(python), "-m", "venv", "--clear", str(home)], "The virtual environment can't be made")
        install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"azure-cli=={cli}"]
        _must([str(ours), *install], f"Azure CLI {cli} can't be installed")
        (home / "complete").touch()
    return ours


def _must(command: list[str], problem: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["It said nothing."]
        raise Skipped(f"{problem}: {said[-1]}")


def try_pair(place: Path, python: str, cli: str, wheel: Path) -> Iterator[str]:
    """What failed with this Python and this CLI, command by command."""
    ours = environment(place, python, cli)
    with tempfile.TemporaryDirectory() as temporary, Sandbox(Path(temporary, "sandbox")) as sandbox:
        yield from run_commands(sandbox, [str(ours), "-m", "azure.cli"], Path(temporary), wheel)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheel", type=Path, required=True)
    parser.add_argument("--python", action="append", choices=PYTHONS, help="only this one; may be repeated")
    parser.add_argument("--cli", action="append", help=f"instead of {oldest_cli()} and {newest_cli()}")
    options = parser.parse_args()
    place = ROOT / ".build" / "matrix"
    place.mkdir(parents=True, exist_ok=True)
    failed = 0
    for cli in options.cli or (oldest_cli(), newest_cli()):
        for python in options.python or PYTHONS:
            pair, started = f"Azure CLI {cli:8} Python {python:5}", time.monotonic()
            try:
                problems = list(try_pair(place, python, cli, options.wheel.resolve()))
            except Skipped as skipped:
                print(f"{pair} skipped: {skipped}", flush=True)
                continue
            failed += bool(problems)
            outcome = "failed" if problems else "passed"
            print(f"{pair} {outcome} in {time.monotonic() - started:.0f} s", *problems, sep="\n  ", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
