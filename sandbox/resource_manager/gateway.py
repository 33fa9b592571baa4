"""The path of a request through Azure: Azure Resource Manager's checks, then the resource provider."""

from __future__ import annotations

import re
import uuid

from sandbox import services
from sandbox.core.web import AzureError, Reply, Request
from sandbox.entra import tokens
from sandbox.resource_manager import arm
from sandbox.world import World


def dispatch(world: World, request: Request) -> Reply:
    """Answer one request. Everything that is due by now happens before the handler is called."""
    if request.host == arm.HOST:
        request.path = re.sub("/{2,}", "/", request.path)  # SDKs send `ns//type` for a resource without a parent
    with world.lock:
        settle(world)
        if request.caller is None:
            request.caller = tokens.read(request.headers.get("authorization"))
        reply = answer(world, request)
    if request.host == arm.HOST and "x-ms-failure-cause" not in reply.headers:
        reply.headers.setdefault(*arm.rate_limit(request))
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
    services.pass_time(world)


def answer(world: World, request: Request) -> Reply:
    """The response to a request of an authenticated caller, now."""
    try:
        return _handle(world, request)
    except AzureError as error:
        return error.reply()


def _handle(world: World, request: Request) -> Reply:
    handler = services.find(request)
    if request.host == arm.HOST:
        arm.check(world, request)
        return handler(world, request) if handler else arm.unknown(world, request)
    if handler is None:
        raise AzureError(404, "NotFound", f"{request.method} https://{request.host}{request.path} is not served here.")
    return handler(world, request)
