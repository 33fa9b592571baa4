"""What became of the vaults that Resource Graph does not have: one look at each subscription for all of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from azext_acrcmk.cloud.across import list_of_type, vault_not_found
from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.cloud.fleet_reads import FleetReads
from azext_acrcmk.cloud.reads import is_vault_name_free
from azext_acrcmk.cloud.transport import PATIENCE
from azext_acrcmk.model.ids import HSM_TYPE, VAULT_TYPE, ArmId, Id, KeyId
from azext_acrcmk.model.state import ABSENT, Absent, DeletedVault, Unknown

Fate = ArmId | DeletedVault | Absent | Unknown


class LostVaults:
    """`subscriptions` are those that are searched, the login's own first."""

    def __init__(self, reads: FleetReads, clients: Clients, subscriptions: Sequence[str]):
        self._reads, self._clients, self._subscriptions = reads, clients, subscriptions
        self._gone: set[str] = set()
        self._there: dict[Id, ArmId] = {}
        self._deleted: dict[Id, DeletedVault] = {}
        self._unsearched: list[Unknown] = []
        self._types: list[str] = []

    def find(self, keys: Iterable[KeyId]) -> dict[str, Fate]:
        """By the host of each key: where its vault is, that it was deleted, that there is none, or what hides it."""
        lost = list({each.host: each for each in keys}.values())
        vaults = [each for each in lost if not each.is_hsm]
        self._reads.side_by_side("names of vaults", vaults, self._ask_for_name, lambda key: key.host)
        left = [each for each in vaults if each.host not in self._gone]
        if left:
            self._reads.side_by_side("deleted vaults", list(self._subscriptions), self._list_deleted, str)
        # What was deleted is not there. The others are hidden, or younger than what Resource Graph shows.
        unclear = [each for each in lost if self._is_unclear(each)]
        self._types = sorted({HSM_TYPE if each.is_hsm else VAULT_TYPE for each in unclear})
        if unclear:
            self._reads.side_by_side("vaults of subscriptions", list(self._subscriptions), self._list_existing, str)
        return {each.host: self._fate(each) for each in lost}

    def _is_unclear(self, key: KeyId) -> bool:
        return key.host not in self._gone and (key.is_hsm or Id(key.store) not in self._deleted)

    def _ask_for_name(self, key: KeyId) -> None:
        """A name that is free is that of no vault anywhere, not even of a deleted one."""
        free = self._reads.patiently(lambda: is_vault_name_free(self._clients, self._subscriptions[0], key.store), "")
        if free is True:
            self._gone.add(key.host)

    def _list_deleted(self, subscription: str) -> None:
        deleted = self._reads.list_deleted_vaults(Id(subscription))
        if isinstance(deleted, Unknown):
            self._unsearched.append(deleted)
            return
        for vault in deleted:
            self._deleted[Id(vault.name)] = vault

    def _list_existing(self, subscription: str) -> None:
        for type_ in self._types:
            found = self._reads.patiently(partial(self._list, subscription, type_), f"/subscriptions/{subscription}")
            for id_ in found or ():
                self._there[Id(id_.name)] = id_
            if isinstance(found, Unknown) and not found.denied:
                self._unsearched.append(found)

    def _list(self, subscription: str, type_: str) -> list[ArmId]:
        return list(list_of_type(self._clients, subscription, type_, **PATIENCE))

    def _fate(self, key: KeyId) -> Fate:
        name = Id(key.store)
        if key.host in self._gone:
            return ABSENT
        if found := self._there.get(name):
            return found
        return (not key.is_hsm and self._deleted.get(name)) or vault_not_found(key, tuple(self._unsearched))
