"""Deny assignments: what they take away from whom, in which words, and how they are listed."""

from __future__ import annotations

import pytest

from sandbox.core.web import AzureError, Caller
from sandbox.entra.directory import add_principal
from sandbox.resource_manager import access
from sandbox.resource_manager.builtin_roles import CONTRIBUTOR, READER
from sandbox.server.tampering import add_to_group, deny
from sandbox.world import OWNER_OBJECT_ID, SUBSCRIPTION, TENANT
from tests.harness.in_process_azure import ENCRYPTION_USER, GROUP, Azure, registry_path
from tests.harness.in_process_scene import Scene, no_access

SCOPE = f"/subscriptions/{SUBSCRIPTION}"
VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/vault1"
LIST = "/providers/Microsoft.Authorization/denyAssignments"
READ = "Microsoft.KeyVault/vaults/read"
WRITE = "Microsoft.KeyVault/vaults/write"
UNWRAP = "Microsoft.KeyVault/vaults/keys/unwrap/action"


@pytest.fixture
def scene():
    return Scene()


def may(azure: Azure, who, action: str = READ, scope: str = VAULT) -> bool:
    return access.allowed(azure.world, who.object_id, action, scope)


def listed(azure: Azure, scope: str, wanted: str = "") -> list[str]:
    query = f"?api-version=2022-04-01&$filter={wanted}" if wanted else ""
    return [entry["properties"]["denyAssignmentName"] for entry in azure.get(f"{scope}{LIST}{query}")["value"]]


def test_denied_in_the_words_of_azure(azure):
    denied = deny(azure.world, GROUP, actions=["*/write"], name="Locked by the platform")
    status, error = azure.error("PUT", registry_path(), {"location": "westus", "sku": {"name": "Basic"}})
    assert (status, error["code"]) == (403, "DenyAssignmentAuthorizationFailed")
    assert error["message"] == (
        f"The client '{azure.owner.app_id}' with object id '{OWNER_OBJECT_ID}' has permission to perform action "
        f"'Microsoft.ContainerRegistry/registries/write' on scope '{registry_path()}'; however, the access is denied "
        f"because of the deny assignment with name 'Locked by the platform' and Id '{denied.name.replace('-', '')}' at "
        f"scope '{GROUP}'."
    )


def test_without_a_role_there_is_nothing_to_deny(azure):
    deny(azure.world, GROUP, actions=["*"])
    assert azure.error("GET", VAULT, as_=azure.principal())[1]["code"] == "AuthorizationFailed"


def test_linked_scopes(azure):
    denied = deny(azure.world, VAULT, actions=["b/assign/action"])
    caller = Caller(OWNER_OBJECT_ID, "app", TENANT, "", "app")
    with pytest.raises(AzureError) as refused:
        access.require_linked(azure.world, caller, "a/write", GROUP, "b/assign/action", denied.scope)
    assert refused.value.code == "LinkedAuthorizationFailed"
    assert refused.value.message == (
        f"The client 'app' with object id '{OWNER_OBJECT_ID}' has permission to perform action 'a/write' on scope "
        f"'{GROUP}'; however, it does not have permission to perform action 'b/assign/action' on the '0' linked "
        "scope(s) '' or the linked scope(s) are invalid and is blocked by deny assignments on the '1' linked scope(s) "
        f"'{VAULT}'."
    )


def test_for_everyone_but_some(azure):
    exempt, other = azure.principal(READER), azure.principal(READER)
    deny(azure.world, GROUP, actions=[READ], exclude=[exempt.object_id])
    assert (may(azure, exempt), may(azure, other), may(azure, azure.owner)) == (True, False, False)


def test_for_members_of_groups_but_those_of_others(azure):
    member, both = azure.principal(READER), azure.principal(READER)
    group = add_to_group(azure.world, member.object_id)
    add_to_group(azure.world, both.object_id, group.object_id)
    trusted = add_to_group(azure.world, both.object_id)
    deny(azure.world, GROUP, actions=[READ], principals=[group.object_id], exclude=[trusted.object_id])
    assert (may(azure, member), may(azure, both), may(azure, azure.owner)) == (False, True, True)


