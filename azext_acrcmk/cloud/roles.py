"""Role assignments with the data actions of their roles."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from azext_acrcmk.cloud.errors import read_error
from azext_acrcmk.model.access import ENCRYPTION_USER, ENCRYPTION_USER_NAME, NEEDED_ACTIONS
from azext_acrcmk.model.state import RoleGrant


def read_role_grants(
    assignments: Iterable[dict[str, Any]], role_definition: Callable[[str], dict[str, Any]]
) -> tuple[RoleGrant, ...]:
    """`role_definition` fetches a role by its id; it is asked once for each role, and not for the well-known one."""
    roles: dict[str, _Role] = {ENCRYPTION_USER: _Role(ENCRYPTION_USER_NAME, tuple(NEEDED_ACTIONS.values()))}
    grants = []
    for assignment in assignments:
        properties = assignment.get("properties") or {}
        role_id = properties.get("roleDefinitionId") or ""
        guid = role_id.rsplit("/", 1)[-1].lower()
        if guid not in roles:
            roles[guid] = _fetch(role_definition, role_id)
        role = roles[guid]
        condition = "A role assignment has a condition." if properties.get("condition") else None
        grants.append(
            RoleGrant(
                id=assignment.get("id") or "",
                scope=properties.get("scope") or "",
                role_id=guid,
                role_name=role.name,
                principal_id=properties.get("principalId") or "",
                data_actions=role.data_actions,
                not_data_actions=role.not_data_actions,
                created=_moment(properties.get("createdOn")),
                uncertain=condition or role.uncertain,
            )
        )
    return tuple(grants)


class _Role:
    def __init__(self, name, data_actions=(), not_data_actions=(), uncertain=None):
        self.name = name
        self.data_actions, self.not_data_actions = tuple(data_actions), tuple(not_data_actions)
        self.uncertain = uncertain


def _fetch(role_definition: Callable[[str], dict[str, Any]], role_id: str) -> _Role:
    from azure.core.exceptions import HttpResponseError

    try:
        properties = role_definition(role_id).get("properties") or {}
    except HttpResponseError as error:
        said = read_error(error)
        if said.status not in (403, 404):
            raise
        return _Role(role_id, uncertain=f"The role {role_id} can't be read.")
    permissions = properties.get("permissions") or [{}]
    return _Role(
        properties.get("roleName") or role_id,
        [action for each in permissions for action in each.get("dataActions") or ()],
        [action for each in permissions for action in each.get("notDataActions") or ()],
    )


def _moment(text: str | None) -> datetime | None:
    """A time as the service writes it, with seven digits that Python before 3.11 does not read."""
    if not text:
        return None
    try:
        return datetime.fromisoformat(text.rstrip("Z").split(".")[0] + "+00:00")
    except ValueError:
        return None
