"""The path of a request through Azure: Azure Resource Manager's checks, then the resource provider."""

from __future__ import annotations

import re
import uuid

from sandbox import services
from sandbox.core.web import AzureError, Reply, Request
from sandbox.entra import tokens
from sandbox.resource_manager import arm, locks, throttling
from sandbox.world import World

# With one of these, an answer does not tell what is left of the caller's reads or writes.
_COUNTED = {
    "x-ms-failure-cause",
    "x-ms-ratelimit-remaining-tenant-resource-requests",
    "x-ms-ratelimit-remaining-subscription-global-reads",
}
# Requests by POST that only ask.
_QUERY = re.compile(
    "/providers/Microsoft.ResourceGraph/resources|/subscriptions/[^/]+/providers/[^/]+/checkNameAvailability",
    re.IGNORECASE,
)
_LARGE = 500  # registries and vaults
_SECONDS_BETWEEN_LOOKS = 30.0


def dispatch(world: World, request: Request) -> Reply:
    """Answer one request. Everything that is due by now happens before the handler is called."""
    if request.host == arm.HOST:
        request.path = re.sub("/{2,}", "/", request.path)  # SDKs send `ns//type` for a resource without a parent
    with world.lock:
        settle(world)
        if request.caller is None:
            request.caller = tokens.read(request.headers.get("authorization"))
        reply = _throttled(world, request) or answer(world, request)
        if request.host == arm.HOST and not _COUNTED & reply.headers.keys():
            reply.headers.setdefault(*arm.rate_limit(world, request))
    reply.headers.setdefault("x-ms-request-id", str(uuid.uuid4()))
    return reply


def settle(world: World) -> None:
    """Run the operations that are due, each at its due time, and the automatic work of the services.

    An operation may start others that are also due: a deployment creates one resource after another.
    """
    if world.catching_up:
        return
    now = world.now()
    while due := [operation for operation in world.operations.values() if not operation.done and operation.due <= now]:
        first = min(due, key=lambda operation: operation.due)
        with world.at(first.due):
            first.settle(first.due)
            changed(world)
    before = world.changes
    if _is_time(world, now):
        services.pass_time(world)
    if world.changes != before:
        services.after_change(world)


def answer(world: World, request: Request) -> Reply:
    """The response to a request of an authenticated caller, now."""
    try:
        if not _may_change(request):
            return _handle(world, request)
        services.before_change(world)
        try:
            return _handle(world, request)
        finally:
            changed(world)
    except AzureError as error:
        return error.reply()


def changed(world: World) -> None:
    """Take note that anything may have changed. To be told where it was not by a request."""
    world.changes += 1
    services.after_change(world)


def _is_time(world: World, now: float) -> bool:
    """Whether to look at what the services do automatically: always, but at a large world, a look at which takes long,
    only now and then while nothing changes."""
    if len(world.registries) + len(world.vaults) < _LARGE:
        return True
    changes, looked = world.looked
    if changes == world.changes and abs(now - looked) < _SECONDS_BETWEEN_LOOKS:
        return False
    world.looked = world.changes, now
    return True


def _may_change(request: Request) -> bool:
    """Whether a request may change what others see, in Resource Manager or a vault."""
    if request.method in ("GET", "HEAD") or _QUERY.fullmatch(request.path):
        return False
    return request.host == arm.HOST or request.host.endswith(".azure.net")


def _throttled(world: World, request: Request) -> Reply | None:
    """The refusal of a request that comes when there have been too many."""
    if request.host != arm.HOST or request.caller is None:
        return None
    try:
        throttling.take(world, request, arm.parse(request.path).subscription)
    except AzureError as error:
        return error.reply()
    return None


def _handle(world: World, request: Request) -> Reply:
    handler = services.find(request)
    if request.host == arm.HOST:
        arm.check(world, request)
        locks.check(world, request)
        return handler(world, request) if handler else arm.unknown(world, request)
    if handler is None:
        raise AzureError(404, "NotFound", f"{request.method} https://{request.host}{request.path} is not served here.")
    return handler(world, request)
