"""Answers have the shape of the recorded ones, and errors their words (the facts' deployment-exchanges.json)."""

import re

import pytest

from sandbox.core.web import AzureError
from sandbox.resource_manager.deployments.language import jsonc
from tests.harness import recordings
from tests.harness.in_process_azure import GROUP
from tests.harness.templates import identity, nested, read, write


@pytest.fixture(scope="module")
def exchanges():
    return {each["id"]: each for each in recordings.facts("deployment-exchanges.json")["exchanges"]}


def shape(value, below=""):
    """The paths of all members, of lists those of their first member."""
    if isinstance(value, list):
        return shape(value[0], f"{below}[]") if value else {below}
    if not isinstance(value, dict):
        return {below}
    return {path for name, member in value.items() for path in shape(member, f"{below}.{name}")} or {below}


def missing(recorded, ours, *differ):
    """What is recorded and not answered here, but for what differs with the template."""
    return {path for path in shape(recorded) - shape(ours) if not path.startswith(differ or ("no",))}


def test_validate(exchanges, deployer):
    recorded = exchanges["validate-200"]["response"]["body"]
    content = write(identity(), parameters={"location": {"type": "string", "defaultValue": "westus"}})
    ours = deployer.azure.ok("POST", deployer.path("d1", "/validate"), deployer.body(content))
    assert missing(recorded, ours, ".properties.parameters.", ".properties.dependencies") == set()
    assert set(ours["properties"]) == set(recorded["properties"])
    for name in ("mode", "provisioningState", "duration"):
        assert ours["properties"][name] == recorded["properties"][name]


def test_validate_nested(exchanges, azure, deployer):
    azure.add_group(GROUP.replace("/rg", "/other"))
    recorded = exchanges["validate-nested-other-group-200"]["response"]["body"]["properties"]
    content = write(nested("nestedTemplate", write(identity("y")), resourceGroup="other"), identity("x"))
    names = ("StorageAccountName1", "CrossRg")
    content["parameters"] = {name: {"type": "string", "defaultValue": "x"} for name in names}
    ours = deployer.validate(content)
    assert list(ours["parameters"]) == list(recorded["parameters"])
    assert ours["providers"][0] == recorded["providers"][0]
    assert {each["id"].rpartition("/")[2] for each in ours["validatedResources"]} == {
        each["id"].rpartition("/")[2] for each in recorded["validatedResources"]
    }
    recorded = exchanges["validate-group-missing-404"]["response"]
    content = write(nested("n", write(), resourceGroup="SomeRandomRG"))
    reply = azure.send("POST", deployer.path("d1", "/validate"), deployer.body(content))
    assert (reply.status, reply.body) == (recorded["status"], recorded["body"])
    assert reply.headers["x-ms-failure-cause"] == recorded["headers"]["x-ms-failure-cause"]


def test_create_and_poll(exchanges, azure, deployer):
    recorded = exchanges["create-201"]["response"]
    reply = azure.send("PUT", deployer.path("d1"), deployer.body(write()))
    assert reply.status == recorded["status"]
    assert missing(recorded["body"], reply.body) == set()
    assert reply.body["properties"]["provisioningState"] == "Accepted"
    url = reply.headers["Azure-AsyncOperation"]
    pattern = r"/deployments/[^/]+/operationStatuses/\d{20}\?api-version="
    assert re.search(pattern, url)
    assert re.search(pattern, recorded["headers"]["azure-asyncoperation"])
    assert azure.ok("GET", url) == exchanges["poll"]["response"]["body"]


def test_final(exchanges, deployer):
    recorded = exchanges["final-get-with-outputs"]["response"]["body"]
    outputs = {"storageAccountId": {"type": "string", "value": "x"}}
    ours = {"properties": deployer.deploy(write(identity(), outputs=outputs))}
    assert missing(recorded, ours) == set()


