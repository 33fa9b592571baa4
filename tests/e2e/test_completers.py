"""What Tab offers in a shell: asked of the installed extension as argcomplete asks `az`."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.harness.seed import IDENTITY, KEY, VAULT


def offered(az, line: str, directory) -> set[str]:
    out = directory / "offered"
    asked = {"COMP_LINE": line, "COMP_POINT": str(len(line)), "_ARGCOMPLETE": "1", "_ARGCOMPLETE_IFS": "\n"}
    asked |= {"_ARGCOMPLETE_STDOUT_FILENAME": str(out), "ARGCOMPLETE_USE_TEMPFILES": "1"}
    subprocess.run(
        [sys.executable, "-m", "azure.cli"], env={**az.environment, **asked}, cwd=directory, timeout=60, check=False
    )
    return set(out.read_text(encoding="utf-8").split()) if os.path.exists(out) else set()


@pytest.mark.parametrize(
    ("option", "expected"),
    [("--identity ", IDENTITY.name), (f"--key-vault {VAULT.name} --key ", KEY)],
    ids=["identity", "key"],
)
def test_of_rotate(az, seed, tmp_path, option, expected):
    seed.parts()
    assert expected in offered(az, f"az acr cmk rotate --name myregistry {option}", tmp_path)


def test_a_vault_that_is_not_found_has_no_keys(az, seed, tmp_path):
    line = "az acr cmk enable -n myregistry -g rg --key-vault nosuchvault --key "
    assert offered(az, line, tmp_path) == set()
