"""An Azure for each test: in this process, or a running sandbox for those that need one, and the real `az`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.client import Sandbox
from tests.harness.az import Az, ForkServer
from tests.harness.in_process_azure import Azure


@pytest.fixture
def azure() -> Azure:
    """A new Azure in this process, with a resource group."""
    return Azure()


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("sandbox")) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(shared: Sandbox) -> Sandbox:
    """An empty Azure."""
    shared.reset()
    return shared


@pytest.fixture(scope="session")
def fork_server(shared: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkServer]:
    """The process that every `az` of these tests is forked from."""
    server = ForkServer(shared.login(tmp_path_factory.mktemp("home")), ["group list -o none"])
    yield server
    server.close()


@pytest.fixture
def az(sandbox: Sandbox, fork_server: ForkServer, tmp_path: Path) -> Iterator[Az]:
    """The real `az`, signed in as owner to an empty Azure; it works in the folder of the test."""
    az = Az(fork_server, sandbox.login(fork_server.forget()), tmp_path)
    yield az
    az.close()


@pytest.fixture(scope="session")
def printed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What `python -m sandbox` printed. It is gone by now."""
    command = [sys.executable, "-m", "sandbox", "--directory", str(tmp_path_factory.mktemp("printed"))]
    command += ["--set", "role_seconds=3"]
    lines = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
        for line in process.stdout:
            lines.append(line)
            if line.startswith("# then"):
                break
        process.terminate()
        assert process.wait(60) == 0
    return "".join(lines)
