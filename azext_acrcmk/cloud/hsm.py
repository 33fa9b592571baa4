"""Local roles of a managed HSM, on its data plane, separate from Azure role assignments (service facts 1.1)."""

from __future__ import annotations

from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.cloud.errors import read_error
from azext_acrcmk.cloud.reads import read_or_unknown
from azext_acrcmk.model.access import HSM_ENCRYPTION_USER, HSM_ENCRYPTION_USER_NAME, HSM_NEEDED_ACTIONS
from azext_acrcmk.model.ids import Id, Scope
from azext_acrcmk.model.state import Absent, RoleGrant, Unknown

_ROLES = "Microsoft.KeyVault/providers/Microsoft.Authorization/roleDefinitions"
_ACTION = "Microsoft.KeyVault/managedHsm/roleAssignments/read/action"


def list_hsm_roles(
    clients: Clients, host: str, key_name: str, principal_id: Id | None = None
) -> tuple[RoleGrant, ...] | Unknown:
    """The local roles that apply to a key, of a principal or of all; unknown without permission to read them."""
    from azure.core.exceptions import AzureError

    def read() -> tuple[RoleGrant, ...]:
        client = clients.hsm_roles(host)
        found = {}
        for scope in ("/", "/keys", f"/keys/{key_name}"):
            for each in client.list_role_assignments(scope, retry_total=0):
                if principal_id is None or principal_id == each.properties.principal_id:
                    found[each.role_assignment_id] = each
        return tuple(_grant(client, each) for each in found.values())

    try:
        found = read_or_unknown(read, _ACTION, f"https://{host}")
    except AzureError as error:
        return Unknown(_ACTION, f"https://{host}", read_error(error).message, denied=False)
    return Unknown(_ACTION, f"https://{host}") if isinstance(found, Absent) else found


def _grant(client, assignment) -> RoleGrant:
    properties = assignment.properties
    guid = Id(Scope(properties.role_definition_id).name.lower())
    name, actions = HSM_ENCRYPTION_USER_NAME, tuple(HSM_NEEDED_ACTIONS.values())
    excluded: tuple[str, ...] = ()
    if guid != HSM_ENCRYPTION_USER:
        role = client.get_role_definition("/", guid)
        name = role.role_name or guid
        actions = tuple(str(getattr(a, "value", a)) for each in role.permissions for a in each.data_actions or ())
        excluded = tuple(str(getattr(a, "value", a)) for each in role.permissions for a in each.not_data_actions or ())
    return RoleGrant(
        id=Scope(assignment.role_assignment_id),
        # An enumeration if it is / or /keys, which would appear in a message with its name.
        scope=Scope(getattr(properties.scope, "value", properties.scope)),
        role_id=guid,
        role_name=name,
        principal_id=Id(properties.principal_id),
        data_actions=actions,
        not_data_actions=excluded,
    )


def has_hsm_role(clients: Clients, host: str, role: RoleGrant) -> bool | Unknown:
    """Whether a local role assignment exists."""
    client, name = clients.hsm_roles(host), role.id.name
    found = read_or_unknown(lambda: client.get_role_assignment(role.scope, name), _ACTION, f"https://{host}")
    return found if isinstance(found, Unknown) else not isinstance(found, Absent)


def assign_hsm_role(clients: Clients, host: str, scope: str, role: str, principal_id: str, name: str) -> None:
    """Assigns a local role by its GUID. Succeeds if it is already assigned."""
    from azure.core.exceptions import HttpResponseError

    try:
        clients.hsm_roles(host).create_role_assignment(scope, f"{_ROLES}/{role}", principal_id, name=name)
    except HttpResponseError as error:
        if read_error(error).status != 409:
            raise


def revoke_hsm_role(clients: Clients, host: str, role: RoleGrant) -> None:
    """Removes a local role assignment."""
    clients.hsm_roles(host).delete_role_assignment(role.scope, role.id.name)
