"""Completion with Tab. Offers nothing rather than an error in the middle of a command line."""

from azure.cli.core.decorators import Completer


@Completer
def get_key_completion_list(cmd, _prefix, namespace, **_):
    """The names of the keys in the vault that `--key-vault` specifies, from the control plane."""
    from azure.core.exceptions import AzureError
    from knack.util import CLIError

    from azext_acrcmk.cloud.across import list_key_names
    from azext_acrcmk.cloud.clients import Clients
    from azext_acrcmk.cloud.login import login_of

    vault = getattr(namespace, "key_vault", None)
    if not vault:
        return []
    try:
        return list_key_names(Clients(cmd.cli_ctx), vault, login_of(cmd.cli_ctx).subscription)
    except (AzureError, CLIError, ValueError):
        return []
