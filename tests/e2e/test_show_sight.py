"""What `az acr cmk show` looks at, and how: what the caller may not see is null, and nothing is asked for twice."""

from __future__ import annotations

import pytest

from sandbox.world import OTHER_SUBSCRIPTION, SUBSCRIPTION
from tests.e2e.seed import IDENTITY, KEY, REGISTRY, VAULT

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
        assert "neither the key nor who is granted it" in said["VaultUnknown"]
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


class TestRequests:
    """Tokens aside."""

    def sent(self, azure):
        return [entry for entry in azure.log() if entry["host"] != "login.microsoftonline.com"]

    def test_are_one_for_the_registry_and_one_for_each_part(self, azure, az, scene):
        scene.encrypt()
        az(SHOW).ok()
        entries = self.sent(azure)
        version = scene.used()["versionedKeyIdentifier"].rsplit("/", 1)[-1]
        assert {entry["method"] for entry in entries} == {"GET"}
        assert sorted(entry["path"].lower() for entry in entries) == sorted(
            path.lower()
            for path in (
                f"{REGISTRY}",
                f"{IDENTITY}",
                f"/subscriptions/{SUBSCRIPTION}/resources",  # where the vault is
                f"{VAULT}",
                f"{VAULT}/keys/{KEY}",
                f"{VAULT}/keys/{KEY}/versions/{version}",
                f"{VAULT}/keys/{KEY}/providers/Microsoft.Authorization/roleAssignments",
                f"{VAULT}/keys/{KEY}/providers/Microsoft.Authorization/denyAssignments",
            )
        )

    def test_are_one_more_to_find_the_registry_by_its_name(self, azure, az, scene):
        scene.encrypt()
        az(SHOW).ok()
        known = len(self.sent(azure))
        azure.clear_log()
        az("acr cmk show -n myregistry").ok()
        assert len(self.sent(azure)) == known + 1

    def test_are_one_for_a_registry_without_a_customer_managed_key(self, azure, az, seed):
        seed.registry()
        az(SHOW).ok()
        assert [entry["path"] for entry in self.sent(azure)] == [str(REGISTRY)]

    def test_run_at_the_same_time_after_the_registry(self, azure, az, scene):
        scene.encrypt()
        # So slow that none is answered before all are sent, on a busy machine too.
        azure.fault("delay", method="GET", path="management", nth=2, times=99, seconds=1.5)
        az(SHOW).ok()
        registry, *rest = self.sent(azure)
        assert registry["path"] == str(REGISTRY)
        ended = registry["time"] + registry["seconds"]
        assert all(entry["time"] >= ended for entry in rest)
        # Two rounds: the identity and where the vault is, then all that is in the vault.
        by_time = sorted(rest, key=lambda entry: entry["time"])
        for together in (by_time[:2], by_time[2:]):
            assert max(entry["time"] for entry in together) < min(
                entry["time"] + entry["seconds"] for entry in together
            )

    def test_look_for_a_vault_that_is_not_at_hand_in_the_other_subscriptions(self, azure, az, scene):
        scene.encrypt_elsewhere()
        az(SHOW).ok()
        looked = [entry["path"] for entry in self.sent(azure) if entry["path"].endswith("/resources")]
        assert looked == [f"/subscriptions/{each}/resources" for each in (SUBSCRIPTION, OTHER_SUBSCRIPTION)]
