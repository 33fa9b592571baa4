"""The built-in roles of Azure that are relevant here, with IDs and permissions as Microsoft documents them.

The local RBAC roles of Managed HSM are not included: they exist only inside an HSM.
"""

from __future__ import annotations

from typing import Any

OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
CRYPTO_SERVICE_ENCRYPTION_USER = "e147488a-f6f5-4113-8e2d-b22465e65bf6"

_KEYS = "Microsoft.KeyVault/vaults/keys"
_REGISTRIES = "Microsoft.ContainerRegistry/registries"
_REPOSITORIES = f"{_REGISTRIES}/repositories"
_IDENTITIES = "Microsoft.ManagedIdentity/userAssignedIdentities"
_MANAGE = [
    "Microsoft.Authorization/*/read",
    "Microsoft.Insights/alertRules/*",
    "Microsoft.Resources/deployments/*",
    "Microsoft.Resources/subscriptions/resourceGroups/read",
    "Microsoft.Support/*",
]
_READ_VAULTS = [
    "Microsoft.KeyVault/checkNameAvailability/read",
    "Microsoft.KeyVault/deletedVaults/read",
    "Microsoft.KeyVault/locations/*/read",
    "Microsoft.KeyVault/vaults/*/read",
    "Microsoft.KeyVault/operations/read",
]
_NOT_FOR_CONTRIBUTORS = [
    "Microsoft.Authorization/*/Delete",
    "Microsoft.Authorization/*/Write",
    "Microsoft.Authorization/elevateAccess/Action",
    "Microsoft.Blueprint/blueprintAssignments/write",
    "Microsoft.Blueprint/blueprintAssignments/delete",
    "Microsoft.Compute/galleries/share/action",
    "Microsoft.Purview/consents/write",
    "Microsoft.Purview/consents/delete",
    "Microsoft.Resources/deploymentStacks/manageDenySetting/action",
]


def _role(
    name: str,
    actions: list[str],
    not_actions: list[str] | None = None,
    data: list[str] | None = None,
) -> dict[str, Any]:
    return {
        "roleName": name,
        "type": "BuiltInRole",
        "description": name,
        "assignableScopes": ["/"],
        "permissions": [
            {
                "actions": actions,
                "notActions": not_actions or [],
                "dataActions": data or [],
                "notDataActions": [],
            }
        ],
        "createdOn": "2020-05-19T17:52:46.2349235Z",
        "updatedOn": "2021-11-11T20:14:38.7720405Z",
        "createdBy": None,
        "updatedBy": None,
    }


def builtin_roles() -> dict[str, dict[str, Any]]:
    """The `properties` of every built-in role by GUID, as returned by Azure."""
    return {**_general_roles(), **_key_vault_roles(), **_identity_roles(), **_registry_roles()}


def _general_roles() -> dict[str, dict[str, Any]]:
    assign = ["Microsoft.Authorization/roleAssignments/write", "Microsoft.Authorization/roleAssignments/delete"]
    return {
        OWNER: _role("Owner", ["*"]),
        CONTRIBUTOR: _role("Contributor", ["*"], _NOT_FOR_CONTRIBUTORS),
        READER: _role("Reader", ["*/read"]),
        "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9": _role(
            "User Access Administrator", ["*/read", "Microsoft.Authorization/*", "Microsoft.Support/*"]
        ),
        "f58310d9-a9f6-439a-9e8d-f62e7b41a168": _role(
            "Role Based Access Control Administrator", [*assign, "*/read", "Microsoft.Support/*"]
        ),
    }


