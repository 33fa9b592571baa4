"""Deployments that do not begin, and those that fail: for what a direct PUT would be refused for, in Azure's frames."""

import pytest

from sandbox.resource_manager.builtin_roles import CONTRIBUTOR, READER
from sandbox.resource_manager.policies import DenyPolicy
from sandbox.world import SUBSCRIPTION
from tests.harness.in_process_azure import ENCRYPTION_USER, GROUP, Azure, encryption, registry_path
from tests.harness.templates import IDENTITIES, Deployer, identity, nested, symbolic, write

REGISTRIES = "Microsoft.ContainerRegistry/registries"
ROLES = "Microsoft.Authorization/roleAssignments"
DEPLOYMENT = f"{GROUP}/providers/Microsoft.Resources/deployments"


def registry(**properties):
    head = {"type": REGISTRIES, "apiVersion": "2025-04-01", "name": "registry1", "location": "westus"}
    return {**head, "sku": {"name": "Premium"}, "properties": properties}


def grant(principal, name="11111111-2222-4333-8444-555555555555", **more):
    role = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{ENCRYPTION_USER}"
    properties = {"roleDefinitionId": role, "principalId": principal, "principalType": "ServicePrincipal"}
    return {"type": ROLES, "apiVersion": "2022-04-01", "name": name, "properties": properties, **more}


def deny(azure, kind, condition=None):
    azure.world.policies.append(DenyPolicy("deny-it", kind, f"/subscriptions/{SUBSCRIPTION}", condition))


# Those that do not begin


def test_no_right_to_write_a_resource(azure, deployer):
    who = azure.principal(CONTRIBUTOR)
    error = deployer.refusal(write(identity("id1"), grant("p1")), as_=who)
    name = "11111111-2222-4333-8444-555555555555"
    assert error["code"] == "InvalidTemplateDeployment"
    assert error["message"] == (
        f"The template deployment failed with error: 'Authorization failed for template resource '{name}' of type "
        f"'{ROLES}'. The client '{who.app_id}' with object id '{who.object_id}' does not have permission to perform "
        f"action '{ROLES}/write' at scope '{GROUP}/providers/{ROLES}/{name}'.'."
    )
    more = write(grant("p1"), nested("n", write(grant("p1", name))))
    message = deployer.refusal(more, as_=who)["message"]
    assert message.startswith("Deployment failed with multiple errors: 'Authorization failed for template resource")
    assert message.count("does not have permission") == 2
    assert not azure.world.identities


def test_a_policy(azure, deployer):
    deny(azure, REGISTRIES, {"field": "sku.name", "equals": "Premium"})
    error = deployer.refusal(write(identity(), registry()))
    assert (error["code"], error["message"]) == (
        "InvalidTemplateDeployment",
        "The template deployment failed because of policy violation. Please see details for more information.",
    )
    (detail,) = error["details"]
    direct = azure.error("PUT", registry_path(), {"location": "westus", "sku": {"name": "Premium"}})[1]
    assert detail == direct
    assert detail["code"] == "RequestDisallowedByPolicy"


def test_a_version_that_is_not_there(deployer):
    old = {**identity(), "apiVersion": "2023-07-01"}
    error = deployer.refusal(write(old))
    assert error["code"] == "NoRegisteredProviderFound"
    assert "API version '2023-07-01' for type 'userAssignedIdentities'" in error["message"]


def test_a_group_of_a_nested_one(deployer):
    error = deployer.refusal(write(nested("n", write(), resourceGroup="no")))
    assert (error["code"], error["message"]) == ("ResourceGroupNotFound", "Resource group 'no' could not be found.")


def test_an_invalid_template(deployer):
    error = deployer.refusal(write(identity("[no()]")))
    assert error["code"] == "InvalidTemplate"
    assert error["additionalInfo"][0]["info"] == {"lineNumber": 1, "linePosition": 1, "path": ""}
    assert deployer.refusal(write(nested("n", write(identity("[no()]")))))["code"] == "InvalidTemplate"


