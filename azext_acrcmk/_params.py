"""The arguments. No SDK is imported: this runs for every `az acr cmk … --help`."""

from azure.cli.core.commands.parameters import (
    get_enum_type,
    get_location_type,
    get_resource_name_completion_list,
    get_three_state_flag,
    tags_type,
)

from azext_acrcmk._validators import (
    validate_enable,
    validate_expiry_days,
    validate_grant_timeout,
    validate_interval,
    validate_one_or_several,
    validate_registry,
    validate_rotate,
)
from azext_acrcmk.model.ids import IDENTITY_TYPE, REGISTRY_TYPE, VAULT_TYPE


def load_arguments(loader, _command):
    _load_common(loader)
    _load_enable(loader)
    _load_rotate(loader)
    _load_ids(loader)
    _load_check(loader)
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
            help="Name of the resource group. Without it the registry is found by its name, in the subscription.",
        )
        c.argument(
            "what_if",
            options_list=["--what-if", "-w"],
            action="store_true",
            help="Show what would be done, and change nothing.",
        )
        c.argument("yes", options_list=["--yes", "-y"], action="store_true", help="Don't ask.")
        c.argument(
            "skip_grant",
            action="store_true",
            help="Don't grant the identity the key; verify that others have done so.",
        )
        c.argument(
            "grant_timeout",
            type=int,
            validator=validate_grant_timeout,
            help="How many seconds to wait for a new grant to take effect.",
        )


def _load_enable(loader):
    with loader.argument_context("acr cmk enable") as c:
        c.argument("registry_name", completer=None, validator=validate_enable)
        c.argument(
            "resource_group_name",
            help="Name of the resource group. Created when absent and `--location` is given.",
        )
        c.argument(
            "location",
            get_location_type(loader.cli_ctx),
            help="Location of what is created. Default: the location of the resource group.",
        )
        c.argument("tags", tags_type, help="Space-separated tags for every resource that is created: key[=value].")
        c.argument("yes", help="Don't ask before turning on purge protection of an existing vault: it is irreversible.")

    with loader.argument_context("acr cmk enable", arg_group="Key") as c:
        c.argument(
            "key_vault",
            help="Name or ID of the key vault, in any subscription of the tenant. Created when absent. "
            "Default: a name made of the registry's name and a hash of its ID.",
            completer=get_resource_name_completion_list(VAULT_TYPE),
        )
        c.argument(
            "key_name",
            options_list=["--key"],
            help="Name of the key. Created when absent. Default: the registry's name and `-cmk`.",
        )
        c.argument(
            "key_encryption_key",
            help="URI of an existing key in a key vault or managed HSM, instead of `--key-vault` and `--key`. Without "
            "a version the registry takes new versions by itself; with one it is pinned to it.",
        )
        c.argument(
            "rotation",
            get_enum_type(["auto", "manual"]),
            help="Whether the registry takes new versions of the key by itself (auto) or is pinned to the present one "
            "(manual). Default: auto, or as the form of `--key-encryption-key` says.",
        )
        c.argument(
            "key_type",
            get_enum_type(["RSA", "RSA-HSM"]),
            help="Type of a new key. RSA-HSM takes a premium vault. Default: RSA.",
        )
        c.argument(
            "key_size", get_enum_type(["2048", "3072", "4096"]), help="Size of a new key in bits. Default: 2048."
        )
        c.argument(
            "rotation_period",
            help="Have Key Vault make a new version of a new key this long after the last: an ISO 8601 duration, or "
            "for example 90d. At least 7 days.",
        )
        c.argument(
            "key_lifetime",
            help="How long each version of a new key is valid: an ISO 8601 duration, or for example 2y. "
            "At least 28 days.",
        )

    with loader.argument_context("acr cmk enable", arg_group="Identity and Grant") as c:
        c.argument(
            "identity",
            help="Name or ID of the user-assigned identity through which the registry uses the key. Created when "
            "absent. Default: the registry's name and `-cmk`.",
            completer=get_resource_name_completion_list(IDENTITY_TYPE),
        )
        c.argument(
            "grant_scope",
            get_enum_type(["vault", "key"]),
            help="Whether the role is assigned on the vault or on the key alone. An access policy is always on the "
            "vault.",
        )
        c.argument("skip_grant")
        c.argument("grant_timeout")

    with loader.argument_context("acr cmk enable", arg_group="New Key Vault") as c:
        c.argument(
            "permission_model",
            get_enum_type(["rbac", "access-policy"]),
            help="How a new vault controls access to keys. An existing vault keeps its own model. Default: rbac.",
        )
        c.argument(
            "retention_days", type=int, help="How many days a new vault keeps what is deleted: 7 to 90. Default: 90."
        )
        c.argument(
            "vault_sku",
            get_enum_type(["standard", "premium"]),
            help="SKU of a new vault. Default: as the type of the key takes it.",
        )
        c.argument(
            "restrict_vault_network",
            action="store_true",
            help="Deny network access to a new vault, except for trusted services such as the registry.",
        )

        c.argument(
            "vault_public_network_access",
            options_list=["--vault-public-network-access", "--vault-public-access"],
            arg_type=get_enum_type(["Enabled", "Disabled"]),
            help="Public network access to a new vault. Where it is disabled, trusted services such as the registry "
            "can still use its keys, and Azure Resource Manager creates the key. Default: Enabled.",
        )

    with loader.argument_context("acr cmk enable", arg_group="Registry") as c:
        c.argument(
            "public_network_enabled",
            get_three_state_flag(),
            help="Allow public network access to the registry.",
        )
        c.argument(
            "default_action",
            get_enum_type(["Allow", "Deny"]),
            help="What happens to requests that match no network rule.",
        )
        c.argument(
            "allow_trusted_services",
            get_three_state_flag(),
            help="Allow trusted Azure services to reach a network-restricted registry.",
        )
        c.argument(
            "zone_redundancy", get_enum_type(["Enabled", "Disabled"]), help="Whether the registry is zone redundant."
        )
        c.argument("admin_enabled", get_three_state_flag(), help="Whether the admin user is enabled.")
        c.argument("data_endpoint_enabled", get_three_state_flag(), help="Enable dedicated data endpoints.")
        c.argument(
            "allow_exports",
            get_three_state_flag(),
            help="Allow artifacts to be exported from the registry, by import into another or by transfer.",
        )
        c.argument(
            "allow_arm_audience_tokens",
            options_list=["--allow-arm-audience-tokens", "--arm-audience-tokens"],
            arg_type=get_three_state_flag(),
            help="Accept Microsoft Entra tokens for Azure Resource Manager at sign-in to the registry.",
        )
        c.argument(
            "role_assignment_mode",
            get_enum_type(["rbac", "rbac-abac"]),
            help="Role assignment mode: for the registry, or with attribute-based conditions for repositories too.",
        )
        c.argument(
            "dnl_scope",
            get_enum_type(["NoReuse", "ResourceGroupReuse", "SubscriptionReuse", "TenantReuse", "Unsecure"]),
            is_preview=True,
            help="Scope of the domain name label: all but Unsecure add a hash to the name of the login server.",
        )
        c.argument("allow_metadata_search", get_three_state_flag(), is_preview=True, help="Enable the metadata search.")
        c.argument(
            "endpoint_protocol",
            get_enum_type(["IPv4", "IPv4AndIPv6"]),
            is_preview=True,
            help="Protocol of the registry's endpoints.",
        )


