"""What belongs to a registry beside its images, as Azure lists it."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from azext_acrcmk.model.state import Registry, Unknown
from azext_acrcmk.model.value import Value, immutable

# Child resources of a registry, by the last part of their type.
REPLICATIONS, WEBHOOKS, SCOPE_MAPS, TOKENS = "replications", "webhooks", "scopeMaps", "tokens"
CACHE_RULES, CREDENTIAL_SETS, CONNECTED = "cacheRules", "credentialSets", "connectedRegistries"
TASKS, AGENT_POOLS = "tasks", "agentPools"
CHILDREN = (
    *(REPLICATIONS, WEBHOOKS, SCOPE_MAPS, TOKENS, CACHE_RULES, CREDENTIAL_SETS),
    *(CONNECTED, TASKS, AGENT_POOLS),
)
# What other providers have on a registry.
ROLES, DIAGNOSTICS, LOCKS, EVENTS = "roleAssignments", "diagnosticSettings", "locks", "eventSubscriptions"


@immutable
class Settings(Value):
    """`lists` has for each kind the resources in wire format, or why they can't be read. `hooks` are the
    addresses and headers of webhooks, by name, which a list does not show."""

    registry: Registry
    lists: dict[str, tuple[dict[str, Any], ...] | Unknown] = field(default_factory=dict, hash=False)
    hooks: dict[str, dict[str, Any] | Unknown] = field(default_factory=dict, hash=False)

    def of(self, kind: str) -> tuple[dict[str, Any], ...]:
        """The resources of a kind; none if they can't be read."""
        found = self.lists.get(kind)
        return found if isinstance(found, tuple) else ()
