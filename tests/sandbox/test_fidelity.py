"""The recorded exchanges about registries, vaults and keys, sent to the sandbox."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from sandbox.core.web import Caller, Reply
from sandbox.entra.directory import add_principal
from sandbox.key_vault.key_material import Key, KeyShape, new_version
from sandbox.key_vault.key_store import Vault, find_vault, parse_key_uri
from sandbox.resource_manager.gateway import dispatch
from sandbox.world import TENANT, Identity, ResourceGroup, World
from tests.harness import recordings
from tests.harness.in_process_azure import CRYPTO_OFFICER, ENCRYPTION_USER, Azure, vault_body

_ZERO = "00000000-0000-0000-0000-000000000000"
_USER = "aaa@foo.com"
_OWNER_ROLE = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
_KEY = re.compile(r"https://[\w-]+\.vault\.azure\.net/keys/[\w-]+/[0-9a-f]{32}")

_ARM_AUDIENCE = "https://management.core.windows.net/"


class Recorded:
    """An Azure in which a recorded request makes sense: its subscription, group and caller, and what it refers to."""

    def __init__(self, name: str, **settings: Any):
        self.recording = recordings.load(name)
        self.azure = Azure(**settings)
        self.world: World = self.azure.world
        self.world.subscriptions[_ZERO] = "Recorded"
        user = add_principal(self.world, "User", name=self._author())
        self.world.grant(user.object_id, _OWNER_ROLE, f"/subscriptions/{_ZERO}")
        self.user = user
        match = re.match(r"https://management.azure.com(/subscriptions/[^/]+/resourceGroups/([^/]+))", self.uri)
        if match:
            self.group = match[1]
            location = (self.recording["responseBody"] or {}).get("location", "westus")
            self.world.groups[self.group.lower()] = ResourceGroup(self.group, match[2], location)

    @property
    def uri(self) -> str:
        return self.recording["uri"]

    def _author(self) -> str:
        body = self.recording["responseBody"]
        return (body.get("systemData") or {}).get("createdBy", _USER) if isinstance(body, dict) else _USER

    def send(self, recording: dict[str, Any] | None = None, audience: str | None = _ARM_AUDIENCE) -> Reply:
        """Send the recorded request, or another one. Without an audience it carries no token."""
        user = self.user
        caller = Caller(user.object_id, user.app_id, TENANT, audience, user.name) if audience else None
        return dispatch(self.world, recordings.request_of(recording or self.recording, caller))

    def identities_from(self, body: dict[str, Any]) -> None:
        """Make the identities that a recorded registry shows."""
        for identity_id, ids in ((body.get("identity") or {}).get("userAssignedIdentities") or {}).items():
            principal = add_principal(self.world)
            del self.world.principals[principal.object_id]
            principal.object_id, principal.app_id = ids["principalId"], ids["clientId"]
            self.world.principals[principal.object_id] = principal
            name = identity_id.rsplit("/", 1)[-1]
            record = Identity(identity_id, name, "westus", {}, ids["principalId"], ids["clientId"])
            self.world.identities[identity_id.lower()] = record

    def keys_from(self, recording: dict[str, Any]) -> None:
        """Make the key versions that a recorded request names, and let every identity use them."""
        for uri in dict.fromkeys(_KEY.findall(json.dumps(recording["requestBody"]))):
            named = parse_key_uri(uri)
            name = named.host.partition(".")[0]
            vault = find_vault(self.world, name) or self.vault(name, enableRbacAuthorization=True)
            version = new_version(KeyShape(), self.world.now())
            version.id = named.version
            vault.keys[named.name] = Key(named.name, [version])
            for identity in self.world.identities.values():
                self.world.grant(identity.principal_id, ENCRYPTION_USER, vault.id)

    def vault(self, name: str, *, location: str = "westus", group: str = "", **properties: Any) -> Vault:
        """A vault that came to be before the recording."""
        group = group or f"/subscriptions/{_ZERO}/resourceGroups/{name}"
        self.azure.add_group(group, location)
        settled = {"softDeleteRetentionInDays": 7, "enablePurgeProtection": True, **properties}
        body = vault_body(**settled) | {"location": location}
        path = f"{group}/providers/Microsoft.KeyVault/vaults/{name}?api-version=2023-02-01"
        return self.world.vaults[self.azure.ok("PUT", path, body, as_=self.user)["id"].lower()]

    def check(self, name: str, reply: Reply) -> None:
        """There is no difference that would have to be accepted."""
        assert recordings.differences(recordings.load(name), reply) == []


def _recorded_operation(recorded: Recorded, name: str, url: str) -> None:
    """Poll the operation that a reply of ours names, as the recording polled its own."""
    poll = recordings.load(name)
    recorded.check(name, recorded.send(poll | {"uri": url}))


def _encrypted(prefix: str = "acr_cmk_put_201_creating", **settings: Any) -> tuple[Recorded, Reply]:
    recorded = Recorded(prefix, **settings)
    old = prefix.startswith("old2022")
    shown = recordings.load("old2022_acr_rotate_patch_201_still_old_key" if old else "acr_cmk_get_200")
    recorded.identities_from(shown["responseBody"])
    recorded.keys_from(recorded.recording)
    return recorded, recorded.send()


def test_registry_with_customer_managed_key():
    recorded, reply = _encrypted(registry_seconds=10)
    recorded.check("acr_cmk_put_201_creating", reply)
    _recorded_operation(recorded, "acr_op_creating", reply.headers["Azure-AsyncOperation"])
    recorded.azure.advance(10)
    _recorded_operation(recorded, "acr_op_succeeded", reply.headers["Azure-AsyncOperation"])
    recorded.check("acr_cmk_get_200", recorded.send(recordings.load("acr_cmk_get_200")))


def test_rotation():
    recorded, _ = _encrypted(registry_patch_seconds=10)
    rotation = recordings.load("acr_rotate_patch_201_updating")
    recorded.keys_from(rotation)
    reply = recorded.send(rotation)
    recorded.check("acr_rotate_patch_201_updating", reply)
    _recorded_operation(recorded, "acr_op_updating", reply.headers["Azure-AsyncOperation"])
    recorded.azure.advance(10)
    recorded.check("acr_get_after_rotate_200", recorded.send(recordings.load("acr_get_after_rotate_200")))


def test_first_answers_of_2022():
    recorded, reply = _encrypted("old2022_acr_cmk_put_201_encryption_disabled", stale_first_answer=True)
    recorded.check("old2022_acr_cmk_put_201_encryption_disabled", reply)
    rotation = recordings.load("old2022_acr_rotate_patch_201_still_old_key")
    recorded.keys_from(rotation)
    recorded.check("old2022_acr_rotate_patch_201_still_old_key", recorded.send(rotation))


def test_registry_without_customer_managed_key_and_its_identities():
    recorded = Recorded("acr_put_201_noncmk")
    recorded.check("acr_put_201_noncmk", recorded.send())
    assignment = recordings.load("acr_patch_identity_system_user_201")
    recorded.identities_from(assignment["responseBody"])
    recorded.check("acr_patch_identity_system_user_201", recorded.send(assignment))
    recorded.check("acr_put_identity_none_201", recorded.send(recordings.load("acr_put_identity_none_201")))


def test_creation_of_a_vault():
    recorded = Recorded("vault_create_put_200_registeringdns")
    recorded.check("vault_create_404_precheck", recorded.send(recordings.load("vault_create_404_precheck")))
    recorded.check("vault_create_put_200_registeringdns", recorded.send())
    recorded.check("vault_create_get_succeeded", recorded.send(recordings.load("vault_create_get_succeeded")))


def test_access_policies():
    recorded = Recorded("vault_get_200_accesspolicy_purgeprotected")
    policies = recorded.recording["responseBody"]["properties"]["accessPolicies"]
    recorded.vault("clitest000002", group=recorded.group, accessPolicies=_ours(policies))
    recorded.check("vault_get_200_accesspolicy_purgeprotected", recorded.send())
    recorded.check("vault_put_setpolicy_200", recorded.send(recordings.load("vault_put_setpolicy_200")))


def test_recovery_of_a_vault():
    recorded = Recorded("vault_recover_put")
    policies = recorded.recording["responseBody"]["properties"]["accessPolicies"]
    given = {"accessPolicies": _ours(policies), "enablePurgeProtection": None}
    vault = recorded.vault("cli-test-kv-sd-000002", location="eastus2", group=recorded.group, **given)
    recorded.azure.ok("DELETE", vault.id, as_=recorded.user)
    recorded.check("vault_recover_put", recorded.send())


def test_purge_of_a_vault():
    recorded = Recorded("vault_purge_202", vault_dns_seconds=15)
    vault = recorded.vault("cli-test-kv-sd-000002", location="eastus2", enablePurgeProtection=None)
    recorded.azure.ok("DELETE", vault.id, as_=recorded.user)
    reply = recorded.send()
    recorded.check("vault_purge_202", reply)
    _recorded_operation(recorded, "vault_purge_poll_202", reply.headers["Location"])


@pytest.mark.parametrize(
    ("name", "vault", "before"),
    [
        ("kv_key_create_200", {}, []),
        ("kv_rotate_post_200", {"enablePurgeProtection": None}, ["create", "policy"]),
        ("kv_rotationpolicy_put_200", {"enablePurgeProtection": None}, ["create"]),
        ("kv_key_delete_200", {"enablePurgeProtection": None}, ["create"]),
        ("kv_key_recover_200", {"enablePurgeProtection": None}, ["create", "delete"]),
        ("kv_key_purge_204", {"enablePurgeProtection": None}, ["create", "delete"]),
    ],
)
def test_keys(name: str, vault: dict[str, Any], before: list[str]):
    recorded = Recorded(name)
    host, key = re.match(r"https://([\w-]+)\.vault\.azure\.net/\w+/([\w-]+)", recorded.uri).groups()
    location = recorded.recording["headers"]["x-ms-keyvault-region"]
    made = recorded.vault(host, location=location, enableRbacAuthorization=True, **vault)
    recorded.world.grant(recorded.user.object_id, CRYPTO_OFFICER, made.id)
    requests = {
        "create": ("POST", f"{made.uri}/keys/{key}/create", {"kty": "RSA"}),
        "delete": ("DELETE", f"{made.uri}/keys/{key}", None),
        "policy": ("PUT", f"{made.uri}/keys/{key}/rotationpolicy", {"attributes": {"expiryTime": "P30D"}}),
    }
    for step in before:
        recorded.azure.ok(*requests[step], as_=recorded.user)
    recorded.check(name, recorded.send(audience="https://vault.azure.net"))


def test_challenge():
    recorded = Recorded("kv_key_create_401_challenge")
    recorded.vault("clitest000002")
    recorded.check("kv_key_create_401_challenge", recorded.send(audience=None))


def _ours(policies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [policy | {"tenantId": TENANT} for policy in policies]


def test_every_recording_is_replayed():
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*fidelity.py"))
    assert [name for name in recordings.names() if f'"{name}"' not in tests] == []


@pytest.mark.parametrize(
    ("recorded", "ours", "noticed"),
    [
        ({"a": 1}, {"a": 1}, False),
        ({"a": "Premium"}, {"a": "premium"}, True),
        ({"a": None}, {}, True),
        ({}, {"a": None}, True),
        ({"a": []}, {"a": {}}, True),
        ({"a": [1]}, {"a": [1, 2]}, True),
        ({"a": False}, {"a": 0}, True),
        ({"a": "2023-12-21T23:57:13.3199686Z"}, {"a": "2026-01-01T00:00:00.0000000Z"}, False),
        ({"a": "2023-12-21T23:57:13.3199686Z"}, {"a": "2026-01-01T00:00:00.000Z"}, True),
        ({"a": "2023-12-21T23:57:13.3199686Z"}, {"a": "2026-01-01T00:00:00.0000000+00:00"}, True),
        ({"a": 1703203029}, {"a": "1703203029"}, True),
        ({"/resourcegroups/a": 1}, {"/resourceGroups/a": 1}, True),
    ],
)
def test_what_counts_as_a_difference(recorded, ours, noticed):
    exchange = {"status": {"code": 200}, "headers": {}, "responseBody": recorded}
    assert bool(recordings.differences(exchange, Reply(200, ours))) is noticed


@pytest.mark.parametrize("name", ["Azure-AsyncOperation", "Location"])
def test_headers_of_operations_have_to_agree(name):
    without = {"status": {"code": 201}, "headers": {}, "responseBody": ""}
    with_one = without | {"headers": {name.lower(): "https://management.azure.com/a?api-version=1"}}
    assert recordings.differences(without, Reply(201, None, {name: "https://management.azure.com/a"}))
    assert recordings.differences(with_one, Reply(201))
    assert not recordings.differences(
        with_one, Reply(201, None, {name: "https://management.azure.com/a?api-version=1"})
    )
