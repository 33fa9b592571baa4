"""The data plane of key vaults: who gets in, and what keys do in each state."""

import base64

import pytest

from sandbox.world import TENANT
from tests.harness.in_process_azure import CRYPTO_OFFICER, ENCRYPTION_USER, Azure, vault_path

HOST = "https://vault1.vault.azure.net"
KEY = f"{HOST}/keys/key1"
RSA = {"kty": "RSA"}
DAY = 86_400


class Scene:
    """A vault, its officer, and a key."""

    def __init__(self, properties: dict | None = None, **settings):
        self.azure = Azure(**settings)
        self.vault = self.azure.vault(**(properties or {}))
        self.officer = self.azure.officer(self.vault)
        self.azure.advance(self.azure.world.settings.role_seconds)
        self.first = self.ok("POST", f"{KEY}/create", RSA)

    def ok(self, method: str, url: str, body=None, **more) -> dict:
        return self.azure.ok(method, url, body, **{"as_": self.officer, **more})

    def error(self, method: str, url: str, body=None, **more) -> tuple[int, dict]:
        return self.azure.error(method, url, body, **{"as_": self.officer, **more})

    def attributes(self, **attributes) -> dict:
        return self.ok("PATCH", f"{KEY}/", {"attributes": attributes})

    def wrap(self) -> str:
        return self.ok("POST", f"{KEY}//wrapkey", {"alg": "RSA-OAEP-256", "value": "AAEC"})["value"]

    def unwrap(self, value: str) -> str:
        return self.ok("POST", f"{KEY}//unwrapkey", {"alg": "RSA-OAEP-256", "value": value})["value"]


@pytest.fixture
def scene() -> Scene:
    return Scene()


def inner(error: dict) -> str:
    return error["innererror"]["code"]


def version_of(shown: dict) -> str:
    return shown["key"]["kid"].rsplit("/", 1)[-1]


def test_wrong_audience(scene):
    reply = scene.azure.send("GET", KEY, as_=scene.officer, audience="https://management.azure.com/")
    assert reply.status == 401
    assert reply.headers["WWW-Authenticate"].endswith('resource="https://vault.azure.net"')


def test_versions(scene):
    second = scene.ok("POST", f"{KEY}/create", RSA)
    third = scene.ok("POST", f"{KEY}/rotate")
    assert version_of(scene.ok("GET", f"{KEY}/")) == version_of(third)
    assert scene.ok("GET", f"{KEY}/{version_of(scene.first)}")["key"]["n"] == scene.first["key"]["n"]
    listed = [shown["kid"].rsplit("/", 1)[-1] for shown in scene.ok("GET", f"{KEY}/versions")["value"]]
    assert listed == [version_of(shown) for shown in (scene.first, second, third)]
    assert [shown["kid"] for shown in scene.ok("GET", f"{HOST}/keys")["value"]] == [KEY]


def test_missing_keys(scene):
    for url in (f"{HOST}/keys/none/", f"{KEY}/{'0' * 32}"):
        status, error = scene.error("GET", url)
        assert (status, error["code"]) == (404, "KeyNotFound")
        assert error["message"].startswith("A key with (name/id) ")
    assert scene.error("GET", f"{HOST}/deletedkeys/key1")[0] == 404


def test_elliptic_curve_key(scene):
    key = scene.ok("POST", f"{HOST}/keys/ec/create", {"kty": "EC", "crv": "P-384"})["key"]
    assert (key["crv"], key["key_ops"]) == ("P-384", ["sign", "verify"])
    assert len(base64.urlsafe_b64decode(key["x"] + "==")) == 48


@pytest.mark.parametrize("algorithm", ["RSA-OAEP-256", "RSA-OAEP", "RSA1_5"])
def test_wrapping(scene, algorithm):
    wrapped = scene.ok("POST", f"{KEY}//wrapkey", {"alg": algorithm, "value": "AAEC"})
    assert wrapped["kid"] == scene.first["key"]["kid"]
    scene.ok("POST", f"{KEY}/rotate")
    body = {"alg": algorithm, "value": wrapped["value"]}
    assert scene.ok("POST", f"{KEY}/{version_of(scene.first)}/unwrapkey", body)["value"] == "AAEC"
    other = scene.azure.send("POST", f"{KEY}//unwrapkey", body, as_=scene.officer)
    assert other.body.get("value") != "AAEC"


