"""Template specs: versions, forms, who may read them, and deployments of them."""

import pytest

from sandbox.resource_manager.builtin_roles import READER
from tests.harness.in_process_azure import GROUP, Azure
from tests.harness.templates import Deployer, identity, write

API = "?api-version=2022-02-01"
SPEC = f"{GROUP}/providers/Microsoft.Resources/templateSpecs/spec1"
FORM = {"$schema": "https://schema.management.azure.com/schemas/2021-09-09/uiFormDefinition.schema.json#", "view": {}}


@pytest.fixture
def azure():
    azure = Azure()
    azure.ok("PUT", SPEC + API, {"location": "westus", "tags": {"a": "b"}, "properties": {"displayName": "One"}})
    return azure


def version(template=None, **properties):
    return {"location": "westus", "properties": {"mainTemplate": template or write(identity()), **properties}}


def test_versions(azure):
    body = version(uiFormDefinition=FORM, description="first")
    reply = azure.send("PUT", f"{SPEC}/versions/1{API}", body)
    assert (reply.status, reply.body["id"], reply.body["type"]) == (
        201,
        f"{SPEC}/versions/1",
        "Microsoft.Resources/templateSpecs/versions",
    )
    assert azure.get(f"{SPEC}/versions/1{API}")["properties"] == {**body["properties"]}
    assert azure.send("PUT", f"{SPEC}/versions/1{API}", version()).status == 200
    azure.ok("PUT", f"{SPEC}/versions/2{API}", version())
    shown = azure.get(f"{SPEC}{API}&$expand=versions")
    assert (shown["tags"], shown["properties"]["displayName"]) == ({"a": "b"}, "One")
    assert list(shown["properties"]["versions"]) == ["1", "2"]
    assert "versions" not in azure.get(f"{SPEC}{API}")["properties"]
    assert [each["name"] for each in azure.get(f"{SPEC}/versions{API}")["value"]] == ["1", "2"]
    assert azure.send("DELETE", f"{SPEC}/versions/1{API}").status == 200
    assert azure.send("DELETE", f"{SPEC}/versions/1{API}").status == 204
    assert azure.error("GET", f"{SPEC}/versions/1{API}")[0] == 404


def test_specs(azure):
    assert azure.send("PUT", SPEC + API, {"location": "westus"}).status == 200
    listed = azure.get(f"{GROUP}/providers/Microsoft.Resources/templateSpecs{API}")["value"]
    assert [each["name"] for each in listed] == ["spec1"]
    found = azure.get(f"{GROUP}/resources?api-version=2021-04-01")["value"]
    assert [each["type"] for each in found] == ["Microsoft.Resources/templateSpecs"]
    assert azure.send("DELETE", SPEC + API).status == 200
    assert azure.send("DELETE", SPEC + API).status == 204
    assert azure.error("GET", SPEC + API)[1]["code"] == "ResourceNotFound"


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        (SPEC, {"properties": {}}, "LocationRequired"),
        (SPEC, {"location": "eastus"}, "InvalidResourceLocation"),
        (f"{SPEC}/versions/1", {"location": "westus"}, "InvalidTemplateSpec"),
        (f"{SPEC}/versions/1", version("text"), "InvalidTemplateSpec"),
        (f"{SPEC}/versions/1", version(uiFormDefinition="text"), "InvalidTemplateSpec"),
        (f"{SPEC}/versions/1", version(linkedTemplates=[{"path": "x"}]), "InvalidTemplateSpec"),
        (f"{SPEC[:-1]}9/versions/1", version(), "ResourceNotFound"),
    ],
)
def test_what_is_refused(azure, path, body, code):
    assert azure.error("PUT", path + API, body)[1]["code"] == code


def test_deployment(azure):
    azure.ok(
        "PUT",
        f"{SPEC}/versions/1{API}",
        version(write(identity("[parameters('n')]"), parameters={"n": {"type": "string"}})),
    )
    deployer = Deployer(azure)
    link = {"id": f"{SPEC}/versions/1"}
    body = {"properties": {"mode": "Incremental", "templateLink": link, "parameters": {"n": {"value": "id1"}}}}
    azure.ok("POST", deployer.path("d1", "/validate"), body)
    azure.ok("PUT", deployer.path("d1"), body)
    shown = deployer.show()
    assert (shown["provisioningState"], shown["templateLink"]) == ("Succeeded", link)
    assert [each.name for each in azure.world.identities.values()] == ["id1"]
    link["id"] = f"{SPEC}/versions/2"
    assert azure.error("PUT", deployer.path("d2"), body)[1]["code"] == "TemplateSpecVersionNotFound"


def test_rights(azure):
    azure.ok("PUT", f"{SPEC}/versions/1{API}", version())
    reader = azure.principal(READER)
    azure.ok("GET", f"{SPEC}/versions/1{API}", as_=reader)
    assert azure.error("PUT", f"{SPEC}/versions/1{API}", version(), as_=reader)[0] == 403
    azure.world.role_definitions["only"] = {"permissions": [{"actions": ["Microsoft.Resources/deployments/*"]}]}
    deployer = Deployer(azure)
    body = {"properties": {"mode": "Incremental", "templateLink": {"id": f"{SPEC}/versions/1"}}}
    status, error = azure.error("PUT", deployer.path("d1"), body, as_=azure.principal("only"))
    assert (status, error["code"]) == (403, "AuthorizationFailed")
    assert "'Microsoft.Resources/templateSpecs/versions/read'" in error["message"]


def test_a_group_goes_with_its_specs(azure):
    azure.send("DELETE", f"{GROUP}?api-version=2024-11-01")
    azure.ok("GET", "/subscriptions?api-version=2022-12-01")
    assert not azure.world.template_specs
