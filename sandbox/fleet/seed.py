"""Seeds a fleet in a world: subscriptions in management groups, vaults, keys, identities, grants, registries."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

from sandbox.fleet.grants import Granter
from sandbox.fleet.keys import KeyMaker, make_vault, remove_vault
from sandbox.fleet.names import BRANCHES, MANAGEMENT_GROUP, Names
from sandbox.fleet.plan import FleetPlan, plan
from sandbox.fleet.registries import RegistryMaker
from sandbox.key_vault.key_material import DAY
from sandbox.resource_manager.builtin_roles import OWNER
from sandbox.resource_manager.hierarchy import add_management_group
from sandbox.world import OWNER_OBJECT_ID, OWNER_USER_ID, Principal, ResourceGroup, World

_AGE_DAYS = 200


def seed_fleet(
    world: World,
    *,
    registries: int = 100,
    vaults: int = 30,
    keys: int = 60,
    subscriptions: int = 2,
    seed: int = 1,
    damaged: float = 0.2,
    central_vaults: bool = False,
    prefix: str = "fleet",
) -> dict[str, Any]:
    """Add a fleet, of which `damaged` is about the share that something is wrong with. The first two subscriptions are
    the sandbox's own. Returns its subscriptions, and what is wrong with each registry, by its id.
    """
    rng = random.Random(seed)
    planned = plan(
        registries=registries,
        vaults=vaults,
        keys=keys,
        subscriptions=subscriptions,
        rng=rng,
        damaged=damaged,
        central_vaults=central_vaults,
    )
    names = Names(rng, prefix, subscriptions)
    if any(registry.name == names.registry(0) for registry in world.registries.values()):
        raise ValueError(f"There is a fleet '{prefix}' already.")
    made = _make(world, planned, names, rng)
    damages = Counter(damage for found in made.values() for damage in found)
    return {"subscriptions": names.subscriptions, "registries": made, "damages": dict(sorted(damages.items()))}


def _make(world: World, planned: FleetPlan, names: Names, rng: random.Random) -> dict[str, list[str]]:
    now = world.now()
    created = now - _AGE_DAYS * DAY
    granter = Granter(world, names, created)
    _add_subscriptions(world, names, granter)
    vaults = [make_vault(world, names, each, created) for each in planned.vaults]
    officers = Principal(names.guid(), "Group", name="key-officers", created=created)
    world.principals[officers.object_id] = officers
    for vault in vaults:
        granter.officers(vault, officers)
    maker = KeyMaker(names, rng, now, created)
    keys = [maker.make(each, vaults[each.vault.number]) for each in planned.keys]
    registry_maker = RegistryMaker(world, names, granter, created)
    made = {}
    for each in planned.registries:
        registry = registry_maker.make(each, keys[each.key.number] if each.key else None)
        made[registry.id] = each.damages
    for each in planned.vaults:
        if each.damage in ("vault deleted", "vault purged"):
            remove_vault(world, vaults[each.number], each.damage)
    return made


def _add_subscriptions(world: World, names: Names, granter: Granter) -> None:
    for number, subscription in enumerate(names.subscriptions):
        if subscription not in world.subscriptions:
            world.subscriptions[subscription] = f"Fleet {number + 1:03}"
            for owner, kind in ((OWNER_OBJECT_ID, "ServicePrincipal"), (OWNER_USER_ID, "User")):
                granter.assign(owner, kind, OWNER, f"/subscriptions/{subscription}")
        for kind in ("keys", "registries"):
            group = names.group(number, kind)
            world.groups[group.lower()] = ResourceGroup(group, group.rsplit("/", 1)[-1], "westeurope")
    if MANAGEMENT_GROUP not in world.management_groups:
        add_management_group(world, MANAGEMENT_GROUP)
        for branch in BRANCHES:
            add_management_group(world, branch, MANAGEMENT_GROUP)
    for number, subscription in enumerate(names.subscriptions):
        world.subscription_parents[subscription] = names.branch(number)
