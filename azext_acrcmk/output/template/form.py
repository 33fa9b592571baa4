"""The portal's form (uiFormDefinition) for the Resource Manager template of the same parts.

What the template creates is named in a text box; what it refers to is chosen among what exists. Facts: templates.md 5.
"""

from __future__ import annotations

from typing import Any

from azext_acrcmk.model.api_versions import API_VERSIONS
from azext_acrcmk.model.ids import VAULT_TYPE, ArmId
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
_URI = "^https://[^/]+/keys/[^/]+(/[0-9a-zA-Z]{32})?$"
_ROTATIONS = {"auto": "Automatic: new versions of the key are used", "manual": "Manual: pinned to one version"}


def form(parts: Parts) -> dict[str, Any]:
    inputs = {each.name: each for each in build(parts).inputs}
    elements, given = [_scope(parts)], {}
    for name in _NAMES:
        if name in inputs and name != "keyVersion":
            elements.append(_text_box(inputs[name]))
            given[name] = _step(name)
    if "identityId" in inputs:
        elements += _picker("identity", "Identity", parts, parts.identity_id, inputs["identityId"].description)
        given["identityId"] = _step("identity.id")
    chosen, outputs = _key(parts, inputs)
    given |= outputs
    return {
        "$schema": SCHEMA,
        "view": {
            "kind": "Form",
            "properties": {
                "title": "Container registry with a customer-managed key",
                "steps": [{"name": "basics", "label": "Basics", "elements": [*elements, *chosen]}],
            },
            "outputs": {
                "kind": "ResourceGroup",
                "resourceGroupId": _step("scope.resourceGroup.id"),
                "location": _step("scope.location.name"),
                "parameters": {**given, "location": _step("scope.location.name")},
            },
        },
    }


def _value(path: str) -> str:
    return f"steps('basics').{path}"


def _step(path: str) -> str:
    return f"[{_value(path)}]"


def _scope(parts: Parts) -> dict[str, Any]:
    """Subscription, resource group and location; who lacks a permission learns it here."""
    needed = ["Microsoft.ContainerRegistry/registries/write", "Microsoft.Resources/deployments/write"]
    if isinstance(parts.identity, kinds.CreateIdentity):
        needed.append("Microsoft.ManagedIdentity/userAssignedIdentities/write")
    needed.append("Microsoft.ManagedIdentity/userAssignedIdentities/assign/action")
    if isinstance(parts.vault, (kinds.CreateVault, kinds.RecoverVault)):
        needed.append("Microsoft.KeyVault/vaults/write")
    if parts.new_key:
        needed.append("Microsoft.KeyVault/vaults/keys/write")
    if parts.assigns_role:
        needed.append("Microsoft.Authorization/roleAssignments/write")
    elif parts.grants and not parts.policy_in_new_vault:
        needed.append("Microsoft.KeyVault/vaults/accessPolicies/write")
    checks = [{"permission": each, "message": f"Requires permission '{each}' in the subscription."} for each in needed]
    types = ["microsoft.containerregistry/registries", "microsoft.keyvault/vaults"]
    return {
        "name": "scope",
        "type": "Microsoft.Common.ResourceScope",
        "subscription": {"constraints": {"validations": checks}},
        "location": {"resourceTypes": types},
    }


def _key(parts: Parts, inputs: dict[str, Input]) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The elements that choose the key and its rotation, and the parameters that they give."""
    if "rotation" in inputs:
        version = {**_text_box(inputs["keyVersion"]), "visible": f"[equals({_value('rotation')}, 'manual')]"}
        # What is not visible keeps what was typed.
        typed = f"[if(equals({_value('rotation')}, 'manual'), {_value('keyVersion')}, '')]"
        return [_rotation(inputs["rotation"].default), version], {"rotation": _step("rotation"), "keyVersion": typed}
    if "keyIdentifier" not in inputs:
        return [], {}
    uri = inputs["keyIdentifier"]
    if not isinstance(parts.vault, kinds.UseVault) or parts.vault.vault.is_hsm:
        return [_box(uri, "Key URI", _URI)], {"keyIdentifier": _step("keyIdentifier")}
    version = API_VERSIONS[VAULT_TYPE]
    below = f"concat({_value('vault.id')}, '/keys"
    entry = 'concat(\'{"label":"\', k.name, \'","value":"\', k.name, \'"}\')'
    names = f"[map({_value('keys.value')}, (k) => parse({entry}))]"
    elements = [
        *_picker("vault", "Key vault", parts, parts.vault_id, _about_vault(parts)),
        _request("keys", f"[{below}?api-version={version}')]"),
        {
            "name": "key",
            "type": "Microsoft.Common.DropDown",
            "label": "Key",
            "toolTip": uri.description,
            "filter": True,
            "constraints": {"required": True, "allowedValues": names},
        },
        # The list of keys need not have the URIs of their versions.
        _request("chosenKey", f"[{below}/', {_value('key')}, '?api-version={version}')]"),
        _rotation("manual" if parts.pinned else "auto"),
    ]
    found = _value("chosenKey.properties")
    chosen = f"[if(equals({_value('rotation')}, 'manual'), {found}.keyUriWithVersion, {found}.keyUri)]"
    vault = {"vaultId": _step("vault.id")} if "vaultId" in inputs else {}
    return elements, {**vault, "keyIdentifier": chosen}


def _about_vault(parts: Parts) -> str:
    """What the template requires of the vault that is chosen: it was written for the one that was seen."""
    vault = parts.vault.vault
    model = "access policies" if vault.uses_policies else "Azure RBAC"
    if parts.grants:
        return f"The key vault must use {model}: the template grants the identity access in that way."
    return "The template grants no access: the identity must have access to the key already."


def _picker(name: str, label: str, parts: Parts, seen: ArmId, description: str) -> list[dict[str, Any]]:
    """A resource of the type of the one that was seen: in the subscription of the registry, or in one chosen first."""
    subscription, before = "scope.subscription", []
    if seen.subscription != parts.id.subscription:
        subscription = f"{name}Subscription"
        before = [
            {
                "name": subscription,
                "type": "Microsoft.Common.SubscriptionSelector",
                "label": f"Subscription of the {label.lower()}",
            }
        ]
    chosen = {
        "name": name,
        "type": "Microsoft.Solutions.ResourceSelector",
        "label": label,
        "toolTip": description,
        "resourceType": seen.type,
        "constraints": {"required": True},
        "scope": {"subscriptionId": _step(f"{subscription}.subscriptionId")},
    }
    return [*before, chosen]


def _request(name: str, path: str) -> dict[str, Any]:
    return {
        "name": name,
        "type": "Microsoft.Solutions.ArmApiControl",
        "request": {"method": "GET", "path": path},
    }


def _rotation(default: str) -> dict[str, Any]:
    return {
        "name": "rotation",
        "type": "Microsoft.Common.OptionsGroup",
        "label": "Rotation",
        "defaultValue": _ROTATIONS[default],
        "constraints": {
            "required": True,
            "allowedValues": [{"label": label, "value": value} for value, label in _ROTATIONS.items()],
        },
    }


def _text_box(given: Input) -> dict[str, Any]:
    return _box(given, *_NAMES[given.name])


def _box(given: Input, label: str, pattern: str) -> dict[str, Any]:
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
