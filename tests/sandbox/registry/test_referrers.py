"""Signatures and the like, which refer to a manifest."""

from __future__ import annotations

import json

import pytest

from sandbox.registry.content import OCI_INDEX, digest_of
from sandbox.registry.record import named_registry
from sandbox.registry.seeding import seed_content
from tests.harness.in_process_azure import Azure
from tests.harness.in_process_scene import Scene
from tests.harness.registry_client import RegistryClient, error

REPOSITORY = "app/service0001"


@pytest.fixture
def client() -> RegistryClient:
    azure = Azure()
    azure.registry()
    return RegistryClient(azure)


def referrers(client: RegistryClient, repository: str, digest: str, query: str = ""):
    return client.on(repository, "GET", f"/v2/{repository}/referrers/{digest}{query}")


def test_are_listed_by_their_subject(client):
    seed_content(
        client.azure.world, named_registry(client.azure.world, "registry1"), images=1, signatures=1, nested=True
    )
    (image,) = [row["digest"] for row in client.rows(REPOSITORY) if row.get("tags")]
    reply = referrers(client, REPOSITORY, image)
    assert (reply.status, reply.headers["Content-Type"], reply.body["mediaType"]) == (200, OCI_INDEX, OCI_INDEX)
    bill, signature = sorted(reply.body["manifests"], key=lambda each: each["artifactType"])
    assert bill["artifactType"] == "application/spdx+json"
    assert signature["artifactType"] == "application/vnd.cncf.notary.signature"
    pulled = client.pull(REPOSITORY, bill["digest"])
    assert (digest_of(pulled.body), len(pulled.body)) == (bill["digest"], bill["size"])
    assert json.loads(pulled.body)["subject"]["digest"] == image
    assert len(referrers(client, REPOSITORY, bill["digest"]).body["manifests"]) == 1


def test_only_those_of_a_type(client):
    seed_content(client.azure.world, named_registry(client.azure.world, "registry1"), images=1, signatures=1)
    (image,) = [row["digest"] for row in client.rows(REPOSITORY) if row.get("tags")]
    reply = referrers(client, REPOSITORY, image, "?artifactType=application/spdx%2Bjson")
    assert [each["artifactType"] for each in reply.body["manifests"]] == ["application/spdx+json"]
    assert reply.headers["OCI-Filters-Applied"] == "artifactType"


def test_of_what_is_not_there_are_none(client):
    assert referrers(client, "nowhere", digest_of(b"1")).body["manifests"] == []


def test_one_that_is_pushed_tells_of_its_subject(client):
    subject = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest_of(b"1"), "size": 1}
    pushed = client.push_image("a", "", subject=subject)
    assert pushed.headers["OCI-Subject"] == subject["digest"]
    (found,) = referrers(client, "a", subject["digest"]).body["manifests"]
    assert found["artifactType"] == "application/vnd.oci.image.config.v1+json"


def test_an_encrypted_registry_has_no_list_but_takes_the_fallback_tag():
    client = RegistryClient(Scene().azure)
    subject = client.push_image("a", "v1").headers["Docker-Content-Digest"]
    descriptor = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": subject, "size": 1}
    pushed = client.push_image("a", "", "signature", subject=descriptor)
    assert "OCI-Subject" not in pushed.headers
    assert referrers(client, "a", subject).status == 404
    tag = subject.replace(":", "-")
    assert error(client.pull("a", tag)) == (404, "TAG_UNKNOWN")
    assert client.push_index("a", tag, [pushed.headers["Docker-Content-Digest"]]).status == 201
    assert json.loads(client.pull("a", tag).body)["manifests"][0]["digest"] == pushed.headers["Docker-Content-Digest"]
