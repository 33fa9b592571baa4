"""Deployments that succeed: their answers, what they make and in which order, in groups and at a subscription."""

from dataclasses import asdict

import pytest

from sandbox.resource_manager.builtin_roles import CONTRIBUTOR, READER
from sandbox.settings import PROFILES
from sandbox.world import OTHER_SUBSCRIPTION, OWNER_OBJECT_ID, SUBSCRIPTION
from tests.harness.in_process_azure import ENCRYPTION_USER, GROUP, Azure
from tests.harness.templates import IDENTITIES, Deployer, identity, nested, symbolic, write

IDENTITY = f"{GROUP}/providers/{IDENTITIES}/id1"
OTHER_GROUP = f"/subscriptions/{OTHER_SUBSCRIPTION}/resourceGroups/other"
AT_SUBSCRIPTION = f"/subscriptions/{SUBSCRIPTION}"


def outputs(**values):
    return {"outputs": {name: {"type": "string", "value": value} for name, value in values.items()}}


def seconds(shown):
    """How long something took, to the tenth of a second."""
    return round(float(shown["duration"].removeprefix("PT").removesuffix("S")), 1)


def test_from_put_to_get(azure, deployer):
    content = write(identity("[parameters('Name')]"), parameters={"Name": {"type": "string"}}, **outputs(x="y"))
    reply = azure.send("PUT", deployer.path("d1"), deployer.body(content, Name="id1"))
    accepted = reply.body["properties"]
    assert (reply.status, reply.body["id"], accepted["provisioningState"]) == (
        201,
        f"{GROUP}/providers/Microsoft.Resources/deployments/d1",
        "Accepted",
    )
    assert "outputs" not in accepted
    assert azure.ok("GET", reply.headers["Azure-AsyncOperation"]) == {"status": "Succeeded"}
    shown = deployer.show()
    assert shown["parameters"] == {"name": {"type": "String", "value": "id1"}}  # the first letter lowered
    assert shown["outputs"] == {"x": {"type": "String", "value": "y"}}
    assert shown["outputResources"] == [{"id": IDENTITY}]
    assert shown["providers"] == [
        {
            "namespace": "Microsoft.ManagedIdentity",
            "resourceTypes": [{"resourceType": "userAssignedIdentities", "locations": ["westus"]}],
        }
    ]
    assert shown["templateHash"].isdecimal()
    assert IDENTITY.lower() in azure.world.identities
    assert deployer.operations() == [("Create", "id1", "Created"), ("EvaluateDeploymentOutput", "", "OK")]


def test_again(azure, deployer):
    content = write(identity(tags={"a": "b"}))
    first = deployer.deploy(content)
    reply = azure.send("PUT", deployer.path("d1"), deployer.body(content))
    assert reply.status == 200
    assert deployer.show()["templateHash"] == first["templateHash"]
    assert deployer.operations()[0] == ("Create", "id1", "OK")


def test_a_name_in_use():
    azure = Azure(identity_answer_seconds=60)
    deployer = Deployer(azure)
    assert deployer.start(write(identity()))["provisioningState"] == "Running"
    status, error = azure.error("PUT", deployer.path("d1"), deployer.body(write()))
    assert (status, error["code"]) == (409, "DeploymentActive")
    assert error["message"].startswith("Unable to edit or replace deployment 'd1': previous deployment from '")
    assert azure.error("DELETE", deployer.path("d1"))[1]["code"] == "DeploymentActive"
    azure.advance(60)
    deployer.deploy(write())


def test_order_and_time():
    """Side by side what waits for nothing, at its own time although nobody asked meanwhile."""
    azure = Azure(identity_answer_seconds=10, registry_answer_seconds=8, registry_seconds=13, deployment_seconds=1)
    deployer = Deployer(azure)
    registry = {
        "type": "Microsoft.ContainerRegistry/registries",
        "apiVersion": "2025-04-01",
        "name": "registry1",
        "location": "westus",
        "sku": {"name": "Premium"},
        "dependsOn": ["id1"],
    }
    began = azure.world.now()
    deployer.start(write(identity("id1"), identity("id2"), identity("id3", dependsOn=["id2"]), registry))
    assert deployer.show()["provisioningState"] == "Running"
    azure.advance(1000)
    assert seconds(deployer.show()) == 39
    answer = azure.ok("GET", f"{GROUP}/deployments/d1/operations?api-version=2025-04-01")["value"]
    steps = [entry["properties"] for entry in answer[:-1]]
    # A registry is asked for every ten seconds, as its Retry-After says: done 21 s after its PUT, seen after 28.
    assert [(step["targetResource"]["resourceName"], seconds(step)) for step in steps] == [
        ("id1", 10),
        ("id2", 10),
        ("registry1", 28),
        ("id3", 10),
    ]
    (made,) = azure.world.registries.values()
    assert made.system.created == pytest.approx(began + 10, abs=1)


