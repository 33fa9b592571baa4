"""The options of the new registry that are not typed: those of the old one. Pure."""

from __future__ import annotations

from typing import Any

from azext_acrcmk.model.ids import same
from azext_acrcmk.model.registry_options import REGISTRY_OPTIONS, RegistryOption, RegistryOptions
from azext_acrcmk.model.state import Registry

# What the service sets if nothing is asked for: then no newer API version is required to ask for it.
_DEFAULTS = {
    "role_assignment_mode": "LegacyRegistryPermissions",
    "dnl_scope": "Unsecure",
    "allow_metadata_search": "Disabled",
    "endpoint_protocol": "IPv4",
    "zone_redundancy": "Disabled",
    "admin_enabled": False,
    "data_endpoint_enabled": False,
    "allow_exports": "enabled",
    "allow_arm_audience_tokens": "enabled",
    "public_network_enabled": "Enabled",
    "default_action": "Allow",
    "allow_trusted_services": "AzureServices",
}


def options_of(source: Registry, given: RegistryOptions) -> RegistryOptions:
    """The options that were given, and for the others what the old registry has."""
    values = given.values
    for option in REGISTRY_OPTIONS:
        has = option.found_in(source.properties)
        if option.name in values or has is None or same(has, _DEFAULTS[option.name]):
            continue
        values[option.name] = _typed(option, has)
    # Exports can only be disabled where public access is; and what is copied is to be copied on.
    if "allow_exports" not in given.values:
        values.pop("allow_exports", None)
    return RegistryOptions.of(**values)


def _typed(option: RegistryOption, wire: Any) -> Any:
    """The value of an argument for one of the service."""
    return next((value for value, each in option.wire.items() if same(each, wire)), wire)
