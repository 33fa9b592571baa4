"""The list of a subscription's resources that is minutes behind: it is asked where things are, and never believed."""

from __future__ import annotations

import json

import pytest

from azext_acrcmk.model.ids import VAULT_TYPE, ArmId
from sandbox.world import SUBSCRIPTION
from tests.harness.seed import IDENTITY, KEY, REGISTRY

LATE = 600
ELSEWHERE = ArmId(SUBSCRIPTION, "elsewhere", VAULT_TYPE, "othervault")


@pytest.fixture
def az(quick_az):
    return quick_az


@pytest.fixture
def registry(azure, scene):
    """A registry with its vault in another group, both long known."""
    scene.seed.group("elsewhere")
    scene.identity = scene.seed.identity()
    scene.seed.key(scene.seed.vault(ELSEWHERE))
    scene.seed.grant(scene.identity["principalId"], ELSEWHERE)
    scene.use_key(ELSEWHERE)
    azure.settings(resource_list_seconds=LATE)
    return scene


def codes(result) -> set[str]:
    return {row["code"] for row in json.loads(result.out) if row["status"] == "failed"}


def test_a_deleted_vault_that_is_still_listed_is_found_deleted_and_recovered(azure, az, registry):
    registry.seed.delete(ELSEWHERE)
    assert "VaultDeleted" in codes(az("acr cmk check -n myregistry -g rg"))
    az("acr cmk repair -n myregistry -g rg --yes").ok()
    assert azure.pull(REGISTRY.name)["status"] == 200


def test_a_vault_that_is_not_listed_yet_is_not_absent(azure, az, registry):
    azure.reset()
    seed = registry.seed
    seed.group()
    seed.group("elsewhere")
    azure.settings(resource_list_seconds=LATE)
    registry.identity = seed.identity()
    seed.key(seed.vault(ELSEWHERE))
    seed.grant(registry.identity["principalId"], ELSEWHERE)
    registry.use_key(ELSEWHERE)
    shown = az("acr cmk show -n myregistry -g rg").json()
    assert (shown["health"], shown["vault"]) == ("unknown", None)
    refused = az(f"acr cmk enable -n another -g rg --key-vault {ELSEWHERE.name} --key {KEY}")
    assert refused.code == 1
    assert f"The key vault name '{ELSEWHERE.name}' is already in use" in refused.err
    az(f"acr cmk enable -n another -g rg --key-vault {ELSEWHERE} --key {KEY} --identity {IDENTITY.name}").ok()


def test_a_registry_that_is_not_listed_yet_is_found_by_its_group(azure, az, seed):
    azure.settings(resource_list_seconds=LATE)
    seed.encrypted()
    missed = az("acr cmk check -n myregistry")
    assert missed.code == 3
    assert "--resource-group" in missed.err
    az("acr cmk check -n myregistry -g rg").ok()


def test_a_registry_that_is_gone_and_still_listed_is_not_there(azure, az, seed):
    seed.encrypted()
    azure.settings(resource_list_seconds=LATE)
    seed.delete(REGISTRY)
    assert az("acr cmk show -n myregistry").code == 3
