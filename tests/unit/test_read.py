"""Bodies as the services send them, and as they might: missing, null and unknown fields don't stop anything."""

from hypothesis import given
from hypothesis import strategies as st

from azext_acrcmk.cloud.read import read_deleted_vault, read_identity, read_key, read_registry, read_vault
from azext_acrcmk.model.ids import KeyId
from azext_acrcmk.model.state import ACCESS_POLICY, RBAC

ID = "/subscriptions/s/resourceGroups/g/providers/Microsoft.X/y/z"
KID = "https://vault1.vault.azure.net/keys/k"
VERSION = "3c1d23fec54040e78781eb88bf52ef7a"

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)


def test_a_registry():
    found = read_registry(
        {
            "id": ID,
            "name": "z",
            "location": "westus",
            "sku": {"name": "Premium", "tier": "Premium"},
            "identity": {
                "type": "userAssigned",
                "userAssignedIdentities": {"/i": {"principalId": "p", "clientId": "c"}},
            },
            "properties": {
                "loginServer": "z.azurecr.io",
                "provisioningState": "Succeeded",
                "publicNetworkAccess": "Enabled",
                "networkRuleBypassOptions": "None",
                "encryption": {
                    "status": "enabled",
                    "keyVaultProperties": {
                        "keyIdentifier": KID,
                        "versionedKeyIdentifier": f"{KID}/{VERSION}",
                        "identity": "c",
                        "keyRotationEnabled": True,
                    },
                },
            },
        }
    )
    assert found.encryption.enabled
    assert found.encryption.version_in_use == VERSION
    assert found.encryption.key.version is None
    assert found.attached_as("C").id == "/i"
    assert (found.public_network_enabled, found.allow_trusted_services) == (True, False)


def test_a_vault_without_rules_is_open_and_null_means_access_policies():
    found = read_vault({"id": ID, "name": "v", "properties": {"vaultUri": "https://v.vault.azure.net/"}})
    assert (found.default_action, found.bypass, found.access_model) == ("Allow", "AzureServices", ACCESS_POLICY)
    assert found.host == "v.vault.azure.net"
    assert not found.purge_protection


def test_a_vault_with_rbac():
    properties = {"enableRbacAuthorization": True, "networkAcls": {"defaultAction": "Deny", "bypass": "None"}}
    found = read_vault({"id": ID, "name": "v", "properties": properties})
    assert (found.access_model, found.default_action, found.bypass) == (RBAC, "Deny", "None")


def test_a_key_with_its_rotation_policy():
    found = read_key(
        {
            "name": "k",
            "properties": {
                "kty": "RSA",
                "keySize": 2048,
                "keyOps": ["wrapKey", "unwrapKey"],
                "keyUri": KID,
                "keyUriWithVersion": f"{KID}/{VERSION}",
                "attributes": {"enabled": True, "exp": 1701867450},
                "rotationPolicy": {
                    "attributes": {"expiryTime": "P2Y"},
                    "lifetimeActions": [
                        {"trigger": {"timeBeforeExpiry": "P7D"}, "action": {"type": "notify"}},
                        {"trigger": {"timeAfterCreate": "P90D"}, "action": {"type": "Rotate"}},
                    ],
                },
            },
        },
        KeyId("vault1.vault.azure.net", "k"),
    )
    assert found.latest_version == VERSION
    assert found.expires.year == 2023
    assert (found.rotation_policy.rotate_after, found.rotation_policy.expiry) == ("P90D", "P2Y")
    assert found.operations == {"wrapkey", "unwrapkey"}


@given(
    st.fixed_dictionaries({"id": st.just(ID), "name": st.just("z")}, optional={"properties": st.none(), "x": anything})
)
def test_missing_and_unknown_fields_are_tolerated(body):
    assert read_registry(body).encryption.status == "disabled"
    assert read_vault(body).id == ID
    assert read_key(body, KeyId("vault1.vault.azure.net", "k")).id.name == "k"
    assert read_identity(body).client_id == ""
    assert not read_deleted_vault(body).purge_protection


def test_a_key_id_of_an_unknown_form_is_no_reason_to_fail():
    properties = {
        "encryption": {"status": "enabled", "keyVaultProperties": {"keyIdentifier": "https://new.example/keys/k"}}
    }
    found = read_registry({"id": ID, "name": "z", "properties": properties})
    assert found.encryption.enabled
    assert found.encryption.key is None
