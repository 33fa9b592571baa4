"""What Resource Graph shows of subscriptions that are too many to be searched one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.cloud.fields import text
from azext_acrcmk.cloud.waiting import Stop
from azext_acrcmk.model.state import Unknown

T = TypeVar("T")

REGISTRIES = (
    "resources | where type =~ 'microsoft.containerregistry/registries' "
    "| project id, name, location, sku, identity, properties, tags"
)
_SEEN = "resourcecontainers | where type =~ 'microsoft.resources/subscriptions' | project id, subscriptionId"


def with_identity(identity: str) -> str:
    """Asks for the resources to which a user-assigned identity is assigned, by its id."""
    from azext_acrcmk.cloud.graph import quoted

    assigned = "tolower(tostring(identity.userAssignedIdentities))"
    return f"resources | where {assigned} contains {quoted(identity.lower())} | project id"


def search_by_graph(
    clients: Clients, asked_as: str, query: str, read: Callable[[dict[str, Any]], T]
) -> Callable[[list[str]], tuple[list[T], tuple[Unknown, ...]]]:
    """A search of subscriptions by one query; `asked_as` is the subscription whose login asks. It returns what it finds
    and what has to be said of these places: Resource Graph is minutes behind, and is silent about what it doesn't show.
    """

    def search(subscriptions: list[str]) -> tuple[list[T], tuple[Unknown, ...]]:
        from azext_acrcmk.cloud.graph import Graph, Where

        graph = Graph(clients, asked_as, Stop())
        where = Where(tuple(subscriptions))
        rows, seen = graph.ask(query, where), graph.ask(_SEEN, where)
        shown = {text(each, "subscriptionId") for each in seen.rows}
        hidden = [each for each in subscriptions if each not in shown]
        said = [_unsure(len(subscriptions) - len(hidden), "only by Resource Graph, which can be minutes behind")]
        said += [_unsure(len(hidden), "not shown by Resource Graph")] if hidden else []
        said += [Unknown("", "Resource Graph", "it counts more than it returned", denied=False)] if rows.missing else []
        return [read(each) for each in rows.rows], tuple(said)

    return search


def _unsure(count: int, why: str) -> Unknown:
    which = f"{count} further subscriptions" if count != 1 else "1 further subscription"
    return Unknown("", which, why, denied=False)
