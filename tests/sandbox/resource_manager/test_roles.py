"""Role assignments, role definitions, permissions."""

from __future__ import annotations

import pytest

from sandbox.entra.directory import add_principal
from sandbox.resource_manager.builtin_roles import CRYPTO_SERVICE_ENCRYPTION_USER, OWNER, READER
from sandbox.world import OWNER_OBJECT_ID, OWNER_USER_ID, SUBSCRIPTION
from tests.harness.in_process_azure import GROUP, Azure

SCOPE = f"/subscriptions/{SUBSCRIPTION}"
VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/v"
NAME = "0b1f6471-1bf0-4dda-aec3-cb9272f09590"
OTHER_NAME = "1b1f6471-1bf0-4dda-aec3-cb9272f09590"


def path(scope: str = VAULT, name: str = NAME) -> str:
    return f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"


def body(principal_id: str, role: str = CRYPTO_SERVICE_ENCRYPTION_USER, **more) -> dict:
    role_id = f"{SCOPE}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    return {"properties": {"roleDefinitionId": role_id, "principalId": principal_id, **more}}


def assigned(azure: Azure, scope: str, wanted: str | None = None) -> set[str]:
    query = f"?api-version=2022-04-01&$filter={wanted}" if wanted else "?api-version=2022-04-01"
    found = azure.get(f"{scope}/providers/Microsoft.Authorization/roleAssignments{query}")["value"]
    return {entry["properties"]["scope"] for entry in found}


@pytest.fixture
def who(azure):
    return add_principal(azure.world)


def test_create_read_delete(azure, who):
    made = azure.send("PUT", path(), body(who.object_id, principalType="ServicePrincipal"))
    assert made.status == 201
    assert made.body["properties"]["createdBy"] is None
    read = azure.get(path())
    assert read["properties"]["createdBy"] == OWNER_OBJECT_ID
    assert read["id"] == path()
    assert azure.send("DELETE", path()).status == 200
    assert azure.send("DELETE", path()).status == 204
    assert azure.error("GET", path())[0] == 404


def test_description_and_condition_are_kept(azure, who):
    azure.ok("PUT", path(), body(who.object_id, description="For the registry.", condition="true"))
    properties = azure.get(path())["properties"]
    assert (properties["description"], properties["condition"]) == ("For the registry.", "true")
    assert properties["conditionVersion"] == "2.0"


def test_the_same_again_is_answered_alike(azure, who):
    first = azure.ok("PUT", path(), body(who.object_id))
    assert azure.send("PUT", path(), body(who.object_id)).body == first
    assert azure.send("PUT", path(), body(who.object_id)).status == 201


def test_an_assignment_can_not_change(azure, who):
    azure.ok("PUT", path(), body(who.object_id))
    status, error = azure.error("PUT", path(), body(who.object_id, READER))
    assert (status, error["code"]) == (400, "RoleAssignmentUpdateNotPermitted")


def test_an_equal_one_under_another_name_exists(azure, who):
    azure.ok("PUT", path(), body(who.object_id))
    status, error = azure.error("PUT", path(name=OTHER_NAME), body(who.object_id))
    assert (status, error["code"]) == (409, "RoleAssignmentExists")
    assert error["message"].endswith(f"The ID of the existing role assignment is {NAME.replace('-', '')}.")


def test_unknown_principals(azure):
    status, error = azure.error("PUT", path(), body(NAME))
    assert (status, error["code"]) == (400, "PrincipalNotFound")
    assert error["message"].startswith(f"Principal {NAME.replace('-', '')} does not exist in the directory ")


def test_new_principals_are_unknown_for_a_while():
    azure = Azure(principal_seconds=60, typed_principal_seconds=5)
    who = add_principal(azure.world)
    typed = body(who.object_id, principalType="ServicePrincipal")
    assert azure.error("PUT", path(), typed)[1]["code"] == "PrincipalNotFound"
    azure.advance(5)
    assert azure.error("PUT", path(name=OTHER_NAME), body(who.object_id))[1]["code"] == "PrincipalNotFound"
    azure.ok("PUT", path(), typed)


@pytest.mark.parametrize(
    ("name", "sent", "code"),
    [
        ("no-guid", body(OWNER_OBJECT_ID), "InvalidRoleAssignmentId"),
        (NAME, body(OWNER_OBJECT_ID, NAME), "RoleDefinitionDoesNotExist"),
        (NAME, body(OWNER_OBJECT_ID, principalType="User"), "UnmatchedPrincipalType"),
        (NAME, {"properties": {}}, "BadRequestFormat"),
        (NAME, None, "BadRequestFormat"),
    ],
)
def test_bad_requests(azure, name, sent, code):
    status, error = azure.error("PUT", path(name=name), sent)
    assert (status, error["code"]) == (400, code)


