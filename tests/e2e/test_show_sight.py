"""What `az acr cmk show` says to those who may not see everything: what they can't see is null."""

from __future__ import annotations

import pytest

from tests.harness.seed import IDENTITY, KEY, REGISTRY, VAULT

SHOW = "acr cmk show -n myregistry -g rg"
READ_IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities/read"
READ_ROLES = "Microsoft.Authorization/roleAssignments/read"
READ_VAULT = "Microsoft.KeyVault/vaults/read"


@pytest.fixture
def seen(az_as, scene):
    """The document as a caller sees it, its health, and what the findings say that are not advice."""

    def show(caller):
        shown = az_as(caller)(SHOW).json()
        return shown, {each["code"]: each["message"] for each in shown["findings"] if each["severity"] == "error"}

    return show


class TestSight:
    def test_with_the_registry_alone(self, azure, scene, seen):
        scene.encrypt()
        shown, said = seen(azure.principal(("Reader", str(REGISTRY))))
        assert shown["health"] == "unknown"
        assert set(said) == {"IdentityUnknown", "VaultUnknown"}
        assert f"'{READ_IDENTITY}' on {IDENTITY}".lower() in said["IdentityUnknown"].lower()
        assert f"'{READ_VAULT}' on https://{VAULT.name}.vault.azure.net" in said["VaultUnknown"]
        assert "neither the key nor the access to it" in said["VaultUnknown"]
        # What the registry itself tells is there; the rest is null.
        version = scene.used()["versionedKeyIdentifier"].rsplit("/", 1)[-1]
        assert shown["vault"] is None
        assert shown["access"] == {"granted": None, "through": [], "missing": None}
        assert {name: value for name, value in shown["key"].items() if value is not None} == {
            "id": scene.used()["keyIdentifier"],
            "versionInUse": version,
        }
        assert (shown["identity"]["exists"], shown["identity"]["attached"]) == (None, True)
        assert shown["identity"]["principalId"] == scene.identity["principalId"]

    def test_without_the_vault(self, scene, seen):
        scene.encrypt()
        shown, said = seen(scene.reader_without(READ_VAULT))
        assert (shown["health"], set(said), shown["vault"]) == ("unknown", {"VaultUnknown"}, None)
        assert shown["identity"]["exists"] is True

    def test_without_the_role_assignments(self, scene, seen):
        scene.encrypt()
        shown, said = seen(scene.reader_without(READ_ROLES))
        assert (shown["health"], set(said)) == ("unknown", {"AccessUnknown"})
        assert f"'{READ_ROLES}' on {VAULT}" in said["AccessUnknown"]
        assert shown["access"] == {"granted": None, "through": [], "missing": None}
        assert shown["key"]["upToDate"] is True

    def test_of_access_policies_takes_no_role_assignments(self, scene, seen):
        scene.encrypt_by_policy()
        shown, _ = seen(scene.reader_without(READ_ROLES))
        assert (shown["health"], shown["access"]["granted"]) == ("healthy", True)

    def test_without_the_identity(self, scene, seen):
        scene.encrypt()
        shown, said = seen(scene.reader_without(READ_IDENTITY))
        assert (shown["health"], set(said)) == ("unknown", {"IdentityUnknown"})
        # The registry tells enough of an attached identity to look for its grant.
        assert (shown["identity"]["exists"], shown["access"]["granted"]) == (None, True)

    def test_without_the_keys(self, scene, seen):
        scene.encrypt()
        shown, said = seen(scene.reader_without("Microsoft.KeyVault/vaults/keys/*"))
        assert (shown["health"], set(said)) == ("unknown", {"KeyUnknown"})
        assert f"'Microsoft.KeyVault/vaults/keys/read' on {VAULT}/keys/{KEY}" in said["KeyUnknown"]
        assert [shown["key"][name] for name in ("type", "size", "enabled", "latestVersion", "upToDate")] == [None] * 5

    def test_without_the_version_in_use(self, scene, seen):
        scene.encrypt().new_version()
        shown, said = seen(scene.reader_without("Microsoft.KeyVault/vaults/keys/versions/read"))
        assert (shown["health"], set(said)) == ("unknown", {"KeyUnknown"})
        assert "'Microsoft.KeyVault/vaults/keys/versions/read'" in said["KeyUnknown"]
        assert (shown["key"]["type"], shown["key"]["upToDate"], shown["key"]["enabled"]) == ("RSA", False, None)

    def test_what_is_broken_for_sure_stays_so_whatever_else_cannot_be_seen(self, scene, seen):
        scene.encrypt().change_version(attributes={"enabled": False})
        shown, said = seen(scene.reader_without(READ_ROLES))
        assert (shown["health"], set(said)) == ("broken", {"AccessUnknown", "KeyDisabled"})

    def test_takes_no_more_than_the_role_reader(self, scene, seen):
        scene.encrypt()
        shown, said = seen(scene.reader_without())
        assert (shown["health"], said) == ("healthy", {})
