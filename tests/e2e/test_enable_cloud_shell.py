"""In Azure Cloud Shell, where `az` gets its tokens from the shell."""

from __future__ import annotations

import fcntl
import tempfile
from pathlib import Path

import pytest

from sandbox.client import Sandbox
from sandbox.world import OWNER_USER_ID, OWNER_USER_NAME
from tests.e2e.az import Az
from tests.e2e.seed import CRYPTO_OFFICER, ENABLE, KEY, LOCATION, VAULT, Seed, outcomes


@pytest.fixture
def shell(tmp_path: Path):
    """An Azure with the identity endpoint of Cloud Shell. One at a time on a machine: the endpoint's port is fixed."""
    with open(Path(tempfile.gettempdir()) / "acrcmk-cloud-shell.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with Sandbox(tmp_path / "sandbox", options=("--cloud-shell",)) as sandbox:
            yield sandbox


@pytest.fixture
def az(shell: Sandbox, fork_server, extension_directory: Path, tmp_path: Path):
    az = Az(fork_server, {**shell.environment, "AZURE_EXTENSION_DIR": str(extension_directory)}, tmp_path)
    assert az("login --identity", fresh=True).json()[0]["user"]["name"] == OWNER_USER_NAME
    yield az
    az.close()


def test_makes_everything_and_recovers_a_key_with_the_tokens_of_the_shell(shell, az):
    az(f"{ENABLE} -l {LOCATION}", fresh=True).ok()
    assert shell.pull("myregistry")["status"] == 200
    seed = Seed(shell)
    seed.grant(OWNER_USER_ID, VAULT, CRYPTO_OFFICER)
    seed.change_key("DELETE", f"https://{VAULT.name}.vault.azure.net/keys/{KEY}")
    assert outcomes(az(ENABLE, fresh=True).json())["key"] == "recovered"
    assert shell.pull("myregistry")["status"] == 200
