"""What a registry stores: pushed, pulled, listed."""

from __future__ import annotations

import json

import pytest

from sandbox.registry.content import OCI_INDEX, OCI_MANIFEST, digest_of
from sandbox.registry.record import named_registry
from sandbox.registry.seeding import list_content, push_image, seed_content
from tests.harness.in_process_azure import Azure
from tests.harness.in_process_scene import Scene
from tests.harness.registry_client import RegistryClient, error, image


@pytest.fixture
def azure() -> Azure:
    azure = Azure()
    azure.registry()
    return azure


@pytest.fixture
def client(azure) -> RegistryClient:
    return RegistryClient(azure)


class TestPush:
    def test_an_image_comes_back_byte_for_byte(self, client):
        pushed = client.push_image("app/web", "v1")
        pulled = client.pull("app/web", "v1")
        assert pushed.status == 201
        assert (
            pushed.headers["Docker-Content-Digest"] == digest_of(pulled.body) == pulled.headers["Docker-Content-Digest"]
        )
        assert pulled.headers["Content-Type"] == OCI_MANIFEST
        layer = json.loads(pulled.body)["layers"][0]["digest"]
        assert client.on("app/web", "GET", f"/v2/app/web/blobs/{layer}").body == b"image"
        assert client.on("app/web", "HEAD", "/v2/app/web/manifests/v1").status == 200

    def test_in_chunks(self, client):
        begun = client.on("a", "POST", "/v2/a/blobs/uploads/")
        location = begun.headers["Location"]
        first = client.on("a", "PATCH", location, content=b"12", headers={"content-range": "0-1"})
        assert (first.status, first.headers["Range"]) == (202, "0-1")
        assert client.on("a", "PATCH", location, content=b"4", headers={"content-range": "3-3"}).status == 416
        assert client.on("a", "GET", location).headers["Range"] == "0-1"
        assert error(client.on("a", "PUT", f"{location}?digest=sha256:0", content=b"3")) == (400, "DIGEST_INVALID")
        assert client.on("a", "GET", location).status == 404

    def test_at_once_and_cancelled(self, client):
        whole = client.on("a", "POST", f"/v2/a/blobs/uploads/?digest={digest_of(b'1')}", content=b"1")
        assert whole.status == 201
        location = client.on("a", "POST", "/v2/a/blobs/uploads/").headers["Location"]
        assert client.on("a", "DELETE", location).status == 204
        assert client.on("a", "GET", location).status == 404

    def test_a_blob_of_another_repository_takes_the_right_to_pull_there(self, client):
        client.push_image("a", "v1")
        wanted = f"/v2/b/blobs/uploads/?mount={digest_of(b'image')}&from=a"
        assert client.on("b", "POST", wanted).status == 202
        both = client.token("repository:a:pull repository:b:pull,push")
        assert client.send("POST", wanted, token=both).status == 201

    def test_what_a_manifest_names_must_be_there(self, client):
        assert error(client.push("a", "v1", image(b"{}", b"1"))) == (400, "MANIFEST_BLOB_UNKNOWN")
        assert error(client.push_index("a", "v1", [digest_of(b"1")])) == (400, "MANIFEST_BLOB_UNKNOWN")
        child = client.push_image("a", "").headers["Docker-Content-Digest"]
        assert client.push_index("a", "v1", [child]).status == 201
        assert client.pull("a", "v1").headers["Content-Type"] == OCI_INDEX

    @pytest.mark.parametrize(
        ("reference", "changed", "code"),
        [
            ("v1", {"mediaType": "text/plain"}, "MANIFEST_INVALID"),
            ("v1", {"schemaVersion": 1}, "MANIFEST_INVALID"),
            ("v1", {"layers": 1}, "MANIFEST_INVALID"),
            ("sha256:0", {}, "DIGEST_INVALID"),
            ("-v1", {}, "TAG_INVALID"),
        ],
    )
    def test_mistakes(self, client, reference, changed, code):
        client.push_image("a", "v0")
        document = image(b'{"architecture": "amd64", "os": "linux"}', b"image") | changed
        assert error(client.push("a", reference, document)) == (400, code)

    def test_names_are_in_lower_case(self, client):
        assert error(client.push_blob("App", b"1")) == (400, "NAME_INVALID")

    def test_takes_the_right_to_push(self, azure):
        reader = RegistryClient(azure, azure.principal("7f951dda-4ed3-4680-a7ca-43fe172d538d"))
        assert error(reader.push_blob("a", b"1")) == (401, "UNAUTHORIZED")


