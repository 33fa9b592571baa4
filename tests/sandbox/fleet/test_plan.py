"""What a fleet consists of, before it is made."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.fleet import damages
from sandbox.fleet.plan import FleetPlan, plan

SIZES = {"registries": 300, "vaults": 60, "keys": 150, "subscriptions": 5}


def planned(seed: int = 1, **changes) -> FleetPlan:
    return plan(**{**SIZES, **changes}, rng=random.Random(seed))


def test_has_the_sizes_asked_for():
    fleet = planned()
    assert (len(fleet.registries), len(fleet.vaults), len(fleet.keys)) == (300, 60, 150)
    assert {registry.subscription for registry in fleet.registries} == set(range(5))


def test_is_the_same_for_the_same_seed():
    assert planned() == planned()
    assert planned() != planned(seed=2)


def test_has_every_kind_of_damage():
    found = {damage for registry in planned().registries for damage in registry.damages}
    assert found == set(damages.ALL)


def test_keeps_to_the_share():
    fleet = plan(registries=10_000, vaults=3_000, keys=6_000, subscriptions=200, rng=random.Random(1), damaged=0.1)
    encrypted = [registry for registry in fleet.registries if registry.key]
    wrong = [registry for registry in encrypted if set(registry.damages) - {damages.SHARED}]
    assert 0.05 < len(wrong) / len(encrypted) < 0.15


def test_of_no_damage_is_whole():
    found = {damage for registry in planned(damaged=0).registries for damage in registry.damages}
    assert found == {damages.SHARED, *damages.UNENCRYPTED}


def test_shares_keys_only_where_there_are_too_few():
    assert not any(registry.key_shared for registry in planned(keys=400).registries)
    assert any(registry.key_shared for registry in planned().registries)


def test_has_vaults_in_one_subscription_where_that_is_asked_for():
    assert {vault.subscription for vault in planned(central_vaults=True).vaults} == {0}


@pytest.mark.parametrize(
    "sizes", [{"registries": 0}, {"vaults": 0}, {"keys": 59}, {"subscriptions": 0}, {"damaged": 1.1}, {"damaged": -1}]
)
def test_refuses_what_can_not_be(sizes):
    with pytest.raises(ValueError, match=r"A fleet has|The damaged share"):
        planned(**sizes)


@settings(max_examples=30)
@given(st.integers(1, 60), st.integers(1, 12), st.integers(0, 30), st.integers(1, 4), st.integers(), st.floats(0, 1))
def test_damages_one_thing_behind_each_registry(registries, vaults, more_keys, subscriptions, seed, damaged):
    fleet = planned(
        seed,
        registries=registries,
        vaults=vaults,
        keys=vaults + more_keys,
        subscriptions=subscriptions,
        damaged=damaged,
    )
    for registry in fleet.registries:
        assert len(set(registry.damages) - {damages.SHARED}) <= 1
        if registry.damage in damages.NEEDS_ROLES:
            assert registry.key.vault.has_roles
