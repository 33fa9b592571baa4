"""Locks the repositories of the old registry against pushes, and opens them again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from azext_acrcmk.cloud.changes import patch_registry
from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.cloud.login_server import LoginServer
from azext_acrcmk.cloud.pool import for_each
from azext_acrcmk.cloud.waiting import Stop
from azext_acrcmk.model.state import Registry
from azext_acrcmk.plan.migrate.freeze import locked_before, remembered, was_locked, without_freeze

_AT_ONCE = 8


def freeze(clients: Clients, server: LoginServer, target: Registry, stop: Stop, begins: Callable[[], None]) -> Registry:
    """Locks all repositories. What was locked before is remembered first, so that it survives being killed; then it
    `begins`. Returns the new registry with its tags. Raises TooManyLocked."""
    writable = _writable(server)
    if locked_before(target.tags) is None:
        tags = remembered(name for name, can_write in writable.items() if not can_write)
        target = patch_registry(clients, target.id, {"tags": {**target.tags, **tags}}, stop)
    begins()
    _set(server, [name for name, can_write in writable.items() if can_write], writable=False)
    return target


def unfreeze(
    clients: Clients, server: LoginServer, target: Registry, stop: Stop, begins: Callable[[], None]
) -> list[str]:
    """Opens what `freeze` has locked, once it `begins`, and forgets it. Returns the names."""
    before = locked_before(target.tags) or frozenset()
    writable = _writable(server)
    names = [name for name, can_write in writable.items() if not can_write and not was_locked(name, before)]
    begins()
    _set(server, names, writable=True)
    patch_registry(clients, target.id, {"tags": without_freeze(target.tags)}, stop)
    return names


def _writable(server: LoginServer) -> dict[str, bool]:
    found: dict[str, bool] = {}

    def look(name: str) -> None:
        attributes = server.attributes(name)
        if attributes is not None:
            found[name] = attributes.can_write

    for_each(server.repositories(), look, most=_AT_ONCE)
    return found


def _set(server: LoginServer, names: list[str], writable: bool) -> None:
    body: dict[str, Any] = {"writeEnabled": writable}
    for_each(names, lambda name: server.set_attributes(name, "", body), most=_AT_ONCE)
