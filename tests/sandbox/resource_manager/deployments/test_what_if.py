"""What a deployment would change, and what validate says of it."""

from sandbox.resource_manager.builtin_roles import CONTRIBUTOR
from tests.harness.in_process_azure import GROUP, Azure
from tests.harness.templates import IDENTITIES, Deployer, identity, nested, symbolic, write

VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/vault1"


def vault(**properties):
    base = {"tenantId": "[tenant().tenantId]", "sku": {"family": "A", "name": "standard"}, "accessPolicies": []}
    head = {"type": "Microsoft.KeyVault/vaults", "apiVersion": "2026-02-01", "name": "vault1", "location": "West US"}
    return {**head, "properties": base | properties}


def kinds(result):
    return {change["resourceId"].rpartition("/")[2]: change["changeType"] for change in result["properties"]["changes"]}


def test_changes(azure, deployer):
    azure.identity("id2")
    azure.identity("id3")
    azure.vault("vault1")
    content = write(identity("id1"), identity("id2", tags={"a": "b"}), vault(), nested("n", write(identity("id4"))))
    before = (len(azure.world.identities), len(azure.world.deployments))
    result = deployer.what_if(content)
    assert result["status"] == "Succeeded"
    assert kinds(result) == {"id1": "Create", "id2": "Modify", "id3": "Ignore", "id4": "Create", "vault1": "NoChange"}
    assert (len(azure.world.identities), len(azure.world.deployments)) == before
    _, created, modified, *_ = result["properties"]["changes"]
    assert created["resourceId"] == f"{GROUP}/providers/{IDENTITIES}/id1"
    assert created["after"] == {
        "apiVersion": "2024-11-30",
        "id": created["resourceId"],
        "name": "id1",
        "type": IDENTITIES,
        "location": "westus",
    }
    assert modified["delta"] == [{"path": "tags.a", "propertyChangeType": "Create", "after": "b"}]
    assert (modified["before"]["tags"], modified["after"]["tags"]) == ({}, {"a": "b"})
    assert modified["after"]["properties"] == modified["before"]["properties"]


def test_values(azure, deployer):
    azure.vault("vault1", networkAcls={"defaultAction": "Deny", "ipRules": [{"value": "1.2.3.4"}]})
    acls = {"defaultAction": "Allow", "ipRules": [{"value": "1.2.3.5/32"}, {"value": "1.2.3.6/32"}]}
    (change,) = deployer.what_if(write(vault(networkAcls=acls)))["properties"]["changes"]
    action, rules = change["delta"]
    assert action == {
        "path": "properties.networkAcls.defaultAction",
        "propertyChangeType": "Modify",
        "before": "Deny",
        "after": "Allow",
    }
    assert (rules["path"], rules["propertyChangeType"]) == ("properties.networkAcls.ipRules", "Array")
    assert rules["children"] == [
        {"path": "0.value", "propertyChangeType": "Modify", "before": "1.2.3.4/32", "after": "1.2.3.5/32"},
        {"path": "1", "propertyChangeType": "Create", "after": {"value": "1.2.3.6/32"}},
    ]
    (change,) = deployer.what_if(write(vault(networkAcls={"ipRules": []})))["properties"]["changes"]
    assert [each["propertyChangeType"] for each in change["delta"][0]["children"]] == ["Delete"]


def test_what_is_not_known_counts_as_changed(azure, deployer):
    azure.identity("id1")
    text = "[reference('id1').tenantId]"
    deployer.deploy(write(identity("id1"), vault(tenantId=text)))
    result = deployer.what_if(write(identity("id1"), vault(tenantId=text)))
    (change,) = [each for each in result["properties"]["changes"] if each["resourceId"] == VAULT]
    (delta,) = change["delta"]
    assert (delta["path"], delta["after"]) == ("properties.tenantId", text)


def test_nested_ones_with_unknown_parameters_are_hidden(azure, deployer):
    inside = write(identity("[parameters('x')]"), parameters={"x": {"type": "string"}})
    content = write(identity("id1"), nested("n", inside, parameters={"x": "[reference('id1').clientId]"}))
    result = deployer.what_if(content)
    assert kinds(result) == {"id1": "Create"}
    (diagnostic,) = result["properties"]["diagnostics"]
    assert (diagnostic["code"], diagnostic["target"]) == (
        "NestedDeploymentShortCircuited",
        f"{GROUP}/providers/Microsoft.Resources/deployments/n",
    )


def test_other_kinds_of_change(azure, deployer):
    azure.identity("id1")
    azure.identity("id2")
    assert kinds(deployer.what_if(write(identity("id1")), mode="Complete")) == {"id1": "NoChange", "id2": "Delete"}
    once = symbolic(a={**identity("id1", tags={"a": "b"}), "@options": {"onlyIfNotExists": []}})
    assert kinds(deployer.what_if(once))["id1"] == "NoChange"
    azure.vault("vault1")
    policies = {"type": "Microsoft.KeyVault/vaults/accessPolicies", "apiVersion": "2026-02-01", "name": "vault1/add"}
    assert kinds(deployer.what_if(write({**policies, "properties": {"accessPolicies": []}})))["add"] == "Unsupported"


def test_without_payloads(azure, deployer):
    azure.identity("id2")
    body = deployer.body(write(identity("id1")))
    body["properties"]["whatIfSettings"] = {"resultFormat": "ResourceIdOnly"}
    location = azure.send("POST", deployer.path("d1", "/whatIf"), body).headers["Location"]
    changes = azure.ok("GET", location)["properties"]["changes"]
    assert [set(change) for change in changes] == [{"resourceId", "changeType"}] * 2


def test_what_is_wrong_stands_in_the_result(azure, deployer):
    result = deployer.what_if(write(identity("[no()]")))
    assert (result["status"], result["error"]["code"]) == ("Failed", "InvalidTemplate")


def test_the_right_to_read(azure, deployer):
    azure.identity("id1")
    azure.world.role_definitions["only"] = {
        "permissions": [{"actions": ["Microsoft.Resources/*", f"{IDENTITIES}/write"]}]
    }
    body = deployer.body(write(identity("id1")))
    who = azure.principal("only")
    location = azure.send("POST", deployer.path("d1", "/whatIf"), body, as_=who).headers["Location"]
    assert azure.ok("GET", location, as_=who)["error"]["code"] == "AuthorizationFailed"


def test_it_takes_its_time():
    azure = Azure(deployment_seconds=10)
    deployer = Deployer(azure)
    location = azure.send("POST", deployer.path("d1", "/whatIf"), deployer.body(write())).headers["Location"]
    assert azure.send("GET", location).status == 202
    azure.advance(10)
    assert azure.ok("GET", location) == {"status": "Succeeded", "properties": {"changes": []}}


def test_validate(azure, deployer):
    found = deployer.validate(write(identity("id1"), identity("id2", dependsOn=["id1"])))
    assert (found["provisioningState"], found["duration"]) == ("Succeeded", "PT0S")
    first, second = (f"{GROUP}/providers/{IDENTITIES}/{name}" for name in ("id1", "id2"))
    assert found["validatedResources"] == [{"id": first}, {"id": second}]
    assert found["dependencies"] == [
        {
            "dependsOn": [{"id": first, "resourceType": IDENTITIES, "resourceName": "id1"}],
            "id": second,
            "resourceType": IDENTITIES,
            "resourceName": "id2",
        }
    ]
    assert not azure.world.deployments


def test_a_contributor_may_ask(azure, deployer):
    who = azure.principal(CONTRIBUTOR)
    azure.ok("POST", deployer.path("d1", "/validate"), deployer.body(write(identity())), as_=who)