def test_time_as_recorded():
    """A vault takes as long as in the recording of 2025: 24 to 25 seconds, asked for every 5."""
    azure = Azure(**asdict(PROFILES["recorded"]))
    deployer = Deployer(azure)
    vault = {
        "type": "Microsoft.KeyVault/vaults",
        "apiVersion": "2026-02-01",
        "name": "vault1",
        "location": "westus",
        "properties": {
            "tenantId": "[tenant().tenantId]",
            "sku": {"family": "A", "name": "standard"},
            "accessPolicies": [],
        },
    }
    deployer.start(write(vault))
    azure.advance(60)
    assert deployer.show()["provisioningState"] == "Succeeded"
    assert 19 <= seconds(deployer.show()) <= 25


def test_references(azure, deployer):
    content = write(
        identity("id1"),
        identity("id2", tags={"of": "[resourceGroup().location]"}, dependsOn=["id1"]),
        variables={"id": f"[resourceId('{IDENTITIES}', 'id1')]"},
        **outputs(
            name="[reference('id1').clientId]",
            id="[reference(variables('id'), '2024-11-30').clientId]",
            other="[reference('Microsoft.ManagedIdentity/userAssignedIdentities/id9', '2024-11-30').clientId]",
            full="[reference(variables('id'), '2024-11-30', 'Full').location]",
        ),
    )
    client = azure.identity("id9")["clientId"]
    found = {name: output["value"] for name, output in deployer.deploy(content)["outputs"].items()}
    own = azure.world.identities[IDENTITY.lower()].client_id
    assert found == {"name": own, "id": own, "other": client, "full": "westus"}
    assert ("Read", "id9", "OK") in deployer.operations()
    assert ("Read", "id1", "OK") not in deployer.operations()


def test_symbolic_references(azure, deployer):
    azure.identity("id9")
    content = symbolic(
        there={**identity("id9"), "existing": True},
        made=nested("n", write(**outputs(x="[parameters('x')]"), parameters={"x": {"type": "string"}})),
    )
    content["resources"]["made"]["properties"]["parameters"] = {"x": {"value": "[reference('there').clientId]"}}
    content |= outputs(x="[reference('made').outputs.x.value]")
    assert (
        deployer.deploy(content)["outputs"]["x"]["value"]
        == azure.get(f"{GROUP}/providers/{IDENTITIES}/id9?api-version=2024-11-30")["properties"]["clientId"]
    )
    assert deployer.operations()[0] == ("Read", "id9", "OK")


def test_conditions(azure, deployer):
    made = deployer.deploy(write(identity("id1", condition="[false()]"), identity("id2", dependsOn=["id1"])))
    assert made["outputResources"] == [{"id": f"{GROUP}/providers/{IDENTITIES}/id2"}]


def test_only_if_it_does_not_exist(azure, deployer):
    once = {"@options": {"onlyIfNotExists": []}}
    content = symbolic(a={**identity("id1", tags={"v": "[parameters('v')]"}), **once})
    content["parameters"] = {"v": {"type": "string"}}
    deployer.deploy(content, v="1")
    deployer.deploy(content, v="2")
    assert azure.world.identities[IDENTITY.lower()].tags == {"v": "1"}


def test_bodies_are_not_shared(azure, deployer):
    """What is made of a template stays apart, also where two resources get the same value."""
    content = write(
        identity("id1", tags="[parameters('tags')]"),
        identity("id2", tags="[parameters('tags')]"),
        parameters={"tags": {"type": "object"}},
    )
    deployer.deploy(content, tags={"a": "b"})
    first, second = azure.world.identities.values()
    assert first.tags == second.tags == {"a": "b"}
    assert first.tags is not second.tags


