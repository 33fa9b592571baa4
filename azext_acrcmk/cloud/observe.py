"""Looking at what exists. 404 is absent, 403 is unknown; anything else is an error and is raised.

Key Vault's control plane refuses keys as `ForbiddenByRbac` with status 400 or 500 (service facts 2.2): unknown, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from threading import BoundedSemaphore
from typing import Any, TypeVar

from azext_acrcmk.cloud.clients import (
    DENY_ASSIGNMENTS_API_VERSION,
    RESOURCES_API_VERSION,
    ROLE_ASSIGNMENTS_API_VERSION,
    ROLE_DEFINITIONS_API_VERSION,
    Clients,
    pages,
    unregistered,
    wire,
)
from azext_acrcmk.cloud.errors import Misunderstood, read_error, same_code, understanding
from azext_acrcmk.cloud.fields import flag, part, resource_id, text
from azext_acrcmk.cloud.read import (
    read_deleted_vault,
    read_group,
    read_identity,
    read_key,
    read_registry,
    read_vault,
)
from azext_acrcmk.cloud.roles import read_role_grants, with_denials
from azext_acrcmk.cloud.transport import MOST_AT_ONCE
from azext_acrcmk.cloud.waiting import in_thread, result_of
from azext_acrcmk.model.ids import HSM_TYPE, IDENTITY_TYPE, REGISTRY_TYPE, VAULT_TYPE, ArmId, KeyId, same
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
    Sharer,
    Unknown,
    Vault,
)

T = TypeVar("T")
Found = TypeVar("Found", Registry, Identity, Vault)


def look(call: Callable[[], T], action: str, scope: object) -> T | Absent | Unknown:
    """The result of a read that takes the permission `action` on `scope`; absent at 404, unknown at 403 and where the
    subscription is not to be seen.

    Raises Misunderstood where the answer makes no sense.
    """
    from azure.core.exceptions import HttpResponseError

    try:
        with understanding():
            return call()
    except HttpResponseError as error:
        said = read_error(error)
        hidden = same_code(said, "SubscriptionNotFound") or same_code(said, "MissingSubscriptionRegistration")
        if said.status == 403 or hidden or "ForbiddenByRbac" in said:
            return Unknown(action, str(scope), said.message.split("\r\n", 1)[0])
        # Azure says so by a code. A page without one may be a proxy's, and what seems absent would be made.
        if said.status == 404 and said.code:
            return ABSENT
        raise


def together(*calls: Callable[[], Any]) -> list[Any]:
    """The results of independent reads, made side by side. Raises the first error."""
    if len(calls) < 2:
        return [call() for call in calls]
    slots = BoundedSemaphore(MOST_AT_ONCE)

    def in_turn(call: Callable[[], Any]) -> Any:
        with slots:
            return call()

    return [result_of(each) for each in [in_thread(partial(in_turn, call)) for call in calls]]


def _of(id_: ArmId, found: Found) -> Found:
    """What was found at an id, and says that it is that."""
    if not same(found.id, id_):
        raise Misunderstood(f"asked for {id_}, it shows {found.id}.")
    return found


def see_group(clients: Clients, subscription: str, group: str) -> Group | Absent | Unknown:
    id_ = f"/subscriptions/{subscription}/resourceGroups/{group}"

    def get() -> Group:
        return read_group(clients.arm(subscription).get(id_, RESOURCES_API_VERSION))

    return look(get, "Microsoft.Resources/subscriptions/resourceGroups/read", id_)


def see_registry(clients: Clients, id_: ArmId) -> Registry | Absent | Unknown:
    return look(
        lambda: _of(id_, read_registry(clients.registries(id_.subscription).get(id_.group, id_.name, cls=wire))),
        "Microsoft.ContainerRegistry/registries/read",
        id_,
    )


def registry_name_problem(clients: Clients, id_: ArmId) -> str | None:
    """Why the name can't be had, in the service's words. None where it is free, or where one may not ask."""
    answer = look(
        lambda: clients.registries(id_.subscription).check_name_availability(
            {"name": id_.name, "type": REGISTRY_TYPE}, cls=wire, raw_response_hook=unregistered
        ),
        "Microsoft.ContainerRegistry/checkNameAvailability/read",
        f"/subscriptions/{id_.subscription}",
    )
    if not answer or flag(answer, "nameAvailable") is not False:
        return None
    return text(answer, "message") or f"The registry name '{id_.name}' is not available."


def see_sharing(clients: Clients, registry: Registry, subscriptions: Sequence[str]) -> tuple[Sharer, ...] | Unknown:
    """The other registries that use the same key, vault or identity.

    Those in the registry's own subscription must be seen; those in the other `subscriptions` are, where they can be.
    """
    used, own = registry.encryption, ArmId.parse(registry.id).subscription
    if used.key is None:
        return ()
    places = [own, *(each for each in subscriptions if not same(each, own))]
    lists = together(*(lambda s=subscription: _see_registries(clients, s) for subscription in places))
    if isinstance(lists[0], Unknown):
        return lists[0]
    others = [other for found in lists if isinstance(found, list) for other in found]
    sharers = [
        Sharer(
            other.id,
            key=other.encryption.key.same_key(used.key),
            identity=same(other.encryption.identity, used.identity) and not same(used.identity, "system"),
            vault=same(other.encryption.key.host, used.key.host),
        )
        for other in others
        if other.encryption.key and not same(other.id, registry.id)
    ]
    return tuple(each for each in sharers if each.key or each.identity or each.vault)


def _see_registries(clients: Clients, subscription: str) -> list[Registry] | Absent | Unknown:
    return look(
        lambda: [read_registry(body) for body in pages(clients.registries(subscription).list)],
        "Microsoft.ContainerRegistry/registries/read",
        f"/subscriptions/{subscription}",
    )


def see_identity_users(clients: Clients, identity_id: str, subscription: str) -> tuple[str, ...]:
    """The ids of the subscription's resources that an identity is attached to, as far as they can be seen."""

    return _look_for_users(clients, identity_id, subscription) or ()