def test_what_if(exchanges, azure, deployer):
    accepted, recorded = exchanges["whatif"]["response"]
    azure.identity("id1")
    body = deployer.body(write(identity("id1", tags={"a": "b"})))
    reply = azure.send("POST", deployer.path("d1", "/whatIf"), body)
    assert reply.status == accepted["status"]
    pattern = r"/subscriptions/[^/]+/operationresults/[^/?]+\?api-version="
    assert re.search(pattern, accepted["headers"]["location"])
    assert re.search(pattern, reply.headers["Location"])
    ours = azure.ok("GET", reply.headers["Location"])
    of_a_change = ".properties.changes[]"
    own = (f"{of_a_change}.before.", f"{of_a_change}.after.", f"{of_a_change}.delta[].before")
    assert missing(recorded["body"], ours, *own) == set()
    (change,), (theirs,) = ours["properties"]["changes"], recorded["body"]["properties"]["changes"]
    for side in ("before", "after"):
        assert set(theirs[side]) - {"kind", "sku"} <= set(change[side])


def test_operations(exchanges, azure, deployer):
    recorded = exchanges["operations-list"]["response"]["body"]["value"]
    deployer.deploy(write(identity()))
    path = exchanges["operations-list"]["request"]["path"].replace("{d}", "d1")
    path = path.replace("/subscriptions/{s}/resourcegroups/{rg}", GROUP)
    ours = azure.ok("GET", f"{path}?api-version=2025-04-01")["value"]
    for theirs, own in zip(recorded, ours, strict=True):
        assert missing(theirs, own) == set()
        for name in ("provisioningOperation", "provisioningState", "statusCode"):
            assert own["properties"][name] == theirs["properties"][name]
        assert ("targetResource" in own["properties"]) == ("targetResource" in theirs["properties"])


def test_what_az_sends(exchanges):
    text = exchanges["az-2.91-create-request"]["request"]["bodyText"].replace('…",\n  …}', 'x"}')
    found = jsonc.loads(text)["properties"]
    assert (found["parameters"], found["mode"]) == ({"registryName": {"value": "abc"}}, "Incremental")
    assert found["template"] == {"$schema": "x"}


def test_failures(exchanges, deployer):
    recorded = exchanges["failed-resource"]["response"]["body"]["error"]
    missing_role = {"type": "Microsoft.Authorization/roleAssignments", "apiVersion": "2022-04-01", "name": "x"}
    ours = deployer.failure(write(nested("n", write(missing_role))))
    for ours_, theirs in ((ours, recorded), (ours["details"][0], recorded["details"][0])):
        assert set(ours_) == set(theirs)
        assert (ours_["code"], ours_["message"]) == (theirs["code"], theirs["message"])
    recorded = exchanges["failed-nested"]["response"]["body"]["error"]
    while "details" in recorded and isinstance(recorded["details"][0], dict):
        assert ours["code"] == recorded["code"]
        (ours,), (recorded,) = ours["details"], recorded["details"]


def test_invalid_templates(exchanges):
    recorded = exchanges["invalid-template-400"]
    invalid = {
        "unknown parameter": (write(), {"a": 1}),
        "not allowed value": (write(parameters={"p": {"type": "string", "allowedValues": ["a"]}}), {"p": "b"}),
        "missing value": (write(parameters={"p": {"type": "string"}}), {}),
        "unknown dependency": (write(identity(dependsOn=["no"])), {}),
        "bad name segments": (write(identity("a/b")), {}),
    }
    assert set(invalid) == set(recorded["messages"])
    for name, (content, values) in invalid.items():
        with pytest.raises(AzureError) as refused:
            read(content, **values)
        error = refused.value.reply()
        assert error.status == recorded["response"]["status"]
        assert shape(error.body) == shape(recorded["response"]["body"])
        assert _words(recorded["messages"][name]) <= _words(error.body["error"]["message"]), name


def _words(message):
    """The words of a message but for what is quoted, and for where more is to be read."""
    plain = re.sub(r"'[^' ]*'|\{[^}]*\}|https\S+|aksClusterName|virtualNetworkName", " ", message)
    return set(re.findall(r"[a-z]+", plain.partition("Please see")[0]))
