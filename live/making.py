"""What questions need to be there first, and waiting for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from live.azure import Azure, Exchange, Failed
from live.place import DATA_VERSION, ROLE_VERSION, VAULT_VERSION, Place


def make_key(azure: Azure, vault_id: str, name: str, kty: str = "RSA") -> dict[str, Any]:
    """A new key by Azure Resource Manager; returns its properties. Raises Failed where it is refused."""
    url = f"{vault_id}/keys/{name}?api-version={VAULT_VERSION}"
    # A right on a vault that is seconds old may not be known yet.
    made = until(lambda: azure.rest("PUT", url, {"properties": {"kty": kty}}), lambda each: each.ok, seconds=600)
    if not made.ok:
        raise Failed(f"Key '{name}' can't be made: {made.told()}")
    return made.answer["properties"]


def make_identity(azure: Azure, place: Place, name: str) -> dict[str, Any]:
    """A new user-assigned identity: id, clientId, principalId."""
    command = ("identity", "create", "--name", name, "--resource-group", place.group, "--location", place.location)
    return azure.must(*command)


def assign_role(azure: Azure, scope: str, role: str, principal: str, kind: str, name: str) -> Exchange:
    """A role assignment with a name of one's own. A new principal may be unknown for a while."""
    home = scope.split("/resourceGroups/", maxsplit=1)[0]
    definition = f"{home}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    properties = {"roleDefinitionId": definition, "principalId": principal, "principalType": kind}
    url = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}?api-version={ROLE_VERSION}"
    ended = lambda each: each.ok or each.status not in (400, 404)  # noqa: E731
    return until(lambda: azure.rest("PUT", url, {"properties": properties}), ended, seconds=300)


def until(
    ask: Callable[[], Exchange], ended: Callable[[Exchange], bool], seconds: float, pause: float = 10.0
) -> Exchange:
    """Ask again and again until an answer is the one, or the time is over; the last answer."""
    end = time.monotonic() + seconds
    while True:
        answer = ask()
        if ended(answer) or time.monotonic() + pause > end:
            return answer
        time.sleep(pause)


def data_url(key: str, *parts: str) -> str:
    """A request to the data plane about a key, by the key's URI."""
    return f"{'/'.join([key, *parts])}?api-version={DATA_VERSION}"


def audience(key: str) -> str:
    """For whom a token must be to ask the vault of a key: https://vault.azure.net in the public cloud."""
    return f"https://{key.split('/')[2].split('.', 1)[1]}"
