"""What became of the vaults that Resource Graph does not have: one look at each subscription for all of them."""

from __future__ import annotations

from collections.abc import Sequence

from azext_acrcmk.cloud.across import is_name_free, list_of_type, vault_not_found
from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.cloud.courses import Course, Read
from azext_acrcmk.cloud.fleet_reads import DOUBTS, FleetReads
from azext_acrcmk.cloud.reads import is_vault_name_free
from azext_acrcmk.cloud.transport import PATIENCE
from azext_acrcmk.model.ids import HSM_TYPE, VAULT_TYPE, ArmId, Id, KeyId
from azext_acrcmk.model.state import ABSENT, Absent, DeletedVault, Unknown

Fate = ArmId | DeletedVault | Absent | Unknown


class LostVaults:
    """`subscriptions` are those that are searched, the login's own first."""

    def __init__(self, reads: FleetReads, clients: Clients, subscriptions: Sequence[str]):
        self._reads, self._clients, self.subscriptions = reads, clients, subscriptions
        self._gone: set[str] = set()
        self._there: dict[Id, ArmId] = {}
        self._deleted: dict[Id, DeletedVault] = {}
        self._unsearched: list[Unknown] = []

    def course(self, key: KeyId) -> Course:
        """After it, the fate of the key's vault is known."""
        yield self.name(key)
        if key.host in self._gone:
            return
        if not key.is_hsm:
            yield [self._deleted_in(each) for each in self.subscriptions]
        if self._is_unclear(key):
            type_ = HSM_TYPE if key.is_hsm else VAULT_TYPE
            yield [self._existing_in(each, type_) for each in self.subscriptions]

    def fate(self, key: KeyId) -> Fate:
        """Where its vault is, that it was deleted, that there is none, or what hides it."""
        name = Id(key.store)
        if key.host in self._gone:
            return ABSENT
        if found := self._there.get(name):
            return found
        return (not key.is_hsm and self._deleted.get(name)) or vault_not_found(key, tuple(self._unsearched))

    def name(self, key: KeyId) -> list[Read]:
        """A name that is free is that of no vault anywhere, not even of a deleted one."""

        def is_free(subscription: str) -> bool | Unknown:
            return self._reads.patiently(lambda: is_vault_name_free(self._clients, subscription, key.store), "")

        def ask() -> None:
            if is_name_free(is_free, self.subscriptions):
                self._gone.add(key.host)

        return [] if key.is_hsm else [Read(("name", key.host), DOUBTS, key.host, ask)]

    def _is_unclear(self, key: KeyId) -> bool:
        """What was deleted is not there. The others are hidden, or younger than what Resource Graph shows."""
        return key.is_hsm or Id(key.store) not in self._deleted

    def _deleted_in(self, subscription: str) -> Read:
        return Read(("deleted", subscription), DOUBTS, subscription, lambda: self._list_deleted(subscription))

    def _list_deleted(self, subscription: str) -> None:
        deleted = self._reads.list_deleted_vaults(Id(subscription))
        if isinstance(deleted, Unknown):
            self._unsearched.append(deleted)
            return
        for vault in deleted:
            self._deleted[Id(vault.name)] = vault

    def _existing_in(self, subscription: str, type_: str) -> Read:
        return Read(
            ("existing", subscription, type_), DOUBTS, subscription, lambda: self._list_existing(subscription, type_)
        )

    def _list_existing(self, subscription: str, type_: str) -> None:
        def ids() -> list[ArmId]:
            return list(list_of_type(self._clients, subscription, type_, **PATIENCE))

        found = self._reads.patiently(ids, f"/subscriptions/{subscription}")
        for id_ in found or ():
            self._there[Id(id_.name)] = id_
        if isinstance(found, Unknown) and not found.denied:
            self._unsearched.append(found)
