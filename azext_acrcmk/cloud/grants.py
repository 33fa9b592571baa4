"""Making and taking away what lets an identity use a key, in the way of each kind of vault."""

from __future__ import annotations

import uuid

from azext_acrcmk.cloud.bodies import role_assignment_body
from azext_acrcmk.cloud.clients import ROLE_ASSIGNMENTS_API_VERSION, Clients
from azext_acrcmk.cloud.errors import read_error, same_code
from azext_acrcmk.cloud.hsm import assign_hsm_role, revoke_hsm_role
from azext_acrcmk.cloud.waiting import Stop, retrying, when_free
from azext_acrcmk.model.access import ENCRYPTION_USER, HSM_ENCRYPTION_USER
from azext_acrcmk.model.ids import ROLE_ASSIGNMENT_TYPE, ArmId
from azext_acrcmk.model.state import ACCESS_POLICY, RoleGrant, Vault

# How long a new principal may stay unknown to role assignments, in seconds.
PRINCIPAL_TIMEOUT = 300

# What a registry needs of an access policy, and no more.
POLICY_PERMISSIONS = ("get", "wrapKey", "unwrapKey")

_NAMESPACE = uuid.UUID("7c6d0e0e-3f0b-5d0c-9a51-5a0c3ce1b7f2")


def grant(clients: Clients, vault: Vault, scope: str, principal_id: str, tenant: str, stop: Stop) -> None:
    """What a registry needs and no more: the role at `scope`, or get, wrapKey and unwrapKey by access policy."""
    if vault.permission_model == ACCESS_POLICY:
        change_policy(clients, vault, "add", principal_id, tenant, POLICY_PERMISSIONS, stop)
    else:
        role = HSM_ENCRYPTION_USER if vault.is_hsm else ENCRYPTION_USER
        assign_role(clients, vault, scope, role, principal_id, stop)


def change_policy(
    clients: Clients,
    vault: Vault,
    kind: str,
    principal_id: str,
    tenant: str,
    permissions: tuple[str, ...],
    stop: Stop,
) -> None:
    """Adds key permissions to those a principal has ("add"), or takes them away ("remove").

    Writing the whole vault, as `az keyvault set-policy` does, could undo somebody else's change.
    """
    policy = {"tenantId": tenant, "objectId": principal_id, "permissions": {"keys": list(permissions)}}
    body = {"properties": {"accessPolicies": [policy]}}
    id_ = ArmId.parse(vault.id)
    vaults = clients.key_vault(id_.subscription).vaults
    when_free(lambda: vaults.update_access_policy(id_.group, id_.name, kind, body), stop)


def assign_role(clients: Clients, vault: Vault, scope: str, role: str, principal_id: str, stop: Stop) -> None:
    """Assigns a role by its GUID, in a managed HSM one that is local to it. One that is there already is success."""
    if vault.is_hsm:
        name = _assignment_name(f"{vault.id}{scope}", role, principal_id)
        assign_hsm_role(clients, vault.host, scope, role, principal_id, name)
        return
    body = role_assignment_body(scope, role, principal_id)
    name = _assignment_name(scope, role, principal_id)
    path = f"{scope}/providers/{ROLE_ASSIGNMENT_TYPE}/{name}"

    def create() -> None:
        from azure.core.exceptions import HttpResponseError

        try:
            clients.arm(scope.split("/")[2]).put(path, ROLE_ASSIGNMENTS_API_VERSION, body)
        except HttpResponseError as error:
            if not same_code(read_error(error), "RoleAssignmentExists"):
                raise

    retrying(create, lambda error: same_code(read_error(error), "PrincipalNotFound"), stop, PRINCIPAL_TIMEOUT)


def remove_role(clients: Clients, vault: Vault, role: RoleGrant) -> None:
    """Removes a role assignment. One that is gone already is success."""
    if vault.is_hsm:
        revoke_hsm_role(clients, vault.host, role)
    else:
        clients.arm(ArmId.parse(vault.id).subscription).delete(role.id, ROLE_ASSIGNMENTS_API_VERSION)


def _assignment_name(scope: str, role: str, principal_id: str) -> str:
    """The same grant always has the same name, so that a second run meets the first one's."""
    return str(uuid.uuid5(_NAMESPACE, f"{scope}|{role}|{principal_id}".lower()))
