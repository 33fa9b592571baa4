"""What the tests of `rotate` have in common."""

from __future__ import annotations

import signal
import time
import uuid

from azext_acrcmk.model.ids import IDENTITY_TYPE, REGISTRY_TYPE, VAULT_TYPE, ArmId
from sandbox.world import SUBSCRIPTION
from tests.harness.seed import CRYPTO_OFFICER, KEY, LOCATION, REGISTRY, VAULT, changes

ROTATE = "acr cmk rotate -n myregistry"
WITHOUT_VERSION = f"{ROTATE} --no-new-version"
KEY_URI = f"https://{VAULT.name}.vault.azure.net/keys/{KEY}"
OTHER_VAULT = ArmId(SUBSCRIPTION, "rg", VAULT_TYPE, "other-vault")
OTHER = ArmId(SUBSCRIPTION, "rg", IDENTITY_TYPE, "other")
OFFICER = "Key Vault Crypto Officer"
# What Azure says of a permission to assign roles that was lost.
NOT_AUTHORIZED = {
    "error": {
        "code": "AuthorizationFailed",
        "message": "The client 'me' with object id 'me' does not have authorization to perform action "
        f"'Microsoft.Authorization/roleAssignments/write' over scope '{VAULT}' or the scope is invalid. If access was "
        "recently granted, please refresh your credentials.",
    }
}
AGAIN = "Run the same command again"
HSM_USER = "33413926-3206-4cdd-b39a-83574fe37a17"
HSM_CRYPTO_USER = "21dbd100-6940-42c2-9190-5d6cb909625b"


def done(azure) -> list[str]:
    """The requests that changed something; not those refused, as each first one to a vault is: it has no token yet."""
    refused = {f"{entry['method']} {entry['path']}" for entry in azure.log() if entry["status"] >= 400}
    granted = {f"{entry['method']} {entry['path']}" for entry in azure.log() if entry["status"] < 400}
    return [change for change in dict.fromkeys(changes(azure)) if change not in refused - granted]


def serves(azure, name="myregistry") -> bool:
    return azure.pull(name)["status"] == 200


def used(seed, registry=REGISTRY) -> dict:
    """The key properties that the registry reports."""
    return seed.get(registry)["properties"]["encryption"]["keyVaultProperties"]


def holders(seed, scope=VAULT) -> set[str]:
    """The object ids with a role at or below a scope."""
    return {each["properties"]["principalId"] for each in seed.assignments(scope)}


def system_principal(seed) -> str:
    return seed.get(REGISTRY)["identity"]["principalId"]


def latest(seed, vault=VAULT, name=KEY) -> str:
    return seed.get(f"{vault}/keys/{name}")["properties"]["keyUriWithVersion"]


def versions(azure, uri=KEY_URI) -> dict[str, bool]:
    """The versions of a key, in order, and whether they are enabled."""
    all_keys = azure.principal((CRYPTO_OFFICER, f"/subscriptions/{SUBSCRIPTION}"))
    found = azure.vault("GET", f"{uri}/versions", as_=all_keys).json()["value"]
    return {each["kid"]: each["attributes"]["enabled"] for each in found}


def disable(seed, uri) -> None:
    seed.change_key("PATCH", uri, {"attributes": {"enabled": False}})


def another_registry(seed, identity_id, **chosen) -> ArmId:
    """A second registry with a key of its own choice."""
    id_ = ArmId(SUBSCRIPTION, "rg", REGISTRY_TYPE, "second")
    body = {
        "location": LOCATION,
        "sku": {"name": "Premium"},
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {identity_id: {}}},
        "properties": {"encryption": {"status": "enabled", "keyVaultProperties": chosen}},
    }
    seed.put(id_, body)
    return id_


def kill_when(running, condition, seconds: float = 40) -> None:
    """Kills a running `az` as soon as a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert running.poll() is None, running.err
        assert time.monotonic() < end
        time.sleep(0.02)
    running.send_signal(signal.SIGKILL)
    running.wait()


def grant_in_hsm(azure, principal_id, role, scope="/keys", host="myhsm.managedhsm.azure.net") -> None:
    """A local role of a managed HSM, by its administrator."""
    definition = f"Microsoft.KeyVault/providers/Microsoft.Authorization/roleDefinitions/{role}"
    body = {"properties": {"roleDefinitionId": definition, "principalId": principal_id}}
    url = f"https://{host}{scope}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
    answer = azure.request("PUT", url, "https://managedhsm.azure.net", body, {"api-version": "7.5"})
    assert answer.ok, answer.text
    azure.clear_log()
