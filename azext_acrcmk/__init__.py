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
        import atexit
        import gc

        # The command is one of these. It creates much and drops little, until it ends: to look for garbage as often as
        # Python does by default takes a twentieth of its processor time.
        gc.set_threshold(1_000_000)
        # Nor does it look for garbage when it ends: in all that the CLI imports, that takes a tenth of a short command.
        atexit.register(gc.freeze)

        from knack.events import EVENT_INVOKER_POST_PARSE_ARGS

        from azext_acrcmk._params import load_arguments

        load_arguments(self, command)
        self.cli_ctx.register_event(EVENT_INVOKER_POST_PARSE_ARGS, _begin)


def _begin(_cli_ctx, **_):
    """What a command that will run, unlike its help, needs first."""
    from azext_acrcmk.cloud.transport import load_authorities

    load_authorities()


COMMAND_LOADER_CLS = AcrCmkCommandsLoader
