"""What `make` sets up: a Python that fits is found, what is missing is named, and a path may have spaces."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SETUP = ROOT / "scripts" / "venv.sh"
# A Python that is another version than it is, or lacks a module.
STUB = """#!/bin/sh
case "$2" in
*version_info\\[:2\\]*) echo {version} ;;
*version_info*) exit {unfit} ;;
*ensurepip*) exit {no_venv} ;;
esac
"""


@pytest.fixture
def machine(tmp_path):
    """A machine with nothing but a shell and the Pythons that a test puts there."""
    for tool in ("sh", "dirname", "uname"):
        (tmp_path / tool).symlink_to(shutil.which(tool))

    def add(name: str, version: str = "3.12", unfit: bool = False, no_venv: bool = False, text: str = "") -> Path:
        path = tmp_path / name
        path.write_text(text or STUB.format(version=version, unfit=int(unfit), no_venv=int(no_venv)))
        path.chmod(0o755)
        return path

    add.directory = tmp_path
    return add


def choose(machine, **given: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(machine.directory), **given}
    command = ["sh", SETUP, "--choose"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_the_usual_python_is_taken(machine):
    machine("python3")
    machine("python3.13")
    assert choose(machine).stdout == "python3\n"


def test_the_newest_that_fits_is_taken_where_the_usual_one_is_too_old(machine):
    machine("python3", "3.9", unfit=True)
    machine("python3.11")
    machine("python3.12")
    assert choose(machine).stdout == "python3.12\n"


def test_only_a_python_with_a_version_in_its_name_is_there(machine):
    machine("python3.12")
    assert choose(machine).stdout == "python3.12\n"


def test_one_without_the_module_venv_is_passed_over(machine):
    machine("python3", no_venv=True)
    machine("python3.10")
    assert choose(machine).stdout == "python3.10\n"


def test_module_venv_is_missing_from_all(machine):
    machine("python3.12", "3.12", no_venv=True)
    done = choose(machine)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Python 3.12 is here, but its module venv is missing." in done.stderr
    assert "sudo apt install python3.12-venv" in done.stderr
    assert "make PYTHON=" in done.stderr


def test_no_python_fits(machine):
    machine("python3", "3.9", unfit=True)
    done = choose(machine)
    assert (done.returncode, done.stdout) == (1, "")
    assert "No Python from 3.10 to 3.13 was found" in done.stderr


def test_the_one_that_is_named_is_the_only_one_looked_at(machine):
    machine("python3")
    named = machine("my python", "3.9", unfit=True)
    done = choose(machine, PYTHON=str(named))
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{named} is not a Python from 3.10 to 3.13." in done.stderr
    assert choose(machine, PYTHON=str(machine("my python"))).stdout == f"{named}\n"


def test_windows_is_told_of_its_subsystem_for_linux(machine):
    machine("python3")
    (machine.directory / "uname").unlink()
    machine("uname", text="#!/bin/sh\necho MINGW64_NT-10.0\n")
    done = choose(machine)
    assert (done.returncode, "wsl --install" in done.stderr) == (1, True), done


def test_this_python_is_one_that_fits():
    environment = {**os.environ, "PYTHON": sys.executable}
    done = subprocess.run(["sh", SETUP, "--choose"], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == f"{sys.executable}\n"


@pytest.fixture
def shebangs():
    spec = importlib.util.spec_from_file_location("shebangs", ROOT / "scripts" / "shebangs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("directory", ["a folder with spaces", "/".join(["long" * 12] * 12)])
def test_script_starts_where_the_system_does_not_find_its_interpreter(shebangs, tmp_path, directory):
    place = tmp_path / directory
    place.mkdir(parents=True)
    (place / "python").symlink_to(sys.executable)
    script = place / "az"
    script.write_bytes(b"#!%b\nimport sys\nprint(sys.argv[1:])\n" % os.fsencode(place / "python"))
    script.chmod(0o755)
    with pytest.raises(OSError, match="Errno"):
        subprocess.run([script, "one", "and two"], check=True, capture_output=True)

    script.write_bytes(shebangs.repaired(script.read_bytes()))
    done = subprocess.run([script, "one", "and two"], check=True, capture_output=True, text=True)
    assert done.stdout == "['one', 'and two']\n"
    # Once is enough.
    assert shebangs.repaired(script.read_bytes()) == script.read_bytes()


@pytest.mark.parametrize("script", [b"#!/usr/bin/python3\nx = 1\n", b"#!/bin/sh\necho a b\n", b"", b"\x7fELF python "])
def test_other_scripts_stay_as_they_are(shebangs, script):
    assert shebangs.repaired(script) == script
