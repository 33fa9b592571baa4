"""Shared by all tests."""

import fcntl
import os
import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from sandbox.client import Sandbox

# How long another connection may have the fixed port of Cloud Shell, in seconds.
PORT_TIMEOUT = 300
BUILD = Path(__file__).parents[1] / ".build"

# No deadline: a machine that is busy with something else is no fault of the code. What is drawn is always the same, so
# that no run fails by chance; other examples are drawn with --hypothesis-profile random.
settings.register_profile("acrcmk", deadline=None, derandomize=True)
settings.register_profile("random", deadline=None)
settings.load_profile("acrcmk")

# Ctrl-C means to what tests start what it means in a terminal, even where they run in the background of a shell.
signal.signal(signal.SIGINT, signal.default_int_handler)


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


@pytest.fixture
def cloud_shell(tmp_path: Path) -> Iterator[Sandbox]:
    """An Azure with the identity endpoint of Cloud Shell. One at a time on a machine: the endpoint's port is fixed."""
    with open(Path(tempfile.gettempdir()) / "acrcmk-cloud-shell.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _wait_until_free(50342)
        with Sandbox(tmp_path / "sandbox", options=("--cloud-shell",)) as sandbox:
            yield sandbox


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that need the port of Cloud Shell come first, while few connections have been made that may have had it.
    Waiting for it is no part of a test's own time."""
    those = [item for item in items if "cloud_shell" in getattr(item, "fixturenames", ())]
    for item in those:
        item.add_marker(pytest.mark.timeout(PORT_TIMEOUT + 120))
    items.sort(key=lambda item: item not in those)


def _wait_until_free(port: int, seconds: float = PORT_TIMEOUT) -> None:
    """Another checkout's tests may listen there, or one of the many connections before have had it for its own end."""
    end = time.monotonic() + seconds
    while True:
        try:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
                probe.listen()
                return
        except OSError:
            if time.monotonic() > end:
                raise
        time.sleep(0.5)
