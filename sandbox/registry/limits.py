"""How many requests a registry takes in a minute: of all callers, and of one (facts: migrate.md 1, from Microsoft's
table of service tiers). Over that it answers 429, with the seconds until the end of the minute in Retry-After. The code
is that of the OCI specification. What a request counts as where it is not a listing of referrers is inferred."""

from __future__ import annotations

import math

from sandbox.core.web import Reply
from sandbox.registry.record import Registry
from sandbox.resource_manager.throttling import Window
from sandbox.world import World

_MINUTE = 60.0
_HALF = 2  # what one caller may send of it
# By kind: in Premium, and in other tiers.
_LIMITS = {
    "reads": (20_000, 10_000),
    "writes": (4_000, 2_000),
    "deletes": (4_000, 1_000),
    "referrers": (2_000, 500),
    "tokens": (20_000, 10_000),
}
_OF_METHODS = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}


def kind_of(method: str) -> str:
    return _OF_METHODS.get(method, "writes")


def take(world: World, registry: Registry, kind: str, caller: str) -> Reply | None:
    """Let a request through, or refuse it. `caller` is empty where nobody in particular is known."""
    scale = world.settings.registry_limits
    if not scale:
        return None
    limit = _LIMITS[kind][0 if registry.sku == "Premium" else 1] * scale
    limits = {"": limit} | ({caller: limit / _HALF} if caller else {})
    windows = {who: world.quotas.setdefault((registry.id, kind, who), Window(world.now())) for who in limits}
    for who, window in windows.items():
        if not window.has_room(world.now(), int(limits[who]), _MINUTE):
            return _refusal(window.resets_after(world.now(), _MINUTE))
    for who, window in windows.items():
        window.take(world.now(), int(limits[who]), _MINUTE)
    return None


def _refusal(seconds: float) -> Reply:
    error = {"code": "TOOMANYREQUESTS", "message": "too many requests", "detail": None}
    return Reply(429, {"errors": [error]}, {"Retry-After": str(max(math.ceil(seconds), 1))})