def see_other_users(
    clients: Clients, registry: Registry, identity_id: str, subscriptions: Sequence[str]
) -> tuple[str, ...] | Unknown:
    """The ids of the resources beside a registry that an identity is attached to; seen as far as `see_sharing` sees."""
    own = ArmId.parse(registry.id).subscription
    places = [own, *(each for each in subscriptions if not same(each, own))]
    found = together(*(lambda s=subscription: _look_for_users(clients, identity_id, s) for subscription in places))
    if isinstance(found[0], Unknown):
        return found[0]
    return tuple(id_ for ids in found if isinstance(ids, tuple) for id_ in ids if not same(id_, registry.id))


def _look_for_users(clients: Clients, identity_id: str, subscription: str) -> tuple[str, ...] | Absent | Unknown:
    def search() -> tuple[str, ...]:
        return tuple(
            text(body, "id") or ""
            for body in _resources(clients, subscription)
            if any(same(each, identity_id) for each in part(body, "identity", "userAssignedIdentities"))
        )

    return look(search, "Microsoft.Resources/subscriptions/resources/read", f"/subscriptions/{subscription}")


def _resources(clients: Clients, subscription: str, where: str | None = None) -> Iterator[dict[str, Any]]:
    """The subscription's resources of every kind, that the OData filter `where` admits."""
    path = f"/subscriptions/{subscription}/resources"
    return clients.arm(subscription).pages(path, RESOURCES_API_VERSION, where)


def see_identity(clients: Clients, id_: ArmId) -> Identity | Absent | Unknown:
    return look(
        lambda: _of(id_, read_identity(clients.identities(id_.subscription).get(id_.group, id_.name, cls=wire))),
        f"{IDENTITY_TYPE}/read",
        id_,
    )


def find_identity(clients: Clients, subscriptions: Sequence[str], client_id: str) -> Identity | Absent | Unknown:
    """The user-assigned identity with this client id, in the first of the subscriptions or else in the others."""

    def search(subscription: str) -> Identity | Absent:
        for body in pages(clients.identities(subscription).list_by_subscription):
            identity = read_identity(body)
            if same(identity.client_id, client_id):
                return identity
        return ABSENT

    return _in_first_or_others(
        lambda subscription: look(
            lambda: search(subscription), f"{IDENTITY_TYPE}/read", f"/subscriptions/{subscription}"
        ),
        subscriptions,
    )


def _in_first_or_others(search: Callable[[str], T | Absent | Unknown], subscriptions: Sequence[str]):
    """What a search finds in the first subscription, else in any of the others; unknown before absent."""
    first, *others = subscriptions
    found = search(first)
    if found or not others:
        return found
    seen = [found, *together(*(lambda s=subscription: search(s) for subscription in others))]
    hidden = (each for each in seen if isinstance(each, Unknown))
    return next((each for each in seen if each), None) or next(hidden, ABSENT)


def see_vault(clients: Clients, id_: ArmId) -> Vault | Absent | Unknown:
    """A key vault, or a managed HSM by the type of its id."""
    client = clients.key_vault(id_.subscription)
    if same(id_.type, HSM_TYPE):
        return look(
            lambda: _of(id_, read_vault(client.managed_hsms.get(id_.group, id_.name, cls=wire), "managedHSM")),
            f"{HSM_TYPE}/read",
            id_,
        )
    return look(
        lambda: _of(id_, read_vault(client.vaults.get(id_.group, id_.name, cls=wire))), f"{VAULT_TYPE}/read", id_
    )


