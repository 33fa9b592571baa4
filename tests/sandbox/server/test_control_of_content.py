"""What the control API does for tests of content and imports, over the network."""

from __future__ import annotations

import pytest

from sandbox.client import Sandbox
from sandbox.world import SUBSCRIPTION

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg"
REGISTRIES = f"{GROUP}/providers/Microsoft.ContainerRegistry/registries"
APP = f"{GROUP}/providers/Microsoft.App/containerApps/app1"
REPOSITORY = "app/service0001"


@pytest.fixture
def registries(sandbox: Sandbox) -> Sandbox:
    """One registry with an image, and one without."""
    sandbox.unseen("PUT", GROUP, {"location": "westus"}, "2024-11-01")
    for name in ("source1", "target1"):
        body = {"location": "westus", "sku": {"name": "Premium"}}
        sandbox.unseen("PUT", f"{REGISTRIES}/{name}", body, "2025-11-01")
    assert sandbox.seed_content("source1", images=1)["manifests"] == 1
    return sandbox


def copy(sandbox: Sandbox, tag: str) -> int:
    """The status with which an import ends."""
    source = {"resourceId": f"{REGISTRIES}/source1", "sourceImage": f"{REPOSITORY}:v1"}
    body = {"source": source, "targetTags": [f"copied:{tag}"]}
    begun = sandbox.arm("POST", f"{REGISTRIES}/target1/importImage", body, "2025-04-01")
    assert begun.status_code == 202, begun.text
    location = begun.headers["Location"].removeprefix("https://management.azure.com")
    return sandbox.arm("GET", location).status_code


def test_imports_go_wrong_and_faults_are_cleared(registries):
    registries.import_fault("fail", times=5)
    assert copy(registries, "1") == 400
    registries.clear_faults()
    assert copy(registries, "2") == 200
    assert registries.content("target1")["copied"]["tags"].keys() == {"2"}


def test_content_is_in_the_state_and_comes_back(registries):
    before = registries.state()["content"]
    registries.save()
    moved = registries.push_image("source1", REPOSITORY, "v1", seed="next")
    assert registries.content("source1")[REPOSITORY]["tags"] == {"v1": moved}
    assert registries.state()["content"] != before
    registries.restore()
    assert registries.state()["content"] == before


def test_others_resources_are_in_the_list_and_in_resource_graph(registries):
    endpoint = f"{GROUP}/providers/Microsoft.Network/privateEndpoints/pe1"
    assert registries.add_private_endpoint("source1", endpoint).startswith(f"{REGISTRIES}/source1/private")
    connected = registries.add_listed("source1", "connectedRegistries", "onsite", mode="ReadOnly")
    assert connected in registries.state()["registry_parts"]
    used = {"configuration": {"registries": [{"server": "source1.azurecr.io"}]}}
    registries.add_resource(APP, used, tags={"a": "b"})
    listed = registries.unseen("GET", f"{GROUP}/resources", api_version="2024-11-01")["value"]
    assert {"id": APP, "type": "Microsoft.App/containerApps"}.items() <= next(
        each for each in listed if each["id"] == APP
    ).items()
    query = "resources | where type =~ 'microsoft.app/containerapps' | project id, properties"
    asked = {"query": query, "subscriptions": [SUBSCRIPTION]}
    path = "/providers/Microsoft.ResourceGraph/resources"
    (row,) = registries.unseen("POST", path, asked, "2024-04-01")["data"]
    assert row["properties"]["configuration"] == used["configuration"]


def test_replications_are_in_resource_graph(registries):
    registries.unseen("PUT", f"{REGISTRIES}/source1/replications/eastus", {"location": "eastus"}, "2025-11-01")
    query = "resources | where type =~ 'microsoft.containerregistry/registries/replications' | project name, location"
    asked = {"query": query, "subscriptions": [SUBSCRIPTION]}
    rows = registries.unseen("POST", "/providers/Microsoft.ResourceGraph/resources", asked, "2024-04-01")["data"]
    assert {"name": "eastus", "location": "eastus"} in rows
