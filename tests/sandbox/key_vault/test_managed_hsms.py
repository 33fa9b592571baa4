"""Managed HSMs: keys behind local roles, good enough to encrypt a registry with."""

import pytest

from sandbox.key_vault.hsm_store import CRYPTO_USER, ENCRYPTION_USER
from sandbox.registry.encryption import pull
from sandbox.world import SUBSCRIPTION, TENANT
from tests.harness.in_process_azure import GROUP, Azure, registry_body, registry_path

PATH = f"{GROUP}/providers/Microsoft.KeyVault/managedHSMs/hsm1"
HOST = "https://hsm1.managedhsm.azure.net"
KEY = f"{HOST}/keys/key1"
ROLES = f"{HOST}/providers/Microsoft.Authorization"


class Scene:
    def __init__(self):
        self.azure = Azure()
        properties = {
            "tenantId": TENANT,
            "initialAdminObjectIds": [self.azure.owner.object_id],
            "enablePurgeProtection": True,
        }
        self.azure.ok("PUT", PATH, {"location": "westus", "sku": {"name": "Standard_B1"}, "properties": properties})

    def give(self, role: str, principal: str, scope: str = "/keys") -> None:
        name = self.azure.world.new_guid()
        body = {"properties": {"roleDefinitionId": role, "principalId": principal}}
        path = f"{HOST}{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"
        assert self.azure.send("PUT", path, body).status == 201


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_through_resource_manager(scene):
    shown = scene.azure.get(PATH)["properties"]
    assert (shown["hsmUri"], shown["provisioningState"]) == (f"{HOST}/", "Succeeded")
    for scope in (GROUP, f"/subscriptions/{SUBSCRIPTION}"):
        assert len(scene.azure.get(f"{scope}/providers/Microsoft.KeyVault/managedHSMs")["value"]) == 1
    key = scene.azure.ok("PUT", f"{PATH}/keys/key1", {"properties": {"kty": "RSA-HSM"}})
    assert key["properties"]["keyUri"] == KEY
    assert scene.azure.get(f"{PATH}/keys/key1") == key
    version = key["properties"]["keyUriWithVersion"].rsplit("/", 1)[-1]
    assert scene.azure.get(f"{PATH}/keys/key1/versions/{version}")["properties"] == key["properties"]
    assert scene.azure.error("GET", f"{PATH}/keys/key1/versions/{'0' * 32}")[0] == 404


def test_challenge(scene):
    reply = scene.azure.send("GET", f"{KEY}/", token=False)
    assert (reply.status, reply.body) == (401, "OK")
    assert reply.headers["WWW-Authenticate"].endswith('resource="https://managedhsm.azure.net"')


def test_only_local_roles_count(scene):
    status, error = scene.azure.error("POST", f"{KEY}/create", {"kty": "RSA-HSM"})
    assert (status, error["innererror"]["code"]) == (403, "ForbiddenByRbac")
    scene.give(CRYPTO_USER, scene.azure.owner.object_id)
    scene.azure.ok("POST", f"{KEY}/create", {"kty": "RSA-HSM"})
    assert scene.azure.ok("GET", f"{KEY}/")["key"]["kty"] == "RSA-HSM"


def test_local_roles_are_given_by_administrators(scene):
    stranger = scene.azure.principal()
    assert scene.azure.error("GET", f"{ROLES}/roleAssignments", as_=stranger)[0] == 403
    names = {role["properties"]["roleName"] for role in scene.azure.get(f"{ROLES}/roleDefinitions")["value"]}
    assert "Managed HSM Crypto Service Encryption User" in names
    scene.give(CRYPTO_USER, stranger.object_id)
    made = scene.azure.get(f"{ROLES}/roleAssignments")["value"][-1]
    assert (made["properties"]["principalId"], made["properties"]["scope"]) == (stranger.object_id, "/keys")
    scene.azure.ok("DELETE", f"{ROLES}/roleAssignments/{made['name']}")
    assert len(scene.azure.get(f"{ROLES}/roleAssignments")["value"]) == 1


@pytest.mark.parametrize("scope", ["/", "/keys", "/keys/key1"])
def test_registry(scene, scope):
    azure = scene.azure
    azure.ok("PUT", f"{PATH}/keys/key1", {"properties": {"kty": "RSA-HSM"}})
    identity = azure.identity()
    body = registry_body(identity=identity, key=KEY)
    assert azure.error("PUT", registry_path(), body)[0] == 400
    scene.give(ENCRYPTION_USER, identity["principalId"], scope.rstrip("/"))
    azure.ok("PUT", registry_path(), body)
    assert pull(azure.world, "registry1")["status"] == 200
