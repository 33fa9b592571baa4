"""The options of the new registry that are not typed: those of the old one. Pure."""

from __future__ import annotations

from typing import Any

from azext_acrcmk.model.ids import same
from azext_acrcmk.model.registry_options import EXPORTS, REGISTRY_OPTIONS, RegistryOption, RegistryOptions
from azext_acrcmk.model.state import Registry


def options_of(source: Registry, given: RegistryOptions) -> RegistryOptions:
    """The options that were given, and for the others what the old registry has."""
    values = given.values
    for option in REGISTRY_OPTIONS:
        has = option.found_in(source.properties)
        # What is set anyway requires no newer API version to ask for it. What is copied is to be copied on.
        if has is None or option.name in values or same(has, option.default) or option.path == EXPORTS:
            continue
        values[option.name] = _typed(option, has)
    return RegistryOptions.of(**values)


def _typed(option: RegistryOption, wire: Any) -> Any:
    """The value of an argument for one of the service."""
    return next((value for value, each in option.wire.items() if same(each, wire)), wire)
