"""Resource Graph is late: with what is written, and later still with what providers do automatically (facts: 1.5)."""

from __future__ import annotations

import pytest

from sandbox.resource_graph import index
from tests.harness.graph_queries import ask
from tests.harness.in_process_azure import GROUP, Azure, registry_path
from tests.harness.in_process_scene import KEY, Scene

LAG = 60
CRAWL = 86_400
HOUR = 3_600


def names(azure: Azure) -> list[str]:
    return [row["name"] for row in ask(azure, "project id, name | order by id asc")]


def version_shown(azure: Azure) -> str:
    query = (
        "where type endswith 'registries' | project id, properties.encryption.keyVaultProperties.versionedKeyIdentifier"
    )
    (row,) = ask(azure, query)
    return row["properties_encryption_keyVaultProperties_versionedKeyIdentifier"].rsplit("/", 1)[-1]


def latest(scene: Scene) -> str:
    return next(iter(scene.world.vaults.values())).keys["key1"].latest.id


class TestWithoutLag:
    def test_shows_what_is(self):
        azure = Azure()
        azure.vault()
        assert names(azure) == ["vault1"]
        azure.ok("DELETE", f"{GROUP}/providers/Microsoft.KeyVault/vaults/vault1")
        assert names(azure) == []

    def test_shows_what_a_provider_did(self):
        scene = Scene()
        scene.new_version()
        scene.azure.advance(HOUR + 1)
        assert version_shown(scene.azure) == latest(scene)


class TestAfterAWrite:
    @pytest.fixture
    def azure(self):
        return Azure(graph_seconds=LAG)

    def test_what_is_new_comes_later(self, azure):
        azure.vault("vault1")
        assert names(azure) == []
        azure.advance(LAG)
        assert names(azure) == ["vault1"]

    def test_what_is_gone_stays_for_a_while(self, azure):
        azure.registry()
        azure.advance(LAG)
        azure.ok("DELETE", registry_path())
        assert names(azure) == ["registry1"]
        azure.advance(LAG)
        assert names(azure) == []

    def test_what_is_changed_is_old_for_a_while(self, azure):
        azure.registry()
        azure.advance(LAG)
        azure.ok("PATCH", registry_path(), {"tags": {"a": "b"}})
        query = "project id, tags"
        assert [row["tags"] for row in ask(azure, query)] == [None]
        azure.advance(LAG)
        assert [row["tags"] for row in ask(azure, query)] == [{"a": "b"}]

    def test_each_write_has_its_own_time(self, azure):
        azure.vault("vault1")
        azure.advance(LAG / 2)
        azure.vault("vault2")
        azure.advance(LAG / 2)
        assert names(azure) == ["vault1"]
        azure.advance(LAG / 2)
        assert names(azure) == ["vault1", "vault2"]

    def test_grants_are_late_too(self, azure):
        azure.vault()
        identity = azure.identity()
        azure.advance(LAG)
        role = "/providers/Microsoft.Authorization/roleDefinitions/e147488a-f6f5-4113-8e2d-b22465e65bf6"
        path = f"{GROUP}/providers/Microsoft.Authorization/roleAssignments/0b1f6471-1bf0-4dda-aec3-cb9272f09590"
        body = {"properties": {"roleDefinitionId": role, "principalId": identity["principalId"]}}
        azure.ok("PUT", path, body)
        query = f"authorizationresources | where properties.principalId == '{identity['principalId']}'"
        assert ask(azure, query) == []
        azure.advance(LAG)
        assert len(ask(azure, query)) == 1

    def test_the_end_of_an_operation_shows_late(self):
        azure = Azure(graph_seconds=LAG, registry_seconds=10)
        azure.registry()
        azure.advance(LAG)
        query = "project id, properties.provisioningState"
        assert ask(azure, query)[0]["properties_provisioningState"] == "Creating"
        azure.get(registry_path())
        azure.advance(LAG)
        assert ask(azure, query)[0]["properties_provisioningState"] == "Succeeded"

    def test_old_editions_are_forgotten(self, azure):
        for each in range(10):
            azure.vault(f"vault{each}")
            azure.advance(LAG)
        assert len(index.of(azure.world).editions) <= 3


class TestOfWhatAProviderDoes:
    """A registry takes a new version of its key by itself: no write that Resource Manager knows of."""

    @pytest.fixture
    def scene(self):
        scene = Scene(graph_crawl_seconds=CRAWL)
        self.before = latest(scene)
        scene.new_version()
        scene.azure.advance(HOUR + 1)
        assert scene.shown()["versionedKeyIdentifier"] == f"{KEY}/{latest(scene)}"
        return scene

    def test_shows_with_the_next_look_at_everything(self, scene):
        assert version_shown(scene.azure) == self.before
        scene.azure.advance(CRAWL)
        assert version_shown(scene.azure) == latest(scene)

    def test_does_not_show_with_a_write_of_something_else(self, scene):
        scene.azure.vault("vault2")
        assert "vault2" in names(scene.azure)
        assert version_shown(scene.azure) == self.before

    def test_shows_with_a_write_of_the_registry(self, scene):
        scene.azure.ok("PATCH", registry_path(), {"tags": {"a": "b"}})
        assert version_shown(scene.azure) == latest(scene)


class TestCopies:
    def test_of_a_world_have_its_past(self):
        azure = Azure(graph_seconds=LAG)
        azure.vault("vault1")
        azure.advance(LAG)
        azure.vault("vault2")
        azure.world = azure.world.copy()
        assert names(azure) == ["vault1"]
        azure.advance(LAG)
        assert names(azure) == ["vault1", "vault2"]