def test_nested_elsewhere(azure, deployer):
    azure.add_group(OTHER_GROUP, "eastus")
    inside = write(
        identity("[parameters('name')]", location="[resourceGroup().location]"),
        parameters={"name": {"type": "string"}},
        **outputs(id=f"[resourceId('{IDENTITIES}', parameters('name'))]"),
    )
    there = {"subscriptionId": OTHER_SUBSCRIPTION, "resourceGroup": "other"}
    content = write(
        nested("n", inside, parameters={"name": "id7"}, **there), **outputs(id="[reference('n').outputs.id.value]")
    )
    made = deployer.deploy(content)
    there_id = f"{OTHER_GROUP}/providers/{IDENTITIES}/id7"
    assert made["outputs"]["id"]["value"] == there_id
    assert made["outputResources"] == [{"id": there_id}]
    assert azure.world.identities[there_id.lower()].location == "eastus"
    assert Deployer(azure, OTHER_GROUP).show("n")["provisioningState"] == "Succeeded"
    assert [each["id"] for each in deployer.validate(content)["validatedResources"]] == [
        f"{OTHER_GROUP}/providers/Microsoft.Resources/deployments/n",
        there_id,
    ]


def test_outer_scope_is_the_outer_one(azure, deployer):
    azure.add_group(OTHER_GROUP, "eastus")
    inside = write(identity("id7", location="[resourceGroup().location]", tags={"v": "[variables('v')]"}))
    there = {"subscriptionId": OTHER_SUBSCRIPTION, "resourceGroup": "other"}
    deployer.deploy(write(nested("n", inside, inner=False, **there), variables={"v": "outer"}))
    (made,) = azure.world.identities.values()
    assert (made.location, made.tags) == ("westus", {"v": "outer"})
    assert "/resourcegroups/other/" in made.id.lower()


def test_serial_waits_take_one_after_the_other():
    azure = Azure(deployment_seconds=2)
    deployer = Deployer(azure)
    wait = nested(
        "[concat('wait', copyIndex())]", write(), inner=False, copy={"name": "w", "count": 4, "mode": "serial"}
    )
    deployer.start(write(wait, identity(dependsOn=["w"])))
    azure.advance(60)
    assert [name for _, name, _ in deployer.operations()] == ["wait0", "wait1", "wait2", "wait3", "id1", ""]
    assert seconds(deployer.show()) == 10


def test_at_a_subscription(azure):
    deployer = Deployer(azure, AT_SUBSCRIPTION)
    group = {
        "type": "Microsoft.Resources/resourceGroups",
        "apiVersion": "2024-11-01",
        "name": "new",
        "location": "eastus",
    }
    role = {
        "type": "Microsoft.Authorization/roleAssignments",
        "apiVersion": "2022-04-01",
        "name": "[guid(subscription().id, parameters('who'), parameters('role'))]",
        "properties": {
            "roleDefinitionId": "[subscriptionResourceId(variables('roles'), parameters('role'))]",
            "principalId": "[parameters('who')]",
        },
    }
    inside = write(identity("id1", location="[resourceGroup().location]"))
    content = write(
        group,
        role,
        nested("n", inside, resourceGroup="new", dependsOn=["new"]),
        parameters={"who": {"type": "string"}, "role": {"type": "string"}},
        variables={"roles": "Microsoft.Authorization/roleDefinitions"},
        **outputs(place="[deployment().location]"),
    )
    body = deployer.body(content, who=OWNER_OBJECT_ID, role=ENCRYPTION_USER)
    status, error = azure.error("PUT", deployer.path("d1"), body)
    assert (status, error["code"]) == (400, "InvalidDeployment")
    assert "The 'location' property must be specified for 'd1'." in error["message"]
    assert azure.ok("POST", deployer.path("d1", "/validate"), body | {"location": "westus"})
    azure.ok("PUT", deployer.path("d1"), body | {"location": "westus", "tags": {"a": "b"}})
    made = azure.ok("GET", deployer.path("d1"))
    assert (made["location"], made["tags"]) == ("westus", {"a": "b"})
    assert made["properties"]["outputs"]["place"]["value"] == "westus"
    (identity_made,) = azure.world.identities.values()
    assert identity_made.location == "eastus"
    assert "/resourcegroups/new/" in identity_made.id.lower()
    answer = azure.ok("GET", f"{AT_SUBSCRIPTION}/providers/Microsoft.Resources/deployments/d1/operations?api-version=1")
    assert len(answer["value"]) == 4
    status, error = azure.error("PUT", deployer.path("d1"), body | {"location": "eastus"})
    assert (status, error["code"]) == (409, "InvalidDeploymentLocation")


def test_location_is_for_subscriptions(azure, deployer):
    body = deployer.body(write()) | {"location": "westus"}
    status, error = azure.error("PUT", deployer.path("d1"), body)
    assert (status, error["code"]) == (400, "InvalidDeployment")
    assert "The 'location' property is not allowed for 'd1' at resource group scope." in error["message"]


