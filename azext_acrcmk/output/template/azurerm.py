"""Terraform with the azurerm provider, 4.42 to 5: a new key is made on the vault's data plane."""

from __future__ import annotations

from typing import Any, ClassVar

from azext_acrcmk.model.ids import ArmId, same
from azext_acrcmk.model.key_identity import SYSTEM
from azext_acrcmk.model.problem import Problem
from azext_acrcmk.model.registry_options import REGISTRY_OPTIONS
from azext_acrcmk.model.state import RBAC
from azext_acrcmk.output.template.hcl import Block, Raw, block, data, document, resource
from azext_acrcmk.output.template.parts import Parts
from azext_acrcmk.output.template.terraform import TerraformWriter, required
from azext_acrcmk.plan import kinds

_CRYPTO_OFFICER = "Key Vault Crypto Officer"
_CALLER_PERMISSIONS = ("Create", "Delete", "Get", "GetRotationPolicy", "List", "Recover", "SetRotationPolicy", "Update")
_DESCRIPTION = "A container registry encrypted with a customer-managed key."
_CALLER = """\
The provider creates the key on the vault's data plane: whoever runs Terraform needs access to keys there, and network
access to the vault. Remove this where that is granted already."""
# What the provider has no argument for, by the names of our options.
_WITHOUT_ARGUMENT = (
    "allow_arm_audience_tokens",
    "role_assignment_mode",
    "dnl_scope",
    "allow_metadata_search",
    "endpoint_protocol",
    "regional_endpoints",
)


def azurerm_problems(parts: Parts) -> list[Problem]:
    """What the provider can't express."""
    given = () if parts.found else parts.registry.options.values
    lacking = [each.option for each in REGISTRY_OPTIONS if each.name in given and each.name in _WITHOUT_ARGUMENT]
    found = []
    if lacking:
        found.append(
            Problem(f"The azurerm provider has no argument for {', '.join(lacking)}.", ("Use --format azapi instead.",))
        )
    if parts.found and parts.found.encryption.identity == SYSTEM:
        found.append(
            Problem(
                "The azurerm provider requires a user-assigned identity for the key, but the registry uses its "
                "system-assigned identity.",
                ("Use --format azapi instead.",),
            )
        )
    return found


def azurerm(parts: Parts) -> str:
    return document(_DESCRIPTION, _Writer(parts).blocks())


