"""A release as people get it: built from a checkout, and published by a web server on loopback."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = ("azext_acrcmk", "scripts", "setup.py", "pyproject.toml", "README.md", "HISTORY.rst", "LICENSE")


def checkout(directory: Path) -> Path:
    """A copy of all that a release is made from."""
    directory.mkdir(parents=True)
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, directory / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(ROOT / name, directory / name)
    return directory


def change_version(source: Path, version: str, home: str) -> None:
    """Make the checkout one of another version, that is published somewhere."""
    setup = source / "setup.py"
    text = re.sub(r"^VERSION = .*$", f'VERSION = "{version}"', setup.read_text(encoding="utf-8"), flags=re.MULTILINE)
    setup.write_text(text.replace('HOME = ""', f'HOME = "{home}"'), encoding="utf-8")


def build(source: Path, output: Path, environment: Mapping[str, str] | None = None, umask: int = -1) -> Path:
    """The wheel of a checkout, built by its own script."""
    command = [sys.executable, source / "scripts" / "wheel.py", "--output", output]
    given = {**os.environ, **(environment or {})}
    subprocess.run(command, cwd=output.parent, env=given, check=True, umask=umask)
    (wheel,) = output.glob("*.whl")
    return wheel


def release(source: Path, wheel: Path, output: Path, url: str) -> str:
    """What `make release` does with a wheel; returns what it says."""
    script = source / "scripts" / "release.py"
    command = [sys.executable, script, "--wheel", wheel, "--output", output, "--url", url]
    return subprocess.run(command, cwd=output.parent, check=True, capture_output=True, text=True).stdout


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def published(directory: Path) -> Iterator[str]:
    """Serves a folder; its URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=directory)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