def test_levels_of_validation(azure, deployer):
    who = azure.principal(CONTRIBUTOR)
    deny(azure, REGISTRIES)

    def status(level, *resources):
        body = deployer.body(write(*resources))
        body["properties"]["validationLevel"] = level
        return azure.send("POST", deployer.path("d1", "/validate"), body, as_=who).status

    assert [status(level, grant("p1")) for level in ("Provider", "ProviderNoRbac", "Template")] == [400, 200, 200]
    assert [status(level, registry()) for level in ("Provider", "ProviderNoRbac", "Template")] == [400, 400, 200]
    assert status("Else") == 400


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"template": None}, "InvalidDeployment", "neither a 'template' nor a 'templateLink'"),
        ({"template": "text"}, "InvalidDeployment", "neither a 'template' nor a 'templateLink'"),
        ({"mode": "Else"}, "InvalidDeployment", "The deployment mode 'Else' is not valid"),
        ({"parameters": []}, "OK", ""),
        ({"parameters": [1]}, "InvalidDeployment", "have to be an object"),
        ({"onErrorDeployment": {"type": "LastSuccessful"}}, "InvalidDeployment", "does not roll back"),
        ({"templateLink": {"uri": "https://x.invalid/t.json"}}, "InvalidContentLink", "it is not on loopback"),
        ({"templateLink": {"id": f"{GROUP}/providers/Microsoft.Resources/templateSpecs/s/versions/1"}}, "Template", ""),
    ],
)
def test_requests_that_make_no_sense(azure, deployer, change, code, words):
    body = deployer.body(write())
    body["properties"] |= change
    reply = azure.send("PUT", deployer.path("d1"), body)
    if code == "OK":
        assert reply.status == 201
        return
    error = reply.body["error"]
    assert error["code"].startswith(code)
    assert words in error["message"]


@pytest.mark.parametrize("body", [None, "text", [], {}, {"properties": []}])
def test_bodies_that_are_none(azure, deployer, body):
    status, error = azure.error("PUT", deployer.path("d1"), body)
    assert (status, error["code"]) == (400, "InvalidRequestContent")


@pytest.mark.parametrize("name", ["a b", "a" * 65, "a%C3%A9"])
def test_names(azure, deployer, name):
    status, error = azure.error("PUT", deployer.path(name), deployer.body(write()))
    assert (status, error["code"]) == (400, "InvalidDeploymentName")


# Those that fail


def test_a_refused_put(azure, deployer):
    """The error is the one of a direct PUT; what does not depend on it is made, what does is not."""
    content = write(
        grant("p1"), identity("id1"), identity("id2", dependsOn=["id1"]), identity("id3", dependsOn=[ROLES_NAME])
    )
    error = deployer.failure(content)
    assert (error["code"], error["target"]) == ("DeploymentFailed", f"{DEPLOYMENT}/d1")
    assert error["message"].startswith("At least one resource deployment operation failed. Please list deployment ")
    (detail,) = error["details"]
    direct = azure.error("PUT", f"{GROUP}/providers/{ROLES}/{ROLES_NAME}?api-version=2022-04-01", grant("p1"))[1]
    assert detail == direct
    assert detail["code"] == "PrincipalNotFound"
    assert sorted(each.name for each in azure.world.identities.values()) == ["id1", "id2"]
    assert deployer.operations()[0] == ("Create", ROLES_NAME, "BadRequest")
    assert len(deployer.operations()) == 3


ROLES_NAME = "11111111-2222-4333-8444-555555555555"


def test_what_can_only_be_known_then(azure, deployer):
    """A value from a reference: the policy speaks when the resource's turn has come."""
    deny(azure, REGISTRIES, {"field": "properties.x", "exists": True})
    content = write(identity(), registry(x="[reference('id1').clientId]"))
    deployer.validate(content)
    (detail,) = deployer.failure(content)["details"]
    assert detail["code"] == "RequestDisallowedByPolicy"


