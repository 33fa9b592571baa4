"""Who pulls from a registry: what names its login server, and whose identities may pull, by Azure Resource Graph."""

from __future__ import annotations

from collections.abc import Sequence

from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.cloud.errors import read_error
from azext_acrcmk.cloud.fields import identifier, text
from azext_acrcmk.cloud.graph import Graph, quoted
from azext_acrcmk.cloud.waiting import Stop
from azext_acrcmk.model.consumers import Consumers, Reference
from azext_acrcmk.model.ids import Id
from azext_acrcmk.model.state import Unknown

# How many principals one query names.
_AT_ONCE = 50
_NAMING = (
    "resources | where type !startswith 'microsoft.containerregistry/' | where tostring(properties) has {} "
    "| project id, name, type"
)
# A cluster pulls as its nodes do; others by their own identity. A user-assigned identity stands for what has it.
_HOLDING = (
    "resources | extend kubelet = tostring(properties.identityProfile.kubeletidentity.objectId), "
    "own = tostring(identity.principalId), managed = tostring(properties.principalId) "
    "| where kubelet in~ ({0}) or own in~ ({0}) or managed in~ ({0}) "
    "| project id, name, type, kubelet, own, managed"
)


def find_consumers(
    clients: Clients, subscription: str, login_server: str, principals: Sequence[Id], stop: Stop
) -> Consumers:
    """In all subscriptions that the login can see. Only for information: a failure is told, not raised."""
    from azure.core.exceptions import AzureError

    graph = Graph(clients, subscription, stop)
    try:
        naming = [_reference(row) for row in graph.ask(_NAMING.format(quoted(login_server))).rows]
        holders: dict[Id, Reference] = {}
        wanted = sorted(set(principals))
        for at in range(0, len(wanted), _AT_ONCE):
            some = wanted[at : at + _AT_ONCE]
            for row in graph.ask(_HOLDING.format(", ".join(map(quoted, some)))).rows:
                found = {identifier(row, column) for column in ("kubelet", "own", "managed")}
                holders |= dict.fromkeys(found & set(some), _reference(row))
    except AzureError as error:
        return Consumers(unseen=Unknown(why=read_error(error).message, denied=False))
    return Consumers(tuple(sorted(naming, key=lambda each: each.id.lower())), holders)


def _reference(row: dict) -> Reference:
    return Reference(text(row, "id") or "", text(row, "type") or "", text(row, "name") or "")
