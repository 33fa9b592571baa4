"""Looks for a registry in all subscriptions that the login can see, by Resource Graph.

It serves a remark only: anything but a good answer within its time is that nothing was found.
"""

from __future__ import annotations

from azext_acrcmk.cloud.asked import ids_shown
from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.cloud.graph import quoted
from azext_acrcmk.cloud.reads import get_registry, read_if_possible
from azext_acrcmk.model.ids import ArmId
from azext_acrcmk.model.state import Absent


def find_elsewhere(clients: Clients, name: str, subscription: str) -> ArmId | None:
    """The registry with this name, which is global, in another subscription than this; read there directly, since
    Resource Graph may still show one that is gone."""
    condition = f"type =~ 'microsoft.containerregistry/registries' and name =~ {quoted(name)}"
    shown = ids_shown(clients, subscription, condition)
    others = (id_ for id_ in shown if id_.has_name(name) and id_.subscription != subscription)
    return next((id_ for id_ in others if _is_there(clients, id_)), None)


def _is_there(clients: Clients, id_: ArmId) -> bool:
    """Also if it can't be read: whoever goes on there is told why."""
    return not isinstance(read_if_possible(lambda: get_registry(clients, id_), "", id_), Absent)
