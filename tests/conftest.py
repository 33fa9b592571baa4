"""Shared by all tests."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

BUILD = Path(__file__).parents[1] / ".build"

# No deadline: a machine that is busy with something else is no fault of the code.
settings.register_profile("acrcmk", deadline=None)
settings.load_profile("acrcmk")


@pytest.fixture(scope="session")
def extension_directory() -> Path:
    """The AZURE_EXTENSION_DIR into which `make` has installed the wheel."""
    directory = Path(os.environ.get("ACRCMK_EXTENSION_DIR", BUILD / "extensions"))
    assert (directory / "acrcmk").is_dir(), "The extension is not installed. `make test` installs it."
    return directory


@pytest.fixture(scope="session")
def wheel_path() -> Path:
    (path,) = Path(os.environ.get("ACRCMK_WHEEL_DIR", BUILD / "wheel")).glob("*.whl")
    return path
