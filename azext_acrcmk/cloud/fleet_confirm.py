"""Nothing is held against a registry of a fleet before it was read directly: what Resource Graph shows may be old, and
what it does not show may be there all the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial

from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.cloud.courses import Course, Read
from azext_acrcmk.cloud.fleet import Fleet
from azext_acrcmk.cloud.fleet_graph import FleetGraph
from azext_acrcmk.cloud.fleet_reads import DOUBTS, FleetReads
from azext_acrcmk.cloud.fleet_vaults import Fate, LostVaults
from azext_acrcmk.cloud.holders import find_individuals, lists_of_individuals
from azext_acrcmk.cloud.load import load_registry_state
from azext_acrcmk.model.ids import ArmId, Id, KeyId
from azext_acrcmk.model.key_identity import identity_used, key_identity
from azext_acrcmk.model.state import (
    ABSENT,
    NOT_LOADED,
    Absent,
    DeletedKey,
    DeletedVault,
    Identity,
    Key,
    NotLoaded,
    Registry,
    State,
    Unknown,
    Vault,
)

# The parts of a state that are in doubt: those that are not known, and those that something said of it rests on.
Doubts = Callable[[State], frozenset[str]]


class Confirmation:
    """What has to be read of a fleet whose registries and vaults are known: keys, and again what is in doubt, of each
    vault and registry once.

    `subscriptions` are those that the login knows. That a registry is in doubt at all is the part "registry".
    """

    def __init__(
        self,
        fleet: Fleet,
        graph: FleetGraph,
        reads: FleetReads,
        clients: Clients,
        subscriptions: Sequence[Id],
        doubts: Doubts,
    ):
        self._fleet, self._reads, self._clients, self._known = fleet, reads, clients, subscriptions
        self._doubts = doubts
        self._around = Read("around", "what they depend on", "", graph.look_around)
        self._replicas = Read("replicas", "replicas", "", graph.find_replicas)

    def courses(self, with_keys: bool) -> Iterator[Course]:
        # First what waits for the quota of queries.
        yield iter(([self._around], [self._replicas]))
        for each in self._fleet.encrypted:
            yield self._course(each, with_keys)

    def _course(self, registry: Registry, with_keys: bool) -> Course:
        key = registry.encryption.key
        vault = self._fleet.vaults.get(key.host)
        if vault and with_keys:
            yield [self._reads.denials(vault.id.subscription), self._reads.key(key.with_version(None), vault.id)]
            older = self._fleet.older_version(registry)
            more = [self._reads.key(older, vault.id)] if older else []
            if not vault.uses_policies and not vault.is_hsm:
                more += self._reads.denials_of(vault.id)
            if more:
                yield more
        yield [self._around]
        state = self._fleet.state_of(registry)
        if doubts := self._doubts(state):
            yield from self._doubted(state, doubts)
        else:
            self._fleet.settle(state)

    def _doubted(self, before: State, doubts: frozenset[str]) -> Course:
        id_ = before.registry.id
        # In most cases it still uses the same: then all is read at the same time.
        yield [self._reads.registry(id_), *self._more(before, doubts), *self._access_of(before, doubts)]
        registry = self._fleet.registries.get(id_)
        if registry and str(id_) in self._fleet.not_seen:
            self._leave_open(registry)
        elif registry and registry.encryption.enabled and registry.encryption.key:
            state, doubts = self._judged_again(registry, before, doubts)
            yield self._more(state, doubts)
            key = registry.encryption.key
            if key.host not in self._fleet.vaults and key.host not in self._fleet.unreadable_vaults:
                yield from self._lost_vaults.course(key)
            else:
                state, doubts = self._judged_again(registry, state, doubts)
                yield self._access_of(state, doubts)
                yield self._access_of(state, doubts)  # the roles of an identity that turned out to be another
            load = partial(self._load, registry, state, doubts)
            yield [Read(("state", id_), DOUBTS, id_.subscription, load)]

    def _judged_again(self, registry: Registry, before: State, doubts: frozenset[str]) -> tuple[State, frozenset[str]]:
        """What is known of a registry now, and what is in doubt of it. It was the same `before` in most cases."""
        state = self._fleet.state_of(registry)
        return (before, doubts) if state == before else (state, self._doubts(state))

    def _more(self, state: State, doubts: frozenset[str]) -> list[Read]:
        """What tells more of the vault of a registry, if that is in doubt, and whom it names, and of its key, if that
        is not there: then the vault may be elsewhere, too."""
        key = state.registry.encryption.key.with_version(None)
        vault = self._fleet.vaults.get(key.host)
        if vault is None:
            return [] if key.host in self._fleet.unreadable_vaults else self._lost_vaults.name(key)
        gone = isinstance(self._fleet.keys.get(key), Absent)
        return [
            *([self._reads.vault(vault.id, key.host)] if gone or "vault" in doubts else []),
            *([self._reads.deleted_key(key, vault)] if gone else []),
            *map(self._reads.identities, lists_of_individuals(self._clients, state)),
        ]

    def _access_of(self, state: State, doubts: frozenset[str]) -> list[Read]:
        """The identity of a registry, and the roles on the key that the identity has as far as it is known by now, if
        they are in doubt."""
        if not isinstance(state.vault, Vault):
            return []
        registry, kept = state.registry, self._with_what_was_read(state, _kept(state, doubts))
        known = kept.identity if isinstance(kept.identity, (Identity, Absent)) else state.identity
        principal = identity_used(registry, known).principal_id
        key = registry.encryption.key.with_version(None)
        lacks_identity = isinstance(kept.identity, NotLoaded) and not identity_used(registry, NOT_LOADED).is_system
        return [
            *([self._reads.identity(registry, self._lost_vaults.subscriptions)] if lacks_identity else []),
            *([self._reads.roles(state.vault.id, key, principal)] if isinstance(kept.roles, NotLoaded) else []),
        ]

    @cached_property
    def _lost_vaults(self) -> LostVaults:
        # In the subscriptions that the login knows, its own first, and all that Resource Graph shows.
        subscriptions = list(dict.fromkeys((*self._known, *self._fleet.subscriptions)))
        return LostVaults(self._reads, self._clients, subscriptions)

    def _fate(self, key: KeyId) -> Fate | NotLoaded:
        """What is known of the vault of a key if it is not in the fleet."""
        if key.host in self._fleet.vaults:
            return NOT_LOADED
        unreadable = self._fleet.unreadable_vaults.get(key.host)
        return self._lost_vaults.fate(key) if unreadable is None else unreadable

    def _leave_open(self, registry: Registry) -> None:
        """What could not be confirmed is not said."""
        self._fleet.settle(State(registry=registry))

    def _load(self, registry: Registry, state: State, doubts: frozenset[str]) -> None:
        before, doubts = self._judged_again(registry, state, doubts)
        doubts -= {"registry", "vault"}
        if before.vault and not doubts:
            self._fleet.settle(before)
            return
        key = registry.encryption.key
        fate = self._fate(key)
        place = before.vault.id if before.vault else fate if isinstance(fate, ArmId) else None
        kept = _kept(before, doubts, NOT_LOADED if isinstance(fate, ArmId) else fate)
        kept = self._with_what_was_read(before, kept)
        if _is_whole(kept):
            individuals = find_individuals(self._reads.quick_clients, kept)
            self._fleet.settle(replace(kept, individuals=individuals, sharing=before.sharing))
            return
        known = self._lost_vaults.subscriptions
        load = partial(load_registry_state, self._reads.quick_clients, registry, known, place, kept)
        state = self._reads.patiently(load, registry.id)
        if isinstance(state, State):
            self._fleet.settle(replace(state, sharing=before.sharing))
            return
        why = state.why if isinstance(state, Unknown) else "it no longer exists"
        self._fleet.miss(str(registry.id), f"What it depends on could not be read directly: {why.rstrip('.')}.")
        self._leave_open(registry)

    def _with_what_was_read(self, before: State, kept: State) -> State:
        """With what was read of access and of a key that is not there, if its vault is where that was read."""
        if not before.vault:
            return kept
        registry = before.registry
        key = registry.encryption.key.with_version(None)
        found = self._reads.identity_of(registry)
        identity = kept.identity if isinstance(found, (NotLoaded, Unknown)) else found
        principal = identity_used(registry, identity).principal_id
        roles = self._reads.roles_of(key, principal)
        if not isinstance(roles, tuple):
            roles = kept.roles if principal == key_identity(before).principal_id else NOT_LOADED
        gone = self._fleet.keys.get(key)
        is_gone = isinstance(gone, (Absent, DeletedKey))
        return replace(
            kept,
            registry=registry,
            identity=identity,
            roles=roles,
            key=gone if is_gone else kept.key,
            version_in_use=ABSENT if is_gone else kept.version_in_use,
        )


def _is_whole(known: State) -> bool:
    parts = (known.identity, known.key, known.version_in_use, known.roles)
    return isinstance(known.vault, Vault) and not any(isinstance(each, NotLoaded) for each in parts)


def _kept(
    before: State, doubts: frozenset[str], fate: DeletedVault | Absent | Unknown | NotLoaded = NOT_LOADED
) -> State:
    """What need not be read again."""
    identity_is_known = isinstance(before.identity, Identity) and "identity" not in doubts
    return State(
        identity=before.identity if identity_is_known else NOT_LOADED,
        vault=before.vault or fate,
        key=before.key if isinstance(before.key, Key) else NOT_LOADED,
        version_in_use=before.version_in_use if isinstance(before.version_in_use, Key) else NOT_LOADED,
        roles=before.roles if isinstance(before.roles, tuple) and "roles" not in doubts else NOT_LOADED,
    )