def test_exempted_actions(azure):
    deny(azure.world, GROUP, actions=["*"], not_actions=["*/read"])
    assert (may(azure, azure.owner, READ), may(azure, azure.owner, WRITE)) == (True, False)


@pytest.mark.parametrize(("own_scope_only", "below"), [(False, False), (True, True)])
def test_child_scopes(azure, own_scope_only, below):
    deny(azure.world, GROUP, actions=[READ], own_scope_only=own_scope_only)
    assert may(azure, azure.owner, scope=VAULT) is below
    assert not may(azure, azure.owner, scope=GROUP)
    assert may(azure, azure.owner, scope=f"{GROUP}2")


def test_control_and_data_actions_are_apart(azure):
    who = azure.principal(ENCRYPTION_USER)
    deny(azure.world, GROUP, actions=["*"])
    assert access.allowed_data(azure.world, who.object_id, UNWRAP, f"{VAULT}/keys/key1")
    deny(azure.world, GROUP, data_actions=[UNWRAP])
    assert not access.allowed_data(azure.world, who.object_id, UNWRAP, f"{VAULT}/keys/key1")


def test_data_actions_are_denied_as_late_as_they_are_granted():
    azure = Azure(role_seconds=60)
    who = azure.principal(ENCRYPTION_USER)
    azure.advance(60)
    deny(azure.world, GROUP, data_actions=["*"])
    assert access.allowed_data(azure.world, who.object_id, UNWRAP, VAULT)
    azure.advance(60)
    assert not access.allowed_data(azure.world, who.object_id, UNWRAP, VAULT)


def test_vaults_name_the_deny_assignment(scene):
    denied = deny(scene.world, scene.vault, data_actions=["Microsoft.KeyVault/vaults/keys/read"])
    url = "https://vault1.vault.azure.net/keys/key1"
    status, error = scene.azure.error("GET", url, as_=scene.officer)
    assert (status, error["innererror"]["code"]) == (403, "ForbiddenByRbac")
    assert f"\r\nDenyAssignmentId: '{denied.name.replace('-', '')}'\r\n" in error["message"]
    stranger = scene.azure.error("PATCH", url, {}, as_=scene.azure.owner)[1]
    assert "\r\nDenyAssignmentId: null\r\n" in stranger["message"]


def test_arm_keys_name_it_too(scene):
    denied = deny(scene.world, scene.vault, actions=["Microsoft.KeyVault/vaults/keys/read"])
    status, error = scene.azure.error("GET", f"{scene.vault}/keys/key1")
    assert (status, error["code"]) == (400, "ForbiddenByRbac")
    assert f"DenyAssignmentId: '{denied.name.replace('-', '')}'" in error["message"]


def test_a_registry_is_cut_off_from_its_key(scene):
    denied = deny(scene.world, scene.vault, data_actions=["*"], exclude=[scene.officer.object_id])
    assert scene.pull() == 403
    reply = scene.rotate_to(scene.key)
    assert reply.body["error"]["message"] == no_access(scene.key, scene.identity["clientId"])
    del scene.world.deny_assignments[denied.id.lower()]
    assert scene.pull() == 200


def test_access_policies_are_not_concerned():
    scene = Scene(made=False, vault={"enableRbacAuthorization": False})
    who = scene.identity["principalId"]
    policy = {"objectId": who, "tenantId": TENANT, "permissions": {"keys": ["get", "wrapKey", "unwrapKey"]}}
    scene.change_vault(accessPolicies=[policy])
    deny(scene.world, scene.vault, data_actions=["*"])
    assert scene.create().status == 201
    assert scene.pull() == 200


