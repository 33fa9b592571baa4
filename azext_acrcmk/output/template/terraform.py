"""What is the same in Terraform with either provider."""

from __future__ import annotations

from typing import Any, ClassVar

from azext_acrcmk.model.arm_guid import NAMESPACE
from azext_acrcmk.model.ids import ArmId
from azext_acrcmk.output.template.hcl import Block, Raw, block
from azext_acrcmk.output.template.parts import Parts, exported_properties
from azext_acrcmk.plan import kinds


class TerraformWriter:
    """`identity_type` and `registry_type` are types of the provider; `values` are the outputs, by where it has them."""

    identity_type: ClassVar[str]
    registry_type: ClassVar[str]
    values: ClassVar[dict[str, str]]

    def __init__(self, parts: Parts):
        self.parts = parts
        self.found = parts.found

    def is_in_new_group(self, id_: ArmId) -> bool:
        return isinstance(self.parts.group, kinds.CreateGroup) and not self.parts.is_elsewhere(id_)

    def identity(self, name: str) -> Raw:
        """An attribute of the identity."""
        data = "data." if isinstance(self.parts.identity, kinds.UseIdentity) else ""
        return Raw(f"{data}{self.identity_type}.identity.{name}")

    def client(self, name: str) -> Any:
        return self.identity(name) if self.parts.identity else self.found.encryption.identity

    def assignment_name(self, principal: Raw, role: str) -> Raw:
        """That of ARM's own `guid(scope, principal, role)`."""
        return Raw(f'uuidv5("{NAMESPACE}", join("-", [local.scope, {principal.text}, "{role}"]))')

    def import_block(self, id_: str) -> Block | None:
        """A registry that exists is taken over, not created."""
        if not self.found:
            return None
        return block("import", ("to", Raw(f"{self.registry_type}.registry")), ("id", id_))

    def assigned(self) -> Block:
        found = self.found
        users: list[Any] = [self.identity("id")] if self.parts.identity else []
        if found:
            users += [str(each.id) for each in found.attached if each.id != self.parts.identity_id]
        system = ["SystemAssigned"] if found and found.system_principal_id else []
        kind = ", ".join([*system, *(["UserAssigned"] if users else [])])
        return block("identity", ("type", kind), ("identity_ids", users or None))

    @property
    def sku(self) -> str:
        return self.found.sku if self.found else "Premium"

    @property
    def tags(self) -> dict[str, str] | None:
        return self.found.tags or None if self.found else self.parts.registry.tags

    @property
    def properties(self) -> dict[str, Any]:
        """Of the registry, in wire format, but for its encryption."""
        return exported_properties(self.found) if self.found else self.parts.registry.options.properties

    def outputs(self) -> list[Block]:
        registry = f"{self.registry_type}.registry"
        return [
            block("output", ("value", Raw(f"{registry}.{path}")), labels=(name,)) for name, path in self.values.items()
        ]


def required(**providers: tuple[str, str]) -> Block:
    """The versions that are needed: of Terraform, and of providers by their sources."""
    needed = ((name, {"source": source, "version": version}) for name, (source, version) in providers.items())
    return block("terraform", ("required_version", ">= 1.5"), block("required_providers", *needed))
