"""What stands in the tables of Resource Graph, from the world as it is.

Facts: fleet.md 1.4 and 1.5, service.md 6. A row has what the newest stable api-version of its type returns. Types are
in lowercase, groups of `resources` too; role definitions have ids at the root, in a casing of their own. Seen in
queries of others only, so not certain: which columns are empty rather than null.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sandbox.core.clock import iso
from sandbox.key_vault import managed_hsms, vaults
from sandbox.managed_identity import identities
from sandbox.registry import parts, record
from sandbox.resource_graph.kql import Column
from sandbox.resource_graph.kql.table import Row
from sandbox.resource_manager import roles
from sandbox.resource_manager.hierarchy import MANAGEMENT_GROUPS, chain
from sandbox.resource_manager.subscriptions import document as subscription_document
from sandbox.world import TENANT, World

REGISTRY_API_VERSION = "2025-11-01"
_STRINGS = "id name type tenantId kind location resourceGroup subscriptionId managedBy"
_DYNAMICS = "sku plan properties tags identity zones extendedLocation"
COLUMNS = tuple(
    [Column(name, "string") for name in _STRINGS.split()] + [Column(name, "dynamic") for name in _DYNAMICS.split()]
)
SUBSCRIPTIONS = "Microsoft.Resources/subscriptions"
GROUPS = "Microsoft.Resources/subscriptions/resourceGroups"
ASSIGNMENTS = "Microsoft.Authorization/roleAssignments"
DEFINITIONS = "Microsoft.Authorization/roleDefinitions"
_DEFINITION = "/providers/Microsoft.Authorization/RoleDefinitions"


class Entry(NamedTuple):
    """A row, and what it takes to see it: the right to read a `kind` at a `scope`, which is in lowercase.

    `stamp` changes with each write of the resource; None where all changes are writes.
    """

    row: Row
    kind: str
    scope: str
    subscription: str
    stamp: Any = None


def resources(world: World) -> Iterator[Entry]:
    now = world.now()
    for registry in world.registries.values():
        shown = record.document(registry, REGISTRY_API_VERSION, now)
        state = shown["properties"]["provisioningState"]
        yield _entry(shown, stamp=(registry.system.modified, state))
        for region in registry.replicas:
            yield _entry(_replication(registry, region), stamp=registry.system.modified)
    for vault in world.vaults.values():
        yield _entry(vaults.document(vault, now), stamp=(vault.system.modified, now >= vault.dns_at))
    for hsm in world.managed_hsms.values():
        yield _entry(managed_hsms.document(hsm), stamp=hsm.system.modified)
    for identity in world.identities.values():
        yield _entry(identities.document(identity))
    for part in world.parts.values():
        if part.location:  # replications and webhooks are tracked resources
            shown = parts.document(world, part)
            yield _entry(shown, stamp=(part.system.modified, shown["properties"]["provisioningState"]))
    for other in world.others.values():
        yield _entry(other)


def _replication(registry: record.Registry, region: str) -> dict[str, Any]:
    return {
        "id": f"{registry.id}/replications/{region}",
        "name": region,
        "type": f"{record.TYPE}/replications",
        "location": region,
        "properties": {
            "provisioningState": "Succeeded",
            "regionEndpointEnabled": True,
            "status": {"displayStatus": "Ready", "timestamp": iso(registry.system.created)},
            "zoneRedundancy": "Disabled",
        },
    }


def containers(world: World) -> Iterator[Entry]:
    """Management groups, subscriptions and resource groups."""
    for group in world.management_groups.values():
        properties = {"displayName": group.display_name, "tenantId": TENANT, "details": {"parent": {}}}
        parent = world.management_groups.get(group.parent.lower())
        if parent:
            details = {"id": parent.id, "name": parent.name, "displayName": parent.display_name}
            properties["details"] = {"parent": details, **_ancestors(world, parent.id)}
        row = _row(group.id, group.name, MANAGEMENT_GROUPS, properties=properties)
        yield Entry(row, MANAGEMENT_GROUPS, group.id.lower(), "")
    for subscription, name in world.subscriptions.items():
        scope = f"/subscriptions/{subscription}"
        document = subscription_document(world, subscription, name)
        properties = {key: document[key] for key in ("state", "authorizationSource", "subscriptionPolicies")}
        properties |= {"managedByTenants": [], **_ancestors(world, scope)}
        row = _row(scope, name, SUBSCRIPTIONS, subscription=subscription, properties=properties)
        yield Entry(row, SUBSCRIPTIONS, scope, subscription)
    for group in world.groups.values():
        subscription = group.id.split("/")[2].lower()
        row = _row(
            group.id,
            group.name,
            GROUPS,
            subscription=subscription,
            group=group.name,
            location=group.location,
            properties={"provisioningState": "Succeeded"},
            tags=group.tags,
        )
        yield Entry(row, GROUPS, group.id.lower(), subscription)


def authorization(world: World) -> Iterator[Entry]:
    """Role assignments, and role definitions, which anyone may read who may read any at a scope."""
    for assignment in world.role_assignments.values():
        properties = {
            key: value for key, value in roles.document(assignment)["properties"].items() if value is not None
        }
        properties["roleDefinitionId"] = f"{_DEFINITION}/{assignment.role_definition_id.rsplit('/', 1)[-1]}"
        subscription = _subscription(assignment.scope)
        row = _row(assignment.id, assignment.name, ASSIGNMENTS, subscription=subscription, properties=properties)
        yield Entry(row, ASSIGNMENTS, assignment.scope.lower(), subscription)
    for guid, properties in world.role_definitions.items():
        shown = {"isServiceRole": "false", **properties}
        row = _row(f"{_DEFINITION}/{guid}", guid, DEFINITIONS, properties=shown)
        for scope in properties["assignableScopes"]:
            yield Entry(row, DEFINITIONS, scope.lower(), _subscription(scope))
            break  # one row, whatever the number of scopes


def _entry(document: dict[str, Any], stamp: Any = None) -> Entry:
    """A resource, as Resource Manager returns it."""
    identifier, kind = document["id"], document["type"]
    parts = identifier.split("/")
    subscription = parts[2].lower()
    row = _row(
        identifier,
        document["name"],
        kind,
        subscription=subscription,
        group=parts[4].lower(),
        location=document["location"],
        properties=document["properties"],
        sku=document.get("sku"),
        tags=document.get("tags") or None,
        identity=document.get("identity"),
    )
    return Entry(row, kind, identifier.lower(), subscription, stamp)


def _row(
    identifier: str,
    name: str,
    kind: str,
    *,
    subscription: str = "",
    group: str = "",
    location: str = "",
    properties: dict[str, Any],
    sku: Any = None,
    tags: Any = None,
    identity: Any = None,
) -> Row:
    """In the order of COLUMNS."""
    strings = (identifier, name, kind.lower(), TENANT, "", location, group, subscription, "")
    return (*strings, sku, None, properties, tags, identity, None, None)


def _ancestors(world: World, scope: str) -> dict[str, Any]:
    above = [{"name": group.name, "displayName": group.display_name} for group in chain(world, scope)]
    return {"managementGroupAncestorsChain": above}


def _subscription(scope: str) -> str:
    parts = scope.lower().split("/")
    return parts[2] if len(parts) > 2 and parts[1] == "subscriptions" else ""
