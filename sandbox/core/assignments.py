"""Role assignments by their ids, and at once by principal: a fleet has tens of thousands, one caller a few."""

from __future__ import annotations

from typing import Any


class RoleAssignments(dict[str, Any]):
    """A dictionary of role assignments that also knows which are whose."""

    def __init__(self):
        super().__init__()
        self._of: dict[str, dict[str, Any]] = {}

    def of(self, principal_id: str) -> list[Any]:
        """Those of a principal itself, and not of its groups."""
        return list(self._of.get(principal_id.lower(), {}).values())

    def __setitem__(self, key: str, assignment: Any) -> None:
        if key in self:
            del self[key]
        super().__setitem__(key, assignment)
        self._of.setdefault(assignment.principal_id.lower(), {})[key] = assignment

    def __delitem__(self, key: str) -> None:
        assignment = self[key]
        super().__delitem__(key)
        self._of[assignment.principal_id.lower()].pop(key, None)

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
