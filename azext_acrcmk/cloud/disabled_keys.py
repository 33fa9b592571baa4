"""What is known about a key or version that the control plane does not return because it is disabled.

Whether Azure Resource Manager returns a disabled key is not documented (service facts 9.4). An error that says so
means that it is disabled. The rest is in the lists of versions: that of the control plane, otherwise that of the
vault itself. These reads never decide: without them the key is still known to be disabled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from azext_acrcmk.cloud.clients import Clients, pages
from azext_acrcmk.cloud.errors import ServiceError
from azext_acrcmk.cloud.read import read_key
from azext_acrcmk.model.ids import ArmId, KeyId
from azext_acrcmk.model.state import Key


def refused_as_disabled(said: ServiceError) -> bool:
    return said.status == 403 and ("KeyDisabled" in said or "disabled key" in said)


def get_disabled_key(clients: Clients, keys: Any, vault: ArmId, asked: KeyId) -> Key:
    """A disabled key or version. `keys` are the SDK's operations on the vault's keys."""
    sources: tuple[Callable[[], Iterable[Key]], ...] = (
        lambda: (read_key(body, asked) for body in pages(keys.list_versions, vault.group, vault.name, asked.name)),
        lambda: map(_read_properties, clients.keys(asked.host).list_properties_of_key_versions(asked.name)),
    )
    seen = (_find(_listed(each), asked) for each in sources)
    return next((each for each in seen if each), Key(asked, "", enabled=False))


def _listed(list_versions: Callable[[], Iterable[Key]]) -> list[Key]:
    from azure.core.exceptions import AzureError

    try:
        return list(list_versions())
    except AzureError:
        return []


def _find(versions: list[Key], asked: KeyId) -> Key | None:
    """The requested version, or the latest."""
    if asked.version:
        return next((each for each in versions if each.id == asked), None)
    dated = [each for each in versions if each.created and each.latest_version]
    return max(dated, key=lambda each: each.created, default=None)


def _read_properties(properties: Any) -> Key:
    """A version as listed by the vault itself, without type and operations."""
    return Key(
        KeyId.parse(properties.id),
        "",
        enabled=properties.enabled,
        not_before=properties.not_before,
        expires=properties.expires_on,
        created=properties.created_on,
    )
