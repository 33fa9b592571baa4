"""What registries may be like without any request having made them so, and grants that they have through groups."""

from __future__ import annotations

import pytest

from sandbox.server.tampering import add_to_group, change_registry
from tests.harness.in_process_azure import ENCRYPTION_USER, Azure, registry_body
from tests.harness.in_process_scene import PATH, Scene

TRUST = {"properties": {"policies": {"trustPolicy": {"type": "Notary", "status": "enabled"}}}}
STATUS = {"displayStatus": "Degraded", "message": "The key is unreachable.", "timestamp": "2026-11-24T09:00:00Z"}


@pytest.fixture
def scene():
    return Scene()


def trust(azure: Azure) -> str:
    return azure.get(PATH)["properties"]["policies"]["trustPolicy"]["status"]


class TestContentTrust:
    def test_without_customer_managed_key(self):
        azure = Azure()
        azure.registry()
        assert azure.send("PATCH", PATH, TRUST).status == 200
        assert trust(azure) == "enabled"

    def test_with_one(self, scene):
        status, error = scene.azure.error("PATCH", PATH, TRUST)
        assert (status, error["code"]) == (400, "BlockedForEncryptionEnabledRegistry")
        assert error["message"] == (
            "this feature 'ContenTrust' is currently not supported when encryption is enable for the resource "
            f"{PATH}. For more information on customer-managed keys, please visit 'https://aka.ms/acr/cmk'."
        )
        assert trust(scene.azure) == "disabled"

    def test_an_old_registry_may_have_both(self, scene):
        change_registry(scene.world, "registry1", content_trust=True)
        assert trust(scene.azure) == "enabled"
        assert scene.rotate_to(scene.key).status == 201
        scene.azure.ok("PATCH", PATH, {"properties": {"policies": {"trustPolicy": {"status": "disabled"}}}})
        assert trust(scene.azure) == "disabled"
        assert scene.azure.error("PATCH", PATH, TRUST)[1]["code"] == "BlockedForEncryptionEnabledRegistry"


class TestState:
    def test_status(self, scene):
        assert "status" not in scene.azure.get(PATH)["properties"]
        change_registry(scene.world, "registry1", status=STATUS)
        assert scene.azure.get(PATH)["properties"]["status"] == STATUS
        change_registry(scene.world, "registry1", status={})
        assert "status" not in scene.azure.get(PATH)["properties"]

    def test_failed_until_an_operation_succeeds(self, scene):
        change_registry(scene.world, "registry1", provisioning_state="Failed")
        assert scene.azure.get(PATH)["properties"]["provisioningState"] == "Failed"
        assert scene.pull() == 200
        scene.rotate_to(scene.new_version())
        assert scene.azure.get(PATH)["properties"]["provisioningState"] == "Succeeded"

    def test_failed_without_customer_managed_key_is_not_a_failed_creation(self):
        scene = Scene(made=False)
        scene.azure.registry()
        change_registry(scene.world, "registry1", provisioning_state="Failed")
        assert scene.pull() == 200
        assert scene.create().body["error"]["message"].startswith("Encryption cannot be enabled for existing registry")
        change_registry(scene.world, "registry1", provisioning_state="Succeeded")
        assert scene.azure.get(PATH)["properties"]["provisioningState"] == "Succeeded"

    def test_a_failed_creation_can_be_tried_more_than_once(self):
        scene = Scene(made=False, cmk_failure="async")
        scene.world.role_assignments.pop(scene.grant.id.lower())
        for _ in range(2):
            assert scene.create().status == 201
            assert scene.azure.get(PATH)["properties"]["provisioningState"] == "Failed"
        scene.give(scene.identity)
        assert scene.create().status == 201
        assert scene.pull() == 200

    @pytest.mark.parametrize("wrong", [{"name": "nowhere"}, {"name": "registry1", "provisioning_state": "Odd"}])
    def test_mistakes_in_tests(self, scene, wrong):
        with pytest.raises(ValueError, match=r"nowhere|Odd"):
            change_registry(scene.world, **wrong)

    def test_by_the_control_api(self, sandbox):
        group = PATH[: PATH.index("/providers/")]
        sandbox.arm("PUT", group, {"location": "westus"}, "2024-11-01")
        sandbox.arm("PUT", PATH, registry_body(), "2025-04-01")
        sandbox.change_registry("registry1", content_trust=True, status=STATUS, provisioning_state="Failed")
        shown = sandbox.arm("GET", PATH, api_version="2025-04-01").json()["properties"]
        assert (shown["status"], shown["provisioningState"]) == (STATUS, "Failed")
        assert shown["policies"]["trustPolicy"]["status"] == "enabled"


def test_the_grant_through_a_group_serves(scene):
    principal = scene.identity["principalId"]
    scene.world.role_assignments.pop(scene.grant.id.lower())
    assert scene.pull() == 403
    group = add_to_group(scene.world, principal)
    scene.world.grant(group.object_id, ENCRYPTION_USER, scene.vault)
    assert scene.pull() == 200
    assert scene.rotate_to(scene.new_version()).status == 201

    def found(wanted):
        url = f"{scene.vault}/providers/Microsoft.Authorization/roleAssignments?api-version=2022-04-01&$filter="
        entries = scene.azure.get(url + wanted)["value"]
        return [(entry["properties"]["principalId"], entry["properties"]["principalType"]) for entry in entries]

    assert found(f"assignedTo('{principal}')") == [(group.object_id, "Group")]
    assert found(f"principalId eq '{principal}'") == []


def test_the_access_policy_of_a_group_serves():
    scene = Scene(made=False, vault={"enableRbacAuthorization": False})
    group = add_to_group(scene.world, scene.identity["principalId"])
    permissions = {"keys": ["get", "wrapKey", "unwrapKey"]}
    tenant = scene.azure.get(scene.vault)["properties"]["tenantId"]
    scene.change_vault(accessPolicies=[{"objectId": group.object_id, "tenantId": tenant, "permissions": permissions}])
    assert scene.create().status == 201
    assert scene.pull() == 200
