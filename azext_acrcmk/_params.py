"""The arguments. No SDK is imported: this runs for every `az acr cmk … --help`."""

from argcomplete.completers import FilesCompleter
from azure.cli.core.commands.parameters import (
    file_type,
    get_enum_type,
    get_resource_name_completion_list,
)

from azext_acrcmk._completers import get_key_completion_list
from azext_acrcmk._params_goal import load_goal
from azext_acrcmk._validators import (
    validate_enable,
    validate_expiry_days,
    validate_grant_timeout,
    validate_interval,
    validate_list,
    validate_migrate,
    validate_one_or_several,
    validate_registry,
    validate_rotate,
    validate_template,
    validate_wizard,
)
from azext_acrcmk.model.defaults import DEPTHS, FORMATS, HEALTHS
from azext_acrcmk.model.ids import IDENTITY_TYPE, REGISTRY_TYPE, VAULT_TYPE


def load_arguments(loader, _command):
    _load_common(loader)
    _load_enable(loader)
    load_goal(loader, "enable")
    load_goal(loader, "template")
    load_goal(loader, "wizard")
    load_goal(loader, "migrate")
    _load_migrate(loader)
    _load_template(loader)
    _load_wizard(loader)
    _load_rotate(loader)
    _load_ids(loader)
    _load_check(loader)
    _load_list(loader)
    _load_repair(loader)
    _load_revoke(loader)
    _load_wait(loader)


def _load_common(loader):
    with loader.argument_context("acr cmk") as c:
        c.argument(
            "registry_name",
            options_list=["--name", "-n"],
            help="Name of the container registry. You can configure the default registry name using "
            "`az configure --defaults acr=REGISTRY`.",
            completer=get_resource_name_completion_list(REGISTRY_TYPE),
            configured_default="acr",
            validator=validate_registry,
        )
        c.argument(
            "resource_group_name",
            help="Name of the resource group. If not specified, the registry is found in the subscription by its name.",
        )
        c.argument(
            "what_if",
            options_list=["--what-if", "-w"],
            action="store_true",
            help="Preview the changes without making them.",
        )
        c.argument("yes", options_list=["--yes", "-y"], action="store_true", help="Do not prompt for confirmation.")
        c.argument(
            "skip_grant",
            action="store_true",
            help="Do not grant the identity access to the key; verify that it already has access.",
        )
        c.argument(
            "grant_timeout",
            type=int,
            validator=validate_grant_timeout,
            help="Maximum time in seconds to wait for newly granted access to take effect.",
        )
        c.argument("key_vault", completer=get_resource_name_completion_list(VAULT_TYPE))
        c.argument("key_name", options_list=["--key"], completer=get_key_completion_list)
        c.argument("rotation", get_enum_type(["auto", "manual"]))
        c.argument("identity", completer=get_resource_name_completion_list(IDENTITY_TYPE))
        c.argument("fail_on", get_enum_type(["error", "warning", "none"]))
        c.argument(
            "expiry_days",
            type=int,
            validator=validate_expiry_days,
            help="Number of days before its expiration date from which a key is reported as expiring.",
        )


def _load_enable(loader):
    with loader.argument_context("acr cmk enable") as c:
        c.argument("registry_name", completer=None, validator=validate_enable)
        c.argument(
            "resource_group_name",
            help="Name of the resource group. Created if it does not exist and `--location` is specified.",
        )
        c.argument(
            "yes",
            help="Do not prompt for confirmation before purge protection, which is irreversible, is enabled on an "
            "existing vault, or a vault is created with the name of a managed HSM.",
        )


def _load_template(loader):
    with loader.argument_context("acr cmk template") as c:
        c.argument("registry_name", validator=validate_template)
        c.argument(
            "resource_group_name",
            help="Name of the resource group. Not required to export a registry that is already encrypted.",
        )
        c.argument(
            "template_format",
            options_list=["--format"],
            arg_type=get_enum_type(FORMATS),
            help="Resource Manager template (arm), Bicep, Terraform with the azurerm or the azapi provider, shell "
            "script (sh), or the portal's form for the Resource Manager template (form).",
        )
        c.argument(
            "file",
            options_list=["--file", "-f"],
            type=file_type,
            completer=FilesCompleter(),
            help="File to write to; `-` is the standard output. Formats other than arm and form require it.",
        )
        c.argument("yes", help="Replace the file if it exists.")


