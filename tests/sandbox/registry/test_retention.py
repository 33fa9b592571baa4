"""The retention policy of a registry."""

from __future__ import annotations

import pytest

from sandbox.registry.record import named_registry
from sandbox.registry.seeding import list_content, push_image, seed_content
from tests.harness.in_process_azure import Azure
from tests.harness.in_process_scene import DAY, PATH
from tests.harness.registry_client import RegistryClient

POLICY = {"properties": {"policies": {"retentionPolicy": {"status": "enabled", "days": 7}}}}
REPOSITORY = "app/service0001"


@pytest.fixture
def azure() -> Azure:
    azure = Azure()
    azure.registry()
    return azure


def seed(azure: Azure, **content) -> None:
    seed_content(azure.world, named_registry(azure.world, "registry1"), images=0, **content)


def left(azure: Azure, days: float) -> int:
    """How many manifests are left after some days."""
    azure.advance(days * DAY)
    azure.get(PATH)
    return len(list_content(named_registry(azure.world, "registry1"))[REPOSITORY]["manifests"])


def test_what_comes_without_a_tag_is_deleted_after_the_days(azure):
    azure.ok("PATCH", PATH, POLICY)
    azure.advance(60)
    seed(azure, untagged=2, indexes=1, index_size=2, docker=True)
    assert left(azure, 6.5) == 5
    assert left(azure, 1) == 3


def test_what_was_there_before_stays(azure):
    seed(azure, untagged=2, docker=True)
    azure.ok("PATCH", PATH, POLICY)
    assert left(azure, 30) == 2


def test_what_loses_its_tag_is_deleted(azure):
    registry = named_registry(azure.world, "registry1")
    seed_content(azure.world, registry, images=2, docker=True)
    azure.ok("PATCH", PATH, POLICY)
    azure.advance(60)
    push_image(azure.world, named_registry(azure.world, "registry1"), REPOSITORY, "v1", "next")
    registry.content.repositories[REPOSITORY].remove_tag("v2", azure.world.now())
    assert left(azure, 6) == 3
    assert left(azure, 2) == 1


@pytest.mark.parametrize("locked", ["writeEnabled", "deleteEnabled"])
def test_what_is_locked_or_of_another_type_stays(azure, locked):
    azure.ok("PATCH", PATH, POLICY)
    azure.advance(60)
    seed(azure, untagged=1)
    seed(azure, untagged=1, docker=True)
    (digest,) = (row["digest"] for row in RegistryClient(azure).rows(REPOSITORY) if "docker" in row["mediaType"])
    RegistryClient(azure).on(REPOSITORY, "PATCH", f"/acr/v1/{REPOSITORY}/_manifests/{digest}", {locked: False})
    assert left(azure, 30) == 2


def test_without_the_policy_everything_stays(azure):
    seed(azure, untagged=1, docker=True)
    assert left(azure, 365) == 1
