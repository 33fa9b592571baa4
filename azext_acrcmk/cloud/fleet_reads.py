"""What Resource Manager adds to a fleet: registries afresh, deny assignments, and keys. Many reads side by side."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.cloud.courses import Course, Courses, Read
from azext_acrcmk.cloud.errors import UnexpectedResponse, parsing_responses, read_error
from azext_acrcmk.cloud.fields import items_of
from azext_acrcmk.cloud.fleet import Fleet, Tell
from azext_acrcmk.cloud.load import get_key_identity, load_roles
from azext_acrcmk.cloud.pace import Paces
from azext_acrcmk.cloud.pool import Rest, Throttled, for_each
from azext_acrcmk.cloud.quick_reads import QuickClients, QuickReads
from azext_acrcmk.cloud.read import read_deleted_vault, read_key, read_registry_of_many, read_vault
from azext_acrcmk.cloud.reads import (
    DELETED_VAULTS,
    get_deleted_key,
    get_key,
    get_registry,
    get_vault,
    of_id,
    read_if_possible,
)
from azext_acrcmk.cloud.transport import MOST_OF_A_FLEET, PATIENCE
from azext_acrcmk.cloud.waiting import Stop, retrying
from azext_acrcmk.model.access import key_in
from azext_acrcmk.model.api_versions import API_VERSIONS
from azext_acrcmk.model.ids import HSM_TYPE, VAULT_TYPE, ArmId, Id, KeyId
from azext_acrcmk.model.key_identity import identity_used
from azext_acrcmk.model.state import (
    ABSENT,
    NOT_LOADED,
    Absent,
    DeletedVault,
    Identity,
    Key,
    NotLoaded,
    Registry,
    RoleGrant,
    Unknown,
    Vault,
)

T = TypeVar("T")

# How long a read that is throttled is tried again, in seconds.
THROTTLED_SECONDS = 600.0
# What is read, in the order in which it is told.
KEYS, DOUBTS = "keys", "what is in doubt"


class FleetReads:
    """Fills a fleet by reading directly."""

    def __init__(self, fleet: Fleet, clients: Clients, subscription: str, stop: Stop, tell: Tell):
        """`subscription` is that of the command."""
        self._fleet, self._clients, self._stop, self._tell = fleet, clients, stop, tell
        self._quick_reads = QuickReads(clients, clients.arm(subscription))
        self.quick_clients = QuickClients(clients, self._quick_reads)
        self._fresh: set[ArmId] = set()
        self._identities: dict[Hashable, Identity | Absent | Unknown] = {}
        self._roles: dict[Hashable, tuple[RoleGrant, ...] | Unknown] = {}
        # Since when a subscription lets nothing through, in seconds of the monotonic clock.
        self._throttled: dict[Id, float] = {}

    def read_registries(self) -> None:
        """Each registry afresh."""
        self.follow(iter([[self.registry(id_, "registries")]]) for id_ in list(self._fleet.registries))

    def registry(self, id_: ArmId, what: str = DOUBTS) -> Read:
        """A registry afresh. One that was deleted is no longer in the fleet."""
        return Read(("registry", id_), what, id_.subscription, lambda: self._read_registry(id_))

    def _read_registry(self, id_: ArmId) -> Rest | None:
        if id_ in self._fresh:
            return None
        found, rest = self._read(
            id_.subscription,
            str(id_),
            self._clients.registry_api_version,
            lambda body: of_id(id_, read_registry_of_many(body)),
            lambda: self.patiently(lambda: get_registry(self._clients, id_), id_),
        )
        self._fresh.add(id_)
        if isinstance(found, Registry):
            self._fleet.registries[id_] = found
        elif isinstance(found, Unknown):
            self._fleet.miss(str(id_), f"Could not be read directly: {(found.why or found.action).rstrip('.')}.")
        else:
            self._fleet.lose_registry(id_)
        return rest

    def vault(self, id_: ArmId, host: str) -> Read:
        """A vault of the fleet afresh. One that can't be read is then among its `lost_vaults`."""
        return Read(("vault", host), DOUBTS, id_.subscription, lambda: self._read_vault(id_, host))

    def _read_vault(self, id_: ArmId, host: str) -> Rest | None:
        type_, kind = (HSM_TYPE, "managedHSM") if id_.type == HSM_TYPE else (VAULT_TYPE, "vault")
        found, rest = self._read(
            id_.subscription,
            str(id_),
            API_VERSIONS[type_],
            lambda body: of_id(id_, read_vault(body, kind)),
            lambda: self.patiently(lambda: get_vault(self._clients, id_), id_),
        )
        if isinstance(found, Vault):
            self._fleet.vaults[host] = found
        else:
            self._fleet.lose_vault(host, found)
        return rest

    def denials(self, subscription: Id) -> Read:
        """What deny assignments of a subscription take away, which Resource Graph does not have."""
        return Read(("denials", subscription), KEYS, subscription, lambda: self._read_denials(subscription))

    def denials_of(self, vault: ArmId) -> list[Read]:
        """The same of a vault, if they may be readable there though they are not for its whole subscription."""
        found = self._fleet.denials.get(vault.subscription)
        if not isinstance(found, Unknown) or not found.denied:
            return []
        return [
            Read(("denials", vault), KEYS, vault.subscription, lambda: self._read_denials(vault.subscription, vault))
        ]

    def _read_denials(self, subscription: Id, vault: ArmId | None = None) -> Rest | None:
        found, rest = self._read_list(subscription, "Microsoft.Authorization/denyAssignments", dict, vault)
        denials = [] if isinstance(found, Absent) else found
        if vault:
            self._fleet.denials_of_vaults[vault] = denials
        else:
            self._fleet.denials[subscription] = denials
        return rest

    def list_deleted_vaults(self, subscription: Id) -> list[DeletedVault] | Unknown:
        found, _ = self._read_list(subscription, DELETED_VAULTS.removesuffix("/read"), read_deleted_vault)
        return [] if isinstance(found, Absent) else found

    def _read_list(
        self, subscription: Id, type_: str, read: Callable[[dict[str, Any]], T], within: ArmId | None = None
    ) -> tuple[list[T] | Absent | Unknown, Rest | None]:
        """What a subscription has of a type, or a resource `within` it."""
        scope, version = str(within or f"/subscriptions/{subscription}"), API_VERSIONS[type_]
        path = f"{scope}/providers/{type_}"

        def pages() -> list[T]:
            return list(map(read, self._clients.arm(subscription).pages(path, version, **PATIENCE)))

        return self._read(
            subscription,
            path,
            version,
            lambda body: list(map(read, items_of(body))),
            lambda: self.patiently(pages, scope, f"{type_}/read"),
        )

    def key(self, key: KeyId, vault: ArmId) -> Read:
        """A key, or a version of it."""
        return Read(key, KEYS, vault.subscription, lambda: self._read_key(key, vault))

    def identity(self, registry: Registry, subscriptions: Sequence[Id]) -> Read:
        """The identity of a registry's key: then in `identity_of`."""
        used = identity_used(registry, NOT_LOADED)

        def read() -> None:
            load = partial(get_key_identity, self.quick_clients, registry, subscriptions)
            self._identities[_of_identity(registry)] = self.patiently(load, used.id or "")

        return Read(_of_identity(registry), DOUBTS, (used.id or registry.id).subscription, read)

    def identity_of(self, registry: Registry) -> Identity | Absent | Unknown | NotLoaded:
        return self._identities.get(_of_identity(registry), NOT_LOADED)

    def roles(self, vault: ArmId, key: KeyId, principal: Id | None) -> Read:
        """The roles of a principal on a key: then in `roles_of`."""
        of = ("roles", key, principal)

        def read() -> None:
            scope = key_in(vault, key.name)
            denials = self._fleet.denials_at(scope, vault)
            # At the key they may be readable though they are not for the whole subscription.
            known = denials if isinstance(denials, list) else None
            load = partial(load_roles, self.quick_clients, vault, key, principal, known)
            self._roles[of] = self.patiently(load, scope)

        return Read(of, DOUBTS, vault.subscription, read)

    def roles_of(self, key: KeyId, principal: Id | None) -> tuple[RoleGrant, ...] | Unknown | NotLoaded:
        return self._roles.get(("roles", key, principal), NOT_LOADED)

    def identities(self, subscription: Id) -> Read:
        """The identities of a subscription, for `find_individuals` of several registries."""

        def read() -> None:
            read_if_possible(lambda: list(self.quick_clients.list_identities(subscription, **PATIENCE)), "", "")

        return Read(("identities", subscription), DOUBTS, subscription, read)

    def deleted_key(self, key: KeyId, vault: Vault) -> Read:
        """Whether a key that is not there is soft-deleted, which only its vault tells."""

        def read() -> None:
            found = get_deleted_key(self.quick_clients, vault, key.name)
            self._fleet.keys[key] = Absent(unless=found) if isinstance(found, Unknown) else found

        return Read(("deleted key", key), DOUBTS, key.host, read)

    def _read_key(self, key: KeyId, vault: ArmId) -> Rest | None:
        self._fleet.keys[key], rest = self._read(
            vault.subscription,
            f"{vault}/keys/{key.name}" + (f"/versions/{key.version}" if key.version else ""),
            API_VERSIONS[HSM_TYPE if key.is_hsm else "Microsoft.KeyVault/vaults/keys"],
            lambda body: _described(read_key(body, key)),
            lambda: self.patiently(lambda: _described(get_key(self._clients, vault, key)), f"{vault}/keys/{key.name}"),
        )
        return rest

    def _read(
        self,
        subscription: Id,
        path: str,
        version: str,
        read: Callable[[dict[str, Any]], T],
        patiently: Callable[[], T | Absent | Unknown],
    ) -> tuple[T | Absent | Unknown, Rest | None]:
        """What `read` makes of a good answer, or absent, and the rest that the subscription should have; otherwise what
        is read `patiently`. Raises Throttled."""
        from azure.core.exceptions import AzureError

        try:
            answer = self._quick_reads.get(subscription, path, version)
        except Throttled:
            since = self._throttled.setdefault(subscription, time.monotonic())
            if time.monotonic() - since < THROTTLED_SECONDS:
                raise
            answer = None  # the SDK says why
        else:
            self._throttled.pop(subscription, None)
        if answer and isinstance(answer.body, Absent):
            return ABSENT, answer.rest
        if answer:
            try:
                with parsing_responses():
                    return read(answer.body), answer.rest
            except AzureError:
                pass
        return patiently(), None

    def patiently(self, call: Callable[[], Any], scope: object, action: str = "") -> Any:
        """What a read gives, however long it is throttled; unknown where it gives no good answer.

        `action` is the permission that it requires, unless the call itself says so.
        """
        # A token that expires midway is rejected once: the next read has a new one.
        rejected = iter((401,))

        def passes(error: Exception) -> bool:
            status = read_error(error).status
            return status == 429 or (status == 401 and next(rejected, None) == 401)

        return read_if_possible(lambda: retrying(call, passes, self._stop, THROTTLED_SECONDS), action, scope)

    def follow(self, courses: Iterable[Course]) -> None:
        """Reads what courses wait for, in turn from each place, and tells how far it is."""
        paces, going = Paces(), Courses(courses)
        if not going.reads:
            return
        paces.expect(f"Reading {read.what}" for read in going.reads)

        def then(read: Read) -> list[Read]:
            paces.count(f"Reading {read.what}")
            more = going.ended(read)
            paces.expect(f"Reading {read.what}" for read in more)
            return more

        # More follow from these, but to open a connection for each takes longer than to wait for some.
        most = min(MOST_OF_A_FLEET, -(-2 * len(going.reads) // 3))
        with self._tell(paces.told), _short_turns():
            for_each(going.reads, lambda read: read.call(), then, most, lambda read: read.place)


@contextmanager
def _short_turns() -> Iterator[None]:
    """While registries are judged, what was read waits for its turn of Python at most a millisecond, not five."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(0.001)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


def _of_identity(registry: Registry) -> Hashable:
    used = identity_used(registry, NOT_LOADED)
    return ("identity", used.id or (registry.id.subscription, used.client_id))


def _described(key: Key | Absent | Unknown) -> Key | Absent | Unknown:
    """A key of which the answer tells something: nobody looks at one among thousands. Raises UnexpectedResponse."""
    if isinstance(key, Key) and not key.type and key.enabled is not False:
        raise UnexpectedResponse(f"the response to a request for {key.id} describes no key.")
    return key
