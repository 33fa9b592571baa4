"""Terraform with the azapi provider: all by the control plane, and the race of a new role cured by a retry."""

from __future__ import annotations

from typing import Any, ClassVar

from azext_acrcmk.model.api_versions import API_VERSIONS
from azext_acrcmk.model.ids import GROUP_TYPE, IDENTITY_TYPE, REGISTRY_TYPE, ROLE_ASSIGNMENT_TYPE, VAULT_TYPE, ArmId
from azext_acrcmk.output.template.hcl import Block, Raw, block, data, document, resource, string
from azext_acrcmk.output.template.parts import Parts
from azext_acrcmk.output.template.terraform import TerraformWriter, required
from azext_acrcmk.plan import kinds
from azext_acrcmk.plan.bodies import access_policy, encryption_block, key_body, role_assignment_body, vault_body

_DESCRIPTION = """\
A container registry encrypted with a customer-managed key, by the control plane of Azure alone.
`terraform destroy` leaves the key, and leaves the key vault soft-deleted with it."""


def azapi(parts: Parts) -> str:
    return document(_DESCRIPTION, _Writer(parts).blocks())


class _Writer(TerraformWriter):
    identity_type = registry_type = "azapi_resource"
    values: ClassVar = {
        "registry_id": "id",
        "login_server": "output.properties.loginServer",
        "key_id": "output.properties.encryption.keyVaultProperties.keyIdentifier",
        "encryption": "output.properties.encryption",
    }

    def blocks(self) -> list[Block]:
        head = [required(azapi=("Azure/azapi", ">= 2.12, < 3.0")), block("provider", labels=("azapi",))]
        made = [self._group(), self._identity(), self._vault(), self._key(), *self._grant()]
        id_ = f"{self.parts.id}?api-version={self._registry_version}"
        made += [self.import_block(id_), self._registry(), *self.outputs()]
        return [each for each in (*head, *made) if each is not None]

    def _parent(self, id_: ArmId) -> Any:
        return Raw("azapi_resource.group.id") if self.is_in_new_group(id_) else id_.group_id

    def _group(self) -> Block | None:
        group = self.parts.group
        if not isinstance(group, kinds.CreateGroup):
            return None
        return resource(
            "azapi_resource",
            "group",
            ("type", f"Microsoft.Resources/resourceGroups@{API_VERSIONS[GROUP_TYPE]}"),
            ("parent_id", f"/subscriptions/{group.id.subscription}"),
            ("name", group.id.name),
            ("location", group.location),
            ("tags", group.tags),
            ("body", {}),
        )

    def _identity(self) -> Block | None:
        change = self.parts.identity
        if change is None:
            return None
        exported = ("response_export_values", ["properties.clientId", "properties.principalId"])
        type_ = ("type", _versioned(IDENTITY_TYPE))
        if isinstance(change, kinds.UseIdentity):
            return data("azapi_resource", "identity", type_, ("resource_id", str(change.identity.id)), exported)
        place = (("parent_id", self._parent(change.id)), ("name", change.id.name), ("location", change.location))
        return resource("azapi_resource", "identity", type_, *place, ("tags", change.tags), ("body", {}), exported)

    def _vault(self) -> Block | None:
        change = self.parts.vault
        if not isinstance(change, kinds.CreateVault):
            return None
        properties = vault_body(change)["properties"]
        kept = None
        if self._made("policy"):
            # It is added by an action of its own, and others may add theirs.
            properties["accessPolicies"] = []
            kept = block("lifecycle", ("ignore_changes", [Raw("body.properties.accessPolicies")]))
        return resource(
            "azapi_resource",
            "vault",
            ("type", _versioned(VAULT_TYPE)),
            ("parent_id", self._parent(change.id)),
            ("name", change.id.name),
            ("location", change.location),
            ("tags", change.tags),
            ("body", {"properties": properties}),
            kept,
        )

    def _in_vault(self, path: str) -> Any:
        if isinstance(self.parts.vault, kinds.UseVault):
            return f"{self.parts.vault_id}{path}"
        return Raw(f'"${{azapi_resource.vault.id}}{string(path)[1:-1]}"')

    def _key(self) -> Block | None:
        change = self.parts.key
        if not isinstance(change, kinds.CreateKey):
            return None
        return resource(
            "azapi_resource_action",
            "key",
            ("type", _versioned(f"{VAULT_TYPE}/keys")),
            ("resource_id", self._in_vault(f"/keys/{change.key.name}")),
            ("method", "PUT"),
            ("body", key_body(change)),
            ("response_export_values", ["properties.keyUri", "properties.keyUriWithVersion"]),
        )

    def _grant(self) -> list[Block]:
        change = self.parts.grant
        principal = self.identity("output.properties.principalId")
        if isinstance(change, kinds.AssignRole):
            assignment = resource(
                "azapi_resource",
                "grant",
                ("type", _versioned(ROLE_ASSIGNMENT_TYPE)),
                ("parent_id", Raw("local.scope")),
                ("name", self.assignment_name(principal, change.role_id)),
                ("body", role_assignment_body(change.scope, change.role_id, principal)),
                ("depends_on", self._made("vault", "key") if "/keys/" in change.scope else self._made("vault")),
            )
            return [block("locals", ("scope", change.scope)), assignment]
        if isinstance(change, kinds.AddAccessPolicy):
            tenant = Raw("data.azapi_client_config.current.tenant_id")
            policy = access_policy(tenant, principal, change.permissions)
            addition = resource(
                "azapi_resource_action",
                "grant",
                ("type", f"{VAULT_TYPE}/accessPolicies@{API_VERSIONS[VAULT_TYPE]}"),
                ("resource_id", self._in_vault("/accessPolicies/add")),
                ("method", "PUT"),
                ("body", {"properties": {"accessPolicies": [policy]}}),
            )
            return [data("azapi_client_config", "current"), addition]
        return []

    def _made(self, *names: str) -> list[Raw] | None:
        """Those of the parts that are created here."""
        made = {
            "vault": ("azapi_resource.vault", isinstance(self.parts.vault, kinds.CreateVault)),
            "key": ("azapi_resource_action.key", self.parts.new_key),
            "role": ("azapi_resource.grant", isinstance(self.parts.grant, kinds.AssignRole)),
            "policy": ("azapi_resource_action.grant", isinstance(self.parts.grant, kinds.AddAccessPolicy)),
        }
        return [Raw(made[name][0]) for name in names if made[name][1]] or None

    @property
    def _registry_version(self) -> str:
        return API_VERSIONS[REGISTRY_TYPE] if self.found else self.parts.registry.options.api_version

    def _registry(self) -> Block:
        parts = self.parts
        key: Any = str(parts.key_id)
        if parts.new_key:
            uri = "keyUriWithVersion" if parts.pinned else "keyUri"
            key = Raw(f"azapi_resource_action.key.output.properties.{uri}")
        client = self.client("output.properties.clientId")
        encryption = encryption_block(client, key)
        retry = {"error_message_regex": ["Failed to access KeyId"], "interval_seconds": 15, "max_interval_seconds": 60}
        return resource(
            "azapi_resource",
            "registry",
            ("type", f"{REGISTRY_TYPE}@{self._registry_version}"),
            ("parent_id", self._parent(parts.id)),
            ("name", parts.id.name),
            ("location", parts.location),
            ("tags", self.tags),
            self.assigned(),
            ("body", {"sku": {"name": self.sku}, "properties": {**self.properties, "encryption": encryption}}),
            ("response_export_values", ["properties.loginServer", "properties.encryption"]),
            ("retry", retry),
            block("timeouts", ("create", "30m")),
            ("depends_on", self._made("role", "policy")),
            comment="A new grant takes a while to take effect: until then the registry can't access the key.",
        )


def _versioned(type_: str) -> str:
    return f"{type_}@{API_VERSIONS[type_]}"