def _load_rotate(loader):
    with loader.argument_context("acr cmk rotate") as c:
        c.argument("registry_name", validator=validate_rotate)
        c.argument(
            "yes",
            help="Don't ask before turning on purge protection or letting trusted services past a vault's firewall.",
        )

    with loader.argument_context("acr cmk rotate", arg_group="Key") as c:
        c.argument("key_encryption_key", help="URI of another key, in a key vault or managed HSM.")
        c.argument(
            "key_vault",
            help="Name or ID of the key vault of another key. Default: the vault of the present key.",
            completer=get_resource_name_completion_list(VAULT_TYPE),
        )
        c.argument(
            "key_name",
            options_list=["--key"],
            help="Name of another key. Created when absent. Default: the name of the present key.",
        )
        c.argument(
            "no_new_version",
            action="store_true",
            help="Make no new version of the present key: have the registry take the latest that there is.",
        )
        c.argument(
            "rotation",
            get_enum_type(["auto", "manual"]),
            help="Whether the registry takes new versions by itself (auto) or is pinned to one (manual). Default: as "
            "it is.",
        )
        c.argument(
            "disable_old_version",
            action="store_true",
            help="Disable the version that was in use, once the registry was seen on another.",
        )

    with loader.argument_context("acr cmk rotate", arg_group="Identity and Grant") as c:
        c.argument(
            "identity",
            help="Name or ID of the user-assigned identity to use the key through, or `[system]` for the registry's "
            "own. Attached and granted the key before it is used. Default: the present one.",
        )
        c.argument("skip_grant")
        c.argument("grant_timeout")
        c.argument(
            "revoke_old",
            action="store_true",
            help="Remove the old identity's grant on the old key, once the new ones are in use and where "
            "nobody needs it.",
        )


def _load_ids(loader):
    # Not the CLI's own `--ids`: that names the wrong one of several where one fails, and succeeds all the same.
    # Commands that change something have none, as those of `az acr` have none.
    for command in ("show", "check"):
        with loader.argument_context(f"acr cmk {command}", arg_group="Resource Id") as c:
            c.argument("registry_name", validator=validate_one_or_several)
            c.argument("resource_group_name")
            c.argument(
                "ids",
                nargs="+",
                metavar="ID",
                help="One or more resource IDs of registries (space-delimited), instead of `--name`. `@FILE` reads "
                "them from a file, one a line, as command lines of Windows are limited to 8,191 characters.",
            )


def _load_check(loader):
    with loader.argument_context("acr cmk check") as c:
        c.argument(
            "fail_on",
            get_enum_type(["error", "warning", "none"]),
            help="Which failed checks make the command fail: errors; warnings, and what can't be seen, too; or none.",
        )
        c.argument(
            "expiry_days",
            type=int,
            validator=validate_expiry_days,
            help="A key counts as expiring when it does within this many days.",
        )


def _load_repair(loader):
    with loader.argument_context("acr cmk repair") as c:
        c.argument("yes", help="Don't ask before what is irreversible or widens access.")


def _load_revoke(loader):
    with loader.argument_context("acr cmk revoke") as c:
        c.argument(
            "by",
            get_enum_type(["grant", "key"]),
            help="Remove the identity's grant on the key, or disable the key's version in use.",
        )


def _load_wait(loader):
    with loader.argument_context("acr cmk wait") as c:
        c.argument("interval", validator=validate_interval)
