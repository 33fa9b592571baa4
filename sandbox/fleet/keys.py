"""Makes the vaults and keys of a fleet, whole or as their plans say. A few key pairs serve all keys."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.fleet.names import Names
from sandbox.fleet.plan import KeyPlan, VaultPlan
from sandbox.key_vault.key_material import DAY, DeletedKey, Key, KeyShape, KeyVersion, new_version
from sandbox.key_vault.key_store import DeletedVault, Vault
from sandbox.resource_manager.common import SystemData
from sandbox.world import OWNER_APP_ID, World

_OPEN, _CLOSED = "Allow", "Deny"


@dataclass
class MadeKey:
    """A key, and the versions that registries use: that of those that follow it, and an older one to be pinned to."""

    key: Key
    vault: Vault
    in_use: KeyVersion
    old: KeyVersion | None


def system_data(created: float) -> SystemData:
    return SystemData(OWNER_APP_ID, "Application", created, OWNER_APP_ID, "Application", created)


def make_vault(world: World, names: Names, plan: VaultPlan, created: float) -> Vault:
    """A vault as it is before it is deleted."""
    damage, name = plan.damage, names.vault(plan.number)
    vault = Vault(
        id=f"{names.group(plan.subscription, 'keys')}/providers/Microsoft.KeyVault/vaults/{name}",
        name=name,
        location=plan.location,
        tags={},
        system=system_data(created),
        rbac=plan.has_roles,
        purge_protection=damage != "vault without purge protection",
        retention_days=7 if damage == "vault with short retention" else 90,
        flags={"enabledForDeployment": False},
    )
    if damage in ("vault firewall closed", "vault access disabled"):
        vault.network_acls = _rules(_CLOSED if damage == "vault firewall closed" else _OPEN, "None")
    if damage == "vault access disabled":
        vault.public_network_access = "Disabled"
    if damage == "vault in a perimeter":
        vault.public_network_access = "SecuredByPerimeter"
    world.vaults[vault.id.lower()] = vault
    return vault


def remove_vault(world: World, vault: Vault, damage: str) -> None:
    """Delete a vault, and purge it, with the role assignments at it."""
    del world.vaults[vault.id.lower()]
    below = vault.id.lower()
    for key in [key for key, made in world.role_assignments.items() if made.scope.lower().startswith(below)]:
        del world.role_assignments[key]
    if damage == "vault deleted":
        deleted = world.now() - DAY
        world.deleted_vaults[vault.name.lower()] = DeletedVault(vault, deleted, deleted + vault.retention_days * DAY)


class KeyMaker:
    def __init__(self, names: Names, rng: random.Random, now: float, created: float):
        self._names, self._rng, self._now, self._created = names, rng, now, created

    def make(self, plan: KeyPlan, vault: Vault) -> MadeKey:
        name = self._names.key(plan.number)
        policy = None if plan.damage == "key without rotation policy" else self._policy()
        old = self._version() if plan.old_version else None
        versions, in_use = _MAKERS.get(plan.damage, KeyMaker._whole)(self)
        key = Key(name, [*([old] if old else []), *versions], policy)
        if plan.damage == "key deleted":
            deleted = self._now - DAY
            vault.deleted_keys[name] = DeletedKey(key, deleted, deleted + vault.retention_days * DAY)
        elif plan.damage != "key purged":
            vault.keys[name] = key
        return MadeKey(key, vault, in_use, old)

    def _policy(self) -> dict[str, Any]:
        """Rotation after two years: not due in any test."""
        action = {"trigger": {"timeAfterCreate": "P2Y"}, "action": {"type": "rotate"}}
        times = {"created": int(self._created), "updated": int(self._created)}
        return {"lifetimeActions": [action], "attributes": times}

    def _version(self, shape: KeyShape | None = None, age: float = 0.0, **attributes: Any) -> KeyVersion:
        """A version that was made with the fleet, or so many seconds ago."""
        created = self._now - age if age else self._created
        version = new_version(shape or KeyShape(), created, **attributes)
        version.id = self._names.version()
        return version

    def _one(self, shape: KeyShape | None = None, **attributes: Any) -> tuple[list[KeyVersion], KeyVersion]:
        version = self._version(shape, **attributes)
        return [version], version

    def _whole(self) -> tuple[list[KeyVersion], KeyVersion]:
        # Half of the keys expire, long after any look.
        expires = int(self._now + self._rng.randrange(100, 700) * DAY) if self._rng.random() < 0.5 else None
        return self._one(expires=expires)

    def _disabled(self) -> tuple[list[KeyVersion], KeyVersion]:
        return self._one(enabled=False)

    def _expired(self) -> tuple[list[KeyVersion], KeyVersion]:
        return self._one(expires=int(self._now - self._rng.randrange(1, 60) * DAY))

    def _expires_soon(self) -> tuple[list[KeyVersion], KeyVersion]:
        return self._one(expires=int(self._now + self._rng.randrange(2, 25) * DAY))

    def _not_yet_valid(self) -> tuple[list[KeyVersion], KeyVersion]:
        return self._one(not_before=int(self._now + 30 * DAY))

    def _elliptic(self) -> tuple[list[KeyVersion], KeyVersion]:
        return self._one(KeyShape(kty="EC"))

    def _without_wrapping(self) -> tuple[list[KeyVersion], KeyVersion]:
        return self._one(KeyShape(operations=("sign", "verify")))

    def _not_taken_yet(self) -> tuple[list[KeyVersion], KeyVersion]:
        """The newer version is so young that the registry has not looked yet."""
        used = self._version()
        return [used, self._version(age=600)], used

    def _newer_disabled(self) -> tuple[list[KeyVersion], KeyVersion]:
        used = self._version()
        return [used, self._version(age=30 * DAY, enabled=False)], used

    def _newer_expired(self) -> tuple[list[KeyVersion], KeyVersion]:
        used = self._version()
        return [used, self._version(age=30 * DAY, expires=int(self._now - DAY))], used

    def _used_disabled(self) -> tuple[list[KeyVersion], KeyVersion]:
        used = self._version(enabled=False)
        return [used, self._version(age=30 * DAY)], used

    def _used_gone(self) -> tuple[list[KeyVersion], KeyVersion]:
        return [self._version(age=30 * DAY)], self._version()


_MAKERS: dict[str, Callable[[KeyMaker], tuple[list[KeyVersion], KeyVersion]]] = {
    "key disabled": KeyMaker._disabled,
    "key expired": KeyMaker._expired,
    "key expires soon": KeyMaker._expires_soon,
    "key not yet valid": KeyMaker._not_yet_valid,
    "key elliptic": KeyMaker._elliptic,
    "key without wrapping": KeyMaker._without_wrapping,
    "new version not taken yet": KeyMaker._not_taken_yet,
    "new version disabled": KeyMaker._newer_disabled,
    "new version expired": KeyMaker._newer_expired,
    "version in use disabled": KeyMaker._used_disabled,
    "version in use gone": KeyMaker._used_gone,
}


def _rules(action: str, bypass: str) -> dict[str, Any]:
    return {"bypass": bypass, "defaultAction": action, "ipRules": [], "virtualNetworkRules": []}
