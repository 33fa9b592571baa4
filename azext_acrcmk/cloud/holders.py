"""Who can use the keys of a vault. These reads are for information only and never decide: any failure is
unknown."""

from __future__ import annotations

from collections.abc import Callable

from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.cloud.errors import read_error
from azext_acrcmk.cloud.hsm import list_hsm_roles
from azext_acrcmk.cloud.read import read_identity
from azext_acrcmk.cloud.reads import in_parallel, list_roles
from azext_acrcmk.model.access import holders_by_policy, holders_by_role, key_scope, maybe_groups
from azext_acrcmk.model.ids import Id, KeyId
from azext_acrcmk.model.key_identity import key_identity
from azext_acrcmk.model.state import Holder, State, Unknown, Vault


def find_individuals(clients: Clients, state: State) -> frozenset[Id]:
    """The object IDs in the vault's access policies that are known not to be groups:
    the registry's identities, the caller, and the managed identities in the subscriptions of registry and vault."""
    if not isinstance(state.vault, Vault) or not state.vault.uses_policies:
        return frozenset()
    known = _known_without_lists(clients, state)
    places = _lists_that_name_others(state, known)
    return known.union(*in_parallel(*(lambda s=each: _tried(lambda: _identities(clients, s)) for each in places)))


def lists_of_individuals(clients: Clients, state: State) -> list[str]:
    """The subscriptions whose managed identities `find_individuals` looks at."""
    if not isinstance(state.vault, Vault) or not state.vault.uses_policies:
        return []
    return _lists_that_name_others(state, _known_without_lists(clients, state))


def _known_without_lists(clients: Clients, state: State) -> frozenset[Id]:
    registry, principal = state.registry, key_identity(state).principal_id
    known = _ids([registry.system_principal_id, principal, *(each.principal_id for each in registry.attached)])
    if _unnamed(state.vault, principal, known):
        known |= _tried(lambda: _ids([clients.caller_id(registry.id.subscription)]))
    return known


def _lists_that_name_others(state: State, known: frozenset[Id]) -> list[str]:
    if not _unnamed(state.vault, key_identity(state).principal_id, known):
        return []
    return list(dict.fromkeys(id_.subscription for id_ in (state.registry.id, state.vault.id)))


def find_holders(clients: Clients, vault: Vault, key: KeyId) -> tuple[Holder, ...] | Unknown:
    """The principals that can unwrap with a key: by the access policies of the vault, or by the roles that there are
    now, as far as they can be read."""
    from azure.core.exceptions import AzureError

    if vault.uses_policies:
        return holders_by_policy(vault)
    try:
        if vault.is_hsm:
            roles = list_hsm_roles(clients, vault.host, key.name)
        else:
            roles = list_roles(clients, key_scope(vault, key.name), vault.id.subscription)
    except AzureError as error:
        return Unknown(why=read_error(error).message, denied=False)
    return roles if isinstance(roles, Unknown) else holders_by_role(roles, vault.is_hsm)


def _unnamed(vault: Vault, principal: Id | None, known: frozenset[Id]) -> bool:
    return bool(maybe_groups(vault, principal or Id(), known))


def _identities(clients: Clients, subscription: str) -> frozenset[Id]:
    return _ids(read_identity(body).principal_id for body in clients.list_identities(subscription))


def _ids(ids) -> frozenset[Id]:
    return frozenset(Id(each) for each in ids if each)


def _tried(read: Callable[[], frozenset[Id]]) -> frozenset[Id]:
    from azure.core.exceptions import AzureError

    try:
        return read()
    except AzureError:
        return frozenset()
