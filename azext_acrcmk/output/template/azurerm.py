"""Terraform with the azurerm provider, 4.42 to 5: a new key is made on the vault's data plane."""

from __future__ import annotations

from typing import Any

from azext_acrcmk.model.access import NEEDED_ACTIONS
from azext_acrcmk.model.arm_guid import NAMESPACE
from azext_acrcmk.model.ids import ArmId, same
from azext_acrcmk.model.key_identity import SYSTEM
from azext_acrcmk.model.problem import Problem
from azext_acrcmk.model.registry_options import REGISTRY_OPTIONS
from azext_acrcmk.model.state import RBAC, Vault
from azext_acrcmk.output.template.hcl import Block, Raw, block, document
from azext_acrcmk.output.template.parts import Parts, exported_properties
from azext_acrcmk.plan import kinds

_CRYPTO_OFFICER = "Key Vault Crypto Officer"
_CALLER_PERMISSIONS = (
    "Create",
    "Delete",
    "Get",
    "GetRotationPolicy",
    "List",
    "Recover",
    "SetRotationPolicy",
    "Update",
)
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


class _Writer:
    def __init__(self, parts: Parts):
        self.parts = parts
        self.others: list[str] = []

    def blocks(self) -> list[Block]:
        made = [self._group(), self._identity(), *self._vault(), *self._key(), *self._grant(), *self._wait()]
        made += [self._import(), self._registry(), *self._outputs()]
        head = [self._terraform(), *self._providers()]
        return [each for each in (*head, *made) if each is not None]

    # Providers

    def _terraform(self) -> Block:
        needed = [("azurerm", {"source": "hashicorp/azurerm", "version": ">= 4.42, < 6.0"})]
        if self._waits:
            needed.append(("time", {"source": "hashicorp/time", "version": ">= 0.9"}))
        return block(
            "terraform",
            items=(("required_version", ">= 1.5"), block("required_providers", items=tuple(needed))),
        )

    def _providers(self) -> list[Block]:
        features = block(
            "features",
            items=(
                block(
                    "key_vault",
                    items=(
                        ("purge_soft_delete_on_destroy", False),
                        ("purge_soft_deleted_keys_on_destroy", False),
                        ("recover_soft_deleted_key_vaults", True),
                    ),
                ),
            ),
        )
        made = [block("provider", "azurerm", items=(("subscription_id", self.parts.id.subscription), features))]
        for number, each in enumerate(self.others, 1):
            items = (("alias", f"other{number}"), ("subscription_id", each), features)
            made.append(block("provider", "azurerm", items=items))
        return made

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
        return block("resource", "azurerm_resource_group", "group", items=items)

    def _group_of(self, id_: ArmId) -> Any:
        new = isinstance(self.parts.group, kinds.CreateGroup) and not self.parts.is_elsewhere(id_)
        return Raw("azurerm_resource_group.group.name") if new else id_.group

    def _identity(self) -> Block | None:
        change, id_ = self.parts.identity, self.parts.identity_id
        if change is None:
            return None
        named = (self._provider(id_), ("name", id_.name), ("resource_group_name", self._group_of(id_)))
        if isinstance(change, kinds.UseIdentity):
            return block("data", "azurerm_user_assigned_identity", "identity", items=named)
        items = (*named, ("location", change.location), ("tags", change.tags))
        return block("resource", "azurerm_user_assigned_identity", "identity", items=items)

    def _identity_output(self, name: str) -> Raw:
        data = "data." if isinstance(self.parts.identity, kinds.UseIdentity) else ""
        return Raw(f"{data}azurerm_user_assigned_identity.identity.{name}")

    def _vault(self) -> list[Block]:
        change = self.parts.vault
        made = [block("data", "azurerm_client_config", "current")] if self._needs_caller else []
        if not isinstance(change, kinds.CreateVault):
            return made
        rules = block("network_acls", items=(("bypass", "AzureServices"), ("default_action", "Deny")))
        public = {"Disabled": False, "Enabled": True}.get(change.public_network_access or "")
        return [
            *made,
            block(
                "resource",
                "azurerm_key_vault",
                "vault",
                items=(
                    self._provider(change.id),
                    ("name", change.id.name),
                    ("resource_group_name", self._group_of(change.id)),
                    ("location", change.location),
                    ("tenant_id", change.tenant),
                    ("sku_name", change.sku),
                    ("rbac_authorization_enabled", change.permission_model == RBAC),
                    ("purge_protection_enabled", True),
                    ("soft_delete_retention_days", change.retention_days),
                    ("public_network_access_enabled", public),
                    ("tags", change.tags),
                    rules if change.is_closed else None,
                ),
            ),
        ]

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
        return isinstance(vault, kinds.UseVault) and isinstance(vault.vault, Vault) and vault.vault.uses_policies

    @property
    def _needs_caller(self) -> bool:
        return self.parts.new_key or isinstance(self.parts.grant, kinds.AddAccessPolicy)

    @property
    def _waits(self) -> bool:
        return self.parts.new_key or self.parts.assigns_role

    def _key(self) -> list[Block]:
        change = self.parts.key
        if not isinstance(change, kinds.CreateKey):
            return []
        automatic = (("time_after_creation", change.rotation_period),)
        policy = block(
            "rotation_policy",
            items=(
                ("expire_after", change.lifetime),
                block("automatic", items=automatic) if change.rotation_period else None,
            ),
        )
        return [
            self._caller(change.vault),
            block(
                "resource",
                "time_sleep",
                "caller",
                items=(("create_duration", "120s"), ("depends_on", [Raw(self._caller_name)])),
            ),
            block(
                "resource",
                "azurerm_key_vault_key",
                "key",
                items=(
                    self._provider(change.vault),
                    ("name", change.key.name),
                    ("key_vault_id", self._vault_id),
                    ("key_type", change.type),
                    ("key_size", change.size),
                    ("key_opts", ["wrapKey", "unwrapKey"]),
                    ("tags", change.tags),
                    ("depends_on", [Raw("time_sleep.caller")]),
                    policy if change.rotation_period or change.lifetime else None,
                ),
            ),
        ]

    @property
    def _caller_name(self) -> str:
        return "azurerm_key_vault_access_policy.caller" if self._uses_policies else "azurerm_role_assignment.caller"

    def _caller(self, vault: ArmId) -> Block:
        principal = Raw("data.azurerm_client_config.current.object_id")
        if self._uses_policies:
            items = (
                self._provider(vault),
                ("key_vault_id", self._vault_id),
                ("tenant_id", Raw("data.azurerm_client_config.current.tenant_id")),
                ("object_id", principal),
                ("key_permissions", list(_CALLER_PERMISSIONS)),
            )
            return block("resource", "azurerm_key_vault_access_policy", "caller", items=items, comment=_CALLER)
        items = (
            self._provider(vault),
            ("scope", self._vault_id),
            ("role_definition_name", _CRYPTO_OFFICER),
            ("principal_id", principal),
        )
        return block("resource", "azurerm_role_assignment", "caller", items=items, comment=_CALLER)

    def _grant(self) -> list[Block]:
        change = self.parts.grant
        principal = self._identity_output("principal_id")
        if isinstance(change, kinds.AddAccessPolicy):
            items = (
                self._provider(change.vault),
                ("key_vault_id", self._vault_id),
                ("tenant_id", Raw("data.azurerm_client_config.current.tenant_id")),
                ("object_id", principal),
                ("key_permissions", [f"{each[0].upper()}{each[1:]}" for each in NEEDED_ACTIONS]),
            )
            return [block("resource", "azurerm_key_vault_access_policy", "grant", items=items)]
        if not isinstance(change, kinds.AssignRole):
            return []
        definition = f"/subscriptions/{change.vault.subscription}/providers/Microsoft.Authorization/roleDefinitions/"
        name = Raw(f'uuidv5("{NAMESPACE}", join("-", [local.scope, {principal.text}, "{change.role_id}"]))')
        waits = [Raw("azurerm_key_vault.vault")] if isinstance(self.parts.vault, kinds.CreateVault) else []
        waits += [Raw("azurerm_key_vault_key.key")] if "/keys/" in change.scope and self.parts.new_key else []
        items = (
            self._provider(change.vault),
            ("name", name),
            ("scope", Raw("local.scope")),
            ("role_definition_id", f"{definition}{change.role_id}"),
            ("principal_id", principal),
            ("principal_type", "ServicePrincipal"),
            ("depends_on", waits or None),
        )
        scope = block("locals", items=(("scope", change.scope),))
        return [scope, block("resource", "azurerm_role_assignment", "grant", items=items)]

    def _wait(self) -> list[Block]:
        if not self.parts.assigns_role:
            return []
        items = (("create_duration", "180s"), ("depends_on", [Raw("azurerm_role_assignment.grant")]))
        comment = "A new role assignment takes a while to take effect. If that is not enough, apply again."
        return [block("resource", "time_sleep", "grant", items=items, comment=comment)]

    def _import(self) -> Block | None:
        if not self.parts.found:
            return None
        return block("import", items=(("to", Raw("azurerm_container_registry.registry")), ("id", str(self.parts.id))))

    # Registry

    def _registry(self) -> Block:
        parts, found = self.parts, self.parts.found
        key: Any = str(parts.key_id)
        if parts.new_key:
            key = Raw(f"azurerm_key_vault_key.key.{'id' if parts.pinned else 'versionless_id'}")
        client = self._identity_output("client_id") if parts.identity else found.encryption.identity
        waits = [Raw("time_sleep.grant")] if parts.assigns_role else []
        waits += [Raw("azurerm_key_vault_access_policy.grant")] if self._grants_policy else []
        keeps_version = parts.new_key and parts.pinned
        pinned = block(
            "lifecycle",
            items=(("ignore_changes", [Raw("encryption")]),),
            comment="The registry stays on the version of the key that it was created with.",
        )
        return block(
            "resource",
            "azurerm_container_registry",
            "registry",
            items=(
                ("name", parts.id.name),
                ("resource_group_name", self._group_of(parts.id)),
                ("location", parts.location),
                ("sku", found.sku if found else "Premium"),
                *self._options(),
                ("tags", (found.tags or None) if found else parts.registry.tags),
                ("depends_on", waits or None),
                block("identity", items=self._assigned()),
                block("encryption", items=(("key_vault_key_id", key), ("identity_client_id", client))),
                pinned if keeps_version else None,
            ),
        )

    @property
    def _grants_policy(self) -> bool:
        return isinstance(self.parts.grant, kinds.AddAccessPolicy)

    def _assigned(self) -> tuple[Any, ...]:
        found = self.parts.found
        users: list[Any] = [self._identity_output("id")] if self.parts.identity else []
        if found:
            users += [str(each.id) for each in found.attached if each.id != self.parts.identity_id]
        system = ["SystemAssigned"] if found and found.system_principal_id else []
        return (("type", ", ".join([*system, *(["UserAssigned"] if users else [])])), ("identity_ids", users or None))

    def _options(self) -> tuple[Any, ...]:
        found = self.parts.found
        own = exported_properties(found) if found else self.parts.registry.options.properties
        policies = own.get("policies", {})

        def on(given: Any, enabled: str = "Enabled") -> bool | None:
            return None if given is None else same(given, enabled)

        action = own.get("networkRuleSet", {}).get("defaultAction")
        ranges = own.get("networkRuleSet", {}).get("ipRules") or []
        rule = tuple(block("ip_rule", items=(("action", "Allow"), ("ip_range", each.get("value")))) for each in ranges)
        retention = policies.get("retentionPolicy", {})
        kept = retention.get("days") if on(retention.get("status")) else None
        return (
            ("admin_enabled", own.get("adminUserEnabled")),
            ("anonymous_pull_enabled", own.get("anonymousPullEnabled")),
            ("data_endpoint_enabled", own.get("dataEndpointEnabled")),
            ("public_network_access_enabled", on(own.get("publicNetworkAccess"))),
            ("zone_redundancy_enabled", on(own.get("zoneRedundancy"))),
            ("network_rule_bypass_option", own.get("networkRuleBypassOptions")),
            ("export_policy_enabled", on(policies.get("exportPolicy", {}).get("status"))),
            ("quarantine_policy_enabled", on(policies.get("quarantinePolicy", {}).get("status"))),
            ("retention_policy_in_days", kept),
            block("network_rule_set", items=(("default_action", action), *rule)) if action else None,
        )

    def _outputs(self) -> list[Block]:
        registry = "azurerm_container_registry.registry"
        values = {
            "registry_id": f"{registry}.id",
            "login_server": f"{registry}.login_server",
            "key_id": f"{registry}.encryption[0].key_vault_key_id",
            "encryption": f"{registry}.encryption",
        }
        return [block("output", name, items=(("value", Raw(text)),)) for name, text in values.items()]
