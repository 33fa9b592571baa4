"""Subscriptions, their regions, and the tenant they belong to."""

from __future__ import annotations

from typing import Any

from sandbox.core.web import Caller, Reply, Request, Router
from sandbox.resource_manager.access import assignments_of, require
from sandbox.resource_manager.arm import HOST, accepts_tenant, closed_regions
from sandbox.resource_manager.catalogue import REGIONS
from sandbox.resource_manager.hierarchy import reaches
from sandbox.world import TENANT, World

router = Router()


@router.route("GET", HOST, "/subscriptions")
def list_subscriptions(world: World, request: Request) -> Reply:
    """The subscriptions in which the caller has any role, at any scope."""
    visible = visible_subscriptions(world, request.caller)
    shown = [
        document(world, subscription, name)
        for subscription, name in world.subscriptions.items()
        if subscription in visible
    ]
    return Reply(200, {"value": shown, "count": {"type": "Total", "value": len(shown)}})


@router.route("GET", HOST, "/subscriptions/{subscription}")
def get_subscription(world: World, request: Request) -> Reply:
    require(world, request.caller, "Microsoft.Resources/subscriptions/read", request.path)
    subscription = request.params["subscription"].lower()
    return Reply(200, document(world, subscription, world.subscriptions[subscription]))


@router.route("GET", HOST, "/subscriptions/{subscription}/locations")
def list_locations(world: World, request: Request) -> Reply:
    scope = f"/subscriptions/{request.params['subscription']}"
    require(world, request.caller, "Microsoft.Resources/subscriptions/locations/read", scope)
    regions = [
        {
            "id": f"{scope}/locations/{name}",
            "name": name,
            "type": "Region",
            "displayName": shown,
            "regionalDisplayName": shown,
            "metadata": {"regionType": "Physical", "regionCategory": "Recommended"},
        }
        for name, shown in REGIONS.items()
        if name not in closed_regions(world)
    ]
    return Reply(200, {"value": regions})


@router.route("GET", HOST, "/tenants")
def list_tenants(world: World, request: Request) -> Reply:
    tenant = {"id": f"/tenants/{TENANT}", "tenantId": TENANT, "displayName": "Sandbox", "tenantCategory": "Home"}
    return Reply(200, {"value": [tenant]})


@router.route("GET", HOST, "/metadata/endpoints")
def cloud_endpoints(world: World, request: Request) -> Reply:
    """The endpoints that `az cloud register --endpoint-resource-manager` reads."""
    cloud = {
        "name": "AzureCloud",
        "portal": "https://portal.azure.com",
        "authentication": {
            "loginEndpoint": "https://login.microsoftonline.com",
            "audiences": ["https://management.core.windows.net/", "https://management.azure.com/"],
            "tenant": "common",
            "identityProvider": "AAD",
        },
        "graphAudience": "https://graph.microsoft.com/",
        "resourceManager": "https://management.azure.com/",
        "suffixes": {
            "keyVaultDns": "vault.azure.net",
            "mhsmDns": "managedhsm.azure.net",
            "acrLoginServer": "azurecr.io",
        },
    }
    return Reply(200, [cloud])


def visible_subscriptions(world: World, caller: Caller) -> set[str]:
    """The subscriptions in, at or above which a caller has a role: of its token's tenant, and those managed by it."""
    visible = set()
    for scope in {assignment.scope for assignment in assignments_of(world, caller.object_id)}:
        parts = scope.lower().split("/")
        if len(parts) > 2 and parts[1] == "subscriptions":
            visible.add(parts[2])
        else:
            visible |= {each for each in world.subscriptions if reaches(world, scope, f"/subscriptions/{each}")}
    return {each for each in visible & set(world.subscriptions) if accepts_tenant(world, each, caller.tenant_id)}


def document(world: World, subscription: str, name: str) -> dict[str, Any]:
    return {
        "id": f"/subscriptions/{subscription}",
        "authorizationSource": "RoleBased",
        "managedByTenants": [{"tenantId": TENANT}] if subscription in world.managed else [],
        "subscriptionId": subscription,
        "tenantId": world.tenants.get(subscription, TENANT),
        "displayName": name,
        "state": "Enabled",
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "PayAsYouGo_2014-09-01",
            "spendingLimit": "Off",
        },
    }
