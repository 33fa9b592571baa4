"""The versions of Azure's APIs that are used, by resource type: one table for requests and for templates."""

from __future__ import annotations

from azext_acrcmk.model.ids import (
    GROUP_TYPE,
    HSM_TYPE,
    IDENTITY_TYPE,
    REGISTRY_TYPE,
    ROLE_ASSIGNMENT_TYPE,
    VAULT_TYPE,
)

# Key Vault's control plane retires every earlier version on 2027-02-27.
_KEY_VAULT = "2026-02-01"

API_VERSIONS = {
    REGISTRY_TYPE: "2025-04-01",
    f"{REGISTRY_TYPE}/connectedRegistries": "2025-11-01",
    f"{REGISTRY_TYPE}/tasks": "2019-04-01",
    f"{REGISTRY_TYPE}/agentPools": "2025-03-01-preview",
    VAULT_TYPE: _KEY_VAULT,
    f"{VAULT_TYPE}/keys": _KEY_VAULT,
    "Microsoft.KeyVault/deletedVaults": _KEY_VAULT,
    HSM_TYPE: _KEY_VAULT,
    IDENTITY_TYPE: "2024-11-30",
    GROUP_TYPE: "2024-11-01",
    "Microsoft.ResourceGraph/resources": "2024-04-01",
    "Microsoft.Resources/resources": "2024-11-01",
    "Microsoft.Resources/providers": "2024-11-01",
    ROLE_ASSIGNMENT_TYPE: "2022-04-01",
    "Microsoft.Authorization/roleDefinitions": "2022-05-01-preview",
    "Microsoft.Authorization/denyAssignments": "2022-04-01",
    "Microsoft.Authorization/locks": "2016-09-01",
    "Microsoft.Insights/diagnosticSettings": "2021-05-01-preview",
    "Microsoft.EventGrid/eventSubscriptions": "2022-06-15",
    "Microsoft.Authorization/permissions": "2022-04-01",
    "Microsoft.PolicyInsights/checkPolicyRestrictions": "2022-03-01",
    # How many role assignments a subscription has left.
    "Microsoft.Authorization/roleAssignmentsUsageMetrics": "2019-08-01-preview",
}

# Keys and local roles on the data plane of vaults. The SDK's own default is a preview.
DATA_PLANE_API_VERSION = "7.4"