def test_disabled_key(scene):
    wrapped = scene.wrap()
    assert scene.attributes(enabled=False)["attributes"]["enabled"] is False
    tries = [
        ("get", ("GET", f"{KEY}/", None)),
        ("wrapKey", ("POST", f"{KEY}//wrapkey", {"alg": "RSA-OAEP", "value": "AAEC"})),
        ("unwrapKey", ("POST", f"{KEY}//unwrapkey", {"alg": "RSA-OAEP", "value": wrapped})),
    ]
    for name, request in tries:
        status, error = scene.error(*request)
        assert (status, error["code"], inner(error)) == (403, "Forbidden", "KeyDisabled")
        assert error["message"] == f"Operation {name} is not allowed on a disabled key."
    assert scene.ok("GET", f"{KEY}/versions")["value"][0]["attributes"]["enabled"] is False
    scene.attributes(enabled=True)
    assert scene.unwrap(wrapped) == "AAEC"


@pytest.mark.parametrize("moment", ["exp", "nbf"])
def test_outside_its_time_a_key_unwraps_but_does_not_wrap(scene, moment):
    wrapped = scene.wrap()
    now = int(scene.azure.world.now())
    scene.attributes(**{moment: now - 1 if moment == "exp" else now + DAY})
    assert scene.error("POST", f"{KEY}//wrapkey", {"alg": "RSA-OAEP", "value": "AAEC"})[0] == 403
    assert scene.unwrap(wrapped) == "AAEC"
    assert scene.ok("GET", f"{KEY}/")["attributes"][moment]


def test_key_without_the_operation(scene):
    scene.ok("PATCH", KEY, {"key_ops": ["sign"]})
    assert inner(scene.error("POST", f"{KEY}//wrapkey", {"alg": "RSA-OAEP", "value": "AAEC"})[1])


def test_deleted_key(scene):
    gone = scene.ok("DELETE", KEY)
    assert gone["scheduledPurgeDate"] == gone["deletedDate"] + 90 * DAY
    assert scene.error("GET", f"{KEY}/")[0] == 404
    status, error = scene.error("POST", f"{KEY}/create", RSA)
    assert (status, error["code"], inner(error)) == (409, "Conflict", "ObjectIsDeletedButRecoverable")
    assert scene.ok("GET", f"{HOST}/deletedkeys")["value"][0]["recoveryId"] == f"{HOST}/deletedkeys/key1"
    status, error = scene.error("DELETE", f"{HOST}/deletedkeys/key1")
    assert (status, error["code"]) == (403, "Forbidden")
    assert error["message"].startswith('Operation "purge" is not allowed because purge protection is enabled for this ')
    scene.ok("POST", f"{HOST}/deletedkeys/key1/recover")
    assert version_of(scene.ok("GET", f"{KEY}/")) == version_of(scene.first)
    scene.ok("DELETE", KEY)
    scene.azure.advance(90 * DAY)
    assert scene.error("GET", f"{HOST}/deletedkeys/key1")[0] == 404


@pytest.mark.parametrize(
    ("days", "protected", "level"),
    [
        (90, True, "Recoverable"),
        (90, None, "Recoverable+Purgeable"),
        (30, True, "CustomizedRecoverable"),
        (30, None, "CustomizedRecoverable+Purgeable"),
    ],
)
def test_recovery_level(days, protected, level):
    scene = Scene({"softDeleteRetentionInDays": days, "enablePurgeProtection": protected})
    shown = scene.first["attributes"]
    assert (shown["recoveryLevel"], shown["recoverableDays"]) == (level, days)


