"""The portal's form (uiFormDefinition) for the Resource Manager template of the same parts."""

from __future__ import annotations

from typing import Any

from azext_acrcmk.output.template.arm import quoted
from azext_acrcmk.output.template.build import build
from azext_acrcmk.output.template.parts import Parts
from azext_acrcmk.output.template.tree import Expression, Input
from azext_acrcmk.plan import kinds

SCHEMA = "https://schema.management.azure.com/schemas/2021-09-09/uiFormDefinition.schema.json#"
# By parameter: label, and what a name is made of.
_NAMES = {
    "registryName": ("Registry name", "^[a-zA-Z0-9]{5,50}$"),
    "identityName": ("Identity name", "^[a-zA-Z0-9][a-zA-Z0-9_-]{2,127}$"),
    "vaultName": ("Key vault name", "^[a-zA-Z](?!.*--)[a-zA-Z0-9-]{1,22}[a-zA-Z0-9]$"),
    "keyName": ("Key name", "^[a-zA-Z0-9-]{1,127}$"),
    "keyVersion": ("Key version (empty: the current one)", "^([0-9a-zA-Z]{32})?$"),
}


def form(parts: Parts) -> dict[str, Any]:
    inputs = [each for each in build(parts).inputs if each.name in _NAMES]
    texts = [_text_box(each) for each in inputs]
    steps = [{"name": "basics", "label": "Basics", "elements": [_scope(parts), *texts]}]
    given = {each.name: f"[steps('basics').{each.name}]" for each in inputs}
    return {
        "$schema": SCHEMA,
        "view": {
            "kind": "Form",
            "properties": {"title": "Container registry with a customer-managed key", "steps": steps},
            "outputs": {
                "kind": "ResourceGroup",
                "resourceGroupId": "[steps('basics').scope.resourceGroup.id]",
                "location": "[steps('basics').scope.location.name]",
                "parameters": {**given, "location": "[steps('basics').scope.location.name]"},
            },
        },
    }


def _scope(parts: Parts) -> dict[str, Any]:
    """Subscription, resource group and location; who lacks a permission learns it here."""
    needed = ["Microsoft.ContainerRegistry/registries/write", "Microsoft.Resources/deployments/write"]
    if isinstance(parts.identity, kinds.CreateIdentity):
        needed.append("Microsoft.ManagedIdentity/userAssignedIdentities/write")
    if isinstance(parts.vault, (kinds.CreateVault, kinds.RecoverVault)):
        needed.append("Microsoft.KeyVault/vaults/write")
    if parts.assigns_role:
        needed.append("Microsoft.Authorization/roleAssignments/write")
    checks = [{"permission": each, "message": f"Requires permission '{each}' in the subscription."} for each in needed]
    types = ["microsoft.containerregistry/registries", "microsoft.keyvault/vaults"]
    return {
        "name": "scope",
        "type": "Microsoft.Common.ResourceScope",
        "subscription": {"constraints": {"validations": checks}},
        "location": {"resourceTypes": types},
    }


def _text_box(given: Input) -> dict[str, Any]:
    label, pattern = _NAMES[given.name]
    default = "" if isinstance(given.default, Expression) else given.default
    # What begins like an expression and is none.
    default = f"[{quoted(default)}]" if default.startswith("[") else default
    return {
        "name": given.name,
        "type": "Microsoft.Common.TextBox",
        "label": label,
        "defaultValue": default,
        "toolTip": given.description,
        "constraints": {
            "required": given.name != "keyVersion",
            "regex": pattern,
            "validationMessage": given.description,
        },
    }