@pytest.mark.parametrize("failure", ["sync", "async"])
def test_a_key_that_may_not_be_used(failure):
    azure = Azure(cmk_failure=failure)
    deployer = Deployer(azure)
    made, key = azure.identity(), azure.key(azure.vault(enableRbacAuthorization=True))["keyUri"]
    encrypted = registry(encryption=encryption(key, made["clientId"]))
    encrypted["identity"] = {"type": "UserAssigned", "userAssignedIdentities": {made["id"]: {}}}
    (detail,) = deployer.failure(write(encrypted))["details"]
    if failure == "async":
        assert (detail["code"], detail["target"]) == ("ResourceDeploymentFailure", registry_path())
        assert detail["message"] == (
            "The resource write operation failed to complete successfully, because it reached terminal provisioning "
            "state 'Failed'."
        )
        (detail,) = detail["details"]
    assert detail["message"].startswith(f"Failed to access KeyId '{key}'.")
    assert deployer.operations()[-1][2] == ("Conflict" if failure == "async" else "BadRequest")


def test_a_nested_one_that_fails(deployer):
    error = deployer.failure(write(nested("outer", write(nested("inner", write(grant("p1")))))))
    codes, targets = [], []
    while "details" in error:
        codes.append(error["code"])
        targets.append(error["target"].rpartition("/")[2])
        (error,) = error["details"]
    assert list(zip(codes, targets, strict=True)) == [
        ("DeploymentFailed", "d1"),
        ("ResourceDeploymentFailure", "outer"),
        ("DeploymentFailed", "outer"),
        ("ResourceDeploymentFailure", "inner"),
        ("DeploymentFailed", "inner"),
    ]
    assert error["code"] == "PrincipalNotFound"


def test_a_nested_one_that_does_not_begin(azure):
    """Its parameters were not known before, so nothing could be said of it."""
    inside = write(grant("[parameters('who')]"), parameters={"who": {"type": "string"}})
    who = azure.principal(CONTRIBUTOR)
    deployer = Deployer(azure)
    content = write(identity(), nested("n", inside, parameters={"who": "[reference('id1').principalId]"}))
    found = azure.ok("POST", deployer.path("d1", "/validate"), deployer.body(content), as_=who)["properties"]
    assert [each["code"] for each in found["diagnostics"]] == ["NestedDeploymentShortCircuited"]
    azure.ok("PUT", deployer.path("d1"), deployer.body(content), as_=who)
    (detail,) = deployer.show()["error"]["details"]
    assert detail["code"] == "InvalidTemplateDeployment"
    assert f"of type '{ROLES}'" in detail["message"]


def test_a_reference_to_nothing(azure, deployer):
    text = f"[reference(resourceId('{IDENTITIES}', 'no'), '2024-11-30').clientId]"
    (detail,) = deployer.failure(write(registry(x=text)))["details"]
    assert detail["code"] == "ResourceNotFound"
    assert deployer.operations() == [("Read", "no", "NotFound")]
    found = deployer.failure(write(outputs={"x": {"type": "string", "value": text}}), "d2")
    assert found["code"] == "ResourceNotFound"
    untaken = write(registry(x=f"[if(false(), {text[1:-1]}, 'y')]"))
    deployer.deploy(untaken, "d3")
    # A false condition does not keep the references of a resource from being evaluated.
    assert deployer.failure(write({**registry(x=text), "condition": False}), "d4")["details"] == [detail]


def test_a_reference_needs_the_right_to_read(azure, deployer):
    azure.identity("id9")
    azure.world.role_definitions["only"] = {
        "permissions": [{"actions": ["Microsoft.Resources/*", f"{REGISTRIES}/write"]}]
    }
    who = azure.principal("only")
    content = symbolic(there={**identity("id9"), "existing": True}, made=registry(x="[reference('there').clientId]"))
    azure.ok("PUT", deployer.path("d1"), deployer.body(content), as_=who)
    (detail,) = deployer.show()["error"]["details"]
    assert detail["code"] == "AuthorizationFailed"
    assert f"'{IDENTITIES}/read'" in detail["message"]
    # What it has made itself Resource Manager follows without the caller's right to read.
    azure.ok("PUT", deployer.path("d2"), deployer.body(write(registry())), as_=who)
    assert deployer.show("d2")["provisioningState"] == "Succeeded"


