"""Reads what exists. 404 is absent, 403 is unknown; anything else is an error, raised if the read decides.

Key Vault's control plane denies reading keys as `ForbiddenByRbac` with status 400 or 500 (service facts 2.2): unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from threading import BoundedSemaphore
from typing import Any, TypeVar

from azext_acrcmk.cloud.clients import Clients, pages, wire
from azext_acrcmk.cloud.disabled_keys import get_disabled_key, refused_as_disabled
from azext_acrcmk.cloud.errors import UnexpectedResponse, parsing_responses, read_error, same_code
from azext_acrcmk.cloud.fields import flag, text
from azext_acrcmk.cloud.read import (
    read_deleted_vault,
    read_group,
    read_identity,
    read_key,
    read_registry,
    read_vault,
)
from azext_acrcmk.cloud.roles import read_role_grants, with_denials
from azext_acrcmk.cloud.transport import MOST_AT_ONCE, PATIENCE
from azext_acrcmk.cloud.waiting import in_thread, result_of
from azext_acrcmk.model.access import key_in
from azext_acrcmk.model.api_versions import API_VERSIONS
from azext_acrcmk.model.ids import (
    GROUP_TYPE,
    HSM_TYPE,
    IDENTITY_TYPE,
    REGISTRY_TYPE,
    VAULT_TYPE,
    ArmId,
    Id,
    KeyId,
    Scope,
)
from azext_acrcmk.model.state import (
    ABSENT,
    Absent,
    DeletedKey,
    DeletedVault,
    Group,
    Identity,
    Key,
    Registry,
    RoleGrant,
    Unknown,
    Vault,
)

T = TypeVar("T")
Found = TypeVar("Found", Registry, Identity, Vault)


def read_or_unknown(call: Callable[[], T], action: str, scope: object) -> T | Absent | Unknown:
    """The result of a read that requires permission `action` on `scope`; absent at 404, unknown at 403 and if the
    subscription can't be read.

    Raises UnexpectedResponse if the response can't be parsed.
    """
    from azure.core.exceptions import HttpResponseError

    try:
        with parsing_responses():
            return call()
    except HttpResponseError as error:
        said = read_error(error)
        if said.status == 403 or same_code(said, "SubscriptionNotFound") or "ForbiddenByRbac" in said:
            return Unknown(action, str(scope), said.summary)
        if same_code(said, "MissingSubscriptionRegistration"):
            return Unknown("", str(scope), said.message, denied=False)
        # Azure's own 404 has a code. One without can come from a proxy, and an existing resource would be created.
        if said.status == 404 and said.code:
            return ABSENT
        raise


def read_if_possible(call: Callable[[], T], action: str, scope: object) -> T | Absent | Unknown:
    """The same for a read that is for information only: any failure is unknown."""
    from azure.core.exceptions import AzureError

    try:
        return read_or_unknown(call, action, scope)
    except AzureError as error:
        return Unknown("", str(scope), read_error(error).message, denied=False)


def in_parallel(*calls: Callable[[], Any]) -> list[Any]:
    """The results of independent reads, made in parallel. Raises the first error."""
    if len(calls) < 2:
        return [call() for call in calls]
    slots = BoundedSemaphore(MOST_AT_ONCE)

    def in_turn(call: Callable[[], Any]) -> Any:
        with slots:
            return call()

    return [result_of(each) for each in [in_thread(partial(in_turn, call)) for call in calls]]


def of_id(id_: ArmId, found: Found) -> Found:
    """What was found at an ID, if it has that ID. Raises UnexpectedResponse otherwise."""
    if found.id != id_:
        raise UnexpectedResponse(f"the response to a request for {id_} describes {found.id}.")
    return found


def get_group(clients: Clients, id_: Scope) -> Group | Absent | Unknown:
    def get() -> Group:
        return read_group(clients.arm(id_.subscription).get(id_, API_VERSIONS[GROUP_TYPE]))

    return read_or_unknown(get, "Microsoft.Resources/subscriptions/resourceGroups/read", id_)


def get_registry(clients: Clients, id_: ArmId) -> Registry | Absent | Unknown:
    return read_or_unknown(
        lambda: of_id(id_, read_registry(clients.registries(id_.subscription).get(id_.group, id_.name, cls=wire))),
        "Microsoft.ContainerRegistry/registries/read",
        id_,
    )


def get_registry_at(clients: Clients, id_: ArmId, version: str) -> Registry | Absent | Unknown:
    """The same in another API version, which may know more of it; in the usual one where the cloud
    does not have that."""
    from azure.core.exceptions import HttpResponseError

    def get() -> Registry:
        return of_id(id_, read_registry(clients.arm(id_.subscription).get(str(id_), version)))

    try:
        return read_or_unknown(get, "Microsoft.ContainerRegistry/registries/read", id_)
    except HttpResponseError as error:
        if read_error(error).status != 400:
            raise
        return get_registry(clients, id_)


def get_registry_name_problem(clients: Clients, id_: ArmId) -> str | None:
    """Why the name is not available, in the service's words. None if it is available, or without permission to ask."""
    answer = read_or_unknown(
        lambda: clients.registries(id_.subscription).check_name_availability(
            {"name": id_.name, "type": REGISTRY_TYPE}, cls=wire
        ),
        "Microsoft.ContainerRegistry/checkNameAvailability/read",
        f"/subscriptions/{id_.subscription}",
    )
    if not answer or flag(answer, "nameAvailable") is not False:
        return None
    return text(answer, "message") or f"The registry name '{id_.name}' is not available."