class _Writer(TerraformWriter):
    identity_type, registry_type = "azurerm_user_assigned_identity", "azurerm_container_registry"
    values: ClassVar = {
        "registry_id": "id",
        "login_server": "login_server",
        "key_id": "encryption[0].key_vault_key_id",
        "encryption": "encryption",
    }

    def __init__(self, parts: Parts):
        super().__init__(parts)
        # The other subscriptions, of which each has a provider.
        self.others: list[str] = []

    def blocks(self) -> list[Block]:
        made = [self._group(), self._identity(), *self._vault(), *self._key(), *self._grant(), self._wait()]
        made += [self.import_block(str(self.parts.id)), self._registry(), *self.outputs()]
        needed = {"azurerm": ("hashicorp/azurerm", ">= 4.42, < 6.0")}
        if self.parts.new_key or self.parts.assigns_role:
            needed["time"] = ("hashicorp/time", ">= 0.9")
        return [each for each in (required(**needed), *self._providers(), *made) if each is not None]

    def _providers(self) -> list[Block]:
        key_vault = block(
            "key_vault",
            ("purge_soft_delete_on_destroy", False),
            ("purge_soft_deleted_keys_on_destroy", False),
            ("recover_soft_deleted_key_vaults", True),
        )

        def provider(subscription: str, *alias: tuple[str, str]) -> Block:
            features = block("features", key_vault)
            return block("provider", *alias, ("subscription_id", subscription), features, labels=("azurerm",))

        others = (provider(each, ("alias", f"other{number}")) for number, each in enumerate(self.others, 1))
        return [provider(self.parts.id.subscription), *others]

    def _provider(self, id_: ArmId) -> tuple[str, Raw] | None:
        """The provider of another subscription."""
        if id_.subscription == self.parts.id.subscription:
            return None
        if id_.subscription not in self.others:
            self.others.append(id_.subscription)
        return ("provider", Raw(f"azurerm.other{self.others.index(id_.subscription) + 1}"))

    # Resources

    def _group(self) -> Block | None:
        group = self.parts.group
        if not isinstance(group, kinds.CreateGroup):
            return None
        items = (("name", group.id.name), ("location", group.location), ("tags", group.tags))
        return resource("azurerm_resource_group", "group", *items)

    def _group_of(self, id_: ArmId) -> Any:
        return Raw("azurerm_resource_group.group.name") if self.is_in_new_group(id_) else id_.group

    def _identity(self) -> Block | None:
        change, id_ = self.parts.identity, self.parts.identity_id
        if change is None:
            return None
        named = (self._provider(id_), ("name", id_.name), ("resource_group_name", self._group_of(id_)))
        if isinstance(change, kinds.UseIdentity):
            return data(self.identity_type, "identity", *named)
        return resource(self.identity_type, "identity", *named, ("location", change.location), ("tags", change.tags))

    def _vault(self) -> list[Block]:
        change = self.parts.vault
        needs_caller = self.parts.new_key or isinstance(self.parts.grant, kinds.AddAccessPolicy)
        made = [data("azurerm_client_config", "current")] if needs_caller else []
        if not isinstance(change, kinds.CreateVault):
            return made
        rules = block("network_acls", ("bypass", "AzureServices"), ("default_action", "Deny"))
        vault = resource(
            "azurerm_key_vault",
            "vault",
            self._provider(change.id),
            ("name", change.id.name),
            ("resource_group_name", self._group_of(change.id)),
            ("location", change.location),
            ("tenant_id", change.tenant),
            ("sku_name", change.sku),
            ("rbac_authorization_enabled", change.permission_model == RBAC),
            ("purge_protection_enabled", True),
            ("soft_delete_retention_days", change.retention_days),
            ("public_network_access_enabled", _on(change.public_network_access)),
            ("tags", change.tags),
            rules if change.is_closed else None,
        )
        return [*made, vault]

    @property
    def _vault_id(self) -> Any:
        if isinstance(self.parts.vault, kinds.UseVault):
            return str(self.parts.vault_id)
        return Raw("azurerm_key_vault.vault.id")

    @property
    def _uses_policies(self) -> bool:
        vault = self.parts.vault
        if isinstance(vault, kinds.CreateVault):
            return vault.permission_model != RBAC
        return isinstance(vault, kinds.UseVault) and vault.vault.uses_policies

    def _key(self) -> list[Block]:
        change = self.parts.key
        if not isinstance(change, kinds.CreateKey):
            return []
        automatic = block("automatic", ("time_after_creation", change.rotation_period))
        policy = block(
            "rotation_policy", ("expire_after", change.lifetime), automatic if change.rotation_period else None
        )
        caller = self._caller(change.vault)
        wait = (("create_duration", "120s"), ("depends_on", [Raw(".".join(caller.labels))]))
        key = resource(
            "azurerm_key_vault_key",
            "key",
            self._provider(change.vault),
            ("name", change.key.name),
            ("key_vault_id", self._vault_id),
            ("key_type", change.type),
            ("key_size", change.size),
            ("key_opts", ["wrapKey", "unwrapKey"]),
            ("tags", change.tags),
            ("depends_on", [Raw("time_sleep.caller")]),
            policy if change.rotation_period or change.lifetime else None,
        )
        return [caller, resource("time_sleep", "caller", *wait), key]

    def _caller(self, vault: ArmId) -> Block:
        principal = Raw("data.azurerm_client_config.current.object_id")
        if self._uses_policies:
            return self._policy("caller", vault, principal, list(_CALLER_PERMISSIONS), _CALLER)
        return resource(
            "azurerm_role_assignment",
            "caller",
            self._provider(vault),
            ("scope", self._vault_id),
            ("role_definition_name", _CRYPTO_OFFICER),
            ("principal_id", principal),
            comment=_CALLER,
        )

    def _policy(self, name: str, vault: ArmId, principal: Raw, permissions: list[str], comment: str = "") -> Block:
        return resource(
            "azurerm_key_vault_access_policy",
            name,
            self._provider(vault),
            ("key_vault_id", self._vault_id),
            ("tenant_id", Raw("data.azurerm_client_config.current.tenant_id")),
            ("object_id", principal),
            ("key_permissions", permissions),
            comment=comment,
        )

    def _grant(self) -> list[Block]:
        change = self.parts.grant
        principal = self.identity("principal_id")
        if isinstance(change, kinds.AddAccessPolicy):
            permissions = [f"{each[0].upper()}{each[1:]}" for each in change.permissions]
            return [self._policy("grant", change.vault, principal, permissions)]
        if not isinstance(change, kinds.AssignRole):
            return []
        definition = f"/subscriptions/{change.vault.subscription}/providers/Microsoft.Authorization/roleDefinitions/"
        waits = [Raw("azurerm_key_vault.vault")] if isinstance(self.parts.vault, kinds.CreateVault) else []
        waits += [Raw("azurerm_key_vault_key.key")] if "/keys/" in change.scope and self.parts.new_key else []
        assignment = resource(
            "azurerm_role_assignment",
            "grant",
            self._provider(change.vault),
            ("name", self.assignment_name(principal, change.role_id)),
            ("scope", Raw("local.scope")),
            ("role_definition_id", f"{definition}{change.role_id}"),
            ("principal_id", principal),
            ("principal_type", "ServicePrincipal"),
            ("depends_on", waits or None),
        )
        return [block("locals", ("scope", change.scope)), assignment]

    def _wait(self) -> Block | None:
        if not self.parts.assigns_role:
            return None
        items = (("create_duration", "180s"), ("depends_on", [Raw("azurerm_role_assignment.grant")]))
        comment = "A new role assignment takes a while to take effect. If that is not enough, apply again."
        return resource("time_sleep", "grant", *items, comment=comment)

    # Registry

    def _registry(self) -> Block:
        parts = self.parts
        key: Any = str(parts.key_id)
        if parts.new_key:
            key = Raw(f"azurerm_key_vault_key.key.{'id' if parts.pinned else 'versionless_id'}")
        waits = [Raw("time_sleep.grant")] if parts.assigns_role else []
        if isinstance(parts.grant, kinds.AddAccessPolicy):
            waits = [Raw("azurerm_key_vault_access_policy.grant")]
        pinned = block(
            "lifecycle",
            ("ignore_changes", [Raw("encryption")]),
            comment="The registry stays on the version of the key that it was created with.",
        )
        return resource(
            self.registry_type,
            "registry",
            ("name", parts.id.name),
            ("resource_group_name", self._group_of(parts.id)),
            ("location", parts.location),
            ("sku", self.sku),
            *self._options(),
            ("tags", self.tags),
            ("depends_on", waits or None),
            self.assigned(),
            block("encryption", ("key_vault_key_id", key), ("identity_client_id", self.client("client_id"))),
            pinned if parts.new_key and parts.pinned else None,
        )

    def _options(self) -> tuple[Any, ...]:
        own = self.properties
        policies, network = own.get("policies", {}), own.get("networkRuleSet", {})

        def status(policy: str) -> bool | None:
            return _on(policies.get(policy, {}).get("status"))

        addresses = (each.get("value") for each in network.get("ipRules") or [])
        rules = (block("ip_rule", ("action", "Allow"), ("ip_range", each)) for each in addresses)
        action, retention = network.get("defaultAction"), policies.get("retentionPolicy", {})
        return (
            ("admin_enabled", own.get("adminUserEnabled")),
            ("anonymous_pull_enabled", own.get("anonymousPullEnabled")),
            ("data_endpoint_enabled", own.get("dataEndpointEnabled")),
            ("public_network_access_enabled", _on(own.get("publicNetworkAccess"))),
            ("zone_redundancy_enabled", _on(own.get("zoneRedundancy"))),
            ("network_rule_bypass_option", own.get("networkRuleBypassOptions")),
            ("export_policy_enabled", status("exportPolicy")),
            ("quarantine_policy_enabled", status("quarantinePolicy")),
            ("retention_policy_in_days", retention.get("days") if status("retentionPolicy") else None),
            block("network_rule_set", ("default_action", action), *rules) if action else None,
        )


def _on(given: Any) -> bool | None:
    return None if given is None else same(given, "Enabled")