def _load_wizard(loader):
    with loader.argument_context("acr cmk wizard") as c:
        c.argument("registry_name", completer=None, validator=validate_wizard)
        c.argument("resource_group_name", help="Name of the resource group. Created if it does not exist.")


def _load_migrate(loader):
    with loader.argument_context("acr cmk migrate") as c:
        c.argument(
            "registry_name",
            help="Name of the old registry. It is changed only by `--freeze` and `--unfreeze`.",
            validator=validate_migrate,
        )
        c.argument(
            "target_name",
            options_list=["--to"],
            help="Name of the new registry. Created if it does not exist, with the settings of the old registry unless "
            "you specify others.",
        )
        c.argument(
            "resource_group_name",
            help="Name of the resource group of the new registry. Default: where it is, or that of the old registry.",
        )
        c.argument("location", help="Location of the resources to create. Default: that of the old registry.")
        c.argument(
            "tags",
            help="Space-separated tags for all resources that are created: key[=value]. Default: those of the old "
            "registry.",
        )

    with loader.argument_context("acr cmk migrate", arg_group="Content") as c:
        c.argument(
            "repositories",
            options_list=["--repository"],
            nargs="+",
            help="Space-separated names of repositories to copy; `*` matches any characters. Default: all that are "
            "listed. One that is hidden (listEnabled is false) is copied only if named.",
        )
        c.argument(
            "since",
            help="Copy only what has changed since a date, or a date and time in ISO 8601 (UTC, unless it has a time "
            "zone). What was deleted since, or exists only in the new registry, is then not detected.",
        )
        c.argument(
            "concurrency",
            type=int,
            help="Number of imports at a time: 1 to 50. Default: 8 at first, then as many as the service allows.",
        )
        c.argument(
            "no_referrers",
            action="store_true",
            help="Do not copy signatures, attestations and other artifacts that are attached to images.",
        )
        c.argument(
            "no_settings",
            action="store_true",
            help="Copy images only: no network rules, scope maps, tokens, webhooks, cache rules, replications, role "
            "assignments, diagnostic settings and locks.",
        )
        c.argument(
            "freeze",
            action="store_true",
            help="Lock all repositories of the old registry against pushes before the copy, for the last pass. Pulls "
            "continue to work. This is the only change to the old registry; `--unfreeze` undoes it.",
        )
        c.argument(
            "unfreeze",
            action="store_true",
            help="Only unlock the repositories that `--freeze` locked.",
        )
        c.argument(
            "force",
            action="store_true",
            help="Move all tags of the new registry that are on other manifests than in the old one, also those that "
            "somebody may have set in the new registry.",
        )

    with loader.argument_context("acr cmk migrate") as c:
        c.argument(
            "report",
            action="append",
            help="File to write a report to: what was copied, who can pull from the old registry, and the next steps. "
            "Its extension is .html (one file, to open in a browser) or .md. An existing file is overwritten. Can be "
            "specified more than once.",
        )


def _load_rotate(loader):
    with loader.argument_context("acr cmk rotate") as c:
        c.argument("registry_name", validator=validate_rotate)
        c.argument(
            "yes",
            help="Do not prompt for confirmation before a vault is created whose name was specified, purge "
            "protection is enabled on a vault, trusted services are allowed through its firewall, or old access is "
            "removed or an old version disabled that others may still need.",
        )

    with loader.argument_context("acr cmk rotate", arg_group="Key") as c:
        c.argument("key_encryption_key", help="URI of another key, in a key vault or managed HSM.")
        c.argument(
            "key_vault",
            help="Name or ID of the key vault of another key. Created if it does not exist; if given by its name, "
            "after a prompt for confirmation. Default: the vault of the current key.",
        )
        c.argument(
            "key_name",
            help="Name of another key. Created if it does not exist. Default: the name of the current key.",
        )
        c.argument(
            "no_new_version",
            action="store_true",
            help="Do not create a new version of the current key; make the registry use the latest existing version.",
        )
        c.argument(
            "rotation",
            help="Whether the registry uses new versions of the key automatically (auto) or is pinned to one version "
            "(manual). Default: the current setting.",
        )
        c.argument(
            "disable_old_version",
            action="store_true",
            help="Disable the version that was in use, after the registry is confirmed to use another.",
        )

    with loader.argument_context("acr cmk rotate", arg_group="Identity and Access") as c:
        c.argument(
            "identity",
            help="Name or ID of the user-assigned identity through which the registry uses the key, or `[system]` for "
            "its system-assigned identity. Assigned to the registry and granted access to the key before it is used. "
            "Default: the current identity.",
        )
        c.argument("skip_grant")
        c.argument("grant_timeout")
        c.argument(
            "revoke_old",
            action="store_true",
            help="Remove the old identity's access to the old key, after the registry is confirmed to use the new key "
            "and identity, unless that access is still needed.",
        )


