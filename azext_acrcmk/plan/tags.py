"""Whether a registry has room for a tag of ours. Pure."""

from __future__ import annotations

from azext_acrcmk.model.state import Registry

# https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources
MOST_TAGS = 50
MOST_OF_A_VALUE = 256


def why_no_tag(registry: Registry, name: str, value: str) -> str | None:
    """Why a tag can't be set, in words; None where it can."""
    if len(value) > MOST_OF_A_VALUE:
        return f"a tag has at most {MOST_OF_A_VALUE} characters"
    if name not in registry.tags and len(registry.tags) >= MOST_TAGS:
        return f"registry '{registry.name}' already has {len(registry.tags)} tags, and Azure allows {MOST_TAGS}"
    return None
