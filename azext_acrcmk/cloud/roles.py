"""Role assignments with the data actions of their roles."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from azext_acrcmk.cloud.errors import read_error
from azext_acrcmk.cloud.fields import flag, identifier, part, parts, scope_id, text, texts
from azext_acrcmk.model.access import ENCRYPTION_USER, ENCRYPTION_USER_NAME, NEEDED_ACTIONS
from azext_acrcmk.model.ids import Id, Scope, is_guid, same
from azext_acrcmk.model.state import DenyAssignment, RoleGrant, Unknown

# The principal in deny assignments that represents everyone.
_EVERYONE = Id("00000000-0000-0000-0000-000000000000")


def read_role_grants(
    assignments: Iterable[dict[str, Any]],
    role_definition: Callable[[str], dict[str, Any]],
    call_all: Callable[..., list[Any]] = lambda *calls: [call() for call in calls],
) -> tuple[RoleGrant, ...]:
    """`role_definition` gets a role by its GUID; it is called once for each role, and not for the well-known one.
    `call_all` calls functions, possibly in parallel, and returns their results."""
    properties_of = [(assignment, part(assignment, "properties")) for assignment in assignments]
    ids = {_guid(each): text(each, "roleDefinitionId") or "" for _, each in properties_of}
    ids.pop(ENCRYPTION_USER, None)
    fetched = call_all(*(partial(_fetch, role_definition, role_id, guid) for guid, role_id in ids.items()))
    roles = dict(zip(ids, fetched, strict=True))
    roles[ENCRYPTION_USER] = _Role(ENCRYPTION_USER_NAME, tuple(NEEDED_ACTIONS.values()))
    grants = []
    for assignment, properties in properties_of:
        guid = _guid(properties)
        role = roles[guid]
        condition = "A role assignment has a condition." if properties.get("condition") else None
        grants.append(
            RoleGrant(
                id=scope_id(assignment, "id"),
                scope=scope_id(properties, "scope"),
                role_id=guid,
                role_name=role.name,
                principal_id=identifier(properties, "principalId") or Id(),
                data_actions=role.data_actions,
                not_data_actions=role.not_data_actions,
                created=_moment(text(properties, "createdOn")),
                uncertain=condition or role.uncertain,
            )
        )
    return tuple(grants)


def _guid(properties: dict[str, Any]) -> Id:
    """The GUID of an assignment's role, in the case in which it is part of an assignment's name."""
    return Id(scope_id(properties, "roleDefinitionId").name.lower())


def with_denials(
    grants: Sequence[RoleGrant], denials: Iterable[dict[str, Any]] | Unknown, at: Scope, principal_id: Id
) -> tuple[RoleGrant, ...]:
    """The grants less what deny assignments deny the principal `at` a scope.

    Only groups through which the principal has a role are known: if others matter, the grants are uncertain. Without
    permission to read deny assignments, which are rare, the grants only record that.
    """
    if isinstance(denials, Unknown):
        return tuple(replace(grant, unseen_denials=denials) for grant in grants)
    own = {principal_id, *(grant.principal_id for grant in grants)}
    found, doubt = [], None
    for denial in denials:
        properties = part(denial, "properties")
        if same(text(properties, "denyAssignmentEffect"), "audit"):
            continue  # it denies nothing
        if flag(properties, "doNotApplyToChildScopes") and scope_id(properties, "scope") != at:
            continue
        blocks = [each for each in parts(properties, "permissions") if texts(each, "dataActions")]
        concerned = _concerned(properties, own)
        name = text(properties, "denyAssignmentName") or text(denial, "name") or ""
        if blocks and concerned is None:
            doubt = (
                f"The deny assignment '{name}' applies to groups, and it is not known whether the identity is a member."
            )
        elif blocks and concerned and (properties.get("condition") or any(each.get("condition") for each in blocks)):
            doubt = f"The deny assignment '{name}' has a condition."
        elif blocks and concerned:
            found += [
                DenyAssignment(name, texts(each, "dataActions"), texts(each, "notDataActions")) for each in blocks
            ]
    return tuple(replace(grant, denied_by=tuple(found), uncertain=grant.uncertain or doubt) for grant in grants)


def _concerned(properties: dict[str, Any], own: set[Id]) -> bool | None:
    """Whether a deny assignment applies to a principal with the IDs `own`; None if that depends on other groups."""
    subjects, exempt = parts(properties, "principals"), parts(properties, "excludePrincipals")
    if _named(exempt, own):
        return False
    if _named(subjects, {*own, _EVERYONE}):
        return None if _has_group(exempt) else True
    return None if _has_group(subjects) else False


def _named(principals: Iterable[dict[str, Any]], ids: set[Id]) -> bool:
    return any(identifier(each, "id") in ids for each in principals)


def _has_group(principals: Iterable[dict[str, Any]]) -> bool:
    return any(same(text(each, "type"), "Group") for each in principals)


class _Role:
    def __init__(self, name, data_actions=(), not_data_actions=(), uncertain=None):
        self.name = name
        self.data_actions, self.not_data_actions = tuple(data_actions), tuple(not_data_actions)
        self.uncertain = uncertain


def _fetch(role_definition: Callable[[str], dict[str, Any]], role_id: str, guid: str) -> _Role:
    from azure.core.exceptions import AzureError

    if not is_guid(guid):
        return _Role(role_id, uncertain=f"The role {role_id} can't be read: it is not the ID of a role.")
    try:
        properties = part(role_definition(guid), "properties")
    except AzureError as error:
        said = read_error(error)
        why = said.message.rstrip(".")
        if said.status in (403, 404):
            why = "that requires permission 'Microsoft.Authorization/roleDefinitions/read'"
        return _Role(role_id, uncertain=f"The role {role_id} can't be read: {why}.")
    permissions = parts(properties, "permissions")
    return _Role(
        text(properties, "roleName") or role_id,
        [action for each in permissions for action in texts(each, "dataActions")],
        [action for each in permissions for action in texts(each, "notDataActions")],
    )


def _moment(text: str | None) -> datetime | None:
    """A time as the service writes it, with seven digits that Python before 3.11 can't parse."""
    if not text:
        return None
    try:
        return datetime.fromisoformat(text.rstrip("Z").split(".")[0] + "+00:00")
    except ValueError:
        return None
