"""The control API: plain HTTP on loopback, for tests and for people who want to simulate faults of Azure.

POST   /reset                        {"profile"?, "settings"?}: a new, empty Azure
POST   /save                         save the current state;  POST /restore
POST   /settings                     {name: value}
POST   /clock/advance                {"seconds"}
POST   /faults                       a fault (see server/faults.py);  DELETE /faults
POST   /faults/imports               an import that goes wrong (see registry/import_faults.py)
GET    /log                          the requests received so far;  DELETE /log
GET    /log/held                     waits {"seconds"} for a request that a fault holds without a response
POST   /requests                     {"method", "url", "query", "body", "caller", "clear_log"}: a request that is not
                                     subject to faults and not logged, handled like one from the network
POST   /principals                   {"kind"?, "name"?, "secret"?, "groups"?, "roles"?: [{"role", "scope"}]}
POST   /principals/{object_id}/groups  {"group"?}: adds it to an existing group, or to a new one
POST   /deny-assignments             {"scope", ...}, see tampering.deny;  DELETE /deny-assignments
POST   /fleet                        a fleet of registries with known damage, see fleet/seed.py
POST   /management-groups            {"name", "parent"?, "subscriptions"?}
POST   /providers/{namespace}/unregister
PATCH  /subscriptions/{id}           {"tenant", "managed"?}: its home tenant; managed through Azure Lighthouse
POST   /policies                     {"type", "name"?, "scope"?, "condition"?, "reason"?, "external"?} denies;
                                     with "operations" in place of the last two it modifies;  DELETE /policies
PATCH  /registries/{name}            {"content_trust"?, "status"?, ...}, see tampering.change_registry
POST   /registries/{name}/operation     {"status"}, see tampering.end_operation
POST   /registries/{name}/repositories  {"repositories"}, see tampering.add_repositories
POST   /registries/{name}/content    {"repositories"?, "images"?, ...}: images, see registry/seeding.py;
                                     GET: all that is stored
POST   /registries/{name}/push       {"repository", "tag", "seed"}: a new image, to which the tag moves
POST   /registries/{name}/private-endpoints     {"endpoint", "status"?}: connects one, by its id
POST   /registries/{name}/listed     {"kind", "name", "properties"}: a task, an agent pool, a connected registry
POST   /resources                    {"resource_id", "properties", ...}, see tampering.add_resource
POST   /registries/{name}/pull       whether an image could be pulled now
GET    /state                        counts and IDs of all resources
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any
from urllib.parse import unquote, urlsplit

from aiohttp import web

from sandbox import services
from sandbox.core.web import Caller, Request
from sandbox.entra.directory import add_principal
from sandbox.fleet.seed import seed_fleet
from sandbox.registry.connections import add_listed, add_private_endpoint
from sandbox.registry.encryption import pull
from sandbox.registry.import_faults import ImportFault
from sandbox.registry.record import named_registry
from sandbox.registry.seeding import list_content, push_image, seed_content
from sandbox.resource_manager import gateway
from sandbox.resource_manager.hierarchy import add_management_group
from sandbox.resource_manager.policies import DenyPolicy, ModifyPolicy
from sandbox.server import tampering
from sandbox.server.faults import Fault
from sandbox.server.instance import Instance
from sandbox.server.state import summary
from sandbox.world import OTHER_SUBSCRIPTION, SUBSCRIPTION, Principal, World

Endpoint = Callable[[Instance, dict[str, Any], web.Request], Any]
_CHANGE_NOTHING = ("/log", "/faults", "/requests", "/clock", "/save")
_ENDPOINTS: list[tuple[str, str, Endpoint]] = []


def _endpoint(method: str, path: str) -> Callable[[Endpoint], Endpoint]:
    def add(endpoint: Endpoint) -> Endpoint:
        _ENDPOINTS.append((method, path, endpoint))
        return endpoint

    return add


async def start(instance: Instance) -> tuple[web.AppRunner, int]:
    """Listen on a free port. Returns the runner, which the caller must clean up, and the port."""
    application = web.Application()
    for method, path, endpoint in _ENDPOINTS:
        application.router.add_route(method, path, _handler(instance, endpoint))
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0, keepalive_timeout=3600)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, runner.addresses[0][1]


def _handler(instance: Instance, endpoint: Endpoint) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        changes = request.method != "GET" and not request.path.startswith(_CHANGE_NOTHING)
        try:
            given = await request.json() if request.can_read_body else {}
            if changes:
                with instance.world.lock:
                    services.before_change(instance.world)
            answer = endpoint(instance, given, request)
            answer = await answer if isawaitable(answer) else answer
            if changes:
                with instance.world.lock:
                    gateway.changed(instance.world)
            return web.json_response(answer)
        except (KeyError, TypeError, ValueError) as error:
            return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=400)

    return handle


@_endpoint("POST", "/reset")
def _reset(instance: Instance, given: dict[str, Any], request: web.Request) -> None:
    instance.reset(given.get("profile", "instant"), given.get("settings"))


@_endpoint("POST", "/save")
def _save(instance: Instance, given: dict[str, Any], request: web.Request) -> None:
    gateway.settle(instance.world)
    instance.save()


@_endpoint("POST", "/restore")
def _restore(instance: Instance, given: dict[str, Any], request: web.Request) -> None:
    instance.restore()


@_endpoint("POST", "/settings")
def _settings(instance: Instance, given: dict[str, Any], request: web.Request) -> None:
    instance.change_settings(**given)


@_endpoint("POST", "/clock/advance")
def _advance(instance: Instance, given: dict[str, Any], request: web.Request) -> float:
    return instance.advance(float(given["seconds"]))


@_endpoint("POST", "/faults")
def _add_fault(instance: Instance, given: dict[str, Any], request: web.Request) -> None:
    instance.faults.append(Fault(**given))


@_endpoint("DELETE", "/faults")
def _clear_faults(instance: Instance, given: dict[str, Any], request: web.Request) -> None:
    instance.faults.clear()
    instance.world.import_faults.clear()


@_endpoint("POST", "/faults/imports")
def _add_import_fault(instance: Instance, given: dict[str, Any], request: web.Request) -> None:
    instance.world.import_faults.append(ImportFault(**given))


@_endpoint("GET", "/log")
def _log(instance: Instance, given: dict[str, Any], request: web.Request) -> list[dict[str, Any]]:
    return instance.log.entries


@_endpoint("GET", "/log/held")
async def _held(instance: Instance, given: dict[str, Any], request: web.Request) -> dict[str, Any] | None:
    return await instance.log.held(float(given["seconds"]))


@_endpoint("DELETE", "/log")
def _clear_log(instance: Instance, given: dict[str, Any], request: web.Request) -> None:
    instance.log.clear()


@_endpoint("POST", "/requests")
async def _request(instance: Instance, given: dict[str, Any], request: web.Request) -> dict[str, Any]:
    url = urlsplit(given["url"])
    query = {name.lower(): value for name, value in given["query"].items()}
    caller = Caller(**given["caller"])
    if given.get("clear_log"):
        instance.log.clear()
    asked = Request(given["method"], url.hostname, unquote(url.path), query, body=given["body"], caller=caller)
    reply = await asyncio.get_running_loop().run_in_executor(None, gateway.dispatch, instance.world, asked)
    await instance.wait(reply.seconds)
    return {"status": reply.status, "body": reply.body}


@_endpoint("POST", "/principals")
def _add_principal(instance: Instance, given: dict[str, Any], request: web.Request) -> dict[str, Any]:
    world, kind = instance.world, given.get("kind", "ServicePrincipal")
    with world.lock:
        secret = given.get("secret") or (secrets.token_hex(16) if kind == "ServicePrincipal" else "")
        principal = add_principal(world, kind, given.get("name", ""), secret, given.get("groups", ()))
        for wanted in given.get("roles", ()):
            world.grant(principal.object_id, _role_id(world, wanted["role"]), wanted["scope"])
    return _account(principal)


@_endpoint("POST", "/principals/{object_id}/groups")
def _add_to_group(instance: Instance, given: dict[str, Any], request: web.Request) -> dict[str, Any]:
    with instance.world.lock:
        return _account(tampering.add_to_group(instance.world, request.match_info["object_id"], **given))


@_endpoint("POST", "/deny-assignments")
def _deny(instance: Instance, given: dict[str, Any], request: web.Request) -> dict[str, Any]:
    with instance.world.lock:
        denied = tampering.deny(instance.world, **given)
    return {"id": denied.id, "name": denied.name}


@_endpoint("DELETE", "/deny-assignments")
def _clear_deny_assignments(instance: Instance, given: dict[str, Any], request: web.Request) -> None:
    with instance.world.lock:
        instance.world.deny_assignments.clear()


@_endpoint("POST", "/fleet")
async def _seed_fleet(instance: Instance, given: dict[str, Any], request: web.Request) -> dict[str, Any]:
    def seed() -> dict[str, Any]:
        with instance.world.lock:
            return seed_fleet(instance.world, **given)

    return await asyncio.get_running_loop().run_in_executor(None, seed)


@_endpoint("POST", "/management-groups")
def _add_management_group(instance: Instance, given: dict[str, Any], request: web.Request) -> dict[str, Any]:
    with instance.world.lock:
        group = add_management_group(instance.world, **given)
    return {"id": group.id, "name": group.name}


@_endpoint("POST", "/providers/{namespace}/unregister")
def _unregister(instance: Instance, given: dict[str, Any], request: web.Request) -> None:
    for subscription in given.get("subscriptions", (SUBSCRIPTION, OTHER_SUBSCRIPTION)):
        instance.world.providers[subscription, request.match_info["namespace"].lower()] = "NotRegistered"


@_endpoint("PATCH", "/subscriptions/{subscription}")
def _change_subscription(instance: Instance, given: dict[str, Any], request: web.Request) -> None:
    world, subscription = instance.world, request.match_info["subscription"]
    world.tenants[subscription] = given["tenant"].lower()
    if given.get("managed"):
        world.managed.add(subscription)


@_endpoint("POST", "/policies")
def _add_policy(instance: Instance, given: dict[str, Any], request: web.Request) -> None:
    settled = {"name": "sandbox-policy", "scope": f"/subscriptions/{SUBSCRIPTION}", **given}
    kind = ModifyPolicy if "operations" in settled else DenyPolicy
    instance.world.policies.append(kind(**settled))


@_endpoint("DELETE", "/policies")
def _clear_policies(instance: Instance, given: dict[str, Any], request: web.Request) -> None:
    instance.world.policies.clear()


@_endpoint("PATCH", "/registries/{name}")
def _change_registry(instance: Instance, given: dict[str, Any], request: web.Request) -> None:
    with instance.world.lock:
        tampering.change_registry(instance.world, request.match_info["name"], **given)


@_endpoint("POST", "/registries/{name}/operation")
def _end_operation(instance: Instance, given: dict[str, Any], request: web.Request) -> None:
    with instance.world.lock:
        tampering.end_operation(instance.world, request.match_info["name"], **given)


@_endpoint("POST", "/registries/{name}/repositories")
def _add_repositories(instance: Instance, given: dict[str, Any], request: web.Request) -> None:
    with instance.world.lock:
        tampering.add_repositories(instance.world, request.match_info["name"], **given)


def _acts_on_registry(path: str, act: Callable[..., Any]) -> None:
    """Have POST to a path of a registry call a function with the world, the registry, and what is given."""

    async def endpoint(instance: Instance, given: dict[str, Any], request: web.Request) -> Any:
        def run() -> Any:
            with instance.world.lock:
                return act(instance.world, named_registry(instance.world, request.match_info["name"]), **given)

        return await asyncio.get_running_loop().run_in_executor(None, run)

    _endpoint("POST", f"/registries/{{name}}/{path}")(endpoint)


_acts_on_registry("content", seed_content)
_acts_on_registry("push", push_image)
_acts_on_registry("private-endpoints", add_private_endpoint)
_acts_on_registry("listed", add_listed)


@_endpoint("GET", "/registries/{name}/content")
def _content(instance: Instance, given: dict[str, Any], request: web.Request) -> dict[str, Any]:
    world = instance.world
    with world.lock:
        gateway.settle(world)
        return list_content(named_registry(world, request.match_info["name"]))


@_endpoint("POST", "/resources")
def _add_resource(instance: Instance, given: dict[str, Any], request: web.Request) -> None:
    with instance.world.lock:
        tampering.add_resource(instance.world, **given)


@_endpoint("POST", "/registries/{name}/pull")
def _pull(instance: Instance, given: dict[str, Any], request: web.Request) -> dict[str, Any]:
    world = instance.world
    with world.lock:
        gateway.settle(world)
        return pull(world, request.match_info["name"])


@_endpoint("GET", "/state")
def _state(instance: Instance, given: dict[str, Any], request: web.Request) -> dict[str, Any]:
    world = instance.world
    with world.lock:
        gateway.settle(world)
        return summary(world)


def _account(principal: Principal) -> dict[str, Any]:
    return {
        "object_id": principal.object_id,
        "kind": principal.kind,
        "app_id": principal.app_id,
        "secret": principal.secret,
        "name": principal.name,
    }


def _role_id(world: World, role: str) -> str:
    for guid, properties in world.role_definitions.items():
        if role.lower() in (guid, properties["roleName"].lower()):
            return guid
    raise ValueError(f"There is no role '{role}'.")
