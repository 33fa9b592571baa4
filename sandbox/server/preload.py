"""The egress guard for programs that heed no proxy: a C library (guard/guard.c) that LD_PRELOAD puts into each."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).with_name("guard") / "guard.c"
BUILD = Path(__file__).parents[2] / ".build"


def library(directory: Path = BUILD) -> Path | None:
    """The library, compiled into `directory` the first time.

    None where it can't be had: without a C compiler, on another system than Linux with glibc, and in a directory that
    can't be written or whose name has a space or a colon, where LD_PRELOAD would take it to end.
    """
    path = directory / f"guard-{hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:12]}.so"
    if sys.platform != "linux" or any(end in str(path) for end in " :"):
        return None
    try:
        return path if _loads(path) or (_compile(path) and _loads(path)) else None
    except OSError:
        return None


def _loads(path: Path) -> bool:
    """Whether a program starts with it, without a complaint of the loader, which every program would repeat."""
    environment = {**os.environ, "LD_PRELOAD": str(path)}
    started = subprocess.run(["/bin/sh", "-c", ":"], env=environment, capture_output=True, check=False)
    return started.returncode == 0 and not started.stderr


def _compile(path: Path) -> bool:
    compiler = shutil.which("cc")
    if not compiler:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    own = path.with_suffix(f".{os.getpid()}")  # another sandbox may be starting as well
    command = [compiler, "-shared", "-fPIC", "-O2", "-o", str(own), str(SOURCE), "-ldl"]
    environment = {**os.environ, "TMPDIR": str(path.parent)}  # what the compiler writes meanwhile stays here, too
    compiled = subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0
    if compiled:
        own.replace(path)
    return compiled
