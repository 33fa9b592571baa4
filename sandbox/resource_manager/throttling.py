"""How many requests are let through: the token buckets of Resource Manager, and the quota of Resource Graph.

Facts: fleet.md 2.1 and 1.3. The text of a throttled read is as reported in github.com/velero-io/velero/issues/9171.
Of the buckets those for reads, writes and deletions are kept, one for a subscription and principal (there is one for
each region too), and one for what lies in no subscription. The limit over all principals is not kept.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from sandbox.core.web import AzureError, Request
from sandbox.world import World

_KINDS = {"GET": "read", "HEAD": "read", "DELETE": "delete"}
_QUERY = "/providers/microsoft.resourcegraph/"  # a POST that has limits of its own


@dataclass
class Bucket:
    """Tokens that flow in evenly, up to a size."""

    tokens: float
    filled: float

    def take(self, now: float, size: float, rate: float) -> float:
        """Take a token. Returns the seconds until there is one: 0 where it was taken."""
        self.tokens = min(size, self.tokens + max(now - self.filled, 0) * rate)
        self.filled = now
        if self.tokens < 1:
            return (1 - self.tokens) / rate
        self.tokens -= 1
        return 0.0


@dataclass
class Window:
    """So many requests in a time that begins with the first of them."""

    begun: float
    used: int = 0

    def take(self, now: float, size: int, seconds: float) -> bool:
        """Whether one more is let through."""
        if not self.has_room(now, size, seconds):
            return False
        self.used += 1
        return True

    def has_room(self, now: float, size: int, seconds: float) -> bool:
        """Whether one more would be let through."""
        if now - self.begun >= seconds:
            self.begun, self.used = now, 0
        return self.used < size

    def resets_after(self, now: float, seconds: float) -> float:
        return max(self.begun + seconds - now, 0.0)


def take(world: World, request: Request, subscription: str) -> None:
    """Let a request through, or refuse it until there is a token again for what it does."""
    settings, kind = world.settings, _KINDS.get(request.method, "write")
    reads = kind == "read"
    size, rate = (
        (settings.arm_read_bucket, settings.arm_read_rate)
        if reads
        else (settings.arm_write_bucket, settings.arm_write_rate)
    )
    if not size or _QUERY in request.path.lower():
        return
    bucket = world.quotas.setdefault(_key(request, subscription, kind), Bucket(size, world.now()))
    wait = bucket.take(world.now(), size, rate)
    if not wait:
        return
    seconds = str(math.ceil(wait))
    whose = f"subscription '{subscription}'" if subscription else "tenant"
    raise AzureError(
        429,
        "SubscriptionRequestsThrottled" if subscription else "TenantRequestsThrottled",
        f"Number of '{kind}' requests for {whose} actor '{request.caller.object_id}' exceeded. Please try again after "
        f"'{seconds}' seconds after additional tokens are available. Refer to https://aka.ms/arm-throttling for "
        "additional information.",
        headers={"Retry-After": seconds},
    )


def reads_left(world: World, request: Request, subscription: str) -> int | None:
    """How many reads the caller has left, where they are counted."""
    if not world.settings.arm_read_bucket or request.caller is None:
        return None
    bucket = world.quotas.get(_key(request, subscription, "read"))
    return int(bucket.tokens) if bucket else world.settings.arm_read_bucket


def _key(request: Request, subscription: str, kind: str) -> tuple[str, ...]:
    return f"{kind}s", subscription.lower(), request.caller.object_id
