"""Looking at `az acr` and at our help stays fast: nothing heavy is imported before a command runs."""

from __future__ import annotations

import re

import pytest

HEAVY = re.compile(r"(azure\.(core|mgmt|keyvault)|msal|msrest|requests|urllib3|cryptography|asyncio)(\.|$)")
SDKS = re.compile(r"(azure\.(mgmt|keyvault)|msal|msrest|requests)(\.|$)")

# What of ours Azure CLI loads with every command of `az acr`.
OURS = {f"azext_acrcmk.{name}" for name in ("_help", "commands", "_format", "model", "model.names")}


@pytest.fixture
def imported(az):
    """The modules that an `az` from nothing imports."""

    def run(command: str, **environment: str) -> set[str]:
        az(command, environment=environment).ok()  # writes the command index, which is then there as it usually is
        result = az(command, fresh=True, environment={"PYTHONPROFILEIMPORTTIME": "1", **environment}).ok()
        return {line.rsplit("|", 1)[1].strip() for line in result.err.splitlines() if line.startswith("import time:")}

    return run


def matching(pattern: re.Pattern, modules: set[str]) -> set[str]:
    return {module for module in modules if pattern.match(module)}


@pytest.mark.parametrize("command", ["acr cmk -h", "acr cmk show -h"])
def test_our_help_imports_no_sdk_and_none_of_what_commands_do(imported, command):
    modules = imported(command)
    assert "azext_acrcmk.commands" in modules
    assert matching(SDKS, modules) == set()
    assert matching(re.compile(r"azext_acrcmk\.(cloud|operations|apply|plan|rules|output|run)(\.|$)"), modules) == set()


def test_commands_of_core_acr_import_nothing_heavy_for_us(imported, tmp_path):
    without = imported("acr -h", AZURE_EXTENSION_DIR=str(tmp_path / "none"))
    with_us = imported("acr -h")
    assert "azext_acrcmk.commands" in with_us - without
    assert matching(HEAVY, with_us - without) == set()
    assert {module for module in with_us if module.startswith("azext_acrcmk.")} == OURS


@pytest.mark.parametrize("command", ["show", "check"])
def test_what_looks_imports_no_sdk_that_takes_long(imported, seed, command):
    seed.encrypted()
    modules = imported(f"acr cmk {command} -n myregistry -g rg")
    assert "azext_acrcmk.cloud.arm" in modules
    assert matching(re.compile(r"azure\.mgmt\.(authorization|resource)(\.|$)"), modules) == set()
    # What only a command that changes something requires, which takes a twentieth of a second.
    assert matching(re.compile(r"azext_acrcmk\.(apply|plan\.kinds)"), modules) == set()


@pytest.mark.parametrize("command", ["version", "group -h"])
def test_other_commands_do_not_import_us_at_all(imported, command):
    assert matching(re.compile("azext_acrcmk"), imported(command)) == set()


def test_a_command_of_core_acr_imports_nothing_heavy_for_us_as_it_runs(imported, tmp_path):
    without = imported("acr list", AZURE_EXTENSION_DIR=str(tmp_path / "none"))
    with_us = imported("acr list")
    assert matching(HEAVY, with_us - without) == set()
    assert {module for module in with_us if module.startswith("azext_acrcmk.")} == OURS
