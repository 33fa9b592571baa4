"""The services of the sandbox's Azure. Each module has a `router`; some remove what a deleted resource group held."""

from __future__ import annotations

import importlib
from functools import cache
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
    "deny_assignments",
    "policy_restrictions",
    "vaults",
    "deleted_vaults",
    "vault_keys",
    "vault_data",
    "registries",
    "repositories",
    "managed_hsms",
)


@cache
def load() -> tuple[ModuleType, ...]:
    """The service modules, imported at the first use: they use this package themselves."""
    return tuple(importlib.import_module(f"sandbox.services.{name}") for name in _NAMES)


def find(request: Request) -> Handler | None:
    """The handler of a request, with `request.params` filled, or None."""
    return next((handler for module in load() if (handler := module.router.find(request))), None)


def pass_time(world: World) -> None:
    """Let the services do what they do by themselves, such as rotating keys."""
    for module in load():
        if hasattr(module, "pass_time"):
            module.pass_time(world)


def remove_below(world: World, scope: str) -> None:
    """Delete all that lies below a scope, as the deletion of a resource group does."""
    for module in load():
        if hasattr(module, "remove_below"):
            module.remove_below(world, scope)
