"""The real `az deployment` and `az ts`: what they send is understood, and they understand what they are answered."""

import json

import pytest

from sandbox.world import SUBSCRIPTION
from tests.harness.templates import identity, nested, write

TEMPLATE = """{
  // Comments, as people write them. "quoted": { too }
  "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
  "contentVersion": "1.0.0.0",
  "parameters": {
    "name": { "type": "string", "metadata": { "description": "Of the identity." } }, /* and
    over two lines */
    "count": { "type": "int", "defaultValue": 1 }
  },
  "resources": [
    {
      "type": "Microsoft.ManagedIdentity/userAssignedIdentities",
      "apiVersion": "2024-11-30",
      "name": "[concat(parameters('name'), copyIndex())]",
      "location": "[resourceGroup().location]",
      "copy": { "name": "many", "count": "[parameters('count')]" }
    }
  ],
  "outputs": { "group": { "type": "string", "value": "[resourceGroup().name]" } }
}
"""
FORM = {"$schema": "https://schema.management.azure.com/schemas/2021-09-09/uiFormDefinition.schema.json#", "view": {}}


@pytest.fixture
def group(az, sandbox):
    sandbox.unseen("PUT", f"/subscriptions/{SUBSCRIPTION}/resourcegroups/rg", {"location": "westus"}, "2024-11-01")
    (az.directory / "azuredeploy.json").write_text(TEMPLATE)


@pytest.mark.usefixtures("group")
def test_in_a_group(az, sandbox):
    given = "-g rg -f azuredeploy.json -p name=id count=2"
    found = az(f"deployment group validate {given}").json()["properties"]
    assert [each["id"].rpartition("/")[2] for each in found["validatedResources"]] == ["id0", "id1"]
    shown = az(f"deployment group what-if {given}").ok().out
    assert "+ Microsoft.ManagedIdentity/userAssignedIdentities/id1 [2024-11-30]" in shown
    assert "Resource changes: 2 to create." in shown
    sandbox.clear_log()
    made = az(f"deployment group create {given}").json()
    assert (made["name"], made["properties"]["provisioningState"]) == ("azuredeploy", "Succeeded")
    assert made["properties"]["outputs"] == {"group": {"type": "String", "value": "rg"}}
    calls = [(entry["method"], entry["path"].partition("/deployments/")[2]) for entry in sandbox.log()]
    assert [(method, path.partition("/")[2].partition("/")[0]) for method, path in calls if path] == [
        ("POST", "validate"),
        ("PUT", ""),
        ("GET", "operationStatuses"),
        ("GET", ""),
    ]
    assert az("deployment group show -g rg -n azuredeploy").json()["id"] == made["id"]
    operations = az("deployment operation group list -g rg -n azuredeploy").json()
    assert [each["properties"]["provisioningOperation"] for each in operations] == [
        "Create",
        "Create",
        "EvaluateDeploymentOutput",
    ]
    assert "2 no change." in az(f"deployment group what-if {given}").ok().out


@pytest.mark.usefixtures("group")
def test_parameters(az, sandbox):
    """An unknown one on the command line ends before any request, as the tutorial's does; one in a file is sent."""
    refused = az("deployment group create -g rg -f azuredeploy.json -p name=id key_id=x")
    assert refused.code == 1
    assert "unrecognized template parameter 'key_id'. Allowed parameters: count, name" in refused.err
    assert not [entry for entry in sandbox.log() if "/deployments/" in entry["path"]]
    values = {"name": {"value": "id"}, "key_id": {"value": "x"}}
    (az.directory / "values.json").write_text(json.dumps({"parameters": values}))
    refused = az("deployment group create -g rg -f azuredeploy.json -p @values.json")
    assert refused.code == 1
    assert "The template parameters 'key_id' in the parameters file are not valid" in refused.err
    refused = az("deployment group create -g rg -f azuredeploy.json --no-prompt")
    assert "The value for the template parameter 'name' at line '6' and column '13' is not provided" in refused.err


@pytest.mark.usefixtures("group")
def test_failures(az, sandbox):
    role = {"type": "Microsoft.Authorization/roleAssignments", "apiVersion": "2022-04-01", "name": "x"}
    (az.directory / "t.json").write_text(json.dumps(write(nested("n", write(role)))))
    failed = az("deployment group create -g rg -f t.json")
    assert failed.code == 1
    for words in (
        '"status":"Failed"',
        '"code":"DeploymentFailed"',
        '"code":"ResourceDeploymentFailure"',
        "BadRequestFormat",
    ):
        assert words in failed.err.replace('": "', '":"')
    sandbox.deny("Microsoft.ManagedIdentity/userAssignedIdentities")
    refused = az("deployment group create -g rg -f azuredeploy.json -p name=id")
    assert refused.code == 1
    assert "InvalidTemplateDeployment" in refused.err
    assert "RequestDisallowedByPolicy" in refused.err
    shown = az("deployment group what-if -g rg -f azuredeploy.json -p name=id")
    assert shown.code == 1
    assert "RequestDisallowedByPolicy" in shown.err


def test_at_a_subscription(az):
    group = {"type": "Microsoft.Resources/resourceGroups", "apiVersion": "2024-11-01", "name": "new"}
    content = write(
        group | {"location": "eastus"}, nested("n", write(identity()), resourceGroup="new", dependsOn=["new"])
    )
    (az.directory / "t.json").write_text(json.dumps(content))
    assert "Resource changes: 2 to create." in az("deployment sub what-if -l westus -f t.json -n d1").ok().out
    made = az("deployment sub create -l westus -f t.json -n d1").json()
    assert [each["id"].rpartition("/")[2] for each in made["properties"]["outputResources"]] == ["new", "id1"]
    assert az("identity show -g new -n id1").json()["location"] == "westus"
    assert len(az("deployment operation sub list -n d1").json()) == 3


@pytest.mark.usefixtures("group")
def test_template_specs(az):
    (az.directory / "form.json").write_text(json.dumps(FORM))
    made = az("ts create -g rg -n spec -v 1 -l westus -f azuredeploy.json --ui-form-definition form.json --yes").json()
    assert made["uiFormDefinition"] == FORM
    assert made["mainTemplate"]["contentVersion"] == "1.0.0.0"
    assert az("ts show -g rg -n spec").json()["versions"] == ["1"]
    assert az("ts show -g rg -n spec -v 1").json()["id"] == made["id"]
    deployed = az(f"deployment group create -g rg -n d1 --template-spec {made['id']} -p name=id").json()
    assert deployed["properties"]["templateLink"]["id"] == made["id"]
    assert [each["id"].rpartition("/")[2] for each in deployed["properties"]["outputResources"]] == ["id0"]
