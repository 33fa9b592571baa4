"""The services of the sandbox's Azure. Each module has a `router`; some remove what a deleted resource group held."""

from __future__ import annotations

import importlib
from types import ModuleType

from sandbox.web import Handler, Request
from sandbox.world import World

_NAMES = (
    "entra",
    "graph",
    "subscriptions",
    "groups",
    "resources",
    "providers",
    "identities",
    "roles",
    "role_definitions",
)
_OPTIONAL = ("vaults", "vault_keys", "vault_data", "registries", "managed_hsms")


def find(request: Request) -> Handler | None:
    """The handler of a request, with `request.params` filled, or None."""
    return next((handler for module in _modules() if (handler := module.router.find(request))), None)


def remove_below(world: World, scope: str) -> None:
    """Delete all that lies below a scope, as the deletion of a resource group does."""
    for module in _modules():
        if hasattr(module, "remove_below"):
            module.remove_below(world, scope)


_loaded: list[ModuleType] = []


def _modules() -> list[ModuleType]:
    # Imported at the first use: service modules themselves use this package.
    if not _loaded:
        for name in (*_NAMES, *_OPTIONAL):
            try:
                _loaded.append(importlib.import_module(f"sandbox.services.{name}"))
            except ModuleNotFoundError as error:
                if error.name != f"sandbox.services.{name}":
                    raise
    return _loaded