def test_lists(azure):
    who = azure.principal()
    group = add_to_group(azure.world, who.object_id)
    deny(azure.world, SCOPE, actions=["*"], principals=[who.object_id], name="above")
    deny(azure.world, GROUP, actions=["*"], principals=[group.object_id], name="here")
    deny(azure.world, VAULT, actions=["a/write"], name="below")
    deny(azure.world, f"{GROUP}2", actions=["*"], principals=[who.object_id], name="beside")
    assert listed(azure, GROUP) == ["above", "here", "below"]
    assert listed(azure, GROUP, "atScope()") == ["above", "here"]
    assert listed(azure, SCOPE, f"principalId eq '{who.object_id}'") == ["above", "beside"]
    assert listed(azure, GROUP, f"atScope() and assignedTo('{who.object_id}')") == ["above", "here"]
    assert listed(azure, VAULT, f"assignedTo('{who.object_id}')") == ["above", "here", "below"]
    assert listed(azure, SCOPE, "denyAssignmentName eq 'Below'") == ["below"]
    assert azure.error("GET", f"{GROUP}{LIST}?api-version=2022-04-01&$filter=x")[1]["code"] == "UnsupportedQuery"


def test_document(azure):
    made = deny(azure.world, GROUP, actions=["*"], exclude=[OWNER_OBJECT_ID], name="Locked")
    assert azure.get(made.id) == {
        "properties": {
            "denyAssignmentName": "Locked",
            "description": "",
            "permissions": [{"actions": ["*"], "notActions": [], "dataActions": [], "notDataActions": []}],
            "scope": GROUP,
            "doNotApplyToChildScopes": False,
            "principals": [{"id": "00000000-0000-0000-0000-000000000000", "type": "SystemDefined"}],
            "excludePrincipals": [{"id": OWNER_OBJECT_ID, "type": "ServicePrincipal"}],
            "isSystemProtected": True,
        },
        "id": made.id,
        "type": "Microsoft.Authorization/denyAssignments",
        "name": made.name,
    }
    assert azure.error("GET", f"{GROUP}{LIST}/{SUBSCRIPTION}")[0] == 404


def test_reading_them_takes_a_right(azure):
    stranger = azure.principal(ENCRYPTION_USER)
    assert azure.error("GET", f"{GROUP}{LIST}", as_=stranger)[1]["code"] == "AuthorizationFailed"
    azure.ok("GET", f"{GROUP}{LIST}", as_=azure.principal(READER))


def test_users_make_none(azure):
    assert azure.error("PUT", f"{GROUP}{LIST}/{SUBSCRIPTION}", {"properties": {}})[0] == 404


def test_they_go_with_their_group(azure):
    deny(azure.world, VAULT, actions=["a/write"])
    azure.ok("DELETE", f"{GROUP}?api-version=2024-11-01")
    assert azure.error("GET", VAULT)[1]["code"] == "ResourceGroupNotFound"
    assert azure.world.deny_assignments == {}


def test_by_the_control_api(sandbox):
    who = sandbox.principal((CONTRIBUTOR, SCOPE))
    group = sandbox.add_to_group(who.object_id)
    made = sandbox.deny_assignment(SCOPE, actions=["*/write"], principals=[group.object_id], name="Locked")
    assert sandbox.state()["deny_assignments"] == [made["id"]]
    path, body = f"{SCOPE}/resourcegroups/g", {"location": "westus"}
    answer = sandbox.arm("PUT", path, body, "2024-11-01", as_=who)
    assert answer.json()["error"]["code"] == "DenyAssignmentAuthorizationFailed"
    sandbox.clear_deny_assignments()
    assert sandbox.arm("PUT", path, body, "2024-11-01", as_=who).ok
    with pytest.raises(ValueError, match="KeyError"):
        sandbox.deny_assignment(SCOPE, actions=["*"], principals=["nobody"])


def test_group_membership_takes_a_group(azure):
    with pytest.raises(ValueError, match="not a Group"):
        add_to_group(azure.world, azure.owner.object_id, add_principal(azure.world).object_id)
