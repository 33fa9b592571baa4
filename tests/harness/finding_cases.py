"""A cause of each finding, and the expected finding: severity, words, and the command that fixes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.world import SUBSCRIPTION
from tests.harness import causes_of_findings as causes
from tests.harness.scene import CLOSED, OTHER_REGISTRY, Scene, moment
from tests.harness.seed import CRYPTO_OFFICER, IDENTITY, KEY, VAULT

ENCRYPTION_ROLE = '--role "Key Vault Crypto Service Encryption User"'


@dataclass(frozen=True)
class Case:
    """`make` brings the finding about, and returns who looks where it is not the owner. `pulls` are what a pull answers
    before and after the fix; `left` what becomes of the finding: "passed", or None where it is no longer there.
    `agreed` answers what the fix asks at a terminal.
    """

    code: str
    severity: str
    make: Callable[[Scene], Any]
    says: str
    fix: str | None = None
    pulls: tuple[int, int] = (200, 200)
    left: str | None = "passed"
    agreed: str = ""
    status: str = "failed"


SUB = f"--subscription {SUBSCRIPTION}"
ROTATE = f"az acr cmk rotate --name myregistry {SUB}"
SET_KEY = f"az keyvault key set-attributes --vault-name {VAULT.name} --name {KEY} --version "
RECOVER_KEY = f"az keyvault key recover --vault-name {VAULT.name} --name {KEY}"
ASSIGN = f"az role assignment create {ENCRYPTION_ROLE} --assignee-object-id "
STATUS = {"displayStatus": "Degraded", "message": "The key is unreachable.", "timestamp": "2026-11-24T09:00:00Z"}


CASES = [
    Case(
        "NotPremium",
        "warning",
        lambda s: s.encrypt().azure.change_registry("myregistry", sku="Standard"),
        "Standard",
        f"az acr update --name myregistry {SUB} --sku Premium",
    ),
    Case(
        "RegistryNotSucceeded",
        "warning",
        lambda s: s.encrypt().azure.change_registry("myregistry", provisioning_state="Failed"),
        "ended in state Failed",
        f"{ROTATE} --no-new-version",
    ),
    Case(
        "RegistryStatus",
        "warning",
        lambda s: s.encrypt().azure.change_registry("myregistry", status=STATUS),
        "The registry reports: The key is unreachable.",
    ),
    Case(
        "ContentTrustEnabled",
        "warning",
        lambda s: s.encrypt().azure.change_registry("myregistry", content_trust=True),
        "Content trust is enabled",
        f"az acr config content-trust update --registry myregistry {SUB} --status disabled",
        agreed=" --yes",
    ),
    Case("KeyShared", "info", lambda s: s.encrypt().use_key(VAULT, registry=OTHER_REGISTRY), "key: otherregistry."),
    Case(
        "IdentityUnknown",
        "error",
        lambda s: s.encrypt().reader_without("Microsoft.ManagedIdentity/userAssignedIdentities/read"),
        "Requires permission 'Microsoft.ManagedIdentity/userAssignedIdentities/read' on ",
        status="unknown",
    ),
    Case(
        "IdentityNotFound",
        "error",
        lambda s: s.encrypt().seed.delete(IDENTITY),
        "does not exist",
        f"{ROTATE} --identity {IDENTITY} --no-new-version",
        pulls=(403, 200),
    ),
    Case("IdentityNotFound", "error", causes.detached_and_deleted, "not found in any subscription that you can read."),
    Case(
        "IdentityRecreated",
        "error",
        lambda s: s.encrypt().recreate_identity(),
        "was deleted and recreated",
        f"{ROTATE} --identity {IDENTITY} --no-new-version",
        pulls=(403, 200),
    ),
    Case(
        "IdentityNotAssigned",
        "error",
        lambda s: s.encrypt().detach_identity(),
        "is not assigned to the registry",
        f"az acr identity assign --name myregistry {SUB} --identities {IDENTITY}",
    ),
    Case(
        "IdentityNotAssigned",
        "error",
        causes.lost_credential,
        "is not assigned to the registry",
        f"az acr identity assign --name myregistry {SUB} --identities {IDENTITY}",
        pulls=(403, 200),
    ),
    Case("IdentityNotAssigned", "error", causes.lost_system_identity, "Only Azure support can restore it."),
    Case(
        "AccessUnknown",
        "error",
        lambda s: s.encrypt().reader_without("Microsoft.Authorization/roleAssignments/read"),
        "Requires permission 'Microsoft.Authorization/roleAssignments/read' on ",
        status="unknown",
    ),
    Case(
        "DenialsUnknown",
        "warning",
        lambda s: s.encrypt().reader_without("Microsoft.Authorization/denyAssignments/read"),
        "Requires permission 'Microsoft.Authorization/denyAssignments/read' on ",
        status="unknown",
        pulls=(200, 200),
    ),
    Case(
        "AccessUnknown",
        "error",
        causes.conditional_role,
        "A role assignment has a condition.",
        status="unknown",
        pulls=(200, 200),
    ),
    Case(
        "GrantMissing",
        "error",
        lambda s: s.encrypt().ungrant(),
        "has no get, wrapKey, unwrapKey permission",
        ASSIGN,
        pulls=(403, 200),
    ),
    Case(
        "GrantMissing",
        "error",
        causes.policy_less,
        "has no get, wrapKey, unwrapKey permission",
        f"az keyvault set-policy --name {VAULT.name} --subscription ",
        pulls=(403, 200),
    ),
    Case(
        "GrantPartial",
        "error",
        causes.partial,
        "has no unwrapKey permission on the key",
        ASSIGN,
        pulls=(403, 200),
        left=None,
    ),
    Case(
        "GrantPartial",
        "error",
        causes.half_a_policy,
        "has no wrapKey permission on the key",
        f"az keyvault set-policy --name {VAULT.name} --subscription ",
        left=None,
    ),
    Case(
        "GrantMissing",
        "error",
        lambda s: s.encrypt_by_hsm().change_hsm_role("DELETE"),
        "has no get, wrapKey, unwrapKey permission",
        "az keyvault role assignment create --hsm-name myhsm ",
        pulls=(403, 200),
    ),
    Case(
        "GrantDenied", "error", causes.denied, "The deny assignment 'Locked by the platform' blocks", pulls=(403, 403)
    ),
    Case("AccessUnknown", "error", causes.denied_to_a_group, "'Locked for some' applies to groups", status="unknown"),
    Case("GrantThroughGroup", "warning", causes.through_group, "only through a group", ASSIGN, left=None),
    Case(
        "GrantWiderThanNeeded",
        "info",
        lambda s: s.encrypt().seed.grant(s.identity["principalId"], role=CRYPTO_OFFICER),
        "role 'Key Vault Crypto Officer'",
    ),
    Case(
        "IneffectiveGrant",
        "warning",
        lambda s: s.encrypt_by_policy(rbac=True),
        "the vault uses Azure RBAC",
        ASSIGN,
        pulls=(403, 200),
        left=None,
    ),
    Case(
        "IneffectiveGrant",
        "warning",
        causes.role_ignored,
        "the vault uses access policies",
        f"az keyvault set-policy --name {VAULT.name} --subscription ",
        pulls=(403, 200),
        left=None,
    ),
    Case(
        "KeyUnknown",
        "error",
        lambda s: s.encrypt().reader_without("Microsoft.KeyVault/vaults/keys/*"),
        "Requires permission 'Microsoft.KeyVault/vaults/keys/read' on ",
        status="unknown",
    ),
    Case(
        "KeyNotFound",
        "error",
        lambda s: s.encrypt().delete_key(),
        "to read whether it is soft-deleted: requires 'Microsoft.KeyVault/vaults/keys/read' on ",
        RECOVER_KEY,
        pulls=(403, 200),
    ),
    Case("KeyNotFound", "error", causes.purged_key, "does not exist, and is not soft-deleted either", pulls=(403, 403)),
    Case(
        "KeyDeleted",
        "error",
        causes.deleted_key,
        "is soft-deleted, to be",
        RECOVER_KEY,
        pulls=(403, 200),
        left=None,
    ),
    Case("KeyWrongType", "error", causes.wrong_type, "is of type EC", pulls=(403, 403)),
    Case(
        "KeyOperationsMissing",
        "error",
        lambda s: s.encrypt().change_version(key_ops=["sign", "verify", "wrapKey"]),
        "does not permit unwrapkey",
        SET_KEY,
        pulls=(403, 200),
    ),
    Case("VersionInUseNotFound", "error", causes.other_key_of_the_name, "does not exist", pulls=(403, 403)),
    Case(
        "KeyDisabled",
        "error",
        lambda s: s.encrypt().change_version(attributes={"enabled": False}),
        "is disabled.",
        SET_KEY,
        pulls=(403, 200),
    ),
    Case(
        "KeyDisabled",
        "error",
        causes.disabled_while_behind,
        "still requires it to change to the latest version",
        SET_KEY,
        pulls=(403, 200),
    ),
    Case(
        "KeyExpired",
        "error",
        lambda s: s.encrypt().change_version(attributes={"exp": moment(-1)}),
        "expired at ",
        ROTATE,
    ),
    Case(
        "KeyExpiresSoon",
        "warning",
        lambda s: s.encrypt().change_version(attributes={"exp": moment(29)}),
        "expires at ",
        ROTATE,
    ),
    Case(
        "KeyNotYetValid",
        "error",
        lambda s: s.encrypt().change_version(attributes={"nbf": moment(1)}),
        "is not valid before ",
        SET_KEY,
        left=None,
    ),
    Case(
        "RotationLag",
        "warning",
        lambda s: s.encrypt().new_version(),
        "created 0 minutes ago",
        f"{ROTATE} --no-new-version",
    ),
    Case(
        "NotLatestVersion",
        "warning",
        lambda s: s.encrypt(pinned=True).new_version(),
        "is pinned to version ",
        f"{ROTATE} --no-new-version",
    ),
    Case("LatestVersionUnusable", "warning", causes.latest_disabled, "it is disabled.", ROTATE, left=None),
    Case(
        "ManualRotation",
        "info",
        lambda s: s.encrypt(pinned=True),
        "does not use new versions automatically",
        f"{ROTATE} --rotation auto --no-new-version",
    ),
    Case("KeyNeverExpires", "info", lambda s: s.encrypt(), "no expiry date"),
    Case("NoRotationPolicy", "info", lambda s: s.encrypt(), "no rotation policy"),
    Case("VaultUnknown", "error", causes.no_key_for_the_caller, "the key vault '", status="unknown"),
    Case(
        "VaultUnknown",
        "error",
        lambda s: s.encrypt().reader_without("Microsoft.KeyVault/vaults/read"),
        "'Microsoft.KeyVault/vaults/read' on ",
        status="unknown",
    ),
    Case(
        "VaultNotFound",
        "error",
        causes.lost_vault,
        f"key vault '{VAULT.name}' no longer exists",
        pulls=(403, 403),
    ),
    Case(
        "VaultDeleted",
        "error",
        causes.deleted_vault,
        f"Key vault '{VAULT.name}' is soft-deleted",
        f"az keyvault recover --name {VAULT.name} --resource-group rg --location westeurope --subscription ",
        pulls=(403, 403),
        left=None,
    ),
    Case(
        "FirewallBlocksRegistry",
        "error",
        lambda s: s.encrypt().change_vault(networkAcls=CLOSED),
        "does not allow trusted services",
        f"az keyvault update --name {VAULT.name} {SUB} --bypass AzureServices",
        pulls=(403, 200),
    ),
    Case(
        "FirewallBlocksRegistry",
        "error",
        lambda s: s.encrypt().change_vault(
            networkAcls={"bypass": "None", "defaultAction": "Allow"}, publicNetworkAccess="Disabled"
        ),
        "does not allow trusted services",
        f"az keyvault update --name {VAULT.name} {SUB} --bypass AzureServices",
        pulls=(403, 200),
    ),
    Case(
        "SecuredByPerimeter",
        "error",
        lambda s: s.encrypt().change_vault(publicNetworkAccess="SecuredByPerimeter"),
        "only by an access rule",
        pulls=(403, 403),
        status="unknown",
    ),
    Case(
        "TenantMismatch",
        "error",
        causes.vault_of_another_tenant,
        "is in tenant 99999999-0000-4000-8000-000000000009, but the identity is in tenant",
        pulls=(403, 403),
    ),
    Case(
        "NoPurgeProtection",
        "warning",
        lambda s: s.unprotected(),
        "can be lost permanently",
        f"az keyvault update --name {VAULT.name} {SUB} --enable-purge-protection true",
    ),
    Case("ShortRetention", "info", lambda s: s.encrypt(softDeleteRetentionInDays=7), "for only 7 days"),
]
