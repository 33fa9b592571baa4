"""Resource providers and their registration with a subscription."""

from __future__ import annotations

from typing import Any

from sandbox.core.web import AzureError, Reply, Request, Router
from sandbox.resource_manager import arm
from sandbox.resource_manager.access import require
from sandbox.resource_manager.catalogue import PROVIDERS, REGIONS, REGISTRATION_FREE, namespace_named
from sandbox.world import Operation, World

router = Router()
_PROVIDER = "/subscriptions/{subscription}/providers/{namespace}"


@router.route("GET", arm.HOST, "/subscriptions/{subscription}/providers")
def list_providers(world: World, request: Request) -> Reply:
    require(world, request.caller, "Microsoft.Resources/subscriptions/providers/read", request.path)
    return Reply(200, {"value": [document(world, request.params["subscription"], name) for name in PROVIDERS]})


@router.route("GET", arm.HOST, _PROVIDER)
def get(world: World, request: Request) -> Reply:
    namespace = _namespace(request)
    require(world, request.caller, "Microsoft.Resources/subscriptions/providers/read", request.path)
    return Reply(200, document(world, request.params["subscription"], namespace))


@router.route("POST", arm.HOST, f"{_PROVIDER}/register")
def register(world: World, request: Request) -> Reply:
    """Registration starts immediately and ends after `settings.provider_seconds`."""
    namespace, key = _namespace(request), _key(request)
    require(world, request.caller, f"{namespace}/register/action", f"/subscriptions/{request.params['subscription']}")
    if world.providers.get(key, "Registered") != "Registered":
        world.providers[key] = "Registering"
        operation = Operation(
            id=f"provider-{world.new_guid()}",
            kind="Registering",
            due=world.now() + world.settings.provider_seconds,
            finish=lambda: world.providers.update({key: "Registered"}),
        )
        world.operations[operation.id] = operation
        operation.settle(world.now())
    return Reply(200, document(world, request.params["subscription"], namespace))


@router.route("POST", arm.HOST, f"{_PROVIDER}/unregister")
def unregister(world: World, request: Request) -> Reply:
    namespace = _namespace(request)
    require(world, request.caller, f"{namespace}/unregister/action", f"/subscriptions/{request.params['subscription']}")
    world.providers[_key(request)] = "Unregistered"
    return Reply(200, document(world, request.params["subscription"], namespace))


def document(world: World, subscription: str, namespace: str) -> dict[str, Any]:
    closed = arm.closed_regions(world)
    open_regions = [shown for name, shown in REGIONS.items() if name not in closed]
    types = [
        {
            "resourceType": kind,
            "locations": open_regions,
            "apiVersions": versions,
            "capabilities": "SupportsTags, SupportsLocation",
        }
        for kind, versions in PROVIDERS[namespace].items()
    ]
    free = namespace.lower() in REGISTRATION_FREE
    return {
        "id": f"/subscriptions/{subscription}/providers/{namespace}",
        "namespace": namespace,
        "resourceTypes": types,
        "registrationState": world.providers.get((subscription.lower(), namespace.lower()), "Registered"),
        "registrationPolicy": "RegistrationFree" if free else "RegistrationRequired",
    }


def _key(request: Request) -> tuple[str, str]:
    return request.params["subscription"].lower(), request.params["namespace"].lower()


def _namespace(request: Request) -> str:
    namespace = namespace_named(request.params["namespace"])
    if namespace is None:
        wrong = request.params["namespace"]
        raise AzureError(404, "InvalidResourceNamespace", f"The resource namespace '{wrong}' is invalid.")
    return namespace
