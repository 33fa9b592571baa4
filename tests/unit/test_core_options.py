"""Options that `enable` has in common with `az acr create` have the same name, values and state there."""

from __future__ import annotations

import pytest
from azure.cli.command_modules.acr import ACRCommandsLoader
from azure.cli.core import MainCommandsLoader
from azure.cli.core.file_util import create_invoker_and_load_cmds_and_args
from azure.cli.core.mock import DummyCli

from azext_acrcmk.model.registry_options import REGISTRY_OPTIONS
from tests.conftest import BUILD
from tests.harness.commands import COMMANDS

# What core has only as a command of its own: az acr config authentication-as-arm.
OURS_ALONE = {"allow_arm_audience_tokens"}


class CoreAcr(MainCommandsLoader):
    """The CLI's loader, with the commands of core `az acr` only."""

    def load_command_table(self, args):
        loader = ACRCommandsLoader(self.cli_ctx)
        loader.skip_applicability = True
        self.command_table = loader.load_command_table(args)
        self.cmd_to_loader_map = {name: [loader] for name in self.command_table}
        self.loaders = [loader]
        return self.command_table


@pytest.fixture(scope="module")
def core() -> dict:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AZURE_CONFIG_DIR", str(BUILD / "azure"))
        cli = DummyCli(commands_loader_cls=CoreAcr)
        create_invoker_and_load_cmds_and_args(cli)
    return cli.invocation.commands_loader.command_table["acr create"].arguments


def test_they_are_those_of_acr_create(core):
    ours = COMMANDS["acr cmk enable"].arguments
    for option in REGISTRY_OPTIONS:
        if option.name in OURS_ALONE:
            continue
        mine, theirs = ours[option.name].type.settings, core[option.name].type.settings
        names = [each for each in theirs["options_list"] if str(each).startswith("--")]
        assert [option.option] == [str(each) for each in names], option.name
        assert {*map(str.lower, mine.get("choices") or ())} == {*map(str.lower, theirs.get("choices") or ())}, (
            option.name
        )
