"""Who else uses the key, the vault or the identity of a registry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from azext_acrcmk.cloud.across import LIST_RESOURCES, list_resources
from azext_acrcmk.cloud.asked import SECONDS, KeyUsers, ask_identity_users
from azext_acrcmk.cloud.clients import Clients, pages
from azext_acrcmk.cloud.errors import UnexpectedResponse
from azext_acrcmk.cloud.fields import identifier, part, resource_id, text
from azext_acrcmk.cloud.load import load_registry_state
from azext_acrcmk.cloud.read import read_registry
from azext_acrcmk.cloud.reads import in_parallel
from azext_acrcmk.cloud.search import LONG_PATIENCE, How, Search
from azext_acrcmk.cloud.transport import PATIENCE
from azext_acrcmk.model.ids import REGISTRY_TYPE, ArmId, Id, KeyId
from azext_acrcmk.model.key_identity import SYSTEM, key_identity
from azext_acrcmk.model.state import Registry, Sharer, State, Unknown, Vault

Unsearched = tuple[Unknown, ...]


def load_with_sharing(
    clients: Clients, registry: Registry, subscriptions: Sequence[str], users: KeyUsers, thorough: bool
) -> State:
    """The state of a registry, with the others that use the same key, vault or identity: unknown if those in the
    registry's own subscription can't be read. `thorough`: something that can't be undone depends on it."""
    if registry.encryption.key is None:
        return replace(load_registry_state(clients, registry, subscriptions), sharing=())
    own, attached = registry.id.subscription, key_identity(State(registry=registry)).id

    def read(subscription: str) -> list[Sharer]:
        listed = (read_registry(body) for body in pages(clients.registries(subscription).list, **PATIENCE))
        using = ((each.id, each.encryption) for each in listed if each.encryption.key)
        found = (_sharer(registry, id_, used.key, used.identity) for id_, used in using)
        return [each for each in found if each]

    def of_row(row: dict[str, Any]) -> Sharer | None:
        return _sharer(registry, resource_id(row), _key_in(row), identifier(row, "client"))

    how = How(read, f"{REGISTRY_TYPE}/read", of_row, lambda sharer: sharer.id.subscription)
    patience = LONG_PATIENCE if thorough or users.many else SECONDS
    search = Search(how, _own_first(own, subscriptions), users.ask(clients, registry), patience, thorough)
    state, _ = in_parallel(
        lambda: load_registry_state(clients, registry, subscriptions),
        lambda: search.begin([attached.subscription] if attached else []),
    )
    found, unsearched = search.end([state.vault.id.subscription] if isinstance(state.vault, Vault) else [])
    if isinstance(found, Unknown):
        return replace(state, sharing=found)
    return replace(state, sharing=tuple(found), unsearched=unsearched)


def find_identity_users(
    clients: Clients, registry: Registry, identity: ArmId, subscriptions: Sequence[str]
) -> tuple[tuple[ArmId, ...] | Unknown, Unsearched]:
    """The IDs of other resources than a registry that an identity is assigned to, and the places not searched."""

    def user(body: dict[str, Any]) -> ArmId | None:
        assigned = part(body, "identity", "userAssignedIdentities")
        return resource_id(body) if any(each == identity.as_scope for each in assigned) else None

    def read(subscription: str) -> list[ArmId]:
        found = map(user, list_resources(clients, subscription, **PATIENCE))
        return [each for each in found if each]

    how = How(read, LIST_RESOURCES, user, lambda id_: id_.subscription)
    asked = ask_identity_users(clients, registry.id.subscription, str(identity))
    places = _own_first(registry.id.subscription, subscriptions)
    search = Search(how, places, asked, LONG_PATIENCE, thorough=True)
    search.begin([identity.subscription])
    found, unsearched = search.end()
    if isinstance(found, Unknown):
        return found, ()
    return tuple(id_ for id_ in found if id_ != registry.id), unsearched


def merged(one: Unsearched, other: Unsearched) -> Unsearched:
    """The places of both, without duplicates."""
    # Those that are only counted are the same only for the same reason.
    return tuple({(each.scope, each.scope[:1] != "/" and each.why): each for each in (*one, *other)}.values())


def _own_first(own: Id, subscriptions: Sequence[str]) -> list[str]:
    return [own, *(each for each in subscriptions if each != own)]


def _key_in(row: dict[str, Any]) -> KeyId:
    try:
        return KeyId.parse(text(row, "key") or "")
    except ValueError as error:
        raise UnexpectedResponse(f"field 'key': {error}") from None


def _sharer(registry: Registry, other: ArmId, key: KeyId, client_id: Id | None) -> Sharer | None:
    """What another registry has in common with this one; None if nothing."""
    used = registry.encryption
    same_identity = client_id == used.identity and client_id not in (None, SYSTEM)
    shared = Sharer(other, key=key.same_key(used.key), identity=same_identity, vault=key.host == used.key.host)
    return shared if other != registry.id and (shared.key or shared.identity or shared.vault) else None
