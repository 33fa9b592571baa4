"""Registries are encrypted for real: what it takes at creation and at each rotation, and what is refused."""

import pytest

from sandbox.registry.encryption import pull
from sandbox.world import TENANT
from tests.harness.in_process_azure import ENCRYPTION_USER, GROUP, Azure, encryption, registry_body
from tests.harness.in_process_scene import KEY, PATH, Scene, no_access


@pytest.fixture
def scene() -> Scene:
    return Scene()


class TestCreation:
    @pytest.mark.parametrize("versioned", [True, False])
    def test_key_that_is_shown(self, versioned):
        scene = Scene(versioned=versioned)
        shown = scene.shown()
        assert (shown["keyIdentifier"], shown["keyRotationEnabled"]) == (scene.key, not versioned)
        assert shown["versionedKeyIdentifier"].startswith(KEY)
        assert "lastKeyRotationTimestamp" not in shown
        assert scene.pull() == 200

    def test_access_policies(self):
        azure = Azure()
        identity = azure.identity()
        rights = {"keys": ["get", "wrapKey", "unwrapKey"]}
        policy = {"tenantId": TENANT, "objectId": identity["principalId"], "permissions": rights}
        vault = azure.vault(enableRbacAuthorization=False, accessPolicies=[policy])
        azure.registry(identity=identity, key=azure.key(vault)["keyUri"])
        assert pull(azure.world, "registry1")["status"] == 200
        rights["keys"].remove("unwrapKey")
        azure.ok("PATCH", vault, {"properties": {"accessPolicies": [policy]}})
        assert pull(azure.world, "registry1")["status"] == 403

    @pytest.mark.parametrize("missing", ["get", "wrapKey", "unwrapKey"])
    def test_each_permission_is_needed(self, missing):
        azure = Azure()
        identity = azure.identity()
        rights = {"keys": [name for name in ("get", "wrapKey", "unwrapKey") if name != missing]}
        policy = {"tenantId": TENANT, "objectId": identity["principalId"], "permissions": rights}
        key = azure.key(azure.vault(enableRbacAuthorization=False, accessPolicies=[policy]))["keyUri"]
        status, error = azure.error("PUT", PATH, registry_body(identity=identity, key=key))
        assert (status, error["message"]) == (400, no_access(key, identity["clientId"]))
        assert not azure.world.registries

    @pytest.mark.parametrize(
        "key",
        [
            "https://vault1.vault.azure.net/keys/none",
            "https://nowhere.vault.azure.net/keys/key1",
            "https://vault1.vault.azure.net/secrets/key1",
            "http://vault1.vault.azure.net/keys/key1",
            f"{KEY}/{'0' * 32}",
            "key1",
        ],
    )
    def test_wrong_identifiers(self, key):
        scene = Scene(made=False)
        scene.key = key
        reply = scene.create()
        assert (reply.status, reply.body["error"]["message"]) == (400, no_access(key, scene.identity["clientId"]))

    def test_wrong_kinds_of_key(self):
        scene = Scene(made=False)
        for name, properties in [("ec", {"kty": "EC"}), ("signing", {"keyOps": ["sign", "verify"]})]:
            scene.key = scene.azure.key(scene.vault, name, **properties)["keyUri"]
            assert scene.create().status == 400

    def test_a_grant_takes_its_time(self):
        scene = Scene(made=False, role_seconds=300)
        assert scene.create().status == 400
        scene.azure.advance(300)
        assert scene.create().status == 201

    @pytest.mark.parametrize(("required", "status"), [(True, 400), (False, 201)])
    def test_vault_without_purge_protection(self, required, status):
        vault = {"enablePurgeProtection": None}
        assert Scene(made=False, vault=vault, require_purge_protection=required).create().status == status

    def test_identity_that_is_not_attached(self):
        scene = Scene(made=False)
        other = scene.azure.identity("id2")
        reply = scene.create(encryption=encryption(scene.key, other["clientId"]))
        assert reply.status == 400
        assert reply.body["error"]["message"] == (
            f"Azure resource '{PATH}' does not have access to identity '{other['clientId']}' Try forcibly adding the "
            "identity to the registry registry1. For more information on bring your own key, please visit "
            "'https://aka.ms/acr/cmk'."
        )

    @pytest.mark.parametrize("left", [{}, {"keyIdentifier": KEY}, {"identity": "x"}])
    def test_incomplete(self, left):
        scene = Scene(made=False)
        reply = scene.create(encryption={"status": "enabled", "keyVaultProperties": left})
        assert (reply.status, reply.body["error"]["code"]) == (400, "InvalidEncryptionKeyVaultProperties")
        assert reply.body["error"]["message"] == (
            "Invalid encryption key vault property specified for registry registry1. Property Identity and "
            "KeyIdentifier must be set when encryption is enabled. For more information on customer-managed keys, "
            "please visit 'https://aka.ms/acr/cmk'."
        )

    def test_only_premium(self):
        scene = Scene(made=False)
        body = registry_body(identity=scene.identity, key=scene.key, sku="Standard")
        assert scene.azure.error("PUT", PATH, body)[0] == 400

    def test_content_trust(self):
        scene = Scene(made=False)
        reply = scene.create(policies={"trustPolicy": {"type": "Notary", "status": "enabled"}})
        assert reply.body["error"]["code"] == "BlockedForEncryptionEnabledRegistry"

    def test_failure_of_the_operation(self):
        scene = Scene(made=False, cmk_failure="async", registry_seconds=10)
        scene.world.role_assignments.clear()
        scene.azure = with_owner(scene.azure)
        url = scene.create().headers["Azure-AsyncOperation"]
        scene.azure.advance(10)
        answer = scene.azure.get(url)
        assert answer["status"] == "Failed"
        assert answer["error"]["message"] == no_access(scene.key, scene.identity["clientId"])
        assert scene.azure.get(PATH)["properties"]["provisioningState"] == "Failed"
        assert scene.pull() == 403
        scene.give(scene.identity)
        assert scene.create().status == 201
        scene.azure.advance(10)
        assert scene.azure.get(PATH)["properties"]["provisioningState"] == "Succeeded"
        assert scene.pull() == 200

    def test_stale_first_answer(self):
        scene = Scene(made=False, stale_first_answer=True, registry_seconds=10)
        made = scene.create().body
        assert (made["properties"]["encryption"], "identity" in made) == ({"status": "disabled"}, False)
        assert scene.azure.get(PATH)["properties"]["encryption"] == {"status": "disabled"}
        scene.azure.advance(10)
        assert scene.shown()["keyIdentifier"] == scene.key


