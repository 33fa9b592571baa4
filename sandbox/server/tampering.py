"""Changes that no user request can make but tests need: made in the world directly, not through its services."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sandbox.entra.directory import add_principal
from sandbox.registry.record import named_registry
from sandbox.registry.seeding import seed_content
from sandbox.resource_manager.access import EVERYONE
from sandbox.world import DenyAssignment, Operation, Principal, World

_FAILURE = {"code": "InternalServerError", "message": "The operation failed."}


def deny(
    world: World,
    scope: str,
    *,
    actions: Iterable[str] = (),
    not_actions: Iterable[str] = (),
    data_actions: Iterable[str] = (),
    not_data_actions: Iterable[str] = (),
    principals: Iterable[str] = (EVERYONE,),
    exclude: Iterable[str] = (),
    name: str = "Sandbox deny assignment",
    own_scope_only: bool = False,
    effect: str = "enforced",
    condition: str | None = None,
) -> DenyAssignment:
    """Create a deny assignment as Azure does, for everyone unless principals (object IDs) are given."""
    guid = world.new_guid()
    denied = DenyAssignment(
        id=f"{scope.rstrip('/')}/providers/Microsoft.Authorization/denyAssignments/{guid}",
        name=guid,
        scope=scope,
        display_name=name,
        permissions=[
            {
                "actions": list(actions),
                "notActions": list(not_actions),
                "dataActions": list(data_actions),
                "notDataActions": list(not_data_actions),
            }
        ],
        principals=[_principal(world, object_id) for object_id in principals],
        excluded=[_principal(world, object_id) for object_id in exclude],
        created=world.now(),
        own_scope_only=own_scope_only,
        effect=effect,
        condition=condition,
    )
    world.deny_assignments[denied.id.lower()] = denied
    return denied


def add_to_group(world: World, object_id: str, group: str = "") -> Principal:
    """Add a principal, such as that of a managed identity, to a group: a new one, unless an object ID is given.

    Membership takes effect immediately. (Azure may cache that of a managed identity for a day: facts service.md 4.4.)
    """
    member = world.principals[object_id.lower()]
    joined = world.principals[group.lower()] if group else add_principal(world, "Group")
    if joined.kind != "Group":
        raise ValueError(f"{joined.object_id} is a {joined.kind}, not a Group.")
    member.groups.add(joined.object_id)
    return joined


def change_registry(
    world: World,
    name: str,
    *,
    content_trust: bool | None = None,
    status: dict[str, str] | None = None,
    provisioning_state: str | None = None,
    sku: str | None = None,
    login_server: str | None = None,
) -> None:
    """Set what requests can't set: content trust on an encrypted registry (an old one may have it), a `status`
    ({} for none), the state "Failed", which ends with the next successful operation, or "Succeeded", a SKU other
    than Premium on an encrypted registry (no such registry is known; its behavior is assumed), and another login
    server: with a hash in its name, as for registries with a domain name label, or outside Azure's domains."""
    registry = named_registry(world, name)
    if provisioning_state not in (None, "Failed", "Succeeded"):
        raise ValueError(f"A registry can't be put into the state '{provisioning_state}'.")
    if content_trust is not None:
        wanted = "enabled" if content_trust else "disabled"
        registry.policies = registry.policies | {"trustPolicy": registry.policies["trustPolicy"] | {"status": wanted}}
    if status is not None:
        registry.status = status or None
    if sku is not None:
        registry.sku = sku
    if login_server is not None:
        registry.login_server = login_server
    if provisioning_state == "Failed":
        registry.operation = Operation(
            f"registries-{world.new_guid()}", "Updating", world.now(), error=dict(_FAILURE), done=True
        )
    elif provisioning_state == "Succeeded":
        registry.operation = None


def end_operation(world: World, name: str, status: str) -> None:
    """End the operation in progress on a registry as "Failed" or "Canceled", without a cause. Its change is undone;
    a registry that was being created remains without encryption (what remains in Azure is assumed)."""
    registry = named_registry(world, name)
    operation = registry.operation
    if operation is None or operation.done or status not in ("Failed", "Canceled"):
        raise ValueError(f"No operation on a registry '{name}' can be ended as '{status}'.")
    operation.error, operation.done, operation.canceled = dict(_FAILURE), True, status == "Canceled"
    if operation.before is None:
        registry.encryption = None
    else:
        operation.before.operation = operation
        world.registries[registry.id.lower()] = operation.before


def add_resource(
    world: World, resource_id: str, properties: dict[str, Any], location: str = "westus", **more: Any
) -> None:
    """Add a resource of a service that is not emulated, to the list of resources and to Resource Graph."""
    names = resource_id.rsplit("/providers/", maxsplit=1)[-1].split("/")
    kind = "/".join([names[0], *names[1::2]])
    shown = {"id": resource_id, "name": names[-1], "type": kind, "location": location, "tags": {}}
    world.others[resource_id.lower()] = shown | {"properties": properties} | more


def add_repositories(world: World, name: str, repositories: Iterable[str]) -> None:
    """Add repositories to a registry, with an image in each."""
    seed_content(world, named_registry(world, name), images=1, names=tuple(repositories))


def _principal(world: World, object_id: str) -> dict[str, str]:
    if object_id == EVERYONE:
        return {"id": EVERYONE, "type": "SystemDefined"}
    return {"id": object_id, "type": world.principals[object_id.lower()].kind}
