"""Nothing is held against a registry of a fleet before it was read directly: what Resource Graph shows may be old, and
what it does not show may be there all the same."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.cloud.fleet import Fleet
from azext_acrcmk.cloud.fleet_reads import FleetReads
from azext_acrcmk.cloud.load import load_registry_state
from azext_acrcmk.cloud.reads import get_vault
from azext_acrcmk.model.state import NOT_LOADED, Absent, DeletedVault, Key, Registry, State, Unknown, Vault


class Confirmation:
    """Reads suspects again, and each of their vaults once."""

    def __init__(self, fleet: Fleet, reads: FleetReads, clients: Clients, subscriptions: Sequence[str]):
        self._fleet, self._reads, self._clients, self._subscriptions = fleet, reads, clients, subscriptions
        # As read now, or what became of those that the graph does not have, by host.
        self._vaults: dict[str, Vault | DeletedVault | Absent | Unknown] = {}

    def confirm(self, suspects: list[Registry]) -> None:
        """Reads again directly what is held against registries that use a key, or is not in the graph."""
        by_vault: dict[str, Registry] = {}
        for each in suspects:
            if each.encryption.key.host not in self._fleet.vaults:
                by_vault.setdefault(each.encryption.key.host, each)
        # One for each vault that was not found: what became of it holds for the others.
        first = list(by_vault.values())
        asked = {each.id for each in first}
        others = [each for each in suspects if each.id not in asked]
        hosts = sorted({each.encryption.key.host for each in others} & self._fleet.vaults.keys())
        self._reads.side_by_side("vaults", hosts, self._read_vault, str)
        for some in (first, others):
            self._reads.side_by_side("registries again", some, self._confirm, lambda each: each.id.subscription)

    def _read_vault(self, host: str) -> None:
        id_ = self._fleet.vaults[host].id
        self._vaults[host] = self._reads.patiently(lambda: get_vault(self._clients, id_), id_)

    def _confirm(self, suspect: Registry) -> None:
        registry = self._reads.refresh(suspect.id)
        if registry is None:
            return
        host = registry.encryption.key.host if registry.encryption.key else ""
        in_graph = host in self._fleet.vaults
        vault = self._vaults.get(host, NOT_LOADED)
        before = self._fleet.assembled(registry)
        known = State(
            vault=vault if isinstance(vault, Vault) or not in_graph else NOT_LOADED,
            key=before.key if isinstance(before.key, Key) else NOT_LOADED,
            version_in_use=before.version_in_use if isinstance(before.version_in_use, Key) else NOT_LOADED,
        )
        place = vault.id if isinstance(vault, Vault) else None
        load = partial(load_registry_state, self._clients, registry, self._subscriptions, place, known)
        state = self._reads.patiently(load, registry.id)
        if not isinstance(state, State):
            why = state.why if isinstance(state, Unknown) else "it no longer exists"
            self._fleet.miss(str(registry.id), f"What it depends on could not be read directly: {why}.")
            return
        self._fleet.confirmed[registry.id] = state
        if host and not in_graph:
            self._vaults.setdefault(host, state.vault)
