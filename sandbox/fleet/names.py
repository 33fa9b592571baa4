"""Names and ids of a fleet, from its seed: two fleets of one seed have the same."""

from __future__ import annotations

import random
import uuid

from sandbox.world import OTHER_SUBSCRIPTION, SUBSCRIPTION

MANAGEMENT_GROUP = "fleet"
BRANCHES = ("fleet-corp", "fleet-online")


class Names:
    """`prefix` begins the names of registries and vaults, which are global."""

    def __init__(self, rng: random.Random, prefix: str, subscriptions: int):
        self._rng, self._prefix = rng, prefix
        more = [self.guid() for _ in range(subscriptions - 2)]
        self.subscriptions = [SUBSCRIPTION, OTHER_SUBSCRIPTION, *more][:subscriptions]

    def guid(self) -> str:
        return str(uuid.UUID(int=self._rng.getrandbits(128), version=4))

    def version(self) -> str:
        return self.guid().replace("-", "")

    def branch(self, subscription: int) -> str:
        """The management group of a subscription."""
        return BRANCHES[subscription % len(BRANCHES)]

    def group(self, subscription: int, kind: str) -> str:
        return f"/subscriptions/{self.subscriptions[subscription]}/resourceGroups/{self._prefix}-{kind}"

    def registry(self, number: int) -> str:
        return f"{self._prefix}{number:05}"

    def vault(self, number: int) -> str:
        return f"{self._prefix}-kv-{number:05}"

    def key(self, number: int) -> str:
        return f"key-{number:05}"