class TestLists:
    def test_a_manifest_with_all_that_is_known(self, azure, client):
        digest = client.push_image("app/web", "v1").headers["Docker-Content-Digest"]
        client.push_image("app/web", "latest")
        (row,) = client.rows("app/web")
        assert row["tags"] == ["latest", "v1"]
        assert (row["digest"], row["imageSize"]) == (digest, 45)
        assert (row["architecture"], row["os"], row["mediaType"]) == ("amd64", "linux", OCI_MANIFEST)
        assert row["configMediaType"] == "application/vnd.oci.image.config.v1+json"
        assert row["changeableAttributes"] == {
            "deleteEnabled": True,
            "writeEnabled": True,
            "readEnabled": True,
            "listEnabled": True,
            "quarantineState": "Passed",
        }
        shown = client.on("app/web", "GET", f"/acr/v1/app/web/_manifests/{digest}").body
        assert (shown["registry"], shown["imageName"], shown["manifest"]) == ("registry1.azurecr.io", "app/web", row)

    def test_an_untagged_manifest_has_no_tags(self, azure, client):
        seed_content(azure.world, named_registry(azure.world, "registry1"), images=0, untagged=1)
        (row,) = client.rows("app/service0001")
        assert "tags" not in row

    def test_tags(self, azure, client):
        digest = client.push_image("a", "v1").headers["Docker-Content-Digest"]
        (row,) = client.rows("a", "tags")
        assert (row["name"], row["digest"], row["signed"]) == ("v1", digest, False)
        assert client.on("a", "GET", "/acr/v1/a/_tags/v1").body["tag"] == row
        assert client.on("a", "GET", "/v2/a/tags/list").body == {"name": "a", "tags": ["v1"]}
        assert client.rows("a", "tags", "?digest=sha256:0") == []

    @pytest.mark.parametrize("order", ["", "timeasc", "timedesc"])
    @pytest.mark.parametrize("kind", ["manifests", "tags"])
    def test_in_pages(self, azure, client, kind, order):
        seed_content(azure.world, named_registry(azure.world, "registry1"), images=7)
        seen, path = [], f"/acr/v1/app/service0001/_{kind}?n=3&orderby={order}"
        while path:
            reply = client.on("app/service0001", "GET", path)
            seen += [row["digest" if kind == "manifests" else "name"] for row in reply.body[kind]]
            link = reply.headers.get("Link", "")
            path = link.partition("<")[2].partition(">")[0]
        whole = client.rows("app/service0001", kind, f"?orderby={order}")
        assert seen == [row["digest" if kind == "manifests" else "name"] for row in whole]
        assert len(seen) == len(set(seen)) == 7
        times = [row["lastUpdateTime"] for row in whole]
        if order:
            assert times == sorted(times, reverse=order == "timedesc")

    @pytest.mark.parametrize("order", ["timeasc", "timedesc"])
    def test_after_something_that_is_gone_a_list_in_order_of_time_begins_again(self, azure, client, order):
        seed_content(azure.world, named_registry(azure.world, "registry1"), images=3)
        assert len(client.rows("app/service0001", query=f"?orderby={order}&last=sha256:0")) == 3

    def test_a_page_is_never_longer_than_the_limit(self, azure, client):
        seed_content(azure.world, named_registry(azure.world, "registry1"), images=120)
        assert len(client.rows("app/service0001", query="?n=1000")) == 100
        azure.world.settings = azure.world.settings.with_changes(registry_list_refuses=True)
        reply = client.on("app/service0001", "GET", "/acr/v1/app/service0001/_tags?n=101")
        assert error(reply) == (400, "PAGINATION_NUMBER_INVALID")
        assert len(client.rows("app/service0001", "tags", "?n=100")) == 100
        reply = client.on("app/service0001", "GET", "/acr/v1/app/service0001/_tags?n=0")
        assert error(reply) == (400, "PAGINATION_NUMBER_INVALID")

    def test_a_repository(self, azure, client):
        seed_content(azure.world, named_registry(azure.world, "registry1"), images=2, indexes=1, index_size=2)
        shown = client.on("app/service0001", "GET", "/acr/v1/app/service0001").body
        assert (shown["manifestCount"], shown["tagCount"]) == (5, 3)
        assert shown["changeableAttributes"]["writeEnabled"] is True

    @pytest.mark.parametrize(
        ("path", "code"),
        [
            ("/acr/v1/a/_manifests/sha256:0", "MANIFEST_UNKNOWN"),
            ("/acr/v1/a/_tags/v2", "TAG_UNKNOWN"),
            ("/v2/a/manifests/v2", "TAG_UNKNOWN"),
            ("/v2/a/manifests/sha256:0", "MANIFEST_UNKNOWN"),
            ("/v2/a/blobs/sha256:0", "BLOB_UNKNOWN"),
        ],
    )
    def test_what_is_not_there(self, client, path, code):
        client.push_image("a", "v1")
        assert error(client.on("a", "GET", path)) == (404, code)
        assert error(client.on("b", "GET", path.replace("/a/", "/b/"))) == (404, "NAME_UNKNOWN")


class TestSeed:
    def test_is_reproducible_and_whole(self, azure, client):
        azure.registry("registry2")
        one, two = (named_registry(azure.world, name) for name in ("registry1", "registry2"))
        wanted = {"repositories": 2, "images": 3, "indexes": 1, "untagged": 1, "signatures": 2, "nested": True}
        counts = seed_content(azure.world, one, **wanted, cosign=1, tags=2)
        assert seed_content(azure.world, two, **wanted, cosign=1, tags=2) == counts
        assert counts == {"repositories": 2, "manifests": 30, "tags": 18, "referrers": 12}
        assert list_content(one) == list_content(two)
        for row in client.rows("app/service0001"):
            pulled = client.pull("app/service0001", row["digest"])
            assert digest_of(pulled.body) == row["digest"]

    def test_another_image_moves_a_tag(self, azure, client):
        registry = named_registry(azure.world, "registry1")
        seed_content(azure.world, registry, images=1)
        before = list_content(registry)["app/service0001"]["tags"]["v1"]
        moved = push_image(azure.world, registry, "app/service0001", "v1", seed="next")
        after = list_content(registry)["app/service0001"]
        assert after["tags"] == {"v1": moved}
        assert before in after["manifests"]


def test_nothing_is_served_or_stored_without_the_key():
    scene = Scene()
    client = RegistryClient(scene.azure)
    client.push_image("a", "v1")
    scene.world.role_assignments.pop(scene.grant.id.lower())
    assert error(client.pull("a", "v1")) == (403, "DENIED")
    assert error(client.push_blob("a", b"1")) == (403, "DENIED")
    assert error(client.on("a", "GET", "/acr/v1/a/_manifests")) == (403, "DENIED")
