"""Role assignments by their ids, and at once by principal and scope: a fleet has tens of thousands of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_IN_MANAGEMENT_GROUPS = "/providers/microsoft.management/managementgroups/"


class RoleAssignments(dict[str, Any]):
    """A dictionary of role assignments that also knows which are whose, and where."""

    def __init__(self):
        super().__init__()
        # By principal, then by scope; those in management groups, of which the ids of what lies below tell nothing, are
        # all of one scope.
        self._of: dict[str, dict[str, dict[str, Any]]] = {}

    def of(self, principal_id: str) -> list[Any]:
        """Those of a principal itself, and not of its groups."""
        return [each for made in self._of.get(principal_id.lower(), {}).values() for each in made.values()]

    def perhaps_at(self, principal_id: str, scope: str) -> Iterator[Any]:
        """Those of a principal itself that hold at a scope, the outermost first, and all that are in management
        groups."""
        by_scope = self._of.get(principal_id.lower(), {})
        for each in (_IN_MANAGEMENT_GROUPS, *_down_to(scope)):
            yield from by_scope.get(each, {}).values()

    def __setitem__(self, key: str, assignment: Any) -> None:
        if key in self:
            del self[key]
        super().__setitem__(key, assignment)
        by_scope = self._of.setdefault(assignment.principal_id.lower(), {})
        by_scope.setdefault(_place(assignment.scope), {})[key] = assignment

    def __delitem__(self, key: str) -> None:
        assignment = self[key]
        super().__delitem__(key)
        del self._of[assignment.principal_id.lower()][_place(assignment.scope)][key]

    def pop(self, key: str, *default: Any) -> Any:
        if key not in self and default:
            return default[0]
        assignment = self[key]
        del self[key]
        return assignment

    def clear(self) -> None:
        super().clear()
        self._of.clear()

    def __deepcopy__(self, memo: dict[int, Any]) -> RoleAssignments:
        # An assignment is never changed, so that two worlds may have the same.
        copied = RoleAssignments()
        for key, assignment in self.items():
            copied[key] = assignment
        memo[id(self)] = copied
        return copied


def _place(scope: str) -> str:
    place = scope.rstrip("/").lower()
    return _IN_MANAGEMENT_GROUPS if place.startswith(_IN_MANAGEMENT_GROUPS) else place


def _down_to(scope: str) -> list[str]:
    """The scopes that a scope lies in, from the root, "", down to itself."""
    place = scope.rstrip("/").lower()
    return [*(place[:at] for at, letter in enumerate(place) if letter == "/"), place]
