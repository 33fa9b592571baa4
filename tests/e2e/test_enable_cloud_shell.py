"""In Azure Cloud Shell, where `az` gets its tokens from the shell."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.client import Sandbox
from sandbox.world import OWNER_USER_ID, OWNER_USER_NAME
from tests.harness.az import Az
from tests.harness.seed import CRYPTO_OFFICER, ENABLE, KEY, LOCATION, VAULT, Seed, outcomes


@pytest.fixture
def az(cloud_shell: Sandbox, fork_server, extension_directory: Path, tmp_path: Path):
    az = Az(fork_server, {**cloud_shell.environment, "AZURE_EXTENSION_DIR": str(extension_directory)}, tmp_path)
    assert az("login --identity", fresh=True).json()[0]["user"]["name"] == OWNER_USER_NAME
    yield az
    az.close()


def test_makes_everything_and_recovers_a_key_with_the_tokens_of_the_shell(cloud_shell, az):
    az(f"{ENABLE} -l {LOCATION}", fresh=True).ok()
    assert cloud_shell.pull("myregistry")["status"] == 200
    rows = az("acr cmk check -n myregistry -g rg", fresh=True).json()
    assert [row["code"] for row in rows if row["status"] == "unknown"] == []
    seed = Seed(cloud_shell)
    seed.grant(OWNER_USER_ID, VAULT, CRYPTO_OFFICER)
    seed.change_key("DELETE", f"https://{VAULT.name}.vault.azure.net/keys/{KEY}")
    assert outcomes(az(ENABLE, fresh=True).json())["key"] == "recovered"
    assert cloud_shell.pull("myregistry")["status"] == 200