def vault_name_is_free(clients: Clients, subscription: str, name: str) -> bool | Unknown:
    """Whether no vault of this name exists anywhere, not even a deleted one."""
    answer = look(
        lambda: clients.key_vault(subscription).vaults.check_name_availability(
            {"name": name, "type": VAULT_TYPE}, cls=wire, raw_response_hook=unregistered
        ),
        "Microsoft.KeyVault/checkNameAvailability/read",
        f"/subscriptions/{subscription}",
    )
    return answer if isinstance(answer, Unknown) else bool(answer and flag(answer, "nameAvailable"))


def see_deleted_vault(clients: Clients, subscription: str, name: str) -> DeletedVault | Absent | Unknown:
    """The soft-deleted vault of this name in the subscription, in whatever location."""

    def search() -> DeletedVault | Absent:
        for body in pages(clients.key_vault(subscription).vaults.list_deleted):
            if same(body.get("name"), name):
                return read_deleted_vault(body)
        return ABSENT

    return look(search, "Microsoft.KeyVault/deletedVaults/read", f"/subscriptions/{subscription}")


def find_resource(clients: Clients, type_: str, name: str, subscriptions: Sequence[str]) -> ArmId | Absent | Unknown:
    """The resource of a globally unique name: in the first of the subscriptions, else in any of the others."""

    def search(subscription: str) -> ArmId | Absent:
        for found in _resources(clients, subscription, f"resourceType eq '{type_}' and name eq '{name}'"):
            id_ = ArmId.parse(resource_id(found))
            if same(id_, ArmId(subscription, id_.group, type_, name)):
                return id_
        return ABSENT

    def search_in(subscription: str) -> ArmId | Absent | Unknown:
        action = "Microsoft.Resources/subscriptions/resources/read"
        return look(lambda: search(subscription), action, f"/subscriptions/{subscription}")

    return _in_first_or_others(search_in, subscriptions)


def see_key(clients: Clients, vault: ArmId, key: KeyId) -> Key | Absent | Unknown:
    """A key with its latest version, or the version that `key` names, by the control plane.

    Neither a right on the vault's data plane nor a network path to it is needed.
    """
    client = clients.key_vault(vault.subscription)
    keys = client.managed_hsm_keys if same(vault.type, HSM_TYPE) else client.keys

    def get() -> Key:
        if key.version:
            return read_key(keys.get_version(vault.group, vault.name, key.name, key.version, cls=wire), key)
        return read_key(keys.get(vault.group, vault.name, key.name, cls=wire), key)

    action = "keys/versions/read" if key.version else "keys/read"
    return look(get, f"{vault.type}/{action}", f"{vault}/keys/{key.name}")


def see_deleted_key(clients: Clients, vault: Vault, name: str) -> DeletedKey | Absent | Unknown:
    """A soft-deleted key, by the data plane: the control plane doesn't show it. Often the caller may not look."""
    from azure.core.exceptions import AzureError

    def get() -> DeletedKey:
        deleted = clients.keys(vault.host).get_deleted_key(name, retry_total=0)
        purge = deleted.scheduled_purge_date
        return DeletedKey(name, purge.isoformat() if purge else None)

    action, scope = "Microsoft.KeyVault/vaults/keys/read", f"{vault.id}/keys/{name}"
    try:
        return look(get, action, scope)
    except AzureError as error:
        # No answer from the vault, or one that is no answer, is as good as no permission: it can't be seen.
        return Unknown(action, scope, read_error(error).message)


def see_roles(clients: Clients, scope: str, subscription: str, principal_id: str) -> tuple[RoleGrant, ...] | Unknown:
    """The role assignments of a principal, also those through groups, at `scope` and above it, less what is denied."""
    arm = clients.arm(subscription)

    def all_of(kind: str, version: str, where: str) -> list[dict[str, Any]] | Absent | Unknown:
        path = f"{scope}/providers/Microsoft.Authorization/{kind}"
        return look(lambda: list(arm.pages(path, version, where)), f"Microsoft.Authorization/{kind}/read", scope)

    def role_definition(guid: str) -> dict[str, Any]:
        # By the subscription, also where the id is the tenant's, which not everyone may read at.
        path = f"/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{guid}"
        return arm.get(path, ROLE_DEFINITIONS_API_VERSION)

    to_principal = f"atScope() and assignedTo('{principal_id}')"
    found, denials = together(
        lambda: all_of("roleAssignments", ROLE_ASSIGNMENTS_API_VERSION, to_principal),
        lambda: all_of("denyAssignments", DENY_ASSIGNMENTS_API_VERSION, "atScope()"),
    )
    if isinstance(found, Unknown):
        return found
    grants = read_role_grants(found or [], role_definition)
    return with_denials(grants, denials if isinstance(denials, Unknown) else denials or (), scope, principal_id)