def test_rotation_policy(scene):
    assert scene.ok("GET", f"{KEY}/rotationpolicy")["lifetimeActions"][0]["action"]["type"] == "Notify"
    policy = {
        "lifetimeActions": [{"trigger": {"timeBeforeExpiry": "P10D"}, "action": {"type": "Rotate"}}],
        "attributes": {"expiryTime": "P40D"},
    }
    scene.ok("PUT", f"{KEY}/rotationpolicy", policy)
    second = scene.ok("POST", f"{KEY}/rotate")
    assert second["attributes"]["exp"] == second["attributes"]["created"] + 40 * DAY
    scene.azure.advance(30 * DAY + 1)
    assert len(scene.ok("GET", f"{KEY}/versions")["value"]) == 3
    assert scene.error("PUT", f"{KEY}/rotationpolicy", {"attributes": {"expiryTime": "soon"}})[0] == 400


ROTATE = {"type": "Rotate"}


@pytest.mark.parametrize(
    ("trigger", "lifetime", "words"),
    [
        ({"timeAfterCreate": "P6D"}, None, "earliest 7 days"),
        ({"timeAfterCreate": "P90D"}, "P92D", "7 days before its expiry"),
        ({"timeBeforeExpiry": "P6D"}, "P92D", "7 days before its expiry"),
        ({"timeBeforeExpiry": "P30D"}, None, "requires an expiry time"),
        ({"timeAfterCreate": "P12W"}, None, "in days, months or years"),
        ({"timeAfterCreate": "P7D"}, "P27D", "at least 28 days"),
    ],
)
def test_rotation_policies_that_are_refused(scene, trigger, lifetime, words):
    policy = {"lifetimeActions": [{"trigger": trigger, "action": ROTATE}], "attributes": {"expiryTime": lifetime}}
    status, error = scene.error("PUT", f"{KEY}/rotationpolicy", policy)
    assert status == 400
    assert words in error["message"]


def test_tags_of_a_key(scene):
    most = {f"t{number}": "v" * 256 for number in range(15)}
    scene.ok("PATCH", f"{KEY}/", {"tags": most})
    for tags in (most | {"one": "more"}, {"t": "v" * 257}, {"t" * 257: ""}):
        assert scene.error("PATCH", f"{KEY}/", {"attributes": {"enabled": False}, "tags": tags})[0] == 400
    shown = scene.ok("GET", f"{KEY}/")
    assert (shown["attributes"]["enabled"], shown["tags"]) == (True, most)


