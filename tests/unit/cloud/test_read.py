"""Bodies as the services send them, and as they might: missing, null, unknown and odd fields don't stop anything."""

from __future__ import annotations

import types
import typing
from dataclasses import fields, is_dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azext_acrcmk.cloud.errors import UnexpectedResponse
from azext_acrcmk.cloud.read import (
    read_deleted_vault,
    read_group,
    read_identity,
    read_key,
    read_registry,
    read_vault,
)
from azext_acrcmk.cloud.roles import read_role_grants, with_denials
from azext_acrcmk.model.ids import ArmId, KeyId
from azext_acrcmk.model.state import ACCESS_POLICY, RBAC
from sandbox.core.web import Reply
from sandbox.server.alterations import ALTERATIONS, alter
from sandbox.server.faults import Fault

ID = "/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/g/providers/Microsoft.X/y/z"
IDENTITY = ID.replace("/y/z", "/identities/i")
KID = "https://vault1.vault.azure.net/keys/k"
ASKED = KeyId("vault1.vault.azure.net", "k")
VERSION = "3c1d23fec54040e78781eb88bf52ef7a"

REGISTRY = {
    "id": ID,
    "name": "z",
    "location": "westus",
    "sku": {"name": "Premium", "tier": "Premium"},
    "tags": {"a": "b"},
    "identity": {
        "type": "userAssigned",
        "principalId": "p",
        "userAssignedIdentities": {IDENTITY: {"principalId": "p", "clientId": "c"}},
    },
    "properties": {
        "loginServer": "z.azurecr.io",
        "provisioningState": "Succeeded",
        "adminUserEnabled": False,
        "publicNetworkAccess": "Enabled",
        "networkRuleBypassOptions": "None",
        "networkRuleSet": {"defaultAction": "Deny"},
        "zoneRedundancy": "Disabled",
        "status": {"message": "m"},
        "policies": {"trustPolicy": {"status": "enabled"}},
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
VAULT = {
    "id": ID,
    "location": "westus",
    "properties": {
        "sku": {"name": "standard"},
        "vaultUri": "https://z.vault.azure.net/",
        "enableSoftDelete": True,
        "softDeleteRetentionInDays": 90,
        "enablePurgeProtection": True,
        "enableRbacAuthorization": False,
        "networkAcls": {"defaultAction": "Deny", "bypass": "None", "ipRules": []},
        "accessPolicies": [{"objectId": "o", "permissions": {"keys": ["Get"]}}],
    },
}
KEY = {
    "name": "k",
    "properties": {
        "kty": "RSA",
        "keySize": 2048,
        "keyOps": ["wrapKey", "unwrapKey"],
        "keyUri": KID,
        "keyUriWithVersion": f"{KID}/{VERSION}",
        "attributes": {"enabled": True, "nbf": 1601867450, "exp": 1701867450},
        "rotationPolicy": {
            "attributes": {"expiryTime": "P2Y"},
            "lifetimeActions": [
                {"trigger": {"timeBeforeExpiry": "P7D"}, "action": {"type": "notify"}},
                {"trigger": {"timeAfterCreate": "P90D"}, "action": {"type": "Rotate"}},
            ],
        },
    },
}
DELETED = {"name": "z", "properties": {"vaultId": ID, "location": "westus", "purgeProtectionEnabled": True}}
# Role assignments, a role, and deny assignments, in one body.
ROLES = {
    "assignments": [
        {
            "id": "a",
            "properties": {
                "roleDefinitionId": "/r/1",
                "scope": ID,
                "principalId": "p",
                "createdOn": "2024-01-01T00:00:00.1234567Z",
            },
        }
    ],
    "role": {"properties": {"roleName": "n", "permissions": [{"dataActions": ["a"], "notDataActions": ["b"]}]}},
    "denials": [
        {
            "name": "d",
            "properties": {
                "scope": ID,
                "doNotApplyToChildScopes": False,
                "permissions": [{"dataActions": ["a"], "notDataActions": ["b"]}],
                "principals": [{"id": "p", "type": "ServicePrincipal"}],
                "excludePrincipals": [{"id": "q", "type": "Group"}],
            },
        }
    ],
}


def read_roles(body):
    assignments, denials = body.get("assignments"), body.get("denials")
    if not isinstance(assignments, list) or not isinstance(denials, list):
        raise UnexpectedResponse("no lists")
    assignments, denials = ([each for each in every if isinstance(each, dict)] for every in (assignments, denials))
    role = body.get("role") if isinstance(body.get("role"), dict) else {}
    return with_denials(read_role_grants(assignments, lambda _: role), denials, ID, "p")


READERS = [
    (read_registry, REGISTRY),
    (read_vault, VAULT),
    (lambda body: read_vault(body, "managedHSM"), VAULT),
    (read_identity, {"id": ID, "location": "westus", "properties": {"clientId": "c", "principalId": "p"}}),
    (read_group, {"id": ID, "location": "westus"}),
    (lambda body: read_key(body, ASKED), KEY),
    (read_deleted_vault, DELETED),
    (read_roles, ROLES),
]


def test_a_registry():
    found = read_registry(REGISTRY)
    assert found.encryption.enabled
    assert found.encryption.version_in_use == VERSION
    assert found.encryption.key.version is None
    assert found.attached_as("C").id == ArmId.parse(IDENTITY)
    assert (found.properties["publicNetworkAccess"], found.properties["networkRuleBypassOptions"]) == (
        "Enabled",
        "None",
    )


def test_a_vault_without_rules_is_open_and_null_means_access_policies():
    found = read_vault({"id": ID, "name": "v", "properties": {"vaultUri": "https://v.vault.azure.net/"}})
    assert (found.default_action, found.bypass, found.permission_model) == ("Allow", "AzureServices", ACCESS_POLICY)
    assert found.host == "v.vault.azure.net"
    assert not found.purge_protection


def test_a_vault_with_rbac():
    properties = {"enableRbacAuthorization": True, "networkAcls": {"defaultAction": "Deny", "bypass": "None"}}
    found = read_vault({"id": ID, "name": "v", "properties": properties})
    assert (found.permission_model, found.default_action, found.bypass) == (RBAC, "Deny", "None")


def test_a_key_with_its_rotation_policy():
    found = read_key(KEY, ASKED)
    assert found.latest_version == VERSION
    assert found.expires.year == 2023
    assert (found.rotation_policy.rotate_after, found.rotation_policy.expiry) == ("P90D", "P2Y")
    assert found.operations == {"wrapkey", "unwrapkey"}


@pytest.mark.parametrize("read", [read_registry, read_vault, read_identity])
def test_missing_null_and_unknown_fields_are_tolerated(read):
    for body in ({"id": ID}, {"id": ID, "properties": None}, {"id": ID, "unheardOf": [{}], "properties": {"x": 1}}):
        assert read(body).id == ArmId.parse(ID)


def test_what_shows_no_id_is_not_understood():
    with pytest.raises(UnexpectedResponse):
        read_registry({"name": "z"})


alterations = st.lists(st.tuples(st.sampled_from(sorted(ALTERATIONS)), st.integers(0, 500)), max_size=4)


@given(st.sampled_from(READERS), alterations)
def test_whatever_a_body_has_the_fields_are_of_the_kinds_they_say(reader, changes):
    read, body = reader
    for alteration, place in changes:
        body = alter(Reply(200, body), Fault("alter", alteration=alteration, place=place))[0].body
    try:
        found = read(body if isinstance(body, dict) else {})
    except UnexpectedResponse:
        return
    for each in found if isinstance(found, tuple) else [found]:
        assert_fits(each)


def assert_fits(value):
    hints = typing.get_type_hints(type(value))
    for field in fields(value):
        inside = getattr(value, field.name)
        assert fits(inside, hints[field.name]), f"{field.name}: {inside!r}"
        for each in inside if isinstance(inside, tuple) else [inside]:
            if is_dataclass(each):
                assert_fits(each)


def fits(value, kind) -> bool:
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return any(fits(value, each) for each in inner)
    if origin in (tuple, frozenset):
        return isinstance(value, origin) and all(fits(each, inner[0]) for each in value)
    if kind is int:
        return type(value) is int
    return isinstance(value, origin or kind)


def test_a_key_id_of_an_unknown_form_is_no_reason_to_fail():
    properties = {
        "encryption": {"status": "enabled", "keyVaultProperties": {"keyIdentifier": "https://new.example/keys/k"}}
    }
    found = read_registry({"id": ID, "name": "z", "properties": properties})
    assert found.encryption.enabled
    assert found.encryption.key is None


def test_a_key_in_another_vault_is_not_the_one_asked_for():
    other = {"properties": {"keyUriWithVersion": f"https://other.vault.azure.net/keys/k/{VERSION}"}}
    assert read_key(other, ASKED).id == ASKED
