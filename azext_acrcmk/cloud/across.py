"""Searches across subscriptions for a resource by its name. Who uses the same: see `sharing.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from azext_acrcmk.cloud.clients import Clients, pages
from azext_acrcmk.cloud.fields import resource_id, text
from azext_acrcmk.cloud.read import read_identity
from azext_acrcmk.cloud.reads import (
    DELETED_VAULTS,
    is_vault_name_free,
    read_if_possible,
    read_or_unknown,
    search_deleted_vault,
)
from azext_acrcmk.cloud.transport import PATIENCE
from azext_acrcmk.cloud.walk import Walk
from azext_acrcmk.model.api_versions import API_VERSIONS
from azext_acrcmk.model.ids import HSM_TYPE, IDENTITY_TYPE, REGISTRY_TYPE, VAULT_TYPE, ArmId, Id, KeyId
from azext_acrcmk.model.problem import not_searched
from azext_acrcmk.model.state import ABSENT, Absent, DeletedVault, Identity, Unknown

Unsearched = tuple[Unknown, ...]

# Subscriptions that are asked one after the other whether a name is free.
_MOST_ASKED = 10
LIST_RESOURCES = "Microsoft.Resources/subscriptions/resources/read"


def find_registry(clients: Clients, name: str, subscription: str) -> ArmId | Absent | Unknown:
    """The registry with this name in the subscription. Raises any error, as the command depends on the result."""
    return read_or_unknown(
        lambda: _search_resource(clients, subscription, REGISTRY_TYPE, name),
        LIST_RESOURCES,
        f"/subscriptions/{subscription}",
    )


def find_vault(clients: Clients, key: KeyId, subscriptions: Sequence[str]) -> ArmId | Absent | Unknown:
    """The vault or managed HSM of a key."""
    return find_resource(clients, HSM_TYPE if key.is_hsm else VAULT_TYPE, key.store, subscriptions, beyond=True)


def list_key_names(clients: Clients, vault: str, subscription: str) -> list[str]:
    """The names of the keys in a vault, given by its id or by its name in the subscription."""
    found = ArmId.parse(vault) if "/" in vault else find_resource(clients, VAULT_TYPE, vault, [subscription])
    if not isinstance(found, ArmId):
        return []
    keys = pages(clients.key_vault(found.subscription).keys.list, found.group, found.name)
    return sorted(name for name in (text(body, "name") for body in keys) if name)


def list_of_type(clients: Clients, subscription: str, type_: str, **options: Any) -> Iterator[ArmId]:
    """The resources of a type in a subscription. Raises any error."""
    found = list_resources(clients, subscription, f"resourceType eq '{type_}'", **options)
    return (resource_id(body) for body in found)


def trace_vault(clients: Clients, key: KeyId, subscriptions: Sequence[str]) -> DeletedVault | Absent | Unknown:
    """Why a key's vault was not found: deleted, absent, or Unknown if it can be in a place that can't be read."""
    walk = Walk(subscriptions)
    if not key.is_hsm:
        deleted = walk.everywhere(lambda s: search_deleted_vault(clients, s, key.store, **PATIENCE), DELETED_VAULTS)
        if deleted:
            return deleted[0]

        def is_free(subscription: str) -> bool | Unknown:
            return read_if_possible(lambda: is_vault_name_free(clients, subscription, key.store), "", "")

        if is_name_free(is_free, subscriptions):
            return ABSENT
    return vault_not_found(key, walk.unsearched)


def is_name_free(ask: Callable[[str], bool | Unknown], subscriptions: Sequence[str]) -> bool:
    """Whether a vault's name, which is global, is known to be free: by the first subscription in which one may ask."""
    answers = map(ask, subscriptions[:_MOST_ASKED])
    return next((each for each in answers if not isinstance(each, Unknown)), False)


def vault_not_found(key: KeyId, unsearched: Unsearched) -> Unknown:
    """A vault that exists, as its name is not free, and is nowhere where one can look; `unsearched` are the places."""
    store_type = HSM_TYPE if key.is_hsm else VAULT_TYPE
    failed = tuple(each for each in unsearched if not each.denied)
    if failed:
        why = f"It is not in any subscription that was searched. {not_searched(failed)}"
        return Unknown(f"{store_type}/read", f"https://{key.host}", why, denied=False)
    needs = "' and '".join([*dict.fromkeys(each.action for each in unsearched), f"{store_type}/read"])
    return Unknown(needs, f"https://{key.host}", "It is not in any subscription that you have permission to read.")


def find_resource(
    clients: Clients, type_: str, name: str, subscriptions: Sequence[str], beyond: bool = False
) -> ArmId | Absent | Unknown:
    """The resource with a globally unique name: in the first subscription, otherwise in any of the others; with
    `beyond`, as it exists, also where only Resource Graph shows it."""
    return Walk(subscriptions).first_found(
        lambda subscription: _search_resource(clients, subscription, type_, name, **PATIENCE),
        LIST_RESOURCES,
        lambda: _shown(clients, subscriptions[0], type_, "name", name),
        beyond,
    )


def _shown(clients: Clients, subscription: str, type_: str, column: str, value: str) -> list[Id]:
    """The subscriptions in which Resource Graph shows a resource of a type with a value in a column."""
    # Rarely asked, and everything that is imported here delays each command.
    from azext_acrcmk.cloud.asked import ids_shown
    from azext_acrcmk.cloud.graph import quoted

    condition = f"type =~ '{type_}' and {column} =~ {quoted(value)}"
    return [id_.subscription for id_ in ids_shown(clients, subscription, condition)]


def _search_resource(clients: Clients, subscription: str, type_: str, name: str, **options: Any) -> ArmId | Absent:
    where = f"resourceType eq '{type_}' and name eq '{name}'"
    for found in list_resources(clients, subscription, where, **options):
        id_ = resource_id(found)
        if id_ == ArmId(subscription, id_.group, type_, name):
            return id_
    return ABSENT


def find_identity(clients: Clients, subscriptions: Sequence[str], client_id: Id) -> Identity | Absent | Unknown:
    """The user-assigned identity with this client ID, in the first subscription or otherwise in the others."""

    def search(subscription: str) -> Identity | Absent:
        for body in clients.list_identities(subscription, **PATIENCE):
            identity = read_identity(body)
            if identity.client_id == client_id:
                return identity
        return ABSENT

    return Walk(subscriptions).first_found(
        search,
        f"{IDENTITY_TYPE}/read",
        lambda: _shown(clients, subscriptions[0], IDENTITY_TYPE, "tostring(properties.clientId)", client_id),
        beyond=True,
    )


def list_resources(
    clients: Clients, subscription: str, where: str | None = None, **options: Any
) -> Iterator[dict[str, Any]]:
    """The subscription's resources of all types that match the OData filter `where`."""
    path = f"/subscriptions/{subscription}/resources"
    return clients.arm(subscription).pages(path, API_VERSIONS["Microsoft.Resources/resources"], where, **options)
