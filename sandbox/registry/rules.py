"""What Container Registry allows in a registry: names, tiers, and properties other than identity and encryption."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from sandbox.core.web import AzureError
from sandbox.registry.encryption import KeyChoice
from sandbox.registry.record import DEFAULTS, POLICIES, Registry, find_registry
from sandbox.world import World

NAME_RULE = "Registry names may contain only alpha numeric characters and must be between 5 and 50 characters."
_NAME = re.compile(r"[A-Za-z0-9]{5,50}")
_TIERS = {"basic": "Basic", "standard": "Standard", "premium": "Premium"}
_SWITCHES = {"publicNetworkAccess", "zoneRedundancy", "metadataSearch"}


@dataclass(frozen=True)
class Change:
    """What of a request takes an operation: another key or its check, and other identities."""

    key: KeyChoice | None
    identities: bool


def is_legal_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None


def check_name(world: World, name: str, existing: Registry | None) -> None:
    if not is_legal_name(name):
        raise AzureError(400, "InvalidResourceName", NAME_RULE)  # text from memory
    if existing is None and find_registry(world, name):
        raise AzureError(
            409,
            "AlreadyInUse",
            f"The registry DNS name {name.lower()}.azurecr.io is already in use. You can check if the name is already "
            "claimed using following API: "
            "https://docs.microsoft.com/en-us/rest/api/containerregistry/registries/checknameavailability",
        )


def apply(registry: Registry, body: dict[str, Any], now: float, *, new: bool, whole: bool) -> None:
    """Set tier, properties, policies and network rules. What a whole body (PUT) leaves out gets its default."""
    wanted = body.get("properties") or {}
    registry.sku = _tier(body, registry, required=whole)
    settled = {} if new else {"zoneRedundancy": registry.properties["zoneRedundancy"]}  # chosen at creation only
    values = dict(DEFAULTS) if whole else dict(registry.properties)
    values |= {name: wanted[name] for name in DEFAULTS if wanted.get(name) is not None}
    values |= {name: str(values[name]).capitalize() for name in _SWITCHES}
    registry.properties = values | settled
    given = wanted.get("policies") or {}
    policies = POLICIES if whole else registry.policies
    registry.policies = {name: _policy(policy, given.get(name)) for name, policy in policies.items()}
    registry.policies_changed = now
    rules = wanted.get("networkRuleSet")
    if rules or whole:
        registry.network_rules = _network_rules(rules or {})


def check_tier(registry: Registry, encrypting: bool) -> None:
    """Refuse what needs Premium on a lesser tier."""
    encrypted = encrypting or registry.encryption is not None
    premium_only = {
        "Encryption with customer-managed keys": encrypted,
        "Network rules": registry.network_rules.get("defaultAction") == "Deny",
        "Disabling public network access": registry.properties["publicNetworkAccess"] == "Disabled",
        "Zone redundancy": registry.properties["zoneRedundancy"] == "Enabled",
        "Dedicated data endpoints": registry.properties["dataEndpointEnabled"],
    }
    wanted = next((feature for feature, on in premium_only.items() if on), None)
    if registry.sku != "Premium" and wanted:
        # The service's own words are not known (facts: service.md A7).
        raise AzureError(400, "BadRequest", f"{wanted} is not supported for registries of the {registry.sku} SKU.")


def trusts_content(registry: Registry) -> bool:
    return registry.policies.get("trustPolicy", {}).get("status") == "enabled"


def check_content_trust(registry: Registry, encrypting: bool) -> None:
    """Refuse content trust on an encrypted registry (facts: service.md A5).

    Only where it is newly switched on: what the service says to an old registry that has both, say to a rotation that
    sends the whole registry back as `az acr encryption rotate-key` does, is not known.
    """
    if trusts_content(registry) and (encrypting or registry.encryption is not None):
        raise AzureError(
            400,
            "BlockedForEncryptionEnabledRegistry",
            f"this feature 'ContenTrust' is currently not supported when encryption is enable for the resource "
            f"{registry.id}. For more information on customer-managed keys, please visit 'https://aka.ms/acr/cmk'.",
        )


def is_present_choice(registry: Registry, choice: KeyChoice) -> bool:
    """Whether the registry already has this key and identity."""
    present = registry.encryption
    return present is not None and (choice.key_identifier, choice.identity.lower()) == (
        present.key_identifier,
        present.credential.identity,
    )


def _tier(body: dict[str, Any], registry: Registry, required: bool) -> str:
    name = str((body.get("sku") or {}).get("name") or "").lower()
    if not name and not required:
        return registry.sku
    if name not in _TIERS:
        raise AzureError(400, "BadRequest", f"The SKU '{name}' is not supported.")
    return _TIERS[name]


def _policy(policy: dict[str, Any], wanted: dict[str, Any] | None) -> dict[str, Any]:
    known = {name: value for name, value in (wanted or {}).items() if name in policy and value is not None}
    return policy | known | ({"status": known["status"].lower()} if "status" in known else {})


def _network_rules(rules: dict[str, Any]) -> dict[str, Any]:
    return {
        "defaultAction": str(rules.get("defaultAction") or "Allow").capitalize(),
        "ipRules": [{"action": "Allow", "value": rule["value"]} for rule in rules.get("ipRules") or ()],
    }
