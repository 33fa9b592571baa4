"""What the tests of `revoke` and `restore` have in common."""

from __future__ import annotations

import contextlib
import os
import pty
import shlex
import subprocess
import uuid

from azext_acrcmk.model.ids import REGISTRY_TYPE, ArmId
from sandbox.world import SUBSCRIPTION, TENANT
from tests.harness.az import AZ
from tests.harness.seed import CRYPTO_OFFICER, IDENTITY, KEY, LOCATION, REGISTRY, VAULT, changes

REVOKE = "acr cmk revoke -n myregistry"
RESTORE = "acr cmk restore -n myregistry"
BY_KEY = f"{REVOKE} --by key --yes"
KEY_URI = f"https://{VAULT.name}.vault.azure.net/keys/{KEY}"
ON_KEY = f"{VAULT}/keys/{KEY}"
AGAIN = "Run the same command again"
USUAL = ["get", "wrapKey", "unwrapKey"]
HSM_HOST = "https://myhsm.managedhsm.azure.net"
HSM_ENCRYPTION_USER = "33413926-3206-4cdd-b39a-83574fe37a17"
HSM_CRYPTO_USER = "21dbd100-6940-42c2-9190-5d6cb909625b"


def pulled(azure, name="myregistry") -> int:
    return azure.pull(name)["status"]


def roles(seed) -> set[tuple[str, str]]:
    """The registry's identity's roles at and below the vault, as GUID and scope."""
    principal = seed.get(IDENTITY)["properties"]["principalId"]
    return {
        (each["properties"]["roleDefinitionId"].rsplit("/", 1)[-1], each["properties"]["scope"].lower())
        for each in seed.assignments()
        if each["properties"]["principalId"] == principal
    }


def permissions(seed) -> dict[str, set[str]]:
    """The key permissions of the vault's access policies by object id."""
    policies = seed.get(VAULT)["properties"]["accessPolicies"]
    return {each["objectId"]: {p.lower() for p in each["permissions"]["keys"]} for each in policies}


def with_roles(seed, *given) -> None:
    """A registry whose identity has these roles (GUID, scope), and no other."""
    identity = seed.encrypted()
    for each in seed.assignments():
        if each["properties"]["principalId"] == identity["principalId"]:
            seed.delete(each["id"])
    for role, scope in given:
        seed.grant(identity["principalId"], scope, role)


def with_policy(seed, *given, **others) -> dict:
    """A registry whose identity has these permissions on the vault; returns the identity."""
    identity = seed.identity()
    policy = {"tenantId": TENANT, "objectId": identity["principalId"], "permissions": {"keys": USUAL}}
    rest = [{"tenantId": TENANT, "objectId": id_, "permissions": {"keys": keys}} for id_, keys in others.items()]
    seed.vault(enableRbacAuthorization=False, accessPolicies=[policy, *rest])
    seed.key()
    encryption(seed, identity, KEY_URI)
    policy = {**policy, "permissions": {"keys": list(given)}}
    seed.patch(VAULT, {"properties": {"accessPolicies": [policy, *rest]}})
    return identity


def encryption(seed, identity, key) -> None:
    chosen = {"keyIdentifier": key, "identity": identity["clientId"]}
    seed.registry(identity["id"], encryption={"status": "enabled", "keyVaultProperties": chosen})


def another_registry(seed, identity, key=KEY_URI, name="second") -> None:
    """A second registry; without a key where that is None."""
    body = {
        "location": LOCATION,
        "sku": {"name": "Premium"},
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {identity["id"]: {}}},
    }
    if key:
        chosen = {"keyIdentifier": key, "identity": identity["clientId"]}
        body["properties"] = {"encryption": {"status": "enabled", "keyVaultProperties": chosen}}
    seed.put(ArmId(SUBSCRIPTION, "rg", REGISTRY_TYPE, name), body)


def version_in_use(seed) -> str:
    return seed.get(REGISTRY)["properties"]["encryption"]["keyVaultProperties"]["versionedKeyIdentifier"]


def enabled(azure, uri) -> bool:
    return version(azure, uri)["attributes"]["enabled"]


def version(azure, uri) -> dict:
    """A version as the list of versions shows it."""
    all_keys = azure.principal((CRYPTO_OFFICER, f"/subscriptions/{SUBSCRIPTION}"))
    found = azure.vault("GET", f"{uri.rsplit('/', 1)[0]}/versions", as_=all_keys).json()["value"]
    return next(each for each in found if each["kid"] == uri)


def set_tags(seed, **tags) -> None:
    seed.patch(REGISTRY, {"tags": tags})


def tags(seed) -> dict:
    return seed.get(REGISTRY).get("tags") or {}


def refuses(azure, az, command, *words, code=1) -> None:
    """The command fails before anything is changed, with all of `words` in its error."""
    result = az(command)
    assert result.code == code, result
    for word in words:
        assert word in result.err, result
    assert changes(azure) == []


def at_a_terminal(az, command, answer) -> tuple[str, int]:
    """What `az` shows at a terminal where `answer` is typed, and its exit code."""
    ours, theirs = pty.openpty()
    with open(theirs, "wb") as terminal:
        process = subprocess.Popen(
            [AZ, *shlex.split(command)], env=az.environment, stdin=terminal, stdout=terminal, stderr=terminal
        )
    os.write(ours, f"{answer}\n".encode())
    shown = b""
    # A terminal that nobody has open any more can't be read.
    with open(ours, "rb", buffering=0) as screen, contextlib.suppress(OSError):
        while some := screen.read(4096):
            shown += some
    return shown.decode(), process.wait(60)


def made_good(azure, az, command) -> None:
    """A run whose connection is lost succeeds, or reports it and a second run succeeds."""
    first = az(command)
    if first.code:
        assert "connection" in first.err
        assert AGAIN in first.err
        az(command).ok()


def grant_in_hsm(azure, principal_id, role, scope) -> None:
    """A local role of a managed HSM, by its administrator."""
    definition = f"Microsoft.KeyVault/providers/Microsoft.Authorization/roleDefinitions/{role}"
    body = {"properties": {"roleDefinitionId": definition, "principalId": principal_id}}
    at = "" if scope == "/" else scope
    _hsm(azure, "PUT", f"{at}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}", body)
    azure.clear_log()


def hsm_roles(azure, identity) -> set[tuple[str, str]]:
    """An identity's local roles, as GUID and scope."""
    found = {}
    for at in ("", "/keys", f"/keys/{KEY}"):
        for each in _hsm(azure, "GET", f"{at}/providers/Microsoft.Authorization/roleAssignments")["value"]:
            found[each["name"]] = each["properties"]
    mine = [each for each in found.values() if each["principalId"] == identity["principalId"]]
    return {(each["roleDefinitionId"].rsplit("/", 1)[-1], each["scope"]) for each in mine}


def _hsm(azure, method, path, body=None) -> dict:
    query = {"api-version": "7.5"}
    answer = azure.request(method, HSM_HOST + path, "https://managedhsm.azure.net", body, query)
    assert answer.ok, answer.text
    return answer.json()
