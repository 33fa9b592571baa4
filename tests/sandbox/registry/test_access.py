"""An encrypted registry as time passes: whatever is wrong with identity, grant, vault or key shows, and heals again."""

import pytest

from sandbox.registry.encryption import pull
from tests.harness.in_process_azure import Azure, encryption, registry_body
from tests.harness.in_process_scene import DAY, KEY, PATH, Scene, no_access


@pytest.fixture
def scene() -> Scene:
    return Scene()


class TestPull:
    def test_no_such_registry(self, scene):
        assert pull(scene.world, "none")["status"] == 404

    def test_without_customer_managed_key(self):
        azure = Azure()
        azure.registry()
        assert pull(azure.world, "registry1")["status"] == 200

    def test_revoked_and_restored(self, scene):
        del scene.world.role_assignments[scene.grant.id.lower()]
        assert scene.pull() == 403
        scene.give(scene.identity)
        assert scene.pull() == 200

    def test_disabled_and_enabled(self, scene):
        version = scene.shown()["versionedKeyIdentifier"]
        scene.enable(version, False)
        assert scene.pull() == 403
        assert pull(scene.world, "registry1")["reason"] == "Operation unwrapKey is not allowed on a disabled key."
        scene.enable(version, True)
        assert scene.pull() == 200

    def test_deleted_and_recovered_key(self, scene):
        scene.key_request("DELETE")
        assert scene.pull() == 403
        scene.azure.ok("POST", "https://vault1.vault.azure.net/deletedkeys/key1/recover", as_=scene.officer)
        assert scene.pull() == 200

    def test_deleted_and_recovered_vault_needs_its_grant_again(self, scene):
        scene.azure.ok("DELETE", scene.vault)
        assert scene.pull() == 403
        scene.azure.vault(createMode="recover")
        assert scene.pull() == 403
        scene.give(scene.identity)
        assert scene.pull() == 200

    def test_an_expired_key_serves_but_takes_no_rotation(self):
        scene = Scene(versioned=True)
        scene.key_request("PATCH", "/", {"attributes": {"exp": int(scene.world.now()) - 1}})
        assert scene.pull() == 200
        assert scene.rotate_to(scene.key).status == 400

    @pytest.mark.parametrize(
        ("network", "status"),
        [
            ({"networkAcls": {"defaultAction": "Deny", "bypass": "AzureServices"}}, 200),
            ({"networkAcls": {"defaultAction": "Deny", "bypass": "None"}}, 403),
            ({"networkAcls": {"defaultAction": "Allow", "bypass": "None"}}, 200),
            ({"publicNetworkAccess": "Disabled"}, 200),
            ({"publicNetworkAccess": "Disabled", "networkAcls": {"bypass": "None"}}, 403),
            ({"publicNetworkAccess": "SecuredByPerimeter"}, 403),
        ],
    )
    def test_firewall(self, scene, network, status):
        scene.change_vault(**network)
        assert scene.pull() == status
        assert scene.rotate_to(scene.key).status == (201 if status == 200 else 400)
        scene.change_vault(publicNetworkAccess="Enabled", networkAcls={"defaultAction": "Allow"})
        assert scene.pull() == 200


class TestAutomaticRotation:
    def test_a_new_version_is_adopted_within_the_hour(self, scene):
        second = scene.new_version()
        scene.azure.advance(3599)
        assert scene.shown()["versionedKeyIdentifier"] != second
        scene.azure.advance(1)
        shown = scene.shown()
        assert (shown["versionedKeyIdentifier"], shown["keyIdentifier"]) == (second, KEY)
        assert shown["lastKeyRotationTimestamp"]
        assert scene.pull() == 200

    def test_a_pinned_version_stays(self):
        scene = Scene(versioned=True)
        scene.new_version()
        scene.azure.advance(7200)
        assert scene.shown()["versionedKeyIdentifier"] == scene.key
        assert scene.pull() == 200

    def test_not_while_the_old_version_is_disabled(self, scene):
        first = scene.shown()["versionedKeyIdentifier"]
        second = scene.new_version()
        scene.enable(first, False)
        scene.azure.advance(7200)
        assert scene.shown()["versionedKeyIdentifier"] == first
        assert scene.pull() == 403
        scene.enable(first, True)
        assert scene.shown()["versionedKeyIdentifier"] == second

    def test_by_the_policy_of_the_key(self, scene):
        rotate = {"trigger": {"timeAfterCreate": "P30D"}, "action": {"type": "Rotate"}}
        scene.key_request("PUT", "/rotationpolicy", {"lifetimeActions": [rotate]})
        first = scene.shown()["versionedKeyIdentifier"]
        scene.azure.advance(30 * DAY + 3600)
        assert scene.shown()["versionedKeyIdentifier"] != first
        assert scene.pull() == 200

    def test_pull_never_fails_meanwhile(self, scene):
        for _ in range(5):
            scene.new_version()
            for _ in range(3):
                scene.azure.advance(1500)
                assert scene.pull() == 200


