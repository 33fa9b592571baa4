"""The states of many registries: from Resource Graph what it has, from Resource Manager what it lacks, and read again
directly what is held against a registry.

The graph may be old, and does not show what one may not read: that something is not in it decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.cloud.errors import UnexpectedResponse, read_error
from azext_acrcmk.cloud.fields import part, parts, text
from azext_acrcmk.cloud.graph import EVERYWHERE, Graph, Rows, Where, only, quoted
from azext_acrcmk.cloud.load import load_registry_state
from azext_acrcmk.cloud.pool import fair, for_each
from azext_acrcmk.cloud.read import read_identity, read_registry, read_vault
from azext_acrcmk.cloud.reads import get_key, get_registry, get_vault, read_if_possible
from azext_acrcmk.cloud.roles import read_role_grants, with_denials
from azext_acrcmk.cloud.transport import PATIENCE
from azext_acrcmk.cloud.waiting import Stop, retrying
from azext_acrcmk.model.api_versions import API_VERSIONS
from azext_acrcmk.model.ids import ArmId, KeyId, same, within
from azext_acrcmk.model.key_identity import SYSTEM, key_identity
from azext_acrcmk.model.state import (
    NOT_LOADED,
    Absent,
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

# How long a read that is throttled is tried again, in seconds.
THROTTLED_SECONDS = 600.0

_REGISTRIES = (
    "resources | where type =~ 'microsoft.containerregistry/registries'"
    "{} | project id, name, location, sku, identity, properties, tags"
)
_KEYS_IN_USE = (
    "resources | where type =~ 'microsoft.containerregistry/registries' "
    "| extend key = tostring(properties.encryption.keyVaultProperties.keyIdentifier) | where key != '' "
    "| project id, key, identity = tostring(properties.encryption.keyVaultProperties.identity)"
)
_SUBSCRIPTIONS = (
    "resourcecontainers | where type =~ 'microsoft.resources/subscriptions' "
    "| project id, name, subscriptionId, properties"
)
_VAULTS = (
    "resources | where type in~ ('microsoft.keyvault/vaults', 'microsoft.keyvault/managedhsms'){} "
    "| project id, type, location, sku, properties"
)
_IDENTITIES = (
    "resources | where type =~ 'microsoft.managedidentity/userassignedidentities'{} | project id, location, properties"
)
_ROLES = (
    "authorizationresources | where type =~ 'microsoft.authorization/roledefinitions' | project id, name, properties"
)
_ASSIGNMENTS = (
    "authorizationresources | where type =~ 'microsoft.authorization/roleassignments' "
    "| extend principal = tostring(properties.principalId){} | project id, properties"
)

Tell = Callable[[Callable[[], str]], AbstractContextManager]


@dataclass(frozen=True)
class NotSeen:
    """What could not be had, and why."""

    what: str
    why: str


class Fleet:
    """Registries and what they depend on, filled bit by bit: whatever ends it, what is there can be told."""

    def __init__(self, clients: Clients, subscriptions: tuple[str, ...], stop: Stop, tell: Tell):
        self._clients, self._subscriptions, self._stop, self._tell = clients, subscriptions, stop, tell
        self._graph = Graph(clients, subscriptions[0], stop)
        self.registries: dict[ArmId, Registry] = {}
        self.subscription_names: dict[str, str] = {}
        self._not_seen: dict[str, str] = {}
        self._above: dict[str, set[str]] = {}
        self._vaults: dict[str, Vault] = {}
        self._identities: dict[ArmId, Identity] = {}
        self._by_client: dict[str, Identity] = {}
        self._grants: dict[str, tuple[RoleGrant, ...]] | None = None
        self._users: dict[str, list[tuple[ArmId, KeyId, str]]] | None = None
        self._individuals: frozenset[str] = frozenset()
        self._denials: dict[str, list[dict[str, Any]] | Unknown] = {}
        self._keys: dict[KeyId, Key | Absent | Unknown] = {}
        self._found_vaults: dict[str, Any] = {}
        self._confirmed: dict[ArmId, State] = {}

    @property
    def not_seen(self) -> list[NotSeen]:
        return [NotSeen(what, why) for what, why in self._not_seen.items()]

    def miss(self, what: str, why: str) -> None:
        self._not_seen.setdefault(what, why)

    def state_of(self, registry: Registry) -> State:
        """What is known of a registry by now."""
        state = self._confirmed.get(registry.id) or self._assembled(registry)
        return replace(state, sharing=self._sharing(state.registry))

    # What the graph has

    def find(self, where: Where, group: str | None) -> None:
        """The registries, and whether all the places asked for were looked at."""
        found = self._ask(
            "registries", _REGISTRIES.format(f" and resourceGroup =~ {quoted(group)}" if group else ""), where
        )
        for registry in self._read(found, read_registry):
            self.registries[registry.id] = registry
        if found.cut:
            self.miss("subscriptions", "There are more than Resource Graph looks at: name them, or management groups.")
        seen = self._ask("subscriptions", _SUBSCRIPTIONS, where)
        for row in seen.rows:
            self.subscription_names[(text(row, "subscriptionId") or "").lower()] = text(row, "name") or ""
        # Resource Graph leaves out without a word what can't be read.
        expected = where.subscriptions or (() if where.management_groups else self._subscriptions)
        for subscription in expected:
            if subscription.lower() not in self.subscription_names:
                self.miss(f"/subscriptions/{subscription}", "You don't have permission to read the subscription.")

    def look_around(self) -> None:
        """What the registries depend on and what depends on the same, wherever it is."""
        used = [each for each in self.registries.values() if each.encryption.enabled and each.encryption.key]
        if not used:
            self._users, self._grants = {}, {}
            return
        for row in self._ask("subscriptions", _SUBSCRIPTIONS, EVERYWHERE).rows:
            chain = parts(part(row, "properties"), "managementGroupAncestorsChain")
            self._above[(text(row, "subscriptionId") or "").lower()] = {
                (text(each, "name") or "").lower() for each in chain
            }
        stores = {each.encryption.key.store for each in used}
        for vault in self._read(self._ask("vaults", _VAULTS.replace("{}", only("name", stores))), _vault):
            self._vaults[vault.host] = vault
        names = {attached.id.name for each in used for attached in each.attached}
        clients = {each.encryption.identity or "" for each in used}
        named = only("name", names)
        lost = only("tostring(properties.clientId)", clients) if named else ""
        condition = f"{named} or {lost.removeprefix(' | where ')}" if named and lost else ""
        for identity in self._read(self._ask("identities", _IDENTITIES.replace("{}", condition)), read_identity):
            self._identities[identity.id] = identity
            self._by_client[identity.client_id.lower()] = identity
        own = {each.principal_id.lower() for each in self._identities.values()}
        system = {each.system_principal_id.lower() for each in self.registries.values() if each.system_principal_id}
        self._individuals = frozenset(own | system)
        self._read_grants(used)
        rows = self._ask("registries with the same keys", _KEYS_IN_USE)
        users: dict[str, list[tuple[ArmId, KeyId, str]]] = {}
        for each in self._read(rows, _user):
            users.setdefault(each[1].host.lower(), []).append(each)
        self._users = users

    def _read_grants(self, used: list[Registry]) -> None:
        principals = {key_identity(self._with_identity(each)).principal_id or "" for each in used}
        definitions = {(text(row, "name") or "").lower(): row for row in self._ask("role definitions", _ROLES).rows}
        found = self._ask("role assignments", _ASSIGNMENTS.replace("{}", only("principal", principals)))

        def definition(guid: str) -> dict[str, Any]:
            if guid in definitions:
                return definitions[guid]
            path = f"/subscriptions/{self._subscriptions[0]}/providers/Microsoft.Authorization/roleDefinitions/{guid}"
            arm = self._clients.arm(self._subscriptions[0])
            return arm.get(path, API_VERSIONS["Microsoft.Authorization/roleDefinitions"])

        wanted = {each.lower() for each in principals}
        rows = [row for row in found.rows if _principal(row) in wanted]
        grants: dict[str, tuple[RoleGrant, ...]] = {}
        for grant in read_role_grants(rows, definition):
            principal = grant.principal_id.lower()
            grants[principal] = (*grants.get(principal, ()), grant)
        self._grants = grants

    def _ask(self, what: str, query: str, where: Where = EVERYWHERE, required: bool = False) -> Rows:
        """Where it is not `required`, what it does not tell is read directly."""
        from azure.core.exceptions import AzureError

        try:
            with self._tell(lambda: f"Asking Resource Graph for {what}"):
                rows = self._graph.ask(query, where)
        except AzureError as error:
            if required:
                raise
            self.miss(what, f"Resource Graph did not answer: {read_error(error).message}")
            return Rows()
        if rows.missing:
            self.miss(what, f"Resource Graph counts {rows.missing} more than it returned.")
        return rows

    def _read(self, rows: Rows, read: Callable[[dict[str, Any]], Any]) -> list[Any]:
        """What can be read of the rows; the others are not seen."""

        def tried(row: dict[str, Any]) -> Any:
            try:
                return read(row)
            except UnexpectedResponse as error:
                self.miss(text(row, "id") or "a row of Resource Graph", f"Azure described it unexpectedly: {error}")
                return None

        return [found for found in map(tried, rows.rows) if found is not None]

    # What is made of it

    def _with_identity(self, registry: Registry) -> State:
        """With the identity of its key, as far as the graph has it."""
        used = key_identity(State(registry=registry))
        if used.is_system:
            return State(registry=registry, identity=Unknown(denied=False))
        found = self._identities.get(used.id) if used.id else self._by_client.get(used.client_id.lower())
        return State(registry=registry, identity=found or NOT_LOADED)

    def _assembled(self, registry: Registry) -> State:
        encryption = registry.encryption
        if not encryption.enabled or encryption.key is None:
            return State(registry=registry)
        state = self._with_identity(registry)
        vault = self._vaults.get(encryption.key.host.lower())
        if vault is None:
            return state
        state = replace(state, vault=vault, roles=self._roles(state, vault))
        if vault.uses_policies:
            state = replace(state, individuals=self._individuals)
        return replace(state, **self._key_parts(registry))

    def _roles(self, state: State, vault: Vault) -> tuple[RoleGrant, ...] | NotLoaded:
        principal = key_identity(state).principal_id
        if vault.is_hsm or self._grants is None:
            return NOT_LOADED
        if not principal:
            return ()
        scope = f"{vault.id}/keys/{state.registry.encryption.key.name}"
        above = self._above.get(vault.id.subscription.lower(), set())
        reaching = tuple(each for each in self._grants.get(principal.lower(), ()) if _reaches(each.scope, scope, above))
        denials = self._denials.get(vault.id.subscription.lower(), [])
        if isinstance(denials, Unknown):
            return with_denials(reaching, replace(denials, scope=scope), scope, principal)
        here = [each for each in denials if _reaches(text(part(each, "properties"), "scope") or "", scope, above)]
        return with_denials(reaching, here, scope, principal)

    def _key_parts(self, registry: Registry) -> dict[str, Any]:
        key = registry.encryption.key.with_version(None)
        latest = self._keys.get(key, NOT_LOADED)
        if isinstance(latest, (Absent, NotLoaded)):
            return {}  # whether it is soft-deleted, only its vault tells
        in_use = key.with_version(registry.encryption.version_in_use)
        if not in_use.version:
            return {"key": latest, "version_in_use": Unknown(denied=False)}
        if isinstance(latest, Unknown) or latest.id == in_use:
            return {"key": latest, "version_in_use": latest}
        return {"key": latest, "version_in_use": self._keys.get(in_use, NOT_LOADED)}

    def _sharing(self, registry: Registry) -> tuple[Sharer, ...] | NotLoaded:
        used = registry.encryption
        if self._users is None:
            return NOT_LOADED
        if used.key is None:
            return ()
        mine, system = used.key.with_version(None), same(used.identity, SYSTEM)
        return tuple(
            Sharer(id_, key=key == mine, identity=same(client, used.identity) and not system, vault=True)
            for id_, key, client in self._users.get(used.key.host.lower(), ())
            if id_ != registry.id
        )

    # What Resource Manager adds

    def read_live(self) -> None:
        """Each registry afresh."""
        self._side_by_side("registries", list(self.registries), self._refresh, lambda id_: id_.subscription)

    def _refresh(self, id_: ArmId) -> Registry | None:
        found = self._patiently(
            lambda: get_registry(self._clients, id_), "Microsoft.ContainerRegistry/registries/read", id_
        )
        if isinstance(found, Registry):
            self.registries[id_] = found
            return found
        if isinstance(found, Unknown):
            self.miss(str(id_), f"Could not be read directly: {found.why or found.action}.")
        else:
            self.registries.pop(id_, None)  # deleted since
        return None

    def read_denials(self) -> None:
        """What deny assignments take away, which Resource Graph does not have."""
        subscriptions = sorted({each.id.subscription.lower() for each in self._vaults.values()})
        self._side_by_side("deny assignments", subscriptions, self._read_denials, str)

    def _read_denials(self, subscription: str) -> None:
        scope, type_ = f"/subscriptions/{subscription}", "Microsoft.Authorization/denyAssignments"
        arm = self._clients.arm(subscription)
        found = self._patiently(
            lambda: list(arm.pages(f"{scope}/providers/{type_}", API_VERSIONS[type_], **PATIENCE)),
            f"{type_}/read",
            scope,
        )
        self._denials[subscription] = [] if isinstance(found, Absent) else found

    def read_keys(self) -> None:
        """Each distinct key, and the versions in use that are not its latest."""
        wanted = {}
        for registry in self.registries.values():
            key = registry.encryption.key
            vault = self._vaults.get(key.host.lower()) if key and registry.encryption.enabled else None
            if vault:
                wanted[key.with_version(None)] = vault.id
        self._read_all("keys", wanted)
        behind = {}
        for registry in self.registries.values():
            used = registry.encryption
            latest = self._keys.get(used.key.with_version(None)) if used.key else None
            in_use = used.key.with_version(used.version_in_use) if used.key and used.version_in_use else None
            if in_use and isinstance(latest, Key) and latest.id != in_use:
                behind[in_use] = self._vaults[used.key.host.lower()].id
        self._read_all("key versions", behind)

    def _read_all(self, what: str, wanted: dict[KeyId, ArmId]) -> None:
        def read(item: tuple[KeyId, ArmId]) -> None:
            key, vault = item
            action = f"{vault.type}/keys/{'versions/' if key.version else ''}read"
            self._keys[key] = self._patiently(
                lambda: get_key(self._clients, vault, key), action, f"{vault}/keys/{key.name}"
            )

        self._side_by_side(what, list(wanted.items()), read, lambda item: item[1].subscription)

    def confirm(self, suspects: list[Registry]) -> None:
        """Reads again directly what is held against registries, or is not in the graph."""
        by_vault: dict[str, Registry] = {}
        for each in suspects:
            if (key := each.encryption.key) and key.host.lower() not in self._vaults:
                by_vault.setdefault(key.host.lower(), each)
        # One for each vault that was not found: what became of it holds for the others.
        first = list(by_vault.values())
        others = [each for each in suspects if each.id not in {one.id for one in first}]
        hosts = sorted({each.encryption.key.host.lower() for each in others if each.encryption.key})
        self._side_by_side("vaults", [host for host in hosts if host in self._vaults], self._reread_vault, str)
        for some in (first, others):
            self._side_by_side("registries again", some, self._confirm, lambda each: each.id.subscription)

    def _reread_vault(self, host: str) -> None:
        id_ = self._vaults[host].id
        self._found_vaults[host] = self._patiently(lambda: get_vault(self._clients, id_), f"{id_.type}/read", id_)

    def _confirm(self, suspect: Registry) -> None:
        registry = self._refresh(suspect.id)
        if registry is None:
            return
        host = registry.encryption.key.host.lower() if registry.encryption.key else ""
        vault = self._found_vaults.get(host, NOT_LOADED)
        before = self._assembled(registry)
        known = State(
            vault=vault if isinstance(vault, Vault) or host not in self._vaults else NOT_LOADED,
            key=before.key if isinstance(before.key, Key) else NOT_LOADED,
            version_in_use=before.version_in_use if isinstance(before.version_in_use, Key) else NOT_LOADED,
        )
        place = vault.id if isinstance(vault, Vault) else None
        load = partial(load_registry_state, self._clients, registry, self._subscriptions, place, known)
        state = self._patiently(load, "", registry.id)
        if not isinstance(state, State):
            why = state.why if isinstance(state, Unknown) else "it no longer exists"
            self.miss(str(registry.id), f"What it depends on could not be read directly: {why}.")
            return
        self._confirmed[registry.id] = state
        if host and host not in self._vaults:
            self._found_vaults.setdefault(host, state.vault)

    def _patiently(self, call: Callable[[], Any], action: str, scope: object) -> Any:
        """What a read gives, however long it is throttled; unknown where it gives no good answer."""
        return read_if_possible(
            lambda: retrying(call, lambda error: read_error(error).status == 429, self._stop, THROTTLED_SECONDS),
            action,
            scope,
        )

    def _side_by_side(self, what: str, items: list, work: Callable[[Any], Any], place: Callable[[Any], str]) -> None:
        done = 0

        def count() -> None:
            nonlocal done
            done += 1

        with self._tell(lambda: f"Reading {what}: {done} of {len(items)}"):
            for_each(fair(items, place), work, count)


def _vault(row: dict[str, Any]) -> Vault:
    return read_vault(row, "managedHSM" if same(text(row, "type"), "microsoft.keyvault/managedhsms") else "vault")


def _user(row: dict[str, Any]) -> tuple[ArmId, KeyId, str] | None:
    try:
        return (
            ArmId.parse(text(row, "id") or ""),
            KeyId.parse(text(row, "key") or "").with_version(None),
            (text(row, "identity") or ""),
        )
    except ValueError:
        return None


def _principal(row: dict[str, Any]) -> str:
    return (text(part(row, "properties"), "principalId") or "").lower()


def _reaches(where: str, scope: str, above: set[str]) -> bool:
    """Whether what is assigned at `where` holds for `scope`, whose subscription is in the management groups `above`."""
    group = where.lower().partition("/providers/microsoft.management/managementgroups/")[2]
    return group in above if group else within(scope, where)