class TestRights:
    def test_roles(self, scene):
        status, error = scene.azure.error("GET", f"{KEY}/")
        assert (status, error["code"], inner(error)) == (403, "Forbidden", "ForbiddenByRbac")
        assert "Action: 'Microsoft.KeyVault/vaults/keys/read'" in error["message"]
        assert "/providers/microsoft.keyvault/vaults/vault1/keys/key1'" in error["message"]
        assert "Assignment: (not found)" in error["message"]

    def test_role_at_the_key(self, scene):
        user = scene.azure.principal(ENCRYPTION_USER, f"{scene.vault}/keys/key1")
        scene.azure.ok("GET", f"{KEY}/", as_=user)
        scene.ok("POST", f"{HOST}/keys/key2/create", RSA)
        assert inner(scene.azure.error("GET", f"{HOST}/keys/key2/", as_=user)[1]) == "ForbiddenByRbac"
        assert inner(scene.azure.error("POST", f"{KEY}/rotate", as_=user)[1]) == "ForbiddenByRbac"

    def test_roles_take_their_time(self):
        scene = Scene(role_seconds=300)
        user = scene.azure.principal(CRYPTO_OFFICER, scene.vault)
        assert scene.azure.send("GET", f"{KEY}/", as_=user).status == 403
        scene.azure.advance(300)
        assert scene.azure.send("GET", f"{KEY}/", as_=user).status == 200

    def test_access_policies(self):
        azure = Azure()
        user = azure.principal()
        granted = [{"tenantId": TENANT, "objectId": user.object_id, "permissions": {"keys": ["create", "Get"]}}]
        azure.vault(enableRbacAuthorization=False, accessPolicies=granted)
        azure.ok("POST", f"{KEY}/create", RSA, as_=user)
        azure.ok("GET", f"{KEY}/", as_=user)
        status, error = azure.error("DELETE", KEY, as_=user)
        assert (status, error["code"], inner(error)) == (403, "Forbidden", "ForbiddenByPolicy")
        assert error["message"] == (
            f"The user, group or application "
            f"'appid={user.app_id};oid={user.object_id};iss=https://sts.windows.net/{TENANT}/' does not have keys "
            "delete permission on key vault 'vault1;location=westus'. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125287"
        )

    @pytest.mark.parametrize("protected", [True, None])
    def test_all_is_all_but_purge(self, protected):
        azure = Azure()
        owner = azure.owner.object_id
        granted = [{"tenantId": TENANT, "objectId": owner, "permissions": {"keys": ["all"]}}]
        azure.vault(enableRbacAuthorization=False, accessPolicies=granted, enablePurgeProtection=protected)
        azure.ok("POST", f"{KEY}/create", RSA)
        azure.ok("POST", f"{KEY}/rotate")
        azure.ok("DELETE", KEY)
        assert inner(azure.error("DELETE", f"{HOST}/deletedkeys/key1")[1]) == "ForbiddenByPolicy"

    def test_roles_mean_nothing_in_a_vault_with_access_policies(self):
        azure = Azure()
        vault = azure.vault(enableRbacAuthorization=False)
        assert inner(azure.error("GET", f"{KEY}/", as_=azure.officer(vault))[1]) == "ForbiddenByPolicy"

    def test_a_policy_takes_its_time_in_a_new_vault_too(self):
        azure = Azure(policy_seconds=60)
        user = azure.principal()
        grant = [{"tenantId": TENANT, "objectId": user.object_id, "permissions": {"keys": ["create"]}}]
        azure.vault(enableRbacAuthorization=False, accessPolicies=grant)
        assert azure.send("POST", f"{KEY}/create", RSA, as_=user).status == 403
        azure.advance(60)
        azure.ok("POST", f"{KEY}/create", RSA, as_=user)
        grant[0]["permissions"]["keys"].append("get")
        azure.ok("PATCH", vault_path("vault1"), {"properties": {"accessPolicies": grant}})
        azure.ok("POST", f"{KEY}/create", RSA, as_=user)
        assert azure.send("GET", f"{KEY}/", as_=user).status == 403
        azure.advance(60)
        assert azure.send("GET", f"{KEY}/", as_=user).status == 200


class TestFirewall:
    ADDRESS = "203.0.113.9"

    def shut(self, scene: Scene, **changes) -> None:
        scene.azure.ok("PATCH", scene.vault, {"properties": changes})

    def test_closed_by_default_action(self, scene):
        self.shut(scene, networkAcls={"defaultAction": "Deny"})
        status, error = scene.error("GET", f"{KEY}/", address=self.ADDRESS)
        assert (status, error["code"], inner(error)) == (403, "Forbidden", "ForbiddenByFirewall")
        assert error["message"].startswith("Client address is not authorized and caller is not a trusted service.")
        assert f"Client address: {self.ADDRESS}" in error["message"]
        assert scene.azure.send("GET", f"{KEY}/", token=False).status == 401

    def test_address_in_a_rule(self, scene):
        self.shut(scene, networkAcls={"defaultAction": "Deny", "ipRules": [{"value": "203.0.113.0/24"}]})
        scene.ok("GET", f"{KEY}/", address=self.ADDRESS)
        assert inner(scene.error("GET", f"{KEY}/", address="198.51.100.1")[1]) == "ForbiddenByFirewall"

    def test_no_public_access(self, scene):
        rules = {"defaultAction": "Deny", "ipRules": [{"value": "203.0.113.0/24"}]}
        self.shut(scene, publicNetworkAccess="Disabled", networkAcls=rules)
        assert inner(scene.error("GET", f"{KEY}/", address=self.ADDRESS)[1]) == "ForbiddenByConnection"

    def test_who_has_no_right_learns_of_the_firewall_first(self, scene):
        self.shut(scene, networkAcls={"defaultAction": "Deny"})
        assert inner(scene.azure.error("GET", f"{KEY}/")[1]) == "ForbiddenByFirewall"
