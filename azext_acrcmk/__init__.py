"""`az acr cmk`: a container registry encrypted with a customer-managed key, in one command."""

from azure.cli.core import AzCommandsLoader


class AcrCmkCommandsLoader(AzCommandsLoader):
    def __init__(self, cli_ctx=None):
        from azure.cli.core.commands import CliCommandType

        super().__init__(
            cli_ctx=cli_ctx,
            custom_command_type=CliCommandType(operations_tmpl="azext_acrcmk.custom#{}"),
        )

    def load_command_table(self, args):
        from azext_acrcmk import _help  # noqa: F401  (registers the help texts)
        from azext_acrcmk.commands import load_command_table

        load_command_table(self, args)
        return self.command_table

    def load_arguments(self, command):
        from azext_acrcmk._params import load_arguments

        load_arguments(self, command)


COMMAND_LOADER_CLS = AcrCmkCommandsLoader
