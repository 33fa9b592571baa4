"""Which features of a registry exclude each other (facts: migrate.md 3.1). The texts of refusals are assumed."""

from __future__ import annotations

from sandbox.core.web import AzureError
from sandbox.registry.record import Registry
from sandbox.world import World

_EXCLUDED = {"replications": "geo-replication", "cacheRules": "artifact cache"}


def check_soft_delete(registry: Registry, feature: str) -> None:
    """Refuse a feature that a registry with soft delete can't have."""
    if registry.policies["softDeletePolicy"]["status"] == "enabled":
        raise _refusal(feature)


def check_policies(world: World, registry: Registry) -> None:
    """Refuse policies that exclude each other, or what the registry has."""
    if registry.policies["softDeletePolicy"]["status"] != "enabled":
        return
    if registry.policies["retentionPolicy"]["status"] == "enabled":
        raise _refusal("the retention policy")
    for part in world.parts.values():
        home = part.location == registry.location
        if part.registry.lower() == registry.id.lower() and part.kind in _EXCLUDED and not home:
            raise _refusal(_EXCLUDED[part.kind])


def _refusal(feature: str) -> AzureError:
    return AzureError(400, "BadRequest", f"The soft delete policy cannot be enabled together with {feature}.")
