"""What Resource Manager adds to a fleet: registries afresh, deny assignments, and keys. Many reads side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.cloud.errors import read_error
from azext_acrcmk.cloud.fleet import Fleet, Tell
from azext_acrcmk.cloud.pool import fair, for_each
from azext_acrcmk.cloud.reads import get_key, get_registry, read_if_possible
from azext_acrcmk.cloud.transport import PATIENCE
from azext_acrcmk.cloud.waiting import Stop, retrying
from azext_acrcmk.model.api_versions import API_VERSIONS
from azext_acrcmk.model.ids import ArmId, Id, KeyId
from azext_acrcmk.model.state import Absent, Registry, Unknown

# How long a read that is throttled is tried again, in seconds.
THROTTLED_SECONDS = 600.0


class FleetReads:
    """Fills a fleet by reading directly."""

    def __init__(self, fleet: Fleet, clients: Clients, stop: Stop, tell: Tell):
        self._fleet, self._clients, self._stop, self._tell = fleet, clients, stop, tell
        self._fresh: dict[ArmId, Registry | None] = {}

    def read_registries(self) -> None:
        """Each registry afresh."""
        self.side_by_side("registries", list(self._fleet.registries), self.refresh, lambda id_: id_.subscription)

    def refresh(self, id_: ArmId) -> Registry | None:
        """A registry as it is now, read once; None if it can't be read or was deleted."""
        if id_ not in self._fresh:
            self._fresh[id_] = self._refresh(id_)
        return self._fresh[id_]

    def _refresh(self, id_: ArmId) -> Registry | None:
        found = self.patiently(lambda: get_registry(self._clients, id_), id_)
        if isinstance(found, Registry):
            self._fleet.registries[id_] = found
            return found
        if isinstance(found, Unknown):
            self._fleet.miss(str(id_), f"Could not be read directly: {found.why or found.action}.")
        else:
            self._fleet.registries.pop(id_, None)  # deleted since
        return None

    def read_denials(self) -> None:
        """What deny assignments take away, which Resource Graph does not have."""
        subscriptions = sorted({each.id.subscription for each in self._fleet.vaults.values()})
        self.side_by_side("deny assignments", subscriptions, self._read_denials, str)

    def _read_denials(self, subscription: Id) -> None:
        scope, type_ = f"/subscriptions/{subscription}", "Microsoft.Authorization/denyAssignments"
        arm = self._clients.arm(subscription)
        found = self.patiently(
            lambda: list(arm.pages(f"{scope}/providers/{type_}", API_VERSIONS[type_], **PATIENCE)),
            scope,
            f"{type_}/read",
        )
        self._fleet.denials[subscription] = [] if isinstance(found, Absent) else found

    def read_keys(self) -> None:
        """Each distinct key, and the versions in use that are not its latest."""
        used = [
            (registry, vault)
            for registry in self._fleet.encrypted
            if (vault := self._fleet.vaults.get(registry.encryption.key.host))
        ]
        self._read_keys("keys", {registry.encryption.key.with_version(None): vault.id for registry, vault in used})
        older = ((self._fleet.older_version(registry), vault) for registry, vault in used)
        self._read_keys("key versions", {version: vault.id for version, vault in older if version})

    def _read_keys(self, what: str, vaults: dict[KeyId, ArmId]) -> None:
        def read(key: KeyId) -> None:
            vault = vaults[key]
            self._fleet.keys[key] = self.patiently(
                lambda: get_key(self._clients, vault, key), f"{vault}/keys/{key.name}"
            )

        self.side_by_side(what, list(vaults), read, lambda key: vaults[key].subscription)

    def patiently(self, call: Callable[[], Any], scope: object, action: str = "") -> Any:
        """What a read gives, however long it is throttled; unknown where it gives no good answer.

        `action` is the permission that it requires, unless the call itself says so.
        """
        return read_if_possible(
            lambda: retrying(call, lambda error: read_error(error).status == 429, self._stop, THROTTLED_SECONDS),
            action,
            scope,
        )

    def side_by_side(self, what: str, items: list, work: Callable[[Any], Any], place: Callable[[Any], str]) -> None:
        """Calls `work` with each item, in turn from each place, and tells how far it is."""
        done = 0

        def count() -> None:
            nonlocal done
            done += 1

        with self._tell(lambda: f"Reading {what}: {done} of {len(items)}"):
            for_each(fair(items, place), work, count)
