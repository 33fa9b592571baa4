"""Nothing is held against a registry of a fleet before it was read directly: what Resource Graph shows may be old, and
what it does not show may be there all the same."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.cloud.fleet import Fleet
from azext_acrcmk.cloud.fleet_reads import FleetReads
from azext_acrcmk.cloud.fleet_vaults import Fate, LostVaults
from azext_acrcmk.cloud.load import load_registry_state
from azext_acrcmk.cloud.reads import get_vault
from azext_acrcmk.model.ids import ArmId, Id
from azext_acrcmk.model.state import NOT_LOADED, Absent, Key, Registry, State, Unknown, Vault


class Confirmation:
    """Reads suspects again, and each of their vaults once."""

    def __init__(self, fleet: Fleet, reads: FleetReads, clients: Clients, subscriptions: Sequence[Id]):
        self._fleet, self._reads, self._clients, self._known = fleet, reads, clients, subscriptions
        # By host: as read now, and what became of those that the graph does not have.
        self._vaults: dict[str, Vault | Absent | Unknown] = {}
        self._fates: dict[str, Fate] = {}

    def confirm(self, suspects: list[Registry]) -> None:
        """Reads again directly what is held against registries that use a key, or is not in the graph."""
        keys = {each.encryption.key.host: each.encryption.key for each in suspects}
        lost = [key for host, key in keys.items() if host not in self._fleet.vaults]
        hosts = sorted(keys.keys() & self._fleet.vaults.keys())
        self._fates = LostVaults(self._reads, self._clients, self._subscriptions()).find(lost) if lost else {}
        self._reads.side_by_side("vaults", hosts, self._read_vault, self._place_of_vault)
        self._reads.side_by_side("registries again", suspects, self._confirm, lambda each: each.id.subscription)

    def _place_of_vault(self, host: str) -> Id:
        return self._fleet.vaults[host].id.subscription

    def _subscriptions(self) -> list[Id]:
        """Those that the login knows, its own first, and all that Resource Graph shows."""
        return list(dict.fromkeys((*self._known, *self._fleet.subscriptions)))

    def _read_vault(self, host: str) -> None:
        id_ = self._fleet.vaults[host].id
        self._vaults[host] = self._reads.patiently(lambda: get_vault(self._clients, id_), id_)

    def _confirm(self, suspect: Registry) -> None:
        registry = self._reads.refresh(suspect.id)
        if registry is None:
            return
        host = registry.encryption.key.host if registry.encryption.key else ""
        vault, fate = self._vaults.get(host, NOT_LOADED), self._fates.get(host, NOT_LOADED)
        before = self._fleet.assembled(registry)
        known = State(
            vault=vault if isinstance(vault, Vault) else NOT_LOADED if isinstance(fate, ArmId) else fate,
            key=before.key if isinstance(before.key, Key) else NOT_LOADED,
            version_in_use=before.version_in_use if isinstance(before.version_in_use, Key) else NOT_LOADED,
        )
        place = vault.id if isinstance(vault, Vault) else fate if isinstance(fate, ArmId) else None
        load = partial(load_registry_state, self._clients, registry, self._subscriptions(), place, known)
        state = self._reads.patiently(load, registry.id)
        if not isinstance(state, State):
            why = state.why if isinstance(state, Unknown) else "it no longer exists"
            self._fleet.miss(str(registry.id), f"What it depends on could not be read directly: {why}.")
            return
        self._fleet.confirmed[registry.id] = state