def with_owner(azure: Azure) -> Azure:
    """The same Azure after its role assignments were cleared, with its owner back."""
    azure.world.grant(azure.owner.object_id, "8e3af657-a8ff-443c-a75c-2fe8c4bcb635", GROUP)
    return azure


class TestLater:
    def test_encryption_cannot_be_turned_on(self):
        scene = Scene(made=False)
        scene.azure.registry(identity=scene.identity)
        assert scene.create().status == 400
        assert scene.rotate_to(scene.key).status == 400

    @pytest.mark.parametrize("method", ["PUT", "PATCH"])
    def test_encryption_cannot_be_turned_off(self, scene, method):
        body = registry_body(identity=scene.identity, encryption={"status": "disabled"})
        assert scene.azure.error(method, PATH, body)[0] == 400
        assert scene.pull() == 200

    def test_a_whole_registry_without_its_key_is_refused(self, scene):
        status, error = scene.azure.error("PUT", PATH, registry_body(identity=scene.identity))
        assert (status, error["code"]) == (400, "InvalidEncryptionKeyVaultProperties")
        assert scene.create().status == 201

    def test_no_way_back_from_premium(self, scene):
        assert scene.azure.error("PATCH", PATH, {"sku": {"name": "Basic"}})[0] == 400


class TestRotation:
    def test_to_another_version(self):
        scene = Scene(versioned=True)
        second = scene.new_version()
        assert scene.rotate_to(second).status == 201
        shown = scene.shown()
        assert (shown["keyIdentifier"], shown["versionedKeyIdentifier"]) == (second, second)
        assert shown["lastKeyRotationTimestamp"].endswith("+00:00")
        scene.enable(scene.key, False)
        assert scene.pull() == 200

    def test_both_versions_have_to_be_enabled(self):
        scene = Scene(versioned=True)
        second = scene.new_version()
        for disabled in (scene.key, second):
            scene.enable(disabled, False)
            assert scene.rotate_to(second).status == 400
            scene.enable(disabled, True)
        assert scene.shown()["keyIdentifier"] == scene.key

    def test_between_manual_and_automatic(self):
        scene = Scene(versioned=True)
        scene.rotate_to(KEY)
        assert scene.shown()["keyRotationEnabled"] is True
        scene.rotate_to(scene.key)
        assert scene.shown()["keyRotationEnabled"] is False

    def test_to_another_vault_and_identity(self, scene):
        other = scene.azure.identity("id2")
        vault = scene.azure.vault("vault2")
        scene.world.grant(other["principalId"], ENCRYPTION_USER, vault)
        key = scene.azure.key(vault)["keyUri"]
        assert scene.rotate_to(key, other["clientId"]).body["error"]["message"].startswith(f"Azure resource '{PATH}'")
        both = {"type": "UserAssigned", "userAssignedIdentities": {other["id"]: {}}}
        assert scene.azure.send("PATCH", PATH, {"identity": both}).status == 201
        assert scene.rotate_to(key, other["clientId"]).status == 201
        scene.azure.ok("DELETE", scene.vault)
        assert scene.pull() == 200

    def test_the_same_key_again_changes_nothing(self, scene):
        before = scene.shown()
        assert scene.rotate_to(scene.key).status == 201
        assert scene.shown() == before

    def test_stale_first_answer(self):
        scene = Scene(versioned=True, stale_first_answer=True)
        second = scene.new_version()
        answer = scene.rotate_to(second).body
        assert answer["properties"]["encryption"]["keyVaultProperties"]["keyIdentifier"] == scene.key
        assert answer["identity"]["type"] == "userAssigned"
        assert scene.shown()["keyIdentifier"] == second
