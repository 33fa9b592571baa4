"""The services of the sandbox. To add a service, list its modules here by folder and file.

Each module has a `router`. Some have `pass_time`, for what they do automatically, `remove_below`, which deletes their
resources in a resource group, and `before_change` and `after_change`, which keep copies of the world.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache
from types import ModuleType

from sandbox.core.web import Handler, Request, Routes
from sandbox.world import World

_NAMES = (
    "entra.sign_in",
    "entra.graph",
    "resource_manager.subscriptions",
    "resource_manager.management_groups",
    "resource_manager.groups",
    "resource_manager.resources",
    "resource_manager.providers",
    "managed_identity.identities",
    "resource_manager.roles",
    "resource_manager.role_definitions",
    "resource_manager.deny_assignments",
    "resource_manager.locks",
    "resource_manager.diagnostic_settings",
    "resource_manager.event_grid",
    "resource_manager.policy_restrictions",
    "resource_manager.policy_tokens",
    "resource_manager.deployments.service",
    "resource_manager.deployments.template_specs",
    "key_vault.vaults",
    "key_vault.deleted_vaults",
    "key_vault.vault_keys",
    "key_vault.vault_data",
    "registry.registries",
    "registry.imports",
    "registry.results",
    "registry.replications",
    "registry.webhooks",
    "registry.scope_maps",
    "registry.repository_tokens",
    "registry.artifact_cache",
    "registry.connections",
    "registry.credentials",
    "registry.oauth",
    "registry.pulls",
    "registry.push",
    "registry.referrers",
    "registry.deleted",
    "registry.retention",
    "registry.attributes",
    "registry.catalog",
    "key_vault.managed_hsms",
    "resource_graph.service",
)


@cache
def load() -> tuple[ModuleType, ...]:
    """The service modules, imported on first use because they import this module."""
    return tuple(importlib.import_module(f"sandbox.{name}") for name in _NAMES)


@cache
def _hooks(name: str) -> tuple[Callable[..., None], ...]:
    """The functions of this name in those service modules that have one."""
    return tuple(getattr(module, name) for module in load() if hasattr(module, name))


def find(request: Request) -> Handler | None:
    """The handler of a request, with `request.params` filled, or None."""
    return _routes().find(request)


@cache
def _routes() -> Routes:
    return Routes(module.router for module in load())


def pass_time(world: World) -> None:
    """Let the services do their automatic work, such as rotating keys."""
    for act in _hooks("pass_time"):
        act(world)


def before_change(world: World) -> None:
    """Tell the services that something may change."""
    for act in _hooks("before_change"):
        act(world)


def after_change(world: World) -> None:
    """Tell the services that something may have changed."""
    for act in _hooks("after_change"):
        act(world)


def remove_below(world: World, scope: str) -> None:
    """Delete all resources below a scope, as the deletion of a resource group does."""
    for act in _hooks("remove_below"):
        act(world, scope)
