"""A registry encrypted as `enable` leaves it, and all that may happen to it and its parts: for `check` and `repair`."""

from __future__ import annotations

import time
import uuid
from typing import Any

from azext_acrcmk.model.access import HSM_ENCRYPTION_USER
from azext_acrcmk.model.ids import IDENTITY_TYPE, VAULT_TYPE, ArmId
from sandbox.client import Account, Sandbox
from sandbox.world import OTHER_SUBSCRIPTION, OWNER_OBJECT_ID, SUBSCRIPTION, TENANT
from tests.harness.seed import CRYPTO_OFFICER, GROUP, IDENTITY, KEY, LOCATION, REGISTRY, VAULT, Seed

HERE = f"/subscriptions/{SUBSCRIPTION}"
KEY_URI = f"https://{VAULT.name}.vault.azure.net/keys/{KEY}"
DAY = 86_400
# Longer than whatever is soft-deleted is kept, and than the credential of a detached identity lasts.
LONG = 91 * DAY
CLOSED = {"bypass": "None", "defaultAction": "Deny"}


class Scene:
    """`identity` is the one that the registry uses, once `encrypt` was called."""

    def __init__(self, azure: Sandbox, seed: Seed):
        self.azure, self.seed = azure, seed
        self.identity: dict[str, Any] = {}

    def encrypt(self, pinned: bool = False, **vault: Any) -> Scene:
        """Makes the registry; other options are the vault's."""
        self.identity = self.seed.parts(**vault)
        self.use_key(VAULT, pinned)
        return self

    def encrypt_by_policy(self, *permissions: str, rbac: bool = False) -> Scene:
        """Makes the registry with a vault that uses access policies; `rbac` then changes it to roles."""
        self.identity = self.seed.identity()
        policy = self.policy(*(permissions or ("get", "wrapKey", "unwrapKey")))
        self.seed.key(self.seed.vault(enableRbacAuthorization=False, accessPolicies=[policy]))
        self.use_key(VAULT)
        if rbac:
            self.change_vault(enableRbacAuthorization=True)
        return self

    def encrypt_elsewhere(self) -> ArmId:
        """Makes the registry with identity and vault in the other subscription; returns the vault."""
        self.seed.group("elsewhere", subscription=OTHER_SUBSCRIPTION)
        vault = ArmId(OTHER_SUBSCRIPTION, "elsewhere", VAULT_TYPE, "othervault")
        self.identity = self.seed.identity(ArmId(OTHER_SUBSCRIPTION, "elsewhere", IDENTITY_TYPE, "otheridentity"))
        self.seed.key(self.seed.vault(vault))
        self.seed.grant(self.identity["principalId"], vault)
        self.use_key(vault)
        return vault

    def encrypt_by_hsm(self) -> Scene:
        """Makes the registry with a key of a managed HSM, granted by the local role."""
        self.identity = self.seed.identity()
        hsm = self.seed.hsm()
        self.seed.key(hsm, kty="RSA-HSM", keyOps=["wrapKey", "unwrapKey"])
        self.change_hsm_role("PUT")
        self.use_key(hsm)
        return self

    def change_hsm_role(self, method: str) -> None:
        """Makes (PUT) or removes (DELETE) the identity's local role on the key of the managed HSM."""
        host = "https://myhsm.managedhsm.azure.net"
        name = uuid.uuid5(uuid.NAMESPACE_URL, self.identity["principalId"])
        url = f"{host}/keys/{KEY}/providers/Microsoft.Authorization/roleAssignments/{name}"
        role = f"Microsoft.KeyVault/providers/Microsoft.Authorization/roleDefinitions/{HSM_ENCRYPTION_USER}"
        body = {"properties": {"roleDefinitionId": role, "principalId": self.identity["principalId"]}}
        query = {"api-version": "7.4"}
        answer = self.azure.request(method, url, "https://managedhsm.azure.net", body, query)
        assert answer.ok, answer.text
        self.azure.clear_log()

    def use_key(self, vault: object, pinned: bool = False, registry: object = REGISTRY) -> None:
        key = self.seed.get(f"{vault}/keys/{KEY}")["properties"]["keyUriWithVersion" if pinned else "keyUri"]
        chosen = {"keyIdentifier": key, "identity": self.identity["clientId"]}
        body = {
            "location": LOCATION,
            "sku": {"name": "Premium"},
            "identity": {"type": "UserAssigned", "userAssignedIdentities": {self.identity["id"]: {}}},
            "properties": {"encryption": {"status": "enabled", "keyVaultProperties": chosen}},
        }
        self.seed.put(registry, body)

    # The registry and its identity

    def used(self) -> dict[str, Any]:
        """What the registry says of its key."""
        return self.seed.get(REGISTRY)["properties"]["encryption"]["keyVaultProperties"]

    def detach_identity(self) -> None:
        self.seed.patch(REGISTRY, {"identity": {"type": "None"}})

    def use_system_identity(self) -> str:
        """Turns on the registry's own identity and has it use the key; returns its object id."""
        both = {"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": {self.identity["id"]: {}}}
        self.seed.patch(REGISTRY, {"identity": both})
        principal = self.seed.get(REGISTRY)["identity"]["principalId"]
        self.seed.grant(principal)
        chosen = {"keyIdentifier": self.used()["keyIdentifier"], "identity": "system"}
        self.seed.patch(REGISTRY, {"properties": {"encryption": {"status": "enabled", "keyVaultProperties": chosen}}})
        return principal

    def recreate_identity(self) -> None:
        """Deletes it and makes one of the same name, granted the key too."""
        self.seed.delete(IDENTITY)
        self.seed.grant(self.seed.identity()["principalId"])

    # The key

    def change_version(self, **changes: Any) -> None:
        """Changes the version in use by the data plane: attributes, key_ops."""
        self.seed.change_key("PATCH", self.used()["versionedKeyIdentifier"], changes)

    def new_version(self) -> None:
        self.seed.change_key("POST", f"{KEY_URI}/rotate")

    def delete_key(self) -> None:
        self.seed.change_key("DELETE", KEY_URI)

    def lose_key(self) -> None:
        """Deletes the key for good. It takes a vault without purge protection."""
        self.delete_key()
        self.seed.change_key("DELETE", KEY_URI.replace("/keys/", "/deletedkeys/"))

    # The vault

    def change_vault(self, **properties: Any) -> None:
        self.seed.patch(VAULT, {"properties": properties})

    def unprotected(self, **vault: Any) -> Scene:
        """The registry with a vault without purge protection, which this Azure then allows."""
        self.azure.settings(require_purge_protection=False)
        return self.encrypt(enablePurgeProtection=None, **vault)

    # Who may do what

    def policy(self, *permissions: str) -> dict[str, Any]:
        return {
            "tenantId": TENANT,
            "objectId": self.identity["principalId"],
            "permissions": {"keys": list(permissions)},
        }

    def ungrant(self) -> None:
        """Removes every role that the registry's identity has in the vault."""
        for each in self.seed.assignments():
            if each["properties"]["principalId"] == self.identity["principalId"]:
                self.seed.delete(each["id"])

    def officer(self) -> None:
        """Lets the owner do all with keys."""
        self.seed.grant(OWNER_OBJECT_ID, HERE, CRYPTO_OFFICER)

    def reader_without(self, *actions: str) -> Account:
        """Somebody who may read everything but what takes one of the actions."""
        reader = self.azure.principal(("Reader", HERE))
        if actions:
            self.azure.deny_assignment(HERE, actions=list(actions), principals=[reader.object_id])
        return reader

    def pull(self) -> int:
        return self.azure.pull(REGISTRY.name)["status"]


def moment(days: float) -> int:
    """The time that many days from now, as the data plane has it."""
    return int(time.time() + days * DAY)


OTHER_REGISTRY = f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/otherregistry"
