"""Registries are encrypted for real: whatever is wrong with identity, grant, vault or key shows, and heals again."""

import pytest

from sandbox.registry_encryption import pull
from sandbox.world import TENANT
from tests.sandbox.azure import ENCRYPTION_USER, GROUP, Azure, encryption, registry_body, registry_path

PATH = registry_path()
KEY = "https://vault1.vault.azure.net/keys/key1"
DAY = 86_400


class Scene:
    """All that an encrypted registry needs, and by default the registry."""

    def __init__(self, *, versioned: bool = False, made: bool = True, vault: dict | None = None, **settings):
        self.azure = Azure(**settings)
        self.world = self.azure.world
        self.identity = self.azure.identity()
        self.vault = self.azure.vault(**(vault or {}))
        self.grant = self.give(self.identity)
        self.officer = self.azure.officer(self.vault)
        key = self.azure.key(self.vault)
        self.key = key["keyUriWithVersion"] if versioned else key["keyUri"]
        if made:
            self.azure.advance(self.world.settings.role_seconds)
            self.azure.registry(identity=self.identity, key=self.key)

    def give(self, identity: dict):
        return self.world.grant(identity["principalId"], ENCRYPTION_USER, self.vault)

    def pull(self) -> int:
        self.azure.send("GET", PATH)
        return pull(self.world, "registry1")["status"]

    def shown(self) -> dict:
        return self.azure.get(PATH)["properties"]["encryption"].get("keyVaultProperties")

    def create(self, **more):
        body = registry_body(identity=self.identity, key=self.key)
        body["properties"] |= more
        return self.azure.send("PUT", PATH, body)

    def rotate_to(self, key: str, identity: str | None = None):
        wanted = {"properties": {"encryption": encryption(key, identity or self.identity["clientId"])}}
        return self.azure.send("PATCH", PATH, wanted)

    def change_vault(self, **properties) -> None:
        self.azure.ok("PATCH", self.vault, {"properties": properties})

    def key_request(self, method: str, path: str = "", body=None) -> dict:
        return self.azure.ok(method, f"{KEY}{path}", body, as_=self.officer)

    def new_version(self) -> str:
        return self.key_request("POST", "/rotate")["key"]["kid"]

    def enable(self, version: str, enabled: bool) -> None:
        self.key_request("PATCH", f"/{version.rsplit('/', 1)[-1]}", {"attributes": {"enabled": enabled}})


def no_access(key: str, identity: str) -> str:
    return (
        f"Failed to access KeyId '{key}'. Verify that identity '{identity}' has 'Get, Wrap Key, Unwrap Key' permission "
        f"on key '{key}'. For more information on bring your own key, please visit 'https://aka.ms/acr/cmk'."
    )


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
