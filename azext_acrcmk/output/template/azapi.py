"""Terraform with the azapi provider: all by the control plane, and the race of a new role cured by a retry."""

from __future__ import annotations

from typing import Any

from azext_acrcmk.model.access import NEEDED_ACTIONS
from azext_acrcmk.model.api_versions import API_VERSIONS
from azext_acrcmk.model.arm_guid import NAMESPACE
from azext_acrcmk.model.ids import IDENTITY_TYPE, REGISTRY_TYPE, ROLE_ASSIGNMENT_TYPE, VAULT_TYPE, ArmId
from azext_acrcmk.output.template.hcl import Block, Raw, block, document, string
from azext_acrcmk.output.template.parts import Parts, exported_properties
from azext_acrcmk.plan import kinds
from azext_acrcmk.plan.bodies import key_body, recovery_body, role_assignment_body, vault_body

_KEY_TYPE = f"{VAULT_TYPE}/keys"
_DESCRIPTION = """\
A container registry encrypted with a customer-managed key, by the control plane of Azure alone.
`terraform destroy` leaves the key, and leaves the key vault soft-deleted with it."""


def azapi(parts: Parts) -> str:
    return document(_DESCRIPTION, _Writer(parts).blocks())


class _Writer:
    def __init__(self, parts: Parts):
        self.parts = parts

    def blocks(self) -> list[Block]:
        made = [_TERRAFORM, block("provider", "azapi"), self._group(), self._identity(), self._vault(), self._key()]
        made += [*self._grant(), self._import(), self._registry(), *self._outputs()]
        return [each for each in made if each is not None]

    def _parent(self, id_: ArmId) -> Any:
        group = self.parts.group
        new = isinstance(group, kinds.CreateGroup) and not self.parts.is_elsewhere(id_)
        return Raw("azapi_resource.group.id") if new else id_.group_id

    def _group(self) -> Block | None:
        group = self.parts.group
        if not isinstance(group, kinds.CreateGroup):
            return None
        version = API_VERSIONS["Microsoft.Resources/subscriptions/resourceGroups"]
        return block(
            "resource",
            "azapi_resource",
            "group",
            items=(
                ("type", f"Microsoft.Resources/resourceGroups@{version}"),
                ("parent_id", f"/subscriptions/{group.id.subscription}"),
                ("name", group.id.name),
                ("location", group.location),
                ("tags", group.tags),
                ("body", {}),
            ),
        )

    def _identity(self) -> Block | None:
        change = self.parts.identity
        if change is None:
            return None
        exported = ("response_export_values", ["properties.clientId", "properties.principalId"])
        type_ = ("type", _versioned(IDENTITY_TYPE))
        if isinstance(change, kinds.UseIdentity):
            found = ("resource_id", str(change.identity.id))
            return block("data", "azapi_resource", "identity", items=(type_, found, exported))
        place = (("parent_id", self._parent(change.id)), ("name", change.id.name), ("location", change.location))
        return block(
            "resource",
            "azapi_resource",
            "identity",
            items=(type_, *place, ("tags", change.tags), ("body", {}), exported),
        )

    def _identity_output(self, name: str) -> Raw:
        data = "data." if isinstance(self.parts.identity, kinds.UseIdentity) else ""
        return Raw(f"{data}azapi_resource.identity.{name}")

    def _vault(self) -> Block | None:
        change = self.parts.vault
        if not isinstance(change, (kinds.CreateVault, kinds.RecoverVault)):
            return None
        body = vault_body(change) if isinstance(change, kinds.CreateVault) else recovery_body(change)
        if self._made("policy"):
            # It is added by an action of its own, and others may add theirs.
            body["properties"]["accessPolicies"] = []
        kept = block("lifecycle", items=(("ignore_changes", [Raw("body.properties.accessPolicies")]),))
        return block(
            "resource",
            "azapi_resource",
            "vault",
            items=(
                ("type", _versioned(VAULT_TYPE)),
                ("parent_id", self._parent(change.id)),
                ("name", change.id.name),
                ("location", change.location),
                ("tags", getattr(change, "tags", None)),
                ("body", {"properties": body["properties"]}),
                kept if "accessPolicies" in body["properties"] else None,
            ),
        )

    def _in_vault(self, path: str) -> Any:
        if isinstance(self.parts.vault, kinds.UseVault):
            return f"{self.parts.vault_id}{path}"
        return Raw(f'"${{azapi_resource.vault.id}}{string(path)[1:-1]}"')

    def _key(self) -> Block | None:
        change = self.parts.key
        if not isinstance(change, kinds.CreateKey):
            return None
        return block(
            "resource",
            "azapi_resource_action",
            "key",
            items=(
                ("type", _versioned(_KEY_TYPE)),
                ("resource_id", self._in_vault(f"/keys/{change.key.name}")),
                ("method", "PUT"),
                ("body", key_body(change)),
                ("response_export_values", ["properties.keyUri", "properties.keyUriWithVersion"]),
            ),
        )

    def _grant(self) -> list[Block]:
        change = self.parts.grant
        principal = self._identity_output("output.properties.principalId")
        if isinstance(change, kinds.AssignRole):
            name = Raw(f'uuidv5("{NAMESPACE}", join("-", [local.scope, {principal.text}, "{change.role_id}"]))')
            body = role_assignment_body(change.scope, change.role_id, principal)
            waits = self._made("vault", "key") if "/keys/" in change.scope else self._made("vault")
            items = (
                ("type", _versioned(ROLE_ASSIGNMENT_TYPE)),
                ("parent_id", Raw("local.scope")),
                ("name", name),
                ("body", body),
                ("depends_on", waits),
            )
            scope = block("locals", items=(("scope", change.scope),))
            return [scope, block("resource", "azapi_resource", "grant", items=items)]
        if isinstance(change, kinds.AddAccessPolicy):
            entry = {
                "tenantId": Raw("data.azapi_client_config.current.tenant_id"),
                "objectId": principal,
                "permissions": {"keys": list(NEEDED_ACTIONS)},
            }
            items = (
                ("type", f"{VAULT_TYPE}/accessPolicies@{API_VERSIONS[VAULT_TYPE]}"),
                ("resource_id", self._in_vault("/accessPolicies/add")),
                ("method", "PUT"),
                ("body", {"properties": {"accessPolicies": [entry]}}),
            )
            return [
                block("data", "azapi_client_config", "current"),
                block("resource", "azapi_resource_action", "grant", items=items),
            ]
        return []

    def _made(self, *names: str) -> list[Raw] | None:
        """Those of the parts that are created here."""
        kinds_of = {
            "vault": ("azapi_resource.vault", isinstance(self.parts.vault, (kinds.CreateVault, kinds.RecoverVault))),
            "key": ("azapi_resource_action.key", self.parts.new_key),
            "role": ("azapi_resource.grant", isinstance(self.parts.grant, kinds.AssignRole)),
            "policy": ("azapi_resource_action.grant", isinstance(self.parts.grant, kinds.AddAccessPolicy)),
        }
        return [Raw(kinds_of[name][0]) for name in names if kinds_of[name][1]] or None

    def _import(self) -> Block | None:
        if not self.parts.found:
            return None
        id_ = f"{self.parts.id}?api-version={self._registry_version()}"
        return block("import", items=(("to", Raw("azapi_resource.registry")), ("id", id_)))

    def _registry_version(self) -> str:
        return API_VERSIONS[REGISTRY_TYPE] if self.parts.found else self.parts.registry.options.api_version

    def _registry(self) -> Block:
        parts, found = self.parts, self.parts.found
        key: Any = str(parts.key_id)
        if parts.new_key:
            uri = "keyUriWithVersion" if parts.pinned else "keyUri"
            key = Raw(f"azapi_resource_action.key.output.properties.{uri}")
        client = self._identity_output("output.properties.clientId") if parts.identity else found.encryption.identity
        own = exported_properties(found) if found else parts.registry.options.properties
        chosen = {"status": "enabled", "keyVaultProperties": {"identity": client, "keyIdentifier": key}}
        sku = found.sku if found else "Premium"
        retry = {"error_message_regex": ["Failed to access KeyId"], "interval_seconds": 15, "max_interval_seconds": 60}
        tags = found.tags or None if found else parts.registry.tags
        return block(
            "resource",
            "azapi_resource",
            "registry",
            items=(
                ("type", f"{REGISTRY_TYPE}@{self._registry_version()}"),
                ("parent_id", self._parent(parts.id)),
                ("name", parts.id.name),
                ("location", parts.location),
                ("tags", tags),
                block("identity", items=self._assigned()),
                ("body", {"sku": {"name": sku}, "properties": {**own, "encryption": chosen}}),
                ("response_export_values", ["properties.loginServer", "properties.encryption"]),
                ("retry", retry),
                block("timeouts", items=(("create", "30m"),)),
                ("depends_on", self._made("role", "policy")),
            ),
            comment="A new grant takes a while to take effect: until then the registry can't access the key.",
        )

    def _assigned(self) -> tuple[Any, ...]:
        found = self.parts.found
        users: list[Any] = [self._identity_output("id")] if self.parts.identity else []
        if found:
            users += [str(each.id) for each in found.attached if each.id != self.parts.identity_id]
        system = ["SystemAssigned"] if found and found.system_principal_id else []
        kind = ", ".join([*system, *(["UserAssigned"] if users else [])])
        return (("type", kind), ("identity_ids", users or None))

    def _outputs(self) -> list[Block]:
        registry = "azapi_resource.registry"
        values = {
            "registry_id": f"{registry}.id",
            "login_server": f"{registry}.output.properties.loginServer",
            "key_id": f"{registry}.output.properties.encryption.keyVaultProperties.keyIdentifier",
            "encryption": f"{registry}.output.properties.encryption",
        }
        return [block("output", name, items=(("value", Raw(text)),)) for name, text in values.items()]


_TERRAFORM = block(
    "terraform",
    items=(
        ("required_version", ">= 1.5"),
        block("required_providers", items=(("azapi", {"source": "Azure/azapi", "version": ">= 2.12, < 3.0"}),)),
    ),
)


def _versioned(type_: str) -> str:
    return f"{type_}@{API_VERSIONS[type_]}"
