"""The states of many registries, made of what is known of them by now. Nothing here asks Azure.

`fleet_graph.py` fills in what Resource Graph has, `fleet_reads.py` what it lacks, and `fleet_confirm.py` reads again
directly what is held against a registry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any

from azext_acrcmk.cloud.fields import part, scope_id
from azext_acrcmk.cloud.roles import with_denials
from azext_acrcmk.model.access import key_scope
from azext_acrcmk.model.ids import REGISTRY_TYPE, ArmId, Id, KeyId, Scope
from azext_acrcmk.model.key_identity import SYSTEM, identity_used
from azext_acrcmk.model.state import (
    NOT_LOADED,
    Absent,
    DeletedKey,
    Identity,
    Key,
    NotLoaded,
    Registry,
    RoleGrant,
    Sharer,
    State,
    Unknown,
    Vault,
)
from azext_acrcmk.model.value import Value, immutable

# Shows what goes on, in the words that a function has for it by then.
Tell = Callable[[Callable[[], str]], AbstractContextManager]

Found = Identity | Unknown | NotLoaded


@immutable
class KeyUser(Value):
    """A registry somewhere, the key that it uses, without a version, and the client ID of the identity for it."""

    id: ArmId
    key: KeyId
    client_id: Id


@dataclass
class Fleet:
    """Registries and what they depend on, filled bit by bit: whatever ends it, what is there can be told.

    `not_seen` is what could not be had, and why. `subscriptions` are all that Resource Graph shows of the tenant,
    `above` the management groups above each; `grants` are by principal, `denials` by subscription, and by vault where
    that can't be read (`denials_of_vaults`), `vaults` and `users` by host, `replicas`, which are regions, by registry.
    `grants`, `users` and `replicas` are None until they were asked for.

    `gone` are registries that were deleted, which Resource Graph still shows. `unsearched` are the subscriptions of the
    login in which there may be more `users`, `listable` those that Resource Graph does not show, but all registries in
    them.
    """

    registries: dict[ArmId, Registry] = field(default_factory=dict)
    subscription_names: dict[Id, str] = field(default_factory=dict)
    subscriptions: list[Id] = field(default_factory=list)
    not_seen: dict[str, str] = field(default_factory=dict)
    above: dict[Id, set[Id]] = field(default_factory=dict)
    vaults: dict[str, Vault] = field(default_factory=dict)
    unreadable_vaults: dict[str, Unknown] = field(default_factory=dict)
    grants: dict[Id, list[RoleGrant]] | None = None
    users: dict[str, list[KeyUser]] | None = None
    unsearched: tuple[Unknown, ...] = ()
    listable: set[Id] = field(default_factory=set)
    replicas: dict[Scope, tuple[str, ...]] | None = None
    denials: dict[Id, list[dict[str, Any]] | Unknown] = field(default_factory=dict)
    denials_of_vaults: dict[ArmId, list[dict[str, Any]] | Unknown] = field(default_factory=dict)
    keys: dict[KeyId, Key | DeletedKey | Absent | Unknown] = field(default_factory=dict)
    gone: set[ArmId] = field(default_factory=set)
    _settled: dict[ArmId, State] = field(default_factory=dict, init=False)
    # Three views of the same identities, made once: a fleet has thousands, and each registry is looked up in them.
    _identities: dict[ArmId, Identity] = field(default_factory=dict, init=False)
    _by_client: dict[Id, Identity] = field(default_factory=dict, init=False)
    _individuals: frozenset[Id] = field(default=frozenset(), init=False)

    def miss(self, what: str, why: str) -> None:
        self.not_seen.setdefault(what, why)

    def add_identities(self, found: Iterable[Identity]) -> None:
        for identity in found:
            self._identities[identity.id] = identity
            self._by_client[identity.client_id] = identity
        own = {each.principal_id for each in self._identities.values()}
        system = {each.system_principal_id for each in self.registries.values() if each.system_principal_id}
        self._individuals = frozenset(own | system)

    @property
    def encrypted(self) -> list[Registry]:
        """The registries that use a key."""
        return [each for each in self.registries.values() if each.encryption.enabled and each.encryption.key]

    def state_of(self, registry: Registry) -> State:
        """What is known of a registry by now."""
        return self._settled.get(registry.id) or self._known_of(registry)

    def with_replicas(self, state: State) -> State:
        """With what only rules about a whole fleet look at."""
        sharing = state.sharing
        if self.gone and isinstance(sharing, tuple):
            sharing = tuple(each for each in sharing if each.id not in self.gone)
        return replace(state, replicas=self._replicas(state.registry), sharing=sharing)

    def leave_open(self, doubted: Callable[[State], Any]) -> None:
        """Nothing is said of the registries that are in doubt: it was not confirmed."""
        for registry in self.encrypted:
            if registry.id not in self._settled and doubted(self.state_of(registry)):
                self.settle(State(registry=registry))

    def lose_registry(self, id_: ArmId) -> None:
        """A registry was deleted, which Resource Graph does not show yet."""
        self.registries.pop(id_, None)
        self.gone.add(id_)

    def lose_vault(self, host: str, found: Absent | Unknown) -> None:
        """A vault is not there any more, or can't be read."""
        self.vaults.pop(host, None)
        if isinstance(found, Unknown):
            self.unreadable_vaults[host] = found

    def settle(self, state: State) -> None:
        """From now on this is the state of its registry: nothing about it is in doubt, or it was read directly."""
        self._settled[state.registry.id] = state

    def principal_of(self, registry: Registry) -> Id | None:
        """The object ID that must have access to the key of a registry, as far as the graph has its identity."""
        return identity_used(registry, self._identity_of(registry)).principal_id

    def _identity_of(self, registry: Registry) -> Found:
        used = identity_used(registry, NOT_LOADED)
        if used.is_system:
            return Unknown(denied=False)
        return (self._identities.get(used.id) if used.id else self._by_client.get(used.client_id)) or NOT_LOADED

    def _known_of(self, registry: Registry) -> State:
        """What is known of a registry without reading it again."""
        encryption, used_by = registry.encryption, {"sharing": self._sharing(registry), "unsearched": self.unsearched}
        if not encryption.enabled or encryption.key is None:
            return State(registry=registry, **used_by)
        identity = self._identity_of(registry)
        vault = self.vaults.get(encryption.key.host)
        if vault is None:
            return State(registry=registry, identity=identity, **used_by)
        return State(
            registry=registry,
            identity=identity,
            vault=vault,
            roles=self._roles(registry, identity, vault),
            individuals=self._individuals if vault.uses_policies else frozenset(),
            **used_by,
            **self._key_parts(registry),
        )

    def _roles(self, registry: Registry, identity: Found, vault: Vault) -> tuple[RoleGrant, ...] | NotLoaded:
        if vault.is_hsm or self.grants is None:
            return NOT_LOADED
        principal = identity_used(registry, identity).principal_id
        if not principal:
            return ()
        scope, above = key_scope(vault, registry.encryption.key.name), self.above.get(vault.id.subscription, set())
        reaching = [each for each in self.grants.get(principal, ()) if _reaches(each.scope, scope, above)]
        denials = self.denials_at(scope, vault.id)
        return with_denials(reaching, () if denials is None else denials, scope, principal)

    def denials_at(self, scope: Scope, vault: ArmId) -> list[dict[str, Any]] | Unknown | None:
        """The deny assignments that reach a scope in a vault; None if they were not read."""
        subscription = vault.subscription
        denials = self.denials.get(subscription)
        if isinstance(denials, Unknown):
            denials = self.denials_of_vaults.get(vault, denials)
        if denials is None:
            return None
        if isinstance(denials, Unknown):
            return replace(denials, scope=scope)
        above = self.above.get(subscription, set())
        return [each for each in denials if _reaches(scope_id(part(each, "properties"), "scope"), scope, above)]

    def _key_parts(self, registry: Registry) -> dict[str, Any]:
        used = registry.encryption
        latest = self.keys.get(used.key.with_version(None), NOT_LOADED)
        if isinstance(latest, (DeletedKey, Absent, NotLoaded)):
            return {}  # to be read directly
        if not used.in_use:
            return {"key": latest, "version_in_use": Unknown(denied=False)}
        older = self.older_version(registry)
        return {"key": latest, "version_in_use": self.keys.get(older, NOT_LOADED) if older else latest}

    def older_version(self, registry: Registry) -> KeyId | None:
        """The version that a registry uses, if its key is known to have a later one."""
        used = registry.encryption
        latest = self.keys.get(used.key.with_version(None))
        if not used.in_use or not isinstance(latest, Key):
            return None
        return None if latest.id == used.in_use else used.in_use

    def _replicas(self, registry: Registry) -> tuple[str, ...] | NotLoaded:
        return NOT_LOADED if self.replicas is None else self.replicas.get(registry.id.as_scope, ())

    def _sharing(self, registry: Registry) -> tuple[Sharer, ...] | Unknown | NotLoaded:
        used = registry.encryption
        if self.users is None:
            return NOT_LOADED
        own = registry.id.subscription
        if used.key and own not in self.above and own not in self.listable:
            # Resource Graph shows only some of what is in it, such as one registry.
            return Unknown(f"{REGISTRY_TYPE}/read", f"/subscriptions/{own}")
        if used.key is None:
            return ()
        key, system = used.key.with_version(None), used.identity == SYSTEM
        return tuple(
            Sharer(each.id, key=each.key == key, identity=each.client_id == used.identity and not system, vault=True)
            for each in self.users.get(key.host, ())
            if each.id != registry.id and each.id not in self.gone
        )


def _reaches(where: Scope, scope: Scope, above: set[Id]) -> bool:
    """Whether what is assigned at `where` holds for `scope`, whose subscription is in the management groups `above`."""
    group = where.management_group
    return group in above if group else scope.within(where)
