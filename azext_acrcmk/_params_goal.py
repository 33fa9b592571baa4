"""The options of the goal, the same for the command that carries the plan out and for the one that writes it.

Like `_params.py`, it imports no SDK. What `rotate` has in common with them is there.
"""

from azure.cli.core.commands.parameters import get_enum_type, get_location_type, get_three_state_flag, tags_type


def load_goal(loader, command):
    with loader.argument_context(f"acr cmk {command}") as c:
        c.argument(
            "location",
            get_location_type(loader.cli_ctx),
            help="Location of the resources to create. Default: the location of the resource group.",
        )
        c.argument("tags", tags_type, help="Space-separated tags for all resources that are created: key[=value].")

    with loader.argument_context(f"acr cmk {command}", arg_group="Key") as c:
        c.argument(
            "key_vault",
            help="Name or ID of the key vault, in any subscription of the tenant. Created if it does not exist. "
            "Default: a name derived from the registry's name and a hash of its ID.",
        )
        c.argument(
            "key_name",
            help="Name of the key. Created if it does not exist. Default: the registry's name followed by `-cmk`.",
        )
        c.argument(
            "key_encryption_key",
            help="URI of an existing key in a key vault or managed HSM, instead of `--key-vault` and `--key`. If the "
            "URI has no version, the registry uses new versions of the key automatically; otherwise it is pinned to "
            "that version.",
        )
        c.argument(
            "rotation",
            help="Whether the registry uses new versions of the key automatically (auto) or is pinned to the current "
            "version (manual). Default: auto, unless the URI in `--key-encryption-key` has a version.",
        )
        c.argument(
            "key_type",
            get_enum_type(["RSA", "RSA-HSM"]),
            help="Type of a new key. RSA-HSM requires a premium vault. Default: RSA.",
        )
        c.argument(
            "key_size", get_enum_type(["2048", "3072", "4096"]), help="Size of a new key in bits. Default: 2048."
        )
        c.argument(
            "rotation_period",
            help="Time after which Key Vault creates the next version of a new key, as an ISO 8601 duration or, for "
            "example, 90d. At least 7 days.",
        )
        c.argument(
            "key_lifetime",
            help="Time after which each version of a new key expires, as an ISO 8601 duration or, for example, 2y. "
            "At least 28 days. Requires `--rotation-period`.",
        )

    with loader.argument_context(f"acr cmk {command}", arg_group="Identity and Access") as c:
        c.argument(
            "identity",
            help="Name or ID of the user-assigned identity through which the registry uses the key. Created if it does "
            "not exist. Default: the registry's name followed by `-cmk`.",
        )
        c.argument(
            "grant_scope",
            get_enum_type(["vault", "key"]),
            help="Whether to assign the role on the vault or only on the key. An access policy always applies to the "
            "whole vault.",
        )
        c.argument("skip_grant")
        c.argument("grant_timeout")

    with loader.argument_context(f"acr cmk {command}", arg_group="New Key Vault") as c:
        c.argument(
            "permission_model",
            get_enum_type(["rbac", "access-policy"]),
            help="Permission model of a new vault. The permission model of an existing vault is not changed. Default: "
            "rbac.",
        )
        c.argument(
            "retention_days",
            type=int,
            help="Number of days for which a new vault retains deleted keys: 7 to 90. Default: 90.",
        )
        c.argument(
            "vault_sku",
            get_enum_type(["standard", "premium"]),
            help="SKU of a new vault. Default: premium for an RSA-HSM key, otherwise standard.",
        )
        c.argument(
            "restrict_vault_network",
            action="store_true",
            help="Deny network access to a new vault, except from trusted services such as Azure Container Registry.",
        )
        c.argument(
            "vault_public_network_access",
            options_list=["--vault-public-network-access", "--vault-public-access"],
            arg_type=get_enum_type(["Enabled", "Disabled"]),
            help="Public network access to a new vault. If it is disabled, trusted services such as Azure Container "
            "Registry can still use its keys, and the key is created through Azure Resource Manager. Default: Enabled.",
        )

    with loader.argument_context(f"acr cmk {command}", arg_group="Registry") as c:
        c.argument(
            "public_network_enabled",
            get_three_state_flag(),
            help="Allow public network access to the registry.",
        )
        c.argument(
            "default_action",
            get_enum_type(["Allow", "Deny"]),
            help="Default action to apply when no network rule matches.",
        )
        c.argument(
            "allow_trusted_services",
            get_three_state_flag(),
            help="Allow trusted Azure services to access a network-restricted registry.",
        )
        c.argument(
            "zone_redundancy", get_enum_type(["Enabled", "Disabled"]), help="Whether the registry is zone redundant."
        )
        c.argument("admin_enabled", get_three_state_flag(), help="Whether the admin user is enabled.")
        c.argument(
            "data_endpoint_enabled",
            get_three_state_flag(),
            help="Enable dedicated data endpoints for client firewall configuration.",
        )
        c.argument(
            "allow_exports",
            get_three_state_flag(),
            help="Allow artifacts to be exported from the registry, by import into another registry or by transfer.",
        )
        c.argument(
            "allow_arm_audience_tokens",
            options_list=["--allow-arm-audience-tokens", "--arm-audience-tokens"],
            arg_type=get_three_state_flag(),
            help="Allow sign-in to the registry with Microsoft Entra tokens issued for Azure Resource Manager.",
        )
        c.argument(
            "role_assignment_mode",
            get_enum_type(["rbac", "rbac-abac"]),
            help="Role assignment mode: registry permissions only (rbac), or also repository permissions through "
            "attribute-based conditions (rbac-abac).",
        )
        c.argument(
            "dnl_scope",
            get_enum_type(["NoReuse", "ResourceGroupReuse", "SubscriptionReuse", "TenantReuse", "Unsecure"]),
            is_preview=True,
            help="Scope of the domain name label. All values except Unsecure add a hash to the login server name.",
        )
        c.argument("allow_metadata_search", get_three_state_flag(), is_preview=True, help="Enable metadata search.")
        c.argument(
            "endpoint_protocol",
            get_enum_type(["IPv4", "IPv4AndIPv6"]),
            is_preview=True,
            help="Protocol of the registry's endpoints.",
        )
        c.argument(
            "regional_endpoints",
            get_enum_type(["Disabled", "Enabled"]),
            is_preview=True,
            help="Whether the registry has an endpoint of its own in each of its regions.",
        )
