"""The commands as loaded by the CLI, in this process: their arguments, and the parser of command lines."""

from __future__ import annotations

import pytest
from azure.cli.core import MainCommandsLoader
from azure.cli.core.file_util import create_invoker_and_load_cmds_and_args
from azure.cli.core.mock import DummyCli

from azext_acrcmk import COMMAND_LOADER_CLS
from tests.conftest import BUILD


class OurCommands(MainCommandsLoader):
    """The CLI's own loader, with our commands only."""

    def load_command_table(self, args):
        loader = COMMAND_LOADER_CLS(self.cli_ctx)
        loader.skip_applicability = True
        self.command_table = loader.load_command_table(args)
        self.cmd_to_loader_map = {name: [loader] for name in self.command_table}
        self.loaders = [loader]
        return self.command_table


def load_cli() -> DummyCli:
    with pytest.MonkeyPatch.context() as patch:
        # The CLI writes into it.
        patch.setenv("AZURE_CONFIG_DIR", str(BUILD / "azure"))
        cli = DummyCli(commands_loader_cls=OurCommands)
        create_invoker_and_load_cmds_and_args(cli)
    return cli


CLI = load_cli()
COMMANDS = CLI.invocation.commands_loader.command_table


def options_of(name):
    return [str(option) for argument in COMMANDS[name].arguments.values() for option in argument.options_list or ()]