def test_limit():
    azure = Azure(role_assignment_limit=2)
    status, error = azure.error("PUT", path(), body(OWNER_OBJECT_ID))
    assert (status, error["code"]) == (400, "RoleAssignmentLimitExceeded")


def test_rights(azure, who):
    reader = azure.principal(READER)
    assert azure.error("PUT", path(), body(who.object_id), as_=reader)[1]["code"] == "AuthorizationFailed"
    assert azure.error("GET", path(), as_=who)[1]["code"] == "AuthorizationFailed"
    azure.ok("GET", f"{VAULT}/providers/Microsoft.Authorization/roleAssignments", as_=reader)


def test_list_at_above_and_below(azure, who):
    azure.ok("PUT", path(), body(who.object_id))
    azure.ok("PUT", path(GROUP, OTHER_NAME), body(who.object_id))
    assert assigned(azure, GROUP) == {SCOPE, GROUP, VAULT}
    assert assigned(azure, GROUP, "atScope()") == {SCOPE, GROUP}
    assert assigned(azure, SCOPE, f"principalId eq '{who.object_id}'") == {GROUP, VAULT}
    assert assigned(azure, GROUP, f"atScope() and assignedTo('{who.object_id}')") == {GROUP}


def test_assigned_to_counts_groups(azure):
    group = add_principal(azure.world, "Group")
    member = add_principal(azure.world, groups=[group.object_id])
    azure.ok("PUT", path(), body(group.object_id))
    assert assigned(azure, SCOPE, f"assignedTo('{member.object_id}')") == {VAULT}
    assert assigned(azure, SCOPE, f"principalId eq '{member.object_id}'") == set()


def test_filters_that_the_service_does_not_take(azure, who):
    url = f"{GROUP}/providers/Microsoft.Authorization/roleAssignments?api-version=2022-04-01&$filter="
    for wanted in (f"atScope() and principalId eq '{who.object_id}'", "nonsense"):
        assert azure.error("GET", url + wanted)[1]["code"] == "UnsupportedQuery"


def test_definitions_by_name(azure):
    url = f"{VAULT}/providers/Microsoft.Authorization/roleDefinitions?api-version=2022-05-01-preview&$filter="
    (found,) = azure.get(url + "roleName eq 'Key Vault Crypto Service Encryption User'")["value"]
    assert found["name"] == CRYPTO_SERVICE_ENCRYPTION_USER
    assert found["id"].startswith(f"{SCOPE}/providers/Microsoft.Authorization/roleDefinitions/")
    assert found["properties"]["permissions"][0]["dataActions"] == [
        "Microsoft.KeyVault/vaults/keys/read",
        "Microsoft.KeyVault/vaults/keys/wrap/action",
        "Microsoft.KeyVault/vaults/keys/unwrap/action",
    ]
    assert azure.get(url + "roleName eq 'No Such Role'")["value"] == []


def test_custom_roles(azure, who):
    url = f"{SCOPE}/providers/Microsoft.Authorization/roleDefinitions/{NAME}"
    permissions = [{"actions": ["Microsoft.KeyVault/vaults/read"]}]
    role = {"properties": {"roleName": "Looker", "assignableScopes": [GROUP], "permissions": permissions}}
    assert azure.send("PUT", url, role).status == 201
    same_name = url.replace(NAME, OTHER_NAME)
    assert azure.error("PUT", same_name, role)[1]["code"] == "RoleDefinitionWithSameNameExists"
    azure.ok("PUT", path(GROUP), body(who.object_id, NAME))
    granted = azure.ok("GET", f"{VAULT}/providers/Microsoft.Authorization/permissions", as_=who)["value"]
    assert granted[0]["actions"] == ["Microsoft.KeyVault/vaults/read"]
    assert azure.error("DELETE", url)[1]["code"] == "RoleDefinitionHasAssignments"
    azure.ok("DELETE", path(GROUP))
    assert azure.send("DELETE", url).status == 200


def test_owner_is_owner_of_both_subscriptions(azure):
    assert {a.role_definition_id.rsplit("/", 1)[-1] for a in azure.world.role_assignments.values()} == {OWNER}
    assert assigned(azure, SCOPE, f"principalId eq '{OWNER_USER_ID}'") == {SCOPE}