def _key_vault_roles() -> dict[str, dict[str, Any]]:
    use = ["read", "update/action", "backup/action", "encrypt/action", "decrypt/action", "wrap/action", "unwrap/action"]
    return {
        CRYPTO_SERVICE_ENCRYPTION_USER: _role(
            "Key Vault Crypto Service Encryption User",
            [f"Microsoft.EventGrid/eventSubscriptions/{verb}" for verb in ("write", "read", "delete")],
            data=[f"{_KEYS}/read", f"{_KEYS}/wrap/action", f"{_KEYS}/unwrap/action"],
        ),
        "14b46e9e-c2b7-41b4-b07b-48a6ebf60603": _role(
            "Key Vault Crypto Officer",
            _MANAGE + _READ_VAULTS,
            data=[f"{_KEYS}/*", "Microsoft.KeyVault/vaults/keyrotationpolicies/*"],
        ),
        "12338af0-0e69-4776-bea7-57ae8d297424": _role(
            "Key Vault Crypto User", [], data=[f"{_KEYS}/{verb}" for verb in [*use, "sign/action", "verify/action"]]
        ),
        "00482a5a-887f-4fb3-b363-3b7fe8e74483": _role(
            "Key Vault Administrator", _MANAGE + _READ_VAULTS, data=["Microsoft.KeyVault/vaults/*"]
        ),
        "21090545-7ca7-4776-b22c-e363652d74d2": _role(
            "Key Vault Reader",
            _MANAGE + _READ_VAULTS,
            data=["Microsoft.KeyVault/vaults/*/read", "Microsoft.KeyVault/vaults/secrets/readMetadata/action"],
        ),
        "f25e0fa2-a7c8-4377-a976-54943a77a395": _role(
            "Key Vault Contributor",
            [*_MANAGE, "Microsoft.KeyVault/*"],
            [
                "Microsoft.KeyVault/locations/deletedVaults/purge/action",
                "Microsoft.KeyVault/hsmPools/*",
                "Microsoft.KeyVault/managedHsms/*",
            ],
        ),
        "8b54135c-b56d-4d72-a534-26097cfdc8d8": _role(
            "Key Vault Data Access Administrator",
            [
                "Microsoft.Authorization/roleAssignments/write",
                "Microsoft.Authorization/roleAssignments/delete",
                *_MANAGE,
                "Microsoft.Resources/subscriptions/read",
                "Microsoft.Management/managementGroups/read",
                "Microsoft.KeyVault/vaults/*/read",
            ],
        ),
        "a68e7c17-0ab2-4c09-9a58-125dae29748c": _role(
            "Key Vault Purge Operator",
            [
                "Microsoft.KeyVault/locations/deletedVaults/read",
                "Microsoft.KeyVault/locations/deletedVaults/purge/action",
                "Microsoft.KeyVault/locations/operationResults/read",
            ],
        ),
        "08bbd89e-9f13-488c-ac41-acfcb10c90ab": _role(
            "Key Vault Crypto Service Release User", [], data=[f"{_KEYS}/release/action"]
        ),
        "18500a29-7fe2-46b2-a342-b16a415e101d": _role(
            "Managed HSM contributor",
            [
                "Microsoft.KeyVault/managedHSMs/*",
                "Microsoft.KeyVault/deletedManagedHsms/read",
                "Microsoft.KeyVault/locations/deletedManagedHsms/*",
                "Microsoft.KeyVault/locations/managedHsmOperationResults/read",
            ],
        ),
    }


def _identity_roles() -> dict[str, dict[str, Any]]:
    credentials = f"{_IDENTITIES}/federatedIdentityCredentials"
    return {
        "e40ec5ca-96e0-45a2-b4ff-59039f2c2b59": _role(
            "Managed Identity Contributor",
            [f"{kind}/{verb}" for kind in (_IDENTITIES, credentials) for verb in ("read", "write", "delete")] + _MANAGE,
        ),
        "f1a07417-d97a-45cb-824c-7a7467783830": _role(
            "Managed Identity Operator",
            [f"{_IDENTITIES}/*/read", f"{_IDENTITIES}/*/assign/action", *_MANAGE],
        ),
    }


def _registry_roles() -> dict[str, dict[str, Any]]:
    read = [f"{_REPOSITORIES}/metadata/read", f"{_REPOSITORIES}/content/read"]
    write = [f"{_REPOSITORIES}/metadata/write", f"{_REPOSITORIES}/content/write"]
    delete = [f"{_REPOSITORIES}/metadata/delete", f"{_REPOSITORIES}/content/delete"]
    configure = ["read", "write", "delete", "operationStatuses/read", "listUsages/read", "privateEndpointConnections/*"]
    return {
        "7f951dda-4ed3-4680-a7ca-43fe172d538d": _role("AcrPull", [f"{_REGISTRIES}/pull/read"]),
        "8311e382-0749-4cb8-b61a-304f252e45ec": _role(
            "AcrPush", [f"{_REGISTRIES}/pull/read", f"{_REGISTRIES}/push/write"]
        ),
        "c2f4ef07-c644-48eb-af81-4b1b4947fb11": _role("AcrDelete", [f"{_REGISTRIES}/artifacts/delete"]),
        "3bc748fc-213d-45c1-8d91-9da5725539b9": _role(
            "Container Registry Contributor and Data Access Configuration Administrator",
            [f"{_REGISTRIES}/{verb}" for verb in configure]
            + ["Microsoft.ContainerRegistry/checkNameAvailability/read", *_MANAGE],
        ),
        "69b07be0-09bf-439a-b9a6-e73de851bd59": _role(
            "Container Registry Configuration Reader and Data Access Configuration Reader",
            [f"{_REGISTRIES}/{verb}" for verb in ("read", "operationStatuses/read", "listUsages/read")] + _MANAGE,
        ),
        "577a9874-89fd-4f24-9dbd-b5034d0ad23a": _role(
            "Container Registry Data Importer and Data Reader",
            [
                f"{_REGISTRIES}/importImage/action",
                f"{_REGISTRIES}/read",
                f"{_REGISTRIES}/pull/read",
                "Microsoft.ContainerRegistry/locations/operationResults/read",
            ],
            data=[f"{_REGISTRIES}/catalog/read", *read],
        ),
        "b93aa761-3e63-49ed-ac28-beffa264f7ac": _role("Container Registry Repository Reader", [], data=read),
        "2a1e307c-b015-4ebd-883e-5b7698a07328": _role("Container Registry Repository Writer", [], data=read + write),
        "2efddaa5-3f1f-4df3-97df-af3f13818f4c": _role(
            "Container Registry Repository Contributor", [], data=read + write + delete
        ),
        "bfdb9389-c9a5-478a-bb2f-ba9ca092c3c7": _role(
            "Container Registry Repository Catalog Lister", [], data=[f"{_REGISTRIES}/catalog/read"]
        ),
    }
