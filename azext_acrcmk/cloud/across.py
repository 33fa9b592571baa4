"""Looking through subscriptions: for a resource by its name, and for who else uses a key or an identity."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from azext_acrcmk.cloud.clients import Clients, pages
from azext_acrcmk.cloud.fields import part, resource_id
from azext_acrcmk.cloud.read import read_identity, read_registry
from azext_acrcmk.cloud.reads import find_deleted_vault, in_parallel, is_vault_name_free, read_or_unknown
from azext_acrcmk.model.api_versions import API_VERSIONS
from azext_acrcmk.model.ids import HSM_TYPE, IDENTITY_TYPE, REGISTRY_TYPE, VAULT_TYPE, ArmId, KeyId, same
from azext_acrcmk.model.key_identity import SYSTEM
from azext_acrcmk.model.state import ABSENT, Absent, DeletedVault, Identity, Registry, Sharer, Unknown

T = TypeVar("T")

_LIST_RESOURCES = "Microsoft.Resources/subscriptions/resources/read"


def find_registry(clients: Clients, name: str, subscription: str) -> ArmId | Absent | Unknown:
    """A registry in the subscription."""
    return find_resource(clients, REGISTRY_TYPE, name, [subscription])


def find_vault(clients: Clients, key: KeyId, subscriptions: Sequence[str]) -> ArmId | Absent | Unknown:
    """The vault or managed HSM of a key."""
    return find_resource(clients, HSM_TYPE if key.is_hsm else VAULT_TYPE, key.store, subscriptions)


def trace_vault(clients: Clients, key: KeyId, subscriptions: Sequence[str]) -> DeletedVault | Absent | Unknown:
    """What became of a key's vault that was not found. Unknown where it may be in a place that can't be read."""
    hidden: set[str] = set()
    if not key.is_hsm:
        deleted = in_parallel(*(lambda s=each: find_deleted_vault(clients, s, key.store) for each in subscriptions))
        if there := next((each for each in deleted if isinstance(each, DeletedVault)), None):
            return there
        if is_vault_name_free(clients, subscriptions[0], key.store):
            return ABSENT
        hidden = {each.action for each in deleted if isinstance(each, Unknown)}
    needs = "' and '".join([*hidden, f"{HSM_TYPE if key.is_hsm else VAULT_TYPE}/read"])
    return Unknown(needs, f"https://{key.host}", "It is in no subscription that you can read.")


def find_resource(clients: Clients, type_: str, name: str, subscriptions: Sequence[str]) -> ArmId | Absent | Unknown:
    """The resource of a globally unique name: in the first of the subscriptions, else in any of the others."""

    def search(subscription: str) -> ArmId | Absent:
        for found in _list_resources(clients, subscription, f"resourceType eq '{type_}' and name eq '{name}'"):
            id_ = resource_id(found)
            if id_ == ArmId(subscription, id_.group, type_, name):
                return id_
        return ABSENT

    def search_in(subscription: str) -> ArmId | Absent | Unknown:
        return read_or_unknown(lambda: search(subscription), _LIST_RESOURCES, f"/subscriptions/{subscription}")

    return _in_first_or_others(search_in, subscriptions)


def find_identity(clients: Clients, subscriptions: Sequence[str], client_id: str) -> Identity | Absent | Unknown:
    """The user-assigned identity with this client id, in the first of the subscriptions or else in the others."""

    def search(subscription: str) -> Identity | Absent:
        for body in pages(clients.identities(subscription).list_by_subscription):
            identity = read_identity(body)
            if same(identity.client_id, client_id):
                return identity
        return ABSENT

    def search_in(subscription: str) -> Identity | Absent | Unknown:
        return read_or_unknown(lambda: search(subscription), f"{IDENTITY_TYPE}/read", f"/subscriptions/{subscription}")

    return _in_first_or_others(search_in, subscriptions)


def _in_first_or_others(search: Callable[[str], T | Absent | Unknown], subscriptions: Sequence[str]):
    """What a search finds in the first subscription, else in any of the others; unknown before absent."""
    first, *others = subscriptions
    found = search(first)
    if found or not others:
        return found
    seen = [found, *in_parallel(*(lambda s=subscription: search(s) for subscription in others))]
    hidden = (each for each in seen if isinstance(each, Unknown))
    return next((each for each in seen if each), None) or next(hidden, ABSENT)


def find_sharing(clients: Clients, registry: Registry, subscriptions: Sequence[str]) -> tuple[Sharer, ...] | Unknown:
    """The other registries that use the same key, vault or identity.

    Unknown where those in the registry's own subscription can't be read; of the other `subscriptions` those count that
    can be.
    """
    used = registry.encryption
    if used.key is None:
        return ()
    found = _in_own_and_others(lambda s: _list_registries(clients, s), registry.id, subscriptions)
    if isinstance(found, Unknown):
        return found
    sharers = [
        Sharer(
            other.id,
            key=other.encryption.key.same_key(used.key),
            identity=same(other.encryption.identity, used.identity) and not same(used.identity, SYSTEM),
            vault=same(other.encryption.key.host, used.key.host),
        )
        for other in found
        if other.encryption.key and other.id != registry.id
    ]
    return tuple(each for each in sharers if each.key or each.identity or each.vault)


def _list_registries(clients: Clients, subscription: str) -> list[Registry] | Absent | Unknown:
    return read_or_unknown(
        lambda: [read_registry(body) for body in pages(clients.registries(subscription).list)],
        f"{REGISTRY_TYPE}/read",
        f"/subscriptions/{subscription}",
    )


def find_identity_users(
    clients: Clients, registry: Registry, identity: ArmId, subscriptions: Sequence[str]
) -> tuple[ArmId, ...] | Unknown:
    """The ids of the resources besides a registry that an identity is assigned to, as far as `find_sharing` reads."""
    found = _in_own_and_others(lambda s: _list_users(clients, identity, s), registry.id, subscriptions)
    return found if isinstance(found, Unknown) else tuple(id_ for id_ in found if id_ != registry.id)


def _list_users(clients: Clients, identity: ArmId, subscription: str) -> list[ArmId] | Absent | Unknown:
    def search() -> list[ArmId]:
        return [
            resource_id(body)
            for body in _list_resources(clients, subscription)
            if any(same(each, identity) for each in part(body, "identity", "userAssignedIdentities"))
        ]

    return read_or_unknown(search, _LIST_RESOURCES, f"/subscriptions/{subscription}")


def _in_own_and_others(
    search: Callable[[str], list[T] | Absent | Unknown], id_: ArmId, subscriptions: Sequence[str]
) -> list[T] | Unknown:
    """What is found in the subscription of a resource, and in others as far as they can be read."""
    places = [id_.subscription, *(each for each in subscriptions if not same(each, id_.subscription))]
    found = in_parallel(*(lambda s=subscription: search(s) for subscription in places))
    if isinstance(found[0], Unknown):
        return found[0]
    return [each for some in found if isinstance(some, list) for each in some]


def _list_resources(clients: Clients, subscription: str, where: str | None = None) -> Iterator[dict[str, Any]]:
    """The subscription's resources of every kind, that the OData filter `where` admits."""
    path = f"/subscriptions/{subscription}/resources"
    return clients.arm(subscription).pages(path, API_VERSIONS["Microsoft.Resources/resources"], where)
