"""Grants and removes access to a key, for each type of vault and permission model."""

from __future__ import annotations

from typing import Any

from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.cloud.errors import read_error, same_code
from azext_acrcmk.cloud.hsm import assign_hsm_role
from azext_acrcmk.cloud.waiting import Stop, retrying, when_free
from azext_acrcmk.model.api_versions import API_VERSIONS
from azext_acrcmk.model.arm_guid import arm_guid
from azext_acrcmk.model.ids import ROLE_ASSIGNMENT_TYPE, ArmId, Id, Scope
from azext_acrcmk.model.state import RoleGrant

# The maximum time until a new principal can be used in role assignments, in seconds.
PRINCIPAL_TIMEOUT = 300


def change_policy(
    clients: Clients, vault: ArmId, kind: str, principal: str, tenant: str, permissions: tuple[str, ...], stop: Stop
) -> None:
    """Adds key permissions to a principal's access policy, or removes them from it (`kind` "add" or "remove").

    Changes only this policy: writing the whole vault, as `az keyvault set-policy` does, could undo other changes.
    """
    policy = {"tenantId": tenant, "objectId": principal, "permissions": {"keys": list(permissions)}}
    body = {"properties": {"accessPolicies": [policy]}}
    vaults = clients.key_vault(vault.subscription).vaults
    when_free(lambda: vaults.update_access_policy(vault.group, vault.name, kind, body), stop)


def assign_role(clients: Clients, scope: Scope, role: Id, principal: Id, body: dict[str, Any], stop: Stop) -> None:
    """Assigns a role by its GUID. Succeeds if it is already assigned."""
    path = f"{scope}/providers/{ROLE_ASSIGNMENT_TYPE}/{arm_guid(scope, principal, role)}"

    def create() -> None:
        from azure.core.exceptions import HttpResponseError

        try:
            clients.arm(scope.subscription).put(path, API_VERSIONS[ROLE_ASSIGNMENT_TYPE], body)
        except HttpResponseError as error:
            if not same_code(read_error(error), "RoleAssignmentExists"):
                raise

    retrying(create, lambda error: same_code(read_error(error), "PrincipalNotFound"), stop, PRINCIPAL_TIMEOUT)


def assign_local_role(clients: Clients, vault: ArmId, host: str, scope: str, role: str, principal: str) -> None:
    """Assigns a local role of a managed HSM. Succeeds if it is already assigned."""
    assign_hsm_role(clients, host, scope, role, principal, arm_guid(f"{vault}{scope}", principal, role))


def remove_role(clients: Clients, vault: ArmId, role: RoleGrant) -> None:
    """Removes a role assignment. Succeeds if it no longer exists."""
    clients.arm(vault.subscription).delete(role.id, API_VERSIONS[ROLE_ASSIGNMENT_TYPE])
