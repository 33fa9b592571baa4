"""Looks for a registry in all subscriptions that the login can see, by one query of Resource Graph.

It serves a remark only: anything but a good answer within its time is that nothing was found.
"""

from __future__ import annotations

from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.cloud.errors import UnexpectedResponse
from azext_acrcmk.cloud.fields import parts, resource_id
from azext_acrcmk.cloud.graph import PATH, quoted
from azext_acrcmk.model.api_versions import API_VERSIONS
from azext_acrcmk.model.ids import ArmId

_SECONDS = {"connection_timeout": 5, "read_timeout": 10}


def find_elsewhere(clients: Clients, name: str, subscription: str) -> ArmId | None:
    """The registry with this name, which is global, in another subscription than this."""
    from azure.core.exceptions import AzureError

    query = (
        "resources | where type =~ 'microsoft.containerregistry/registries' "
        f"| where name =~ {quoted(name)} | project id, name"
    )
    version = API_VERSIONS["Microsoft.ResourceGraph/resources"]
    try:
        answer, _ = clients.arm(subscription).query(PATH, version, {"query": query}, **_SECONDS)
        found = [resource_id(row) for row in parts(answer, "data")]
    except (AzureError, UnexpectedResponse):
        return None
    return next((id_ for id_ in found if id_.has_name(name) and id_.subscription != subscription), None)
