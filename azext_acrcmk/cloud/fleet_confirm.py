"""Nothing is held against a registry of a fleet before it was read directly: what Resource Graph shows may be old, and
what it does not show may be there all the same."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.cloud.fleet import Fleet
from azext_acrcmk.cloud.fleet_reads import FleetReads
from azext_acrcmk.cloud.fleet_vaults import Fate, LostVaults
from azext_acrcmk.cloud.load import load_registry_state
from azext_acrcmk.model.ids import ArmId, Id
from azext_acrcmk.model.state import (
    NOT_LOADED,
    Absent,
    DeletedVault,
    Identity,
    Key,
    NotLoaded,
    Registry,
    State,
    Unknown,
)

# The parts of a state that are in doubt: those that are not known, and those that something said of it rests on.
Doubts = Callable[[State], frozenset[str]]


# So many registries are looked at for each key that is read.
_AT_ONCE = 4


class Confirmation:
    """Reads again what is in doubt, of each vault and registry once.

    `subscriptions` are those that the login knows. That a registry is in doubt at all is the part "registry".
    """

    def __init__(self, fleet: Fleet, reads: FleetReads, clients: Clients, subscriptions: Sequence[Id], doubts: Doubts):
        self._fleet, self._reads, self._clients, self._known, self._doubts = (
            fleet,
            reads,
            clients,
            subscriptions,
            doubts,
        )
        # Those that were not looked at yet.
        self._ahead: deque[Registry] | None = None
        # What is known of vaults that are not in the fleet, by host.
        self._fates: dict[str, Fate] = {}

    def look_ahead(self) -> None:
        """Looks at some registries of which all is known by now, while keys of others are still read. What Resource
        Graph has must be known."""
        if self._ahead is None:
            self._ahead = deque(self._fleet.encrypted)
        for _ in range(min(_AT_ONCE, len(self._ahead))):
            registry = self._ahead.popleft()
            if not self._fleet.has_key_of(registry):
                self._ahead.append(registry)
            elif not self._fleet.older_version(registry):
                self._settle(registry)

    def confirm(self) -> None:
        suspects = [each.id for each in self._fleet.encrypted if not self._settle(each)]
        self._reads.read_registries(suspects, "registries again")
        there = [self._fleet.registries[id_] for id_ in suspects if id_ in self._fleet.registries]
        for each in there:
            if str(each.id) in self._fleet.not_seen:
                self._leave_open(each)
        again = [each for each in there if str(each.id) not in self._fleet.not_seen]
        again = [each for each in again if each.encryption.enabled and each.encryption.key]
        self._look_for_vaults(again)
        self._reads.side_by_side("what is in doubt", again, self._confirm, lambda each: each.id.subscription)

    def _settle(self, registry: Registry) -> bool:
        """Whether nothing about a registry is in doubt."""
        if self._fleet.is_settled(registry):
            return True
        state = self._fleet.state_of(registry)
        if self._doubts(state):
            return False
        self._fleet.settle(state)
        return True

    def _leave_open(self, registry: Registry) -> None:
        """What could not be confirmed is not said."""
        self._fleet.settle(State(registry=registry))

    def _look_for_vaults(self, registries: list[Registry]) -> None:
        keys = {each.encryption.key.host: each.encryption.key for each in registries}
        doubted = {
            each.encryption.key.host for each in registries if "vault" in self._doubts(self._fleet.state_of(each))
        }
        failed = self._reads.read_vaults(sorted(doubted & self._fleet.vaults.keys()))
        self._fates |= {host: seen for host, seen in failed.items() if isinstance(seen, Unknown)}
        lost = [key for host, key in keys.items() if host not in self._fleet.vaults and host not in self._fates]
        if lost:
            self._fates |= LostVaults(self._reads, self._clients, self._subscriptions()).find(lost)

    def _subscriptions(self) -> list[Id]:
        """Those that the login knows, its own first, and all that Resource Graph shows."""
        return list(dict.fromkeys((*self._known, *self._fleet.subscriptions)))

    def _confirm(self, registry: Registry) -> None:
        before = self._fleet.state_of(registry)
        doubts = self._doubts(before) - {"registry", "vault"}
        if before.vault and not doubts:
            self._fleet.settle(before)
            return
        fate = self._fates.get(registry.encryption.key.host, NOT_LOADED)
        place = before.vault.id if before.vault else fate if isinstance(fate, ArmId) else None
        kept = _kept(before, doubts, NOT_LOADED if isinstance(fate, ArmId) else fate)
        load = partial(load_registry_state, self._reads.quick_clients, registry, self._subscriptions(), place, kept)
        state = self._reads.patiently(load, registry.id)
        if isinstance(state, State):
            self._fleet.settle(replace(state, sharing=before.sharing))
            return
        why = state.why if isinstance(state, Unknown) else "it no longer exists"
        self._fleet.miss(str(registry.id), f"What it depends on could not be read directly: {why}.")
        self._leave_open(registry)


def _kept(before: State, doubts: frozenset[str], fate: DeletedVault | Absent | Unknown | NotLoaded) -> State:
    """What need not be read again."""
    identity_is_known = isinstance(before.identity, Identity) and "identity" not in doubts
    return State(
        identity=before.identity if identity_is_known else NOT_LOADED,
        vault=before.vault or fate,
        key=before.key if isinstance(before.key, Key) else NOT_LOADED,
        version_in_use=before.version_in_use if isinstance(before.version_in_use, Key) else NOT_LOADED,
        roles=before.roles if isinstance(before.roles, tuple) and "roles" not in doubts else NOT_LOADED,
    )
