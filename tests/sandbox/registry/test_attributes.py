"""Locks on content, deletions, and what soft delete remembers."""

from __future__ import annotations

import pytest

from sandbox.registry.record import named_registry
from sandbox.registry.seeding import list_content, seed_content
from tests.harness.in_process_azure import Azure
from tests.harness.in_process_scene import PATH
from tests.harness.registry_client import RegistryClient, error

DISALLOWED = (405, "REGISTRY_DISALLOWED_OPERATION")


@pytest.fixture
def client() -> RegistryClient:
    azure = Azure()
    azure.registry()
    client = RegistryClient(azure)
    client.push_image("a", "v1")
    return client


def lock(client: RegistryClient, path: str = "", **attributes: bool):
    reply = client.on("a", "PATCH", f"/acr/v1/a{path}", attributes)
    assert reply.status == 200, reply
    return reply


def digest(client: RegistryClient) -> str:
    return client.rows("a")[0]["digest"]


def places(client: RegistryClient) -> list[str]:
    return ["", f"/_manifests/{digest(client)}", "/_tags/v1"]


class TestChanges:
    def test_are_shown_where_they_are_and_stay(self, client):
        for path in places(client):
            lock(client, path, writeEnabled=False)
            lock(client, path, deleteEnabled=False)
            shown = client.on("a", "GET", f"/acr/v1/a{path}").body
            attributes = (shown.get("manifest") or shown.get("tag") or shown)["changeableAttributes"]
            assert (attributes["writeEnabled"], attributes["deleteEnabled"], attributes["readEnabled"]) == (
                False,
                False,
                True,
            )
        locked = list_content(named_registry(client.azure.world, "registry1"))["a"]["attributes"]
        assert locked == {key: {"deleteEnabled": False, "writeEnabled": False} for key in ("", digest(client), "v1")}

    def test_take_a_right(self, client):
        puller = RegistryClient(client.azure, client.azure.principal("7f951dda-4ed3-4680-a7ca-43fe172d538d"))
        assert puller.on("a", "PATCH", "/acr/v1/a", {"writeEnabled": False}).status == 401
        assert puller.on("a", "DELETE", "/acr/v1/a").status == 401

    @pytest.mark.parametrize("path", ["/_manifests/sha256:0", "/_tags/v2"])
    def test_of_what_is_not_there(self, client, path):
        assert client.on("a", "PATCH", f"/acr/v1/a{path}", {}).status == 404

    def test_mistakes(self, client):
        assert error(client.on("a", "PATCH", "/acr/v1/a", {"writeEnabled": "no"})) == (400, "INVALID_BODY")


class TestWhatTheyForbid:
    def test_writing(self, client):
        for path in places(client):
            lock(client, path, writeEnabled=False)
            assert error(client.on("a", "DELETE", f"/v2/a/manifests/{digest(client)}")) == DISALLOWED
            lock(client, path, writeEnabled=True)
        lock(client, writeEnabled=False)
        assert error(client.push_blob("a", b"1")) == DISALLOWED
        assert client.pull("a", "v1").status == 200

    def test_moving_a_tag(self, client):
        lock(client, "/_tags/v1", writeEnabled=False)
        assert error(client.push_image("a", "v1", "other")) == DISALLOWED
        assert client.push_image("a", "v2", "other").status == 201

    def test_reading(self, client):
        for path in places(client):
            lock(client, path, readEnabled=False)
            assert error(client.pull("a", "v1")) == DISALLOWED
            lock(client, path, readEnabled=True)
            assert client.pull("a", "v1").status == 200

    def test_listing(self, client):
        image = digest(client)
        lock(client, f"/_manifests/{image}", listEnabled=False)
        assert client.rows("a") == []
        assert client.on("a", "GET", f"/acr/v1/a/_manifests/{image}").body["manifest"]["tags"] == ["v1"]
        lock(client, "/_tags/v1", listEnabled=False)
        assert client.rows("a", "tags") == []
        lock(client, f"/_manifests/{image}", listEnabled=True)
        assert client.rows("a")[0]["tags"] == ["v1"]
        client.azure.world.settings = client.azure.world.settings.with_changes(hidden_tags_shown=False)
        assert "tags" not in client.rows("a")[0]
        assert client.on("a", "GET", "/acr/v1/a").body["tagCount"] == 1
        lock(client, listEnabled=False)
        assert client.catalog().body == {"repositories": None}
        assert client.pull("a", "v1").status == 200

    @pytest.mark.parametrize("attribute", ["readEnabled", "writeEnabled"])
    def test_importing(self, client, attribute):
        azure = client.azure
        azure.registry("registry2")
        which, target = (PATH, "registry2") if attribute == "readEnabled" else (PATH.replace("y1", "y2"), "registry1")
        if attribute == "writeEnabled":
            seed_content(azure.world, named_registry(azure.world, "registry2"), images=1, names=["a"])
        lock(client, **{attribute: False})
        body = {"source": {"resourceId": which, "sourceImage": "a:v1"}, "targetTags": ["a:v9"]}
        started = azure.send("POST", f"{PATH.replace('registry1', target)}/importImage", body)
        assert azure.error("GET", started.headers["Location"])[0] == 400


class TestDeletion:
    def test_of_a_tag_leaves_the_manifest(self, client):
        assert client.on("a", "DELETE", "/acr/v1/a/_tags/v1").status == 202
        assert client.on("a", "DELETE", "/acr/v1/a/_tags/v1").status == 404
        assert "tags" not in client.rows("a")[0]

    def test_of_a_manifest_takes_its_tags_and_referrers(self, client):
        subject = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest(client), "size": 1}
        client.push_image("a", "signed", "signature", subject=subject)
        assert client.on("a", "DELETE", f"/v2/a/manifests/{subject['digest']}").status == 202
        assert (client.rows("a"), client.rows("a", "tags")) == ([], [])
        assert client.on("a", "DELETE", f"/v2/a/manifests/{subject['digest']}").status == 404

    def test_of_a_repository(self, client):
        image = digest(client)
        reply = client.on("a", "DELETE", "/acr/v1/a")
        assert (reply.status, reply.body) == (202, {"manifestsDeleted": [image], "tagsDeleted": ["v1"]})
        assert client.catalog().body == {"repositories": None}

    def test_is_remembered_with_soft_delete(self, client):
        azure, image = client.azure, digest(client)
        assert client.on("a", "DELETE", f"/v2/a/manifests/{image}").status == 202
        catalog = client.token("registry:deleted_catalog:*")
        assert client.send("GET", "/acr/v1/_deleted/_catalog", token=catalog).body == {"repositories": None}
        soft = {"policies": {"softDeletePolicy": {"status": "enabled", "retentionDays": 7}}}
        azure.ok("PATCH", f"{PATH}?api-version=2026-03-01-preview", {"properties": soft})
        client.push_image("a", "v1")
        assert client.on("a", "DELETE", f"/v2/a/manifests/{image}").status == 202
        assert client.send("GET", "/acr/v1/_deleted/_catalog", token=catalog).body == {"repositories": ["a"]}
        token = client.token("repository:a:deleted_read")
        for kind in ("manifests", "tags"):
            (row,) = client.send("GET", f"/acr/v1/_deleted/a/_{kind}", token=token).body[kind]
            assert row["digest"] == image
        azure.advance(8 * 86_400)
        assert client.send("GET", "/acr/v1/_deleted/a/_tags", token=token).body["tags"] is None