class TestIdentity:
    def detach(self, scene: Scene) -> None:
        body = registry_body(key=scene.key, identity=scene.identity) | {"identity": {"type": "None"}}
        assert scene.azure.send("PUT", PATH, body).status == 201

    def test_detached_it_serves_for_three_months(self, scene):
        self.detach(scene)
        scene.azure.advance(89 * DAY)
        assert scene.pull() == 200
        scene.azure.advance(DAY)
        assert scene.pull() == 403
        assert pull(scene.world, "registry1")["reason"] == (
            "The identity associated with the registry is inactive. This could be due to attempted removal of the "
            "identity. Reassign the identity manually"
        )

    def test_detached_it_takes_no_rotation(self, scene):
        self.detach(scene)
        reply = scene.rotate_to(scene.key)
        assert reply.status == 400
        assert reply.body["error"]["message"].startswith(f"Azure resource '{PATH}' does not have access to identity ")
        second = scene.new_version()
        scene.azure.advance(7200)
        assert scene.shown()["versionedKeyIdentifier"] != second

    def test_attached_again_all_is_well(self, scene):
        self.detach(scene)
        scene.azure.advance(100 * DAY)
        again = {"type": "UserAssigned", "userAssignedIdentities": {scene.identity["id"]: {}}}
        assert scene.azure.send("PATCH", PATH, {"identity": again}).status == 201
        assert scene.pull() == 200
        assert scene.rotate_to(scene.key).status == 201

    def test_deleted_it_is_gone_even_under_its_old_name(self, scene):
        scene.azure.ok("DELETE", f"{scene.identity['id']}?api-version=2024-11-30")
        assert scene.pull() == 403
        again = scene.azure.identity()
        scene.give(again)
        assert again["clientId"] != scene.identity["clientId"]
        assert scene.pull() == 403
        assert scene.rotate_to(scene.key).status == 400
        attach = {"type": "UserAssigned", "userAssignedIdentities": {again["id"]: {}}}
        scene.azure.ok("PATCH", PATH, {"identity": attach})
        assert scene.rotate_to(scene.key, again["clientId"]).status == 201
        assert scene.pull() == 200

    def test_system_identity_takes_over(self, scene):
        kinds = {"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": {scene.identity["id"]: {}}}
        principal = scene.azure.ok("PATCH", PATH, {"identity": kinds})["identity"]["principalId"]
        assert scene.rotate_to(scene.key, "system").status == 400
        scene.give({"principalId": principal})
        assert scene.rotate_to(scene.key, "system").status == 201
        assert scene.shown()["identity"] == "system"
        assert scene.shown()["lastKeyRotationTimestamp"]
        del scene.world.role_assignments[scene.grant.id.lower()]
        assert scene.pull() == 200

    def test_a_lost_system_identity_does_not_come_back(self, scene):
        principal = scene.azure.ok("PATCH", PATH, {"identity": {"type": "SystemAssigned, UserAssigned"}})["identity"]
        scene.give(principal)
        scene.rotate_to(scene.key, "system")
        user_only = {"type": "UserAssigned", "userAssignedIdentities": {scene.identity["id"]: {}}}
        scene.azure.ok("PATCH", PATH, {"identity": user_only})
        assert scene.pull() == 200
        scene.azure.ok("PATCH", PATH, {"identity": {"type": "SystemAssigned, UserAssigned"}})
        scene.azure.advance(90 * DAY)
        assert scene.pull() == 403

    def test_creation_with_the_system_identity_has_no_grant_yet(self):
        scene = Scene(made=False)
        body = registry_body() | {"identity": {"type": "SystemAssigned"}}
        body["properties"]["encryption"] = encryption(scene.key, "system")
        status, error = scene.azure.error("PUT", PATH, body)
        assert (status, error["message"]) == (400, no_access(scene.key, "system"))
