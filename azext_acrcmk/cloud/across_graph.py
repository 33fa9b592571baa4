"""What Resource Graph shows of subscriptions that are too many to be searched one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.cloud.fields import resource_id, text
from azext_acrcmk.cloud.waiting import Stop
from azext_acrcmk.model.state import Unknown

T = TypeVar("T")

_SEEN = "resourcecontainers | where type =~ 'microsoft.resources/subscriptions' | project id, subscriptionId"


def with_key_in(host: str, client_id: str | None) -> str:
    """Asks for the registries that use a key of a vault, by its host, or an identity for any key."""
    from azext_acrcmk.cloud.graph import quoted

    used = "properties.encryption.keyVaultProperties"
    by_identity = f"or tostring({used}.identity) =~ {quoted(client_id)} " if client_id else ""
    return (
        "resources | where type =~ 'microsoft.containerregistry/registries' "
        f"| where tostring({used}.keyIdentifier) contains {quoted(f'//{host}/')} {by_identity}"
        "| project id, name, location, sku, identity, properties, tags"
    )


def with_identity(identity: str) -> str:
    """Asks for the resources to which a user-assigned identity is assigned, by its id, or one whose id begins so."""
    from azext_acrcmk.cloud.graph import quoted

    assigned = "tolower(tostring(identity.userAssignedIdentities))"
    return f"resources | where {assigned} contains {quoted(identity.lower())} | project id, identity"


def search_by_graph(
    clients: Clients,
    asked_as: str,
    query: str,
    read: Callable[[dict[str, Any]], T],
    wanted: Callable[[dict[str, Any]], bool] = lambda _: True,
) -> Callable[[list[str]], tuple[list[T], tuple[Unknown, ...]]]:
    """A search of subscriptions by one query; `asked_as` is the subscription whose login asks. It returns the `wanted`
    of what it finds, and what has to be said of these places: Resource Graph is minutes behind, and is silent about
    what it doesn't show.
    """

    def search(subscriptions: list[str]) -> tuple[list[T], tuple[Unknown, ...]]:
        from azext_acrcmk.cloud.graph import Graph

        # Of all that the login sees: a query that names only subscriptions that it does not is rejected.
        graph = Graph(clients, asked_as, Stop())
        rows, seen = graph.ask(query), graph.ask(_SEEN)
        places = {each.lower() for each in subscriptions}
        shown = places & {(text(each, "subscriptionId") or "").lower() for each in seen.rows}
        there = (each for each in rows.rows if resource_id(each).subscription.lower() in shown)
        found = [read(each) for each in there if wanted(each)]
        said = [
            _unsure(len(shown), "only by Resource Graph, which can be minutes behind"),
            _unsure(len(places) - len(shown), "not shown by Resource Graph"),
            _unsure(rows.missing, "counted by Resource Graph, but not returned", "resource"),
        ]
        return found, tuple(each for each in said if each is not None)

    return search


def _unsure(count: int, why: str, what: str = "subscription") -> Unknown | None:
    which = f"{count} further {what}{'' if count == 1 else 's'}"
    return Unknown("", which, why, denied=False) if count else None