def get_identity(clients: Clients, id_: ArmId) -> Identity | Absent | Unknown:
    return read_or_unknown(
        lambda: of_id(id_, read_identity(clients.get_identity(id_))),
        f"{IDENTITY_TYPE}/read",
        id_,
    )


def get_vault(clients: Clients, id_: ArmId) -> Vault | Absent | Unknown:
    """A key vault, or a managed HSM if the ID has that type."""
    client, is_hsm = clients.key_vault(id_.subscription), id_.type == HSM_TYPE
    vaults, kind = (client.managed_hsms, "managedHSM") if is_hsm else (client.vaults, "vault")
    action = f"{HSM_TYPE if is_hsm else VAULT_TYPE}/read"
    return read_or_unknown(lambda: of_id(id_, read_vault(vaults.get(id_.group, id_.name, cls=wire), kind)), action, id_)


def is_vault_name_free(clients: Clients, subscription: str, name: str) -> bool | Unknown:
    """Whether no vault with this name exists anywhere, including deleted vaults."""
    scope = f"/subscriptions/{subscription}"
    path, body = f"{scope}/providers/Microsoft.KeyVault/checkNameAvailability", {"name": name, "type": VAULT_TYPE}
    answer = read_or_unknown(
        lambda: clients.arm(subscription).post(path, API_VERSIONS[VAULT_TYPE], body),
        "Microsoft.KeyVault/checkNameAvailability/read",
        scope,
    )
    return answer if isinstance(answer, Unknown) else bool(answer and flag(answer, "nameAvailable"))


def find_deleted_vault(clients: Clients, subscription: str, name: str) -> DeletedVault | Absent | Unknown:
    """The soft-deleted vault with this name in the subscription, in any location."""
    return read_or_unknown(
        lambda: search_deleted_vault(clients, subscription, name), DELETED_VAULTS, f"/subscriptions/{subscription}"
    )


DELETED_VAULTS = "Microsoft.KeyVault/deletedVaults/read"


def search_deleted_vault(clients: Clients, subscription: str, name: str, **options: Any) -> DeletedVault | Absent:
    """The same, raising any error. `options` are those of the requests."""
    deleted = list_deleted_vaults(clients, subscription, **options)
    return next((each for each in deleted if each.id.has_name(name)), ABSENT)


def list_deleted_vaults(clients: Clients, subscription: str, **options: Any) -> Iterator[DeletedVault]:
    """The soft-deleted vaults of a subscription. Raises any error."""
    return map(read_deleted_vault, pages(clients.key_vault(subscription).vaults.list_deleted, **options))