def test_complete_mode(azure, deployer):
    azure.identity("id8")
    azure.vault("vault8")
    deployer.deploy(write(identity("id1"), nested("n", write(identity("id2")))), mode="Complete")
    assert sorted(each.name for each in azure.world.identities.values()) == ["id1", "id2"]
    assert not azure.world.vaults
    assert ("Delete", "vault8", "OK") in deployer.operations()


def test_a_provider_is_registered():
    azure = Azure(provider_seconds=30)
    deployer = Deployer(azure)
    azure.world.providers[SUBSCRIPTION, "microsoft.managedidentity"] = "NotRegistered"
    deployer.start(write(identity()))
    assert deployer.show()["provisioningState"] == "Running"
    azure.advance(60)
    assert deployer.show()["provisioningState"] == "Succeeded"


def test_cancel():
    azure = Azure(identity_answer_seconds=60)
    deployer = Deployer(azure)
    deployer.start(write(nested("n", write(identity("id1"), identity("id2", dependsOn=["id1"])))))
    assert azure.send("POST", deployer.path("d1", "/cancel")).status == 204
    azure.advance(1000)
    assert deployer.show()["provisioningState"] == "Canceled"
    status, error = azure.error("POST", deployer.path("d1", "/cancel"))
    assert (status, error["code"]) == (409, "DeploymentCannotBeCancelled")


def test_a_nested_one_is_canceled():
    azure = Azure(identity_answer_seconds=60)
    deployer = Deployer(azure)
    deployer.start(write(nested("n", write(identity("id1")))))
    azure.ok("POST", deployer.path("n", "/cancel"))
    (detail,) = deployer.show()["error"]["details"]
    assert "terminal provisioning state 'Canceled'" in detail["message"]


def test_a_group_goes_with_its_deployments():
    azure = Azure(identity_answer_seconds=60)
    deployer = Deployer(azure)
    deployer.start(write(identity("id1"), identity("id2", dependsOn=["id1"])))
    azure.send("DELETE", f"{GROUP}?api-version=2024-11-01")
    azure.advance(1000)
    azure.ok("GET", "/subscriptions?api-version=2022-12-01")
    assert not azure.world.deployments
    assert not azure.world.identities


def test_around_a_deployment(azure, deployer):
    content = write(identity())
    deployer.deploy(content)
    deployer.deploy(content, "d2")
    listed = azure.ok("GET", f"{GROUP}/providers/Microsoft.Resources/deployments?api-version=2025-04-01")["value"]
    assert [each["name"] for each in listed] == ["d2", "d1"]
    assert azure.ok("POST", deployer.path("d1", "/exportTemplate")) == {"template": content}
    assert list(azure.world.copy().deployments) == list(azure.world.deployments)
    assert azure.send("HEAD", deployer.path("d1")).status == 204
    assert azure.send("DELETE", deployer.path("d1")).status == 204
    assert azure.send("HEAD", deployer.path("d1")).status == 404
    status, error = azure.error("GET", deployer.path("d1"))
    assert (status, error["message"]) == (404, "Deployment 'd1' could not be found.")
    first = azure.ok("GET", f"{GROUP}/deployments/d2/operations?api-version=2025-04-01")["value"][0]
    assert azure.ok("GET", f"{GROUP}/deployments/d2/operations/{first['operationId']}?api-version=2025-04-01") == first
    assert azure.error("GET", f"{GROUP}/deployments/d2/operations/no?api-version=2025-04-01")[0] == 404
    assert azure.error("GET", deployer.path("d2", "/operationStatuses/no"))[0] == 404


@pytest.mark.parametrize("action", ["", "/validate", "/whatIf"])
def test_rights_for_deployments_themselves(azure, deployer, action):
    reader = azure.principal(READER)
    method = "POST" if action else "PUT"
    status, error = azure.error(method, deployer.path("d1", action), deployer.body(write()), as_=reader)
    assert (status, error["code"]) == (403, "AuthorizationFailed")
    wanted = f"{action}/action" if action else "/write"
    assert f"to perform action 'Microsoft.Resources/deployments{wanted}'" in error["message"]
    azure.ok(method, deployer.path("d1", action), deployer.body(write()), as_=azure.principal(CONTRIBUTOR))


def test_a_group_that_is_not_there(azure):
    deployer = Deployer(azure, f"{AT_SUBSCRIPTION}/resourceGroups/no")
    error = deployer.refusal(write())
    assert (error["code"], error["message"]) == ("ResourceGroupNotFound", "Resource group 'no' could not be found.")
