"""Management locks, and what they forbid (facts: guard.md 2.1; recordings lock_put_201, lock_list_subscription_200).

CanNotDelete forbids deletions; ReadOnly also all that writes, and actions by POST. A lock holds at its scope and below,
for role assignments as well. What a POST only reads, by its permission, is taken to be allowed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.core.web import AzureError, Reply, Request, Router
from sandbox.resource_manager import arm
from sandbox.resource_manager.access import GATEWAY, require
from sandbox.resource_manager.arm import HOST
from sandbox.resource_manager.common import body_of
from sandbox.resource_manager.hierarchy import covers
from sandbox.world import World

router = Router()
TYPE = "Microsoft.Authorization/locks"
_LOCKS = f"{{scope:path}}/providers/{TYPE}"
_LEVELS = ("CanNotDelete", "ReadOnly")


@dataclass
class Lock:
    id: str
    scope: str
    name: str
    level: str
    notes: str | None = None


@router.route("PUT", HOST, f"{_LOCKS}/{{name}}")
def put(world: World, request: Request) -> Reply:
    scope, name = request.params["scope"], request.params["name"]
    require(world, request.caller, f"{TYPE}/write", scope)
    properties = body_of(request).get("properties") or {}
    if properties.get("level") not in _LEVELS:
        raise AzureError(400, "InvalidLockLevel", f"The lock level '{properties.get('level')}' is not valid.")
    existing = request.path.lower() in world.locks
    lock = Lock(f"{scope}/providers/{TYPE}/{name}", scope, name, properties["level"], properties.get("notes"))
    world.locks[request.path.lower()] = lock
    return Reply(200 if existing else 201, document(lock))


@router.route("GET", HOST, f"{_LOCKS}/{{name}}")
def get(world: World, request: Request) -> Reply:
    require(world, request.caller, f"{TYPE}/read", request.params["scope"])
    lock = world.locks.get(request.path.lower())
    if lock is None:
        raise AzureError(404, "LockNotFound", f"The lock '{request.params['name']}' could not be found.")
    return Reply(200, document(lock))


@router.route("DELETE", HOST, f"{_LOCKS}/{{name}}")
def delete(world: World, request: Request) -> Reply:
    require(world, request.caller, f"{TYPE}/delete", request.params["scope"])
    return Reply(200 if world.locks.pop(request.path.lower(), None) else 204)


@router.route("GET", HOST, _LOCKS)
def list_locks(world: World, request: Request) -> Reply:
    """Those at, above and below a scope; with `atScope()` none of those below."""
    scope = request.params["scope"]
    require(world, request.caller, f"{TYPE}/read", scope)
    below = request.query.get("$filter", "").lower() != "atscope()"
    shown = [
        document(lock)
        for lock in world.locks.values()
        if covers(lock.scope, scope) or (below and covers(scope, lock.scope))
    ]
    return Reply(200, {"value": shown})


def check(world: World, request: Request) -> None:
    """Reject what a lock forbids."""
    path = request.path
    if not world.locks or f"/{TYPE}".lower() in path.lower():
        return
    if request.method == "DELETE":
        _reject(world, request, "delete", _LEVELS, lambda lock: covers(lock.scope, path) or covers(path, lock.scope))
    elif request.method in ("PUT", "PATCH") or (request.method == "POST" and not _only_reads(path)):
        _reject(world, request, "write", ("ReadOnly",), lambda lock: covers(lock.scope, path))


def remove_below(world: World, scope: str) -> None:
    for key, lock in list(world.locks.items()):
        if covers(scope, lock.scope):
            del world.locks[key]


def document(lock: Lock) -> dict[str, Any]:
    notes = {"notes": lock.notes} if lock.notes else {}
    return {"properties": {"level": lock.level, **notes}, "id": lock.id, "type": TYPE, "name": lock.name}


def _only_reads(path: str) -> bool:
    return path.rsplit("/", 1)[-1].lower() in ("checknameavailability", "checkpolicyrestrictions", "acquirepolicytoken")


def _reject(world: World, request: Request, operation: str, levels: tuple[str, ...], concerns) -> None:
    scopes = [lock.scope for lock in world.locks.values() if lock.level in levels and concerns(lock)]
    if scopes:
        if request.method != "POST":
            arm.require_generic(world, request, arm.parse(request.path))
        raise AzureError(
            409,
            "ScopeLocked",
            f"The scope '{request.path}' cannot perform {operation} operation because following scope(s) are locked: "
            f"'{','.join(scopes)}'. Please remove the lock and try again.",
            headers=GATEWAY,
        )
