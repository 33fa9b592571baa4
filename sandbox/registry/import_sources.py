"""Where an import comes from, and whether the caller may have it (facts: migrate.md 2.2). Texts are assumed."""

from __future__ import annotations

from typing import Any

from sandbox.core.web import AzureError, Request
from sandbox.registry.credentials import Login, anonymous, login
from sandbox.registry.login_server import may, signed_in
from sandbox.registry.record import TYPE, Registry, find_login_server
from sandbox.resource_manager.access import allowed_data, require_linked
from sandbox.world import World

ACTION = f"{TYPE}/importImage/action"


def find_source(world: World, request: Request, source: dict[str, Any], target: Registry, repository: str) -> Registry:
    """The registry to copy from, which the caller may pull from."""
    resource_id = source.get("resourceId")
    if not resource_id:
        return _by_login_server(world, source, repository)
    registry = world.registries.get(resource_id.lower())
    _check_tenant(world, resource_id, target)
    for action in (f"{TYPE}/read", f"{TYPE}/pull/read"):
        if action.endswith("pull/read") and registry and registry.is_abac:
            _require_content(world, request, registry)
        else:
            require_linked(world, request.caller, ACTION, target.id, action, resource_id)
    if registry is None:
        raise AzureError(400, "InvalidParameters", f"The source registry '{resource_id}' could not be found.")
    return registry


def _check_tenant(world: World, resource_id: str, target: Registry) -> None:
    """A registry of another tenant can be named by its login server only (facts: migrate.md 2.2)."""
    if world.tenant_of(resource_id) != world.tenant_of(target.id):
        message = (
            f"The client has permission to perform action '{ACTION}' on scope '{target.id}', however the current "
            f"tenant '{world.tenant_of(target.id)}' is not authorized to access linked subscription "
            f"'{resource_id.split('/')[2]}'."
        )
        raise AzureError(403, "LinkedAuthorizationFailed", message)


def _require_content(world: World, request: Request, registry: Registry) -> None:
    action = f"{TYPE}/repositories/content/read"
    if not allowed_data(world, request.caller.object_id, action, registry.id):
        message = f"The caller does not have permission to perform action '{action}' on '{registry.id}'."
        raise AzureError(403, "Forbidden", message)


def _by_login_server(world: World, source: dict[str, Any], repository: str) -> Registry:
    """Of an Azure registry named by its login server, with credentials; other registries are not known here."""
    registry = find_login_server(world, str(source.get("registryUri") or ""))
    if registry is None:
        raise AzureError(400, "InvalidParameters", f"The source registry '{source.get('registryUri')}' is unknown.")
    if registry.properties["publicNetworkAccess"] == "Disabled":
        raise AzureError(
            400, "InvalidParameters", f"Public access to {registry.host} is disabled: use its resource id."
        )
    given = source.get("credentials") or {}
    found = _signed_in(world, registry, str(given.get("username") or ""), str(given.get("password") or ""))
    if found is None or not found.allows(repository, "pull"):
        raise AzureError(400, "InvalidParameters", f"Authentication to {registry.host} failed.")
    return registry


def _signed_in(world: World, registry: Registry, name: str, password: str) -> Login | None:
    """Who has these credentials. Without a name, the password is a token of Microsoft Entra."""
    if name:
        return login(world, registry, name, password)
    caller = signed_in(registry, password) if password else None
    return Login(caller, lambda _, action: may(world, registry, caller, action)) if caller else anonymous(registry)
