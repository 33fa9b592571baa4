"""Decides what a fleet consists of and what is wrong with it. Pure: the same numbers and seed give the same plan."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from sandbox.fleet import damages

_REGIONS = ("westeurope", "northeurope", "eastus", "westus", "swedencentral")
_PLAIN_SHARE = 0.2  # of the registries are not encrypted
_POLICY_SHARE = 0.3  # of the vaults have access policies
OWN, SHARED, SYSTEM = "own", "shared", "system"  # identities: a registry's, a subscription's, its system-assigned one
AT_VAULT, AT_KEY, AT_GROUP, AT_MANAGEMENT_GROUP = "vault", "key", "group", "management group"


@dataclass
class VaultPlan:
    number: int
    subscription: int
    location: str
    has_roles: bool
    damage: str = ""


@dataclass
class KeyPlan:
    number: int
    vault: VaultPlan
    damage: str = ""
    old_version: bool = False  # behind the present one, both whole

    @property
    def whole(self) -> bool:
        return not self.damage and not self.vault.damage


@dataclass
class RegistryPlan:
    number: int
    subscription: int
    location: str
    key: KeyPlan | None = None
    identity: str = OWN
    granted_at: str = AT_VAULT
    damage: str = ""
    key_shared: bool = False
    replicas: tuple[str, ...] = ()  # regions

    @property
    def damages(self) -> list[str]:
        """All that is wrong with the registry, its key and its vault."""
        behind = [self.key.damage, self.key.vault.damage] if self.key else []
        shared = damages.SHARED if self.key_shared else ""
        return [damage for damage in (self.damage, *behind, shared) if damage]


@dataclass
class FleetPlan:
    subscriptions: int
    vaults: list[VaultPlan] = field(default_factory=list)
    keys: list[KeyPlan] = field(default_factory=list)
    registries: list[RegistryPlan] = field(default_factory=list)


def plan(
    *,
    registries: int,
    vaults: int,
    keys: int,
    subscriptions: int,
    rng: random.Random,
    damaged: float = 0.2,
    central_vaults: bool = False,
) -> FleetPlan:
    """A fleet of these sizes. About the share `damaged` of it has a damage, and each kind occurs where there is room.

    With `central_vaults` all vaults are in the first subscription.
    """
    if min(registries, vaults, keys, subscriptions) < 1 or keys < vaults:
        raise ValueError("A fleet has at least one of all, and at least as many keys as vaults.")
    if not 0 <= damaged <= 1:
        raise ValueError("The damaged share is between 0 and 1.")
    fleet = FleetPlan(subscriptions)
    for number in range(vaults):
        home = 0 if central_vaults else number % subscriptions
        has_roles = rng.random() >= _POLICY_SHARE
        fleet.vaults.append(VaultPlan(number, home, rng.choice(_REGIONS), has_roles))
    fleet.keys = [KeyPlan(number, fleet.vaults[number % vaults]) for number in range(keys)]
    fleet.registries = _registries(fleet, registries, rng)
    if damaged:
        _damage(fleet, damaged, rng)
    return fleet


def _registries(fleet: FleetPlan, number: int, rng: random.Random) -> list[RegistryPlan]:
    """The first registries have a key each. For as many more as there are, keys are shared."""
    plain = round(number * _PLAIN_SHARE)
    encrypted = number - plain
    order = list(range(number))
    rng.shuffle(order)
    made = []
    users: dict[int, int] = {}
    for place, at in enumerate(order):
        registry = RegistryPlan(at, at % fleet.subscriptions, rng.choice(_REGIONS))
        if place < encrypted:
            key = fleet.keys[place] if place < len(fleet.keys) else rng.choice(fleet.keys)
            users[key.number] = users.get(key.number, 0) + 1
            registry.key, registry.location = key, key.vault.location
            registry.identity = rng.choices((OWN, SHARED, SYSTEM), (80, 12, 8))[0]
            registry.granted_at = rng.choices((AT_VAULT, AT_KEY, AT_GROUP, AT_MANAGEMENT_GROUP), (55, 30, 10, 5))[0]
            _replicate(registry)
        else:
            registry.damage = damages.UNENCRYPTED[place % 2]
        made.append(registry)
    for registry in made:
        registry.key_shared = registry.key is not None and users[registry.key.number] > 1
    return sorted(made, key=lambda registry: registry.number)


def _replicate(registry: RegistryPlan) -> None:
    """Give some registries a replica; half of these are in another region than the vault, which the replica is in."""
    if registry.number % 10 == 3:
        registry.replicas = (_next(registry.location),)
    if registry.number % 20 == 3:
        registry.location, registry.replicas = _next(registry.location), (registry.location,)


def _next(region: str) -> str:
    return _REGIONS[(_REGIONS.index(region) + 1) % len(_REGIONS)]


def _damage(fleet: FleetPlan, share: float, rng: random.Random) -> None:
    """Damage some vaults, then keys of whole vaults, then registries with whole keys: each only one thing."""
    used = {registry.key.number for registry in fleet.registries if registry.key}
    vaults = {fleet.keys[number].vault.number for number in used}
    _spread(damages.VAULT, [vault for vault in fleet.vaults if vault.number in vaults], share / 4, rng)
    _spread(damages.KEY, [key for key in fleet.keys if key.whole and key.number in used], share / 2, rng)
    encrypted = [registry for registry in fleet.registries if registry.key and registry.key.whole]
    _spread(damages.REGISTRY, encrypted, share / 2, rng, _can_have)
    for registry in encrypted:
        _prepare(registry)


def _can_have(registry: RegistryPlan, damage: str) -> bool:
    return damage not in damages.NEEDS_ROLES or registry.key.vault.has_roles


def _prepare(registry: RegistryPlan) -> None:
    """Give a registry what its damage is done to."""
    if registry.damage == "system identity removed":
        registry.identity = SYSTEM
    elif registry.damage in damages.IDENTITY + damages.GRANT:
        registry.identity = OWN
    elif registry.damage == "pinned to an old version":
        registry.key.old_version = True
    elif registry.damage == "vault in another region":
        registry.location, registry.replicas = _next(registry.key.vault.location), ()


def _spread(
    kinds: Sequence[str],
    subjects: Iterable,
    share: float,
    rng: random.Random,
    can_have: Callable[..., bool] = lambda subject, damage: True,
) -> None:
    """Damage a share of the subjects, as evenly among the kinds as can be; of few, at most half."""
    waiting = list(subjects)
    rng.shuffle(waiting)
    number = max(round(len(waiting) * share), min(len(kinds), len(waiting) // 2))
    for place in range(number):
        damage = kinds[place % len(kinds)]
        at = next((at for at, subject in enumerate(waiting) if can_have(subject, damage)), None)
        if at is not None:
            waiting.pop(at).damage = damage
