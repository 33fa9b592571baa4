"""Builds the wheel, of which the same sources make the same bytes: whatever the time, umask, locale, path or zlib.

python scripts/wheel.py [--source CHECKOUT] [--output FOLDER]
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
# All that the wheel is made of.
PACKAGE = "azext_acrcmk"
FILES = ("setup.py", "pyproject.toml", "README.md", "HISTORY.rst", "LICENSE")

_BUILD = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
_EARLIEST = (1980, 1, 1, 0, 0, 0)  # the first time that a ZIP file can tell
_UNIX = 3
_MODE = 0o100644 << 16  # a file that its owner writes and all may read


def build(source: Path, output: Path) -> Path:
    """Build the wheel of a checkout into a folder; returns its path. Raises RuntimeError with what setuptools said."""
    with tempfile.TemporaryDirectory() as temporary:
        # In a copy: what setuptools leaves behind can't get into the next wheel.
        copy, built = Path(temporary, "source"), Path(temporary, "built")
        shutil.copytree(source / PACKAGE, copy / PACKAGE, ignore=shutil.ignore_patterns("__pycache__"))
        for name in FILES:
            shutil.copyfile(source / name, copy / name)
        command = [sys.executable, "-c", _BUILD, str(built)]
        done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"The wheel can't be built.\n{done.stdout}{done.stderr}")
        (wheel,) = built.glob("*.whl")
        output.mkdir(parents=True, exist_ok=True)
        return _normalize(wheel, output / wheel.name)


def _normalize(wheel: Path, target: Path) -> Path:
    """The same files in a fixed order, of one time and mode, and not compressed: in that, versions of zlib differ."""
    with zipfile.ZipFile(wheel) as made, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as written:
        for name in sorted(made.namelist(), key=_place):
            entry = zipfile.ZipInfo(name, _EARLIEST)
            entry.create_system, entry.external_attr = _UNIX, _MODE
            written.writestr(entry, made.read(name))
    return target


def _place(name: str) -> tuple[bool, bool, str]:
    # What is about the wheel comes last, and RECORD after all others, as the format of wheels recommends.
    return ".dist-info/" in name, name.endswith("/RECORD"), name


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, default=ROOT, help="the checkout")
    parser.add_argument("--output", type=Path, default=ROOT / "dist", help="where the wheel goes")
    options = parser.parse_args()
    try:
        build(options.source, options.output)
    except RuntimeError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