def test_an_identity_that_may_not_be_assigned(azure, deployer):
    made = azure.identity()
    azure.world.role_definitions["only"] = {"permissions": [{"actions": ["Microsoft.Resources/*", f"{REGISTRIES}/*"]}]}
    who = azure.principal("only")
    content = {**registry(), "identity": {"type": "UserAssigned", "userAssignedIdentities": {made["id"]: {}}}}
    azure.ok("PUT", deployer.path("d1"), deployer.body(write(content)), as_=who)
    (detail,) = deployer.show()["error"]["details"]
    assert detail["code"] == "LinkedAuthorizationFailed"


def test_an_expression_that_fails_only_then(deployer):
    content = write(identity(), registry(x="[reference('id1').nothing]"))
    error = deployer.failure(content)
    assert error["code"] == "InvalidTemplate"
    assert error["message"] == (
        f"Unable to process template language expressions for resource '{registry_path()}' at line '1' and column '1'. "
        "'The language expression property 'nothing' doesn't exist, available properties are 'tenantId, principalId, "
        "clientId'.'"
    )


def test_outputs_that_fail(deployer):
    wrong = {"type": "string", "value": "[reference('id1').nothing]"}
    error = deployer.failure(write(identity(), outputs={"a": wrong, "b": {"type": "string", "value": "c"}}))
    assert error["code"] == "DeploymentOutputEvaluationFailed"
    assert error["message"].startswith("Unable to evaluate template outputs: 'a'. Please see error details and ")
    (detail,) = error["details"]
    assert (detail["code"], detail["target"]) == ("DeploymentOutputEvaluationFailed", "a")
    assert detail["message"].startswith(
        "The template output 'a' is not valid: The language expression property 'nothing'"
    )
    assert deployer.operations()[-1] == ("EvaluateDeploymentOutput", "", "BadRequest")


def test_a_type_that_is_not_there(azure, deployer):
    content = write({"type": "Microsoft.Foo/bars", "apiVersion": "2020-01-01", "name": "b"})
    (detail,) = deployer.failure(content)["details"]
    assert detail == azure.error("PUT", f"{GROUP}/providers/Microsoft.Foo/bars/b?api-version=2020-01-01", {})[1]


def test_a_provider_that_may_not_be_registered(azure, deployer):
    azure.world.providers[SUBSCRIPTION, "microsoft.managedidentity"] = "NotRegistered"
    azure.world.role_definitions["only"] = {
        "permissions": [{"actions": ["Microsoft.Resources/*", f"{IDENTITIES}/write"]}]
    }
    azure.ok("PUT", deployer.path("d1"), deployer.body(write(identity())), as_=azure.principal("only"))
    (detail,) = deployer.show()["error"]["details"]
    assert "'Microsoft.ManagedIdentity/register/action'" in detail["message"]


def test_what_no_client_sends(deployer):
    (detail,) = deployer.failure(write({**identity(), "location": 7}))["details"]
    assert detail["code"] == "InternalServerError"
    assert deployer.operations()[0][2] == "InternalServerError"


def test_what_may_not_be_deleted(azure, deployer):
    azure.identity("id8")
    azure.world.role_definitions["only"] = {"permissions": [{"actions": ["Microsoft.Resources/*"]}]}
    who = azure.principal("only")
    azure.ok("PUT", deployer.path("d1"), deployer.body(write(), mode="Complete"), as_=who)
    (detail,) = deployer.show()["error"]["details"]
    assert detail["code"] == "AuthorizationFailed"
    assert deployer.operations() == [("Delete", "id8", "Forbidden")]


def test_a_reader_may_look(azure, deployer):
    deployer.deploy(write(identity()))
    reader = azure.principal(READER)
    azure.ok("GET", deployer.path("d1"), as_=reader)
    azure.ok("GET", f"{GROUP}/deployments/d1/operations?api-version=2025-04-01", as_=reader)
    assert azure.error("POST", deployer.path("d1", "/exportTemplate"), as_=reader)[0] == 403
