"""Registries are encrypted for real: whatever is wrong with identity, grant, vault or key shows, and heals again."""

import pytest

from sandbox.registry_encryption import pull
from tests.sandbox.azure import ENCRYPTION_USER, Azure, registry_body, registry_path


class Scene:
    """An encrypted registry and all it needs."""

    def __init__(self, *, versioned: bool = False, **settings):
        self.azure = Azure(**settings)
        self.identity = self.azure.identity()
        self.vault = self.azure.vault()
        self.grant = self.azure.world.grant(self.identity["principalId"], ENCRYPTION_USER, self.vault)
        key = self.azure.key(self.vault)
        self.key = key["keyUriWithVersion"] if versioned else key["keyUri"]
        self.made = self.azure.registry(identity=self.identity, key=self.key)

    def pull(self) -> int:
        return pull(self.azure.world, "registry1")["status"]

    def encryption(self) -> dict:
        return self.azure.get(registry_path())["properties"]["encryption"]


def test_a_new_registry_can_serve():
    assert Scene().pull() == 200


def test_no_grant_no_pull_and_back():
    scene = Scene()
    assignments = scene.azure.world.role_assignments
    grant = assignments.pop(scene.grant.id.lower())
    assert scene.pull() == 403
    assignments[grant.id.lower()] = grant
    assert scene.pull() == 200


@pytest.mark.parametrize("versioned", [True, False])
def test_shown_key(versioned):
    scene = Scene(versioned=versioned)
    shown = scene.encryption()["keyVaultProperties"]
    assert shown["keyIdentifier"] == scene.key
    assert shown["keyRotationEnabled"] is not versioned
    assert shown["versionedKeyIdentifier"].startswith(scene.key)
    assert "lastKeyRotationTimestamp" not in shown


def test_without_a_grant_the_registry_is_refused():
    azure = Azure()
    identity, vault = azure.identity(), azure.vault()
    key = azure.key(vault)["keyUri"]
    status, error = azure.error("PUT", registry_path(), registry_body(identity=identity, key=key))
    assert status == 400
    assert error["message"] == (
        f"Failed to access KeyId '{key}'. Verify that identity '{identity['clientId']}' has 'Get, Wrap Key, Unwrap "
        f"Key' permission on key '{key}'. For more information on bring your own key, please visit 'https://aka.ms/acr/cmk'."
    )
    assert not azure.world.registries