def get_key(clients: Clients, vault: ArmId, key: KeyId) -> Key | Absent | Unknown:
    """A key with its latest version, or with the version in `key`, from the control plane.

    Requires neither data plane permissions nor a network path to the vault.
    """
    client = clients.key_vault(vault.subscription)
    keys = client.managed_hsm_keys if vault.type == HSM_TYPE else client.keys

    def get() -> Key:
        from azure.core.exceptions import HttpResponseError

        try:
            if key.version:
                return read_key(keys.get_version(vault.group, vault.name, key.name, key.version, cls=wire), key)
            return read_key(keys.get(vault.group, vault.name, key.name, cls=wire), key)
        except HttpResponseError as error:
            if not refused_as_disabled(read_error(error)):
                raise
            return get_disabled_key(clients, keys, vault, key)

    action = "keys/versions/read" if key.version else "keys/read"
    return read_or_unknown(get, f"{vault.type}/{action}", key_in(vault, key.name))


def get_deleted_key(clients: Clients, vault: Vault, name: str) -> DeletedKey | Absent | Unknown:
    """A soft-deleted key, from the data plane, as the control plane has none. Callers often have no permission."""

    def get() -> DeletedKey | Absent:
        purge = clients.get_deleted_key(vault.host, name)
        return purge if isinstance(purge, Absent) else DeletedKey(name, purge)

    return read_if_possible(get, "Microsoft.KeyVault/vaults/keys/read", key_in(vault.id, name))


def has_role(clients: Clients, subscription: str, role: RoleGrant) -> bool | Unknown:
    """Whether a role assignment exists."""
    version = API_VERSIONS["Microsoft.Authorization/roleAssignments"]
    found = read_or_unknown(lambda: clients.arm(subscription).get(role.id, version), "", role.scope)
    return found if isinstance(found, Unknown) else not isinstance(found, Absent)


def get_role_definition(clients: Clients, subscription: str, guid: str) -> dict[str, Any]:
    """A role. Raises any error."""
    # At the subscription even if the ID is at the tenant, where not everyone has permission to read.
    path = f"/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{guid}"
    return clients.arm(subscription).get(path, API_VERSIONS["Microsoft.Authorization/roleDefinitions"])


def list_roles(
    clients: Clients,
    scope: Scope,
    subscription: str,
    principal_id: Id | None = None,
    denials: Sequence[dict[str, Any]] | Unknown | None = None,
) -> tuple[RoleGrant, ...] | Unknown:
    """The role assignments at `scope` and above: of a principal, including its groups, less what is denied; or
    without a principal those of all, regardless of deny assignments. These are `denials`, if they were read before."""
    arm = clients.arm(subscription)

    def all_of(
        kind: str, where: str, read: Callable[..., Any], **options: Any
    ) -> list[dict[str, Any]] | Absent | Unknown:
        type_ = f"Microsoft.Authorization/{kind}"
        path = f"{scope}/providers/{type_}"
        return read(lambda: list(arm.pages(path, API_VERSIONS[type_], where, **options)), f"{type_}/read", scope)

    to_principal = f"atScope() and assignedTo('{principal_id}')" if principal_id else "atScope()"

    def assignments() -> list[dict[str, Any]] | Absent | Unknown:
        return all_of("roleAssignments", to_principal, read_or_unknown)

    if principal_id is None or denials is not None:
        found = assignments()
    else:
        found, denials = in_parallel(
            assignments,
            # They can only restrict what roles grant, and not everyone has permission to read them.
            lambda: all_of("denyAssignments", "atScope()", read_if_possible, **PATIENCE),
        )
    if isinstance(found, Unknown):
        return found
    grants = read_role_grants(found or [], partial(get_role_definition, clients, subscription), in_parallel)
    if principal_id is None:
        return grants
    return with_denials(grants, denials if isinstance(denials, Unknown) else denials or (), scope, principal_id)