def _load_ids(loader):
    # Not the CLI's own `--ids`: if one of several fails, that names the wrong one, and succeeds anyway.
    # Commands that change something do not have `--ids`, like those of `az acr`.
    for command in ("show", "check"):
        with loader.argument_context(f"acr cmk {command}", arg_group="Resource Id") as c:
            c.argument("registry_name", validator=validate_one_or_several)
            c.argument("resource_group_name")
            c.argument(
                "ids",
                nargs="+",
                metavar="ID",
                help="One or more resource IDs of registries (space-delimited), instead of `--name`. `@FILE` reads "
                "them from a file, one on each line; use it where they exceed the command line limit of Windows (8,191 "
                "characters).",
            )


def _load_check(loader):
    with loader.argument_context("acr cmk check") as c:
        c.argument(
            "fail_on",
            help="Which findings make the command fail: failed checks of severity error (error), also failed checks of "
            "severity warning and unknown checks of either severity (warning), or none.",
        )


def _load_list(loader):
    with loader.argument_context("acr cmk list", arg_group="Scope") as c:
        c.argument(
            "resource_group_name",
            validator=validate_list,
            help="List only registries in resource groups with this name.",
        )
        c.argument(
            "subscriptions",
            nargs="+",
            help="Space-separated IDs of subscriptions. Default: the current subscription.",
        )
        c.argument(
            "management_groups",
            nargs="+",
            help="Space-separated names of management groups; includes their descendants.",
        )
        c.argument(
            "everywhere",
            options_list=["--all"],
            action="store_true",
            help="List the registries of all subscriptions that you can read.",
        )

    with loader.argument_context("acr cmk list") as c:
        c.argument(
            "depth",
            get_enum_type(DEPTHS),
            help="What to read: what Azure Resource Graph has (registry), also each key and deny assignment (key), or "
            "also each registry directly (live). A problem is always read again directly before it is reported.",
        )
        c.argument(
            "health",
            nargs="+",
            arg_type=get_enum_type(HEALTHS),
            help="Space-separated health states. Only registries in these states are listed, and can make the "
            "command fail.",
        )
        c.argument(
            "fail_on",
            help="Which findings of the listed registries make the command fail, as in `az acr cmk check`. Except with "
            "none, it also fails if the result is partial.",
        )

    with loader.argument_context("acr cmk list", arg_group="Report") as c:
        c.argument(
            "report",
            action="append",
            help="File to write a report to, in the format that its extension names: .json, .csv, .sarif (for code "
            "scanning), .xml (JUnit) or .html (one file, to open in a browser). An existing file is overwritten. Can "
            "be specified more than once.",
        )
        c.argument(
            "rows",
            get_enum_type(["registries", "findings"]),
            help="Whether a CSV report has a row for each registry or for each finding.",
        )
        c.argument(
            "from_file",
            options_list=["--from"],
            help="JSON report to read instead of Azure, to list it differently or to write other reports. Options of "
            "what to read from Azure (the scope, --depth and --expiry-days) can't be used with it.",
        )
        c.argument(
            "compare",
            help="Earlier JSON report. The result and the HTML and CSV reports then say what is worse, better, new or "
            "gone since.",
        )


def _load_repair(loader):
    with loader.argument_context("acr cmk repair") as c:
        c.argument("yes", help="Do not prompt for confirmation before changes that are irreversible or widen access.")


def _load_revoke(loader):
    with loader.argument_context("acr cmk revoke") as c:
        c.argument(
            "by",
            get_enum_type(["grant", "key"]),
            help="Remove the identity's access to the key (grant), or disable the key version in use (key).",
        )


def _load_wait(loader):
    with loader.argument_context("acr cmk wait") as c:
        c.argument("interval", validator=validate_interval)
