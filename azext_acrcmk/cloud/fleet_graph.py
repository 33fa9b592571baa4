"""What Resource Graph has of a fleet: its registries, what they depend on, and what depends on the same.

The graph may be old, and does not show what one may not read: that something is not in it decides nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.cloud.errors import ServiceError, UnexpectedResponse, read_error
from azext_acrcmk.cloud.fields import identifier, part, parts, scope_id, text
from azext_acrcmk.cloud.fleet import Fleet, KeyUser, Tell
from azext_acrcmk.cloud.graph import EVERYWHERE, Graph, Rows, Where, as_it_is, only, quoted
from azext_acrcmk.cloud.login import Login
from azext_acrcmk.cloud.preflight import get_permissions
from azext_acrcmk.cloud.read import read_identity, read_registry_of_many, read_vault
from azext_acrcmk.cloud.reads import get_role_definition, in_parallel
from azext_acrcmk.cloud.roles import read_role_grants
from azext_acrcmk.cloud.waiting import Stop
from azext_acrcmk.cloud.walk import MOST_OTHERS, NEAR, NOT_SHOWN, SECONDS, left_out, read_places
from azext_acrcmk.model.ids import HSM_TYPE, REGISTRY_TYPE, ArmId, Id, KeyId, Scope, same, same_region
from azext_acrcmk.model.state import Registry, RoleGrant, Unknown, Vault

# Of a registry only what is judged: all of it is several times as much to send and to read.
_JUDGED = ("encryption", "provisioningState", "status")
_REGISTRIES = (
    "resources | where type =~ 'microsoft.containerregistry/registries'{} | project id, location, sku, identity, "
    + ", ".join(f"{each} = properties.{each}" for each in _JUDGED)
    + ", trustPolicy = properties.policies.trustPolicy"
)
_REPLICAS = "resources | where type =~ 'microsoft.containerregistry/registries/replications' | project id, location"
_KEYS_IN_USE = (
    "resources | where type =~ 'microsoft.containerregistry/registries' "
    "| extend key = tostring(properties.encryption.keyVaultProperties.keyIdentifier) | where key != '' "
    "| project id, key, identity = tostring(properties.encryption.keyVaultProperties.identity)"
)
_SUBSCRIPTIONS = (
    "resourcecontainers | where type =~ 'microsoft.resources/subscriptions' "
    "| project id, name, subscriptionId, tenantId, properties"
)
_GROUPS = (
    "resourcecontainers | where type =~ 'microsoft.resources/subscriptions/resourcegroups' and name =~ {} "
    "| project id, subscriptionId"
)
_VAULTS = (
    "resources | where type in~ ('microsoft.keyvault/vaults', 'microsoft.keyvault/managedhsms'){} "
    "| project id, type, location, sku, properties"
)
_IDENTITIES = (
    "resources | where type =~ 'microsoft.managedidentity/userassignedidentities'{} | project id, location, properties"
)
# Of the assignments those to some principals; and all roles, most of which are needed.
_ROLES = (
    "authorizationresources | extend principal = tostring(properties.principalId) "
    "| where type =~ 'microsoft.authorization/roledefinitions' "
    "or (type =~ 'microsoft.authorization/roleassignments'{}) | project id, type, name, properties"
)


_UNTOLD = Rows(told=False)
# So many rows may be asked for before it is known which are needed: three pages of Resource Graph.
_MOST_AHEAD = 3000

# The scope of the query does not exist, or the caller can't read anything in it.
_REFUSED = frozenset({400, 403, 404})


class ScopeRefused(Exception):
    """Resource Graph refuses to look into the scope that was asked for; the message says why. `denied`: it exists, or
    that is not said."""

    def __init__(self, said: ServiceError):
        super().__init__(said.message)
        self.denied = said.status == 403


class FleetGraph:
    """Fills a fleet from Resource Graph. What one query does not tell is missed, and the next is asked."""

    def __init__(self, fleet: Fleet, clients: Clients, login: Login, stop: Stop, tell: Tell):
        self._fleet, self._clients, self._tell = fleet, clients, tell
        self._login, self._subscriptions, self._tenant = login, login.subscriptions, login.tenant
        self._graph = Graph(clients, login.subscription, stop)
        self._subscriptions_in: dict[Where, Rows] = {}
        self._looked_at: set[Id] = set()
        # Whether the fleet has all registries that the login can see.
        self._all_are_known = False
        # Those of all subscriptions, if they were asked for with the registries.
        self._vaults = _UNTOLD

    def find(self, where: Where, group: str | None) -> None:
        """The registries, and whether all the places asked for were looked at. Raises ScopeRefused."""
        fleet = self._fleet
        wanted = _REGISTRIES.format(f" and resourceGroup =~ {quoted(group)}" if group else "")
        in_all = where == EVERYWHERE and not group
        found, subscriptions, self._vaults = in_parallel(
            lambda: self._ask("registries", wanted, where, self._reading(_registry), decides=True),
            lambda: self._find_subscriptions(where),
            lambda: self._ask_ahead(_that(_VAULTS, "")) if in_all else _UNTOLD,
        )
        for registry in found.rows:
            fleet.registries[registry.id] = registry
        self._all_are_known = in_all and found.told and not found.missing and not found.cut
        if found.cut:
            fleet.miss(
                "subscriptions",
                "There are more than Resource Graph searches. Specify --subscriptions or --management-groups.",
            )
        for row in subscriptions.rows:
            fleet.subscription_names[_subscription(row)] = text(row, "name") or ""
        # Resource Graph leaves out without a word what can't be read.
        all_known = (*self._subscriptions, *self._login.elsewhere)
        expected = where.subscriptions or (() if where.management_groups else all_known)
        hidden = [each for each in expected if each not in fleet.subscription_names] if subscriptions.told else []
        if hidden and group:
            groups = self._ask("resource groups", _GROUPS.format(quoted(group)), where)
            readable = {_subscription(row) for row in groups.rows}
            hidden = [each for each in hidden if each not in readable]
        for subscription in self._not_listable(hidden):
            fleet.miss(f"/subscriptions/{subscription}", self._why_hidden(subscription))

    def _not_listable(self, hidden: list[Id]) -> list[Id]:
        """Those of subscriptions that Resource Graph does not show of which it need not show all registries: a role may
        allow to read them, and not the subscription itself. Of many, only the first are asked about."""
        new = [each for each in hidden if each in self._subscriptions and each not in self._looked_at][:MOST_OTHERS]
        self._looked_at.update(new)

        def permitted(subscription: str) -> bool:
            held = get_permissions(self._clients, Scope(f"/subscriptions/{subscription}"))
            return isinstance(held, tuple) and any(each.permits(f"{REGISTRY_TYPE}/read") for each in held)

        answers = read_places(new, permitted, "", time.monotonic() + SECONDS)
        self._fleet.listable.update(each for each, answer in zip(new, answers, strict=True) if answer is True)
        return [each for each in hidden if each not in self._fleet.listable]

    def _why_hidden(self, subscription: Id) -> str:
        tenants = dict(self._login.tenants)
        if subscription not in tenants:
            return "It does not exist, or you don't have permission to read the subscription."
        if tenants[subscription] == self._tenant:
            return "You don't have permission to read the subscription."
        return (
            f"It is in another tenant, {tenants[subscription]}, than subscription {self._login.subscription}. "
            f"To list its registries: --subscription {subscription}"
        )

    def find_vaults(self) -> None:
        """The vaults that the registries use, wherever they are."""
        used = self._fleet.encrypted
        if not used:
            return
        stores = {Id(each.encryption.key.store) for each in used}
        found = self._vaults if self._vaults.told else self._ask("vaults", _that(_VAULTS, only("name", stores)))
        read = self._reading(_vault)
        for vault in (read(row) for row in found.rows if _name(row) in stores):
            if vault:
                self._fleet.vaults[vault.host] = vault

    def look_around(self) -> None:
        """What else the registries depend on and what depends on the same, wherever it is. The vaults are known."""
        used = self._fleet.encrypted
        if not used:
            self._fleet.users, self._fleet.grants = {}, {}
            return
        in_parallel(
            self._find_management_groups,
            lambda: self._find_grants(used),
            self._find_users,
        )

    def _find_management_groups(self) -> None:
        for row in self._find_subscriptions(EVERYWHERE).rows:
            chain = parts(part(row, "properties"), "managementGroupAncestorsChain")
            if identifier(row, "tenantId") == self._tenant:
                self._fleet.subscriptions.append(_subscription(row))
            self._fleet.above[_subscription(row)] = {identifier(each, "name") for each in chain}
        # In the words of `sharing.py`, which reads directly where no more is shown.
        hidden = self._not_listable([each for each in self._subscriptions if each not in self._fleet.above])
        more = left_out(len(hidden[NEAR:]), NOT_SHOWN)
        denied = (Unknown(f"{REGISTRY_TYPE}/read", f"/subscriptions/{each}") for each in hidden[:NEAR])
        self._fleet.unsearched = (*more, *denied)

    def _find_subscriptions(self, where: Where) -> Rows:
        """Asked once for each place: a whole fleet is wanted for its names, and for the management groups above."""
        if where not in self._subscriptions_in:
            self._subscriptions_in[where] = self._ask("subscriptions", _SUBSCRIPTIONS, where)
        return self._subscriptions_in[where]

    def _find_identities(self, used: list[Registry]) -> None:
        """By their names, as the registries list them, and by client ID those that no registry lists any more."""
        named = only("name", {attached.id.name for each in used for attached in each.attached})
        clients = {each.encryption.identity or "" for each in used}
        lost = only("tostring(properties.clientId)", clients) if named else ""
        wanted = _that(_IDENTITIES, f"{named} or {lost}" if named and lost else "")
        self._fleet.add_identities(self._ask("identities", wanted, read=self._reading(read_identity)).rows)

    def _find_grants(self, used: list[Registry]) -> None:
        self._find_identities(used)
        principals = set(map(self._fleet.principal_of, used)) - {None}
        wanted = _that(_ROLES, only("principal", principals))
        definitions: dict[Id | None, dict[str, Any]] = {}
        assignments = []
        for row in self._ask("role assignments", wanted).rows:
            if same(text(row, "type"), "Microsoft.Authorization/roleDefinitions"):
                definitions[identifier(row, "name")] = row
            elif identifier(part(row, "properties"), "principalId") in principals:
                assignments.append(row)

        def role_definition(guid: str) -> dict[str, Any]:
            return definitions.get(guid) or get_role_definition(self._clients, self._subscriptions[0], guid)

        grants: dict[Id, list[RoleGrant]] = {}
        for grant in read_role_grants(assignments, role_definition):
            grants.setdefault(grant.principal_id, []).append(grant)
        self._fleet.grants = grants

    def _find_users(self) -> None:
        users: dict[str, list[KeyUser]] = {}
        with_key = (each for each in self._fleet.registries.values() if each.encryption.key)
        if self._all_are_known:
            found = [_user_of(each) for each in with_key]
        else:
            found = self._ask("registries with the same keys", _KEYS_IN_USE, read=self._reading(_user)).rows
        for each in found:
            users.setdefault(each.key.host, []).append(each)
        self._fleet.users = users

    def find_replicas(self) -> None:
        """They mean something only to a registry whose vault is in another region."""
        used, vaults = self._fleet.encrypted, self._fleet.vaults
        pairs = ((each.location, vaults.get(each.encryption.key.host)) for each in used)
        if all(vault is None or same_region(vault.location, location) for location, vault in pairs):
            self._fleet.replicas = {}
            return
        found = self._ask("replicas", _REPLICAS)
        if not found.told or found.missing:
            return
        replicas: dict[Scope, tuple[str, ...]] = {}
        for row in found.rows:
            registry = scope_id(row, "id").parent
            replicas[registry] = (*replicas.get(registry, ()), text(row, "location") or "")
        self._fleet.replicas = replicas

    def _ask(
        self,
        what: str,
        query: str,
        where: Where = EVERYWHERE,
        read: Callable[[dict[str, Any]], Any] = as_it_is,
        decides: bool = False,
    ) -> Rows:
        """What Resource Graph tells; what it does not is missed. If the query `decides`, nothing at all can be listed
        where it is refused: ScopeRefused."""
        from azure.core.exceptions import AzureError

        try:
            with self._tell(lambda: f"Asking Resource Graph for {what}"):
                rows = self._graph.ask(query, where, read=read)
        except AzureError as error:
            said = read_error(error)
            if decides and said.status in _REFUSED:
                raise ScopeRefused(said) from error
            self._fleet.miss(what, f"Resource Graph did not answer: {said.message}")
            return _UNTOLD
        if rows.missing:
            self._fleet.miss(what, f"Resource Graph counts {rows.missing} more than it returned.")
        return rows

    def _ask_ahead(self, query: str) -> Rows:
        """What is needed in any case, if it is told at once, is complete and not too much."""
        from azure.core.exceptions import AzureError

        try:
            rows = self._graph.ask(query, most=_MOST_AHEAD)
        except AzureError:
            return _UNTOLD
        return _UNTOLD if rows.missing or rows.cut else rows

    def _reading(self, read: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
        """What can be read of a row; otherwise it is not seen."""

        def tried(row: dict[str, Any]) -> Any:
            try:
                return read(row)
            except UnexpectedResponse as error:
                unexpected = f"Unexpected description from Azure: {error}"
                self._fleet.miss(text(row, "id") or "a row of Resource Graph", unexpected)
                return None

        return tried


def _that(query: str, condition: str) -> str:
    """A query of what also meets a condition, if there is one."""
    return query.replace("{}", f" and ({condition})" if condition else "")


def _name(row: dict[str, Any]) -> Id:
    """The last part of its ID."""
    return Id((text(row, "id") or "").rpartition("/")[2])


def _subscription(row: dict[str, Any]) -> Id:
    return identifier(row, "subscriptionId") or Id()


def _registry(row: dict[str, Any]) -> Registry:
    policies = {"trustPolicy": row.get("trustPolicy")}
    properties = {**{name: row.get(name) for name in _JUDGED}, "policies": policies}
    return read_registry_of_many({**row, "properties": properties})


def _vault(row: dict[str, Any]) -> Vault:
    return read_vault(row, "managedHSM" if same(text(row, "type"), HSM_TYPE) else "vault")


def _user_of(registry: Registry) -> KeyUser:
    used = registry.encryption
    return KeyUser(registry.id, used.key.with_version(None), used.identity or Id())


def _user(row: dict[str, Any]) -> KeyUser | None:
    try:
        id_, key = ArmId.parse(text(row, "id") or ""), KeyId.parse(text(row, "key") or "")
    except ValueError:
        return None
    return KeyUser(id_, key.with_version(None), identifier(row, "identity") or Id())
