"""Which rows a caller gets to see: those of the scopes asked for that it may read (facts: fleet.md 1.1).

A subscription in which the caller has no role is left out without a word, also where it was asked for by name; only if
none is left, the query is refused (measured by others in 2026, and reported in github.com/Azure/aztfexport/issues/491).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.resource_graph.rows import ASSIGNMENTS, DEFINITIONS, Entry
from sandbox.resource_manager.access import applies, denials_of, scopes_granted
from sandbox.resource_manager.hierarchy import MANAGEMENT_GROUPS, chain, group_of, reaches
from sandbox.world import DenyAssignment, World

BELOW, ABOVE, ABOVE_AND_BELOW, EXACT = FILTERS = (
    "AtScopeAndBelow",
    "AtScopeAndAbove",
    "AtScopeAboveAndBelow",
    "AtScopeExact",
)


@dataclass(frozen=True)
class Scopes:
    """What a query looks at. `groups` are management groups that were asked for, in lowercase; `tenant` tells that
    nothing was. `limit_hit` tells that there are more subscriptions than it looks at."""

    subscriptions: frozenset[str]
    groups: frozenset[str] = frozenset()
    tenant: bool = False
    authorization: str = BELOW
    limit_hit: bool = False


@dataclass
class Sight:
    """What one caller may see in one world."""

    world: World
    object_id: str
    scopes: Scopes
    _granted: dict[str, frozenset[str]] = field(default_factory=dict)
    _denials: dict[str, list[DenyAssignment]] = field(default_factory=dict)
    _subscriptions: dict[str, list[str]] = field(default_factory=dict)
    _above: frozenset[str] | None = None

    def sees(self, entry: Entry) -> bool:
        if entry.kind == ASSIGNMENTS:
            return self._holds_assignment(entry) and self._may_read_assignment(entry)
        if entry.kind == DEFINITIONS:
            return self._sees_definition(entry)
        if entry.kind == MANAGEMENT_GROUPS:
            inside = self._holds_group(entry.scope)
        else:
            inside = entry.subscription in self.scopes.subscriptions
        return inside and self.may_read(entry.kind, entry.scope)

    def may_read(self, kind: str, scope: str) -> bool:
        """Whether the caller may read a type at a scope, in lowercase."""
        granted = self._scopes_granted(kind)
        if not self._lies_in(granted, scope):
            return False
        if kind not in self._denials:
            self._denials[kind] = denials_of(self.world, self.object_id, f"{kind}/read")
        return not any(applies(self.world, denied, scope) for denied in self._denials[kind])

    def _scopes_granted(self, kind: str) -> frozenset[str]:
        """Where the caller may read a type; of management groups, their subscriptions too."""
        if kind not in self._granted:
            found = {scope.rstrip("/").lower() for scope in scopes_granted(self.world, self.object_id, f"{kind}/read")}
            for scope in [each for each in found if group_of(each)]:
                below = [f"/subscriptions/{each}" for each in self.world.subscriptions]
                groups = [group.id for group in self.world.management_groups.values()]
                found |= {each.lower() for each in below + groups if reaches(self.world, scope, each)}
            self._granted[kind] = frozenset(found)
        return self._granted[kind]

    @staticmethod
    def _lies_in(granted: frozenset[str], scope: str) -> bool:
        end = len(scope)
        while end >= 0:
            if scope[:end] in granted:
                return True
            end = scope.rfind("/", 0, end)
        return "" in granted

    def _holds_assignment(self, entry: Entry) -> bool:
        """Whether a role assignment lies at, below or above the scopes, as the filter says."""
        wanted = self.scopes.authorization
        exact = self._is_asked_for(entry.scope)
        if wanted == EXACT or exact:
            return exact
        below = entry.subscription in self.scopes.subscriptions or self._holds_group(entry.scope, strict=True)
        above = wanted in (ABOVE, ABOVE_AND_BELOW) and entry.scope.rstrip("/") in self._scopes_above()
        return above or (below and wanted in (BELOW, ABOVE_AND_BELOW))

    def _may_read_assignment(self, entry: Entry) -> bool:
        """One above a subscription is seen by who may read those in it, as Resource Manager lists it. (Assumed.)"""
        if self.may_read(ASSIGNMENTS, entry.scope):
            return True
        return not entry.subscription and any(
            reaches(self.world, entry.scope, each) for each in self._readable(ASSIGNMENTS)
        )

    def _readable(self, kind: str) -> list[str]:
        """The subscriptions in which the caller may read a type."""
        if kind not in self._subscriptions:
            scopes = [f"/subscriptions/{each}" for each in self.scopes.subscriptions]
            self._subscriptions[kind] = [scope for scope in scopes if self.may_read(kind, scope)]
        return self._subscriptions[kind]

    def _is_asked_for(self, scope: str) -> bool:
        if group_of(scope):
            return group_of(scope) in self.scopes.groups
        parts = scope.split("/")
        asked = not self.scopes.groups and len(parts) == 3 and parts[1] == "subscriptions"
        return asked and parts[2] in self.scopes.subscriptions

    def _scopes_above(self) -> frozenset[str]:
        if self._above is None:
            named = [group.id for name, group in self.world.management_groups.items() if name in self.scopes.groups]
            starts = named or [f"/subscriptions/{each}" for each in self.scopes.subscriptions]
            groups = {group.id.lower() for start in starts for group in chain(self.world, start)}
            self._above = frozenset(groups | {""})
        return self._above

    def _holds_group(self, scope: str, strict: bool = False) -> bool:
        """Whether a management group is, or lies below, one that was asked for; of a tenant, all do (unless strict)."""
        name = group_of(scope)
        if not name:
            return False
        if self.scopes.tenant:
            return not strict
        return any(group.name.lower() in self.scopes.groups for group in chain(self.world, scope))

    def _sees_definition(self, entry: Entry) -> bool:
        """Built-in roles are seen by who may read roles in any of the subscriptions, custom ones where they are."""
        readable = self._readable(DEFINITIONS)
        return any(
            entry.scope == "/" or reaches(self.world, entry.scope, each) or reaches(self.world, each, entry.scope)
            for each in readable
        )
