"""What exists in a world, in a form in which two worlds can be compared."""

from __future__ import annotations

from typing import Any

from sandbox.registry.seeding import fingerprint
from sandbox.world import World


def summary(world: World) -> dict[str, Any]:
    """The sorted IDs of all resources, with their counts. Keys include their versions, grants their principals; of the
    content of registries there are fingerprints."""
    shown: dict[str, Any] = {
        "groups": _ids(world.groups),
        "identities": _ids(world.identities),
        "vaults": _ids(world.vaults),
        "managed_hsms": _ids(world.managed_hsms),
        "keys": {store.id: _keys(store) for store in (*world.vaults.values(), *world.managed_hsms.values())},
        "deleted_vaults": sorted(world.deleted_vaults),
        "registries": _ids(world.registries),
        "registry_parts": _ids(world.parts),
        "role_assignments": sorted(_assignment(world, entry) for entry in world.role_assignments.values()),
        "deny_assignments": _ids(world.deny_assignments),
        "custom_roles": sorted(
            entry["roleName"] for entry in world.role_definitions.values() if entry["type"] == "CustomRole"
        ),
        "principals": sorted(f"{entry.kind} {entry.name}" for entry in world.principals.values()),
        "running_operations": sorted(entry.id for entry in world.operations.values() if not entry.done),
    }
    stocked = (each for each in world.registries.values() if each.content.repositories)
    shown["content"] = {each.id: fingerprint(each) for each in stocked}
    counts = {name: len(values) for name, values in shown.items() if name not in ("keys", "content")}
    counts["keys"] = sum(len(keys) for keys in shown["keys"].values())
    return {"now": world.now(), "counts": counts, **shown}


def _ids(resources: dict[str, Any]) -> list[str]:
    return sorted(resource.id for resource in resources.values())


def _keys(store: Any) -> dict[str, list[dict[str, Any]]]:
    return {
        key.name: [{"id": each.id, "enabled": each.enabled, "tags": each.tags} for each in key.versions]
        for key in store.keys.values()
    }


def _assignment(world: World, assignment: Any) -> str:
    role = assignment.role_definition_id.rsplit("/", 1)[-1]
    return f"{assignment.scope} {role} {_who(world, assignment.principal_id)}"


def _who(world: World, principal_id: str) -> str:
    """The ID of an identity, or the kind of another principal; "nobody" if it no longer exists."""
    identities = [each.id for each in world.identities.values() if each.principal_id == principal_id]
    principal = world.principals.get(principal_id.lower())
    return identities[0] if identities else principal.kind if principal else "nobody"
