"""`make matrix` tells what it tried, what failed, and what it skipped and why. What it runs takes minutes: not here."""

from __future__ import annotations

import subprocess
import sys

import pytest

from scripts import matrix, matrix_commands
from tests.package.test_wheel import ROOT

WHEEL = ["matrix", "--wheel", "acrcmk.whl"]


@pytest.fixture
def nothing_here(monkeypatch, tmp_path):
    """A machine without any Python that has a version in its name."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setattr(matrix, "ROOT", tmp_path)
    monkeypatch.setattr(matrix, "oldest_cli", lambda: "2.80.0")
    monkeypatch.setattr(matrix, "newest_cli", lambda: "2.91.0")
    return tmp_path


def run(monkeypatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", [*WHEEL, *arguments])
    with pytest.raises(SystemExit) as ended:
        matrix.main()
    return ended.value.code


def test_clis_are_the_oldest_that_is_allowed_and_the_one_that_is_tested():
    assert matrix.oldest_cli() == "2.80.0"
    assert f"azure-cli=={matrix.newest_cli()}\n" in (ROOT / "requirements-dev.txt").read_text()


def test_says_what_it_skipped(nothing_here, monkeypatch, capsys):
    assert run(monkeypatch) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 8
    assert lines[0] == "Azure CLI 2.80.0   Python 3.10  skipped: There is no python3.10 here."
    assert lines[7] == "Azure CLI 2.91.0   Python 3.13  skipped: There is no python3.13 here."


def test_says_what_failed(nothing_here, monkeypatch, capsys):
    tried = []

    def one_fails(place, python, cli, wheel):
        tried.append((python, cli))
        return iter(["az acr cmk show: exit code 1, not 0: boom"] if cli == "2.80.0" else [])

    monkeypatch.setattr(matrix, "try_pair", one_fails)
    assert run(monkeypatch, "--python", "3.12") == 1
    assert tried == [("3.12", "2.80.0"), ("3.12", "2.91.0")]
    assert capsys.readouterr().out.splitlines() == [
        "Azure CLI 2.80.0   Python 3.12  failed in 0 s",
        "  az acr cmk show: exit code 1, not 0: boom",
        "Azure CLI 2.91.0   Python 3.12  passed in 0 s",
    ]


def test_python_of_pyenv_is_found_behind_its_placeholder(nothing_here):
    placeholder = nothing_here / "python3.12"
    placeholder.write_text("#!/bin/sh\necho 'pyenv: command not found' >&2\nexit 127\n")
    real = nothing_here / "pyenv" / "versions" / "3.12.1" / "bin" / "python3.12"
    real.parent.mkdir(parents=True)
    real.write_text("#!/bin/sh\necho 3.12\n")
    for path in (placeholder, real):
        path.chmod(0o755)
    assert matrix.interpreter("3.12") == str(real)


@pytest.mark.parametrize(
    ("code", "out", "err", "pulled", "problem"),
    [
        (0, '{"health": "healthy"}', "", 200, ""),
        (1, "", "boom", 200, "exit code 1, not 0: boom"),
        (0, '{"health": "broken"}', "", 200, 'it returned {"health": "broken"}'),
        (0, '{"health": "healthy"}', "Traceback (most recent call last)", 200, "Traceback (most recent call last)"),
        (0, '{"health": "healthy"}', "", 403, "a pull then gets {'status': 403}"),
    ],
)
def test_judges_a_command_by_all_that_came_of_it(code, out, err, pulled, problem):
    class Pulled:
        def pull(self, registry):
            return {"status": pulled}

    expected = matrix_commands.Try("show", 0, True, lambda result: result["health"] == "healthy")
    done = subprocess.CompletedProcess([], code, out, err)
    assert matrix_commands._problem(expected, done, Pulled()) == problem
