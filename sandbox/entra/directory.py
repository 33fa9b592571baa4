"""The directory (Microsoft Entra): principals, and when they have replicated to the rest of Azure."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.world import TENANT, Principal, World


def add_principal(
    world: World,
    kind: str = "ServicePrincipal",
    name: str = "",
    secret: str = "",
    groups: Iterable[str] = (),
    tenant: str = TENANT,
) -> Principal:
    """A new service principal, user or group. Only service principals have an application ID."""
    object_id = world.new_guid()
    principal = Principal(
        object_id=object_id,
        kind=kind,
        app_id=world.new_guid() if kind == "ServicePrincipal" else "",
        secret=secret,
        name=name or f"{kind.lower()}-{object_id[:8]}",
        created=world.now(),
        groups=set(groups),
        tenant=tenant,
    )
    world.principals[object_id] = principal
    return principal


def find_by_app_id(world: World, app_id: str) -> Principal | None:
    return next((p for p in world.principals.values() if p.app_id and p.app_id.lower() == app_id.lower()), None)


def known(world: World, object_id: str, typed: bool = False) -> Principal | None:
    """The principal, once it has replicated. Role assignments that state the principal's type look it up elsewhere."""
    principal = world.principals.get(object_id.lower())
    delay = world.settings.typed_principal_seconds if typed else world.settings.principal_seconds
    if principal is None or (delay and world.now() - principal.created < delay):
        return None
    return principal
