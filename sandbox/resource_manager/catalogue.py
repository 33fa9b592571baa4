"""The regions, resource providers and API versions that the sandbox supports (facts: wire.md)."""

from __future__ import annotations

REGIONS = {
    "australiaeast": "Australia East",
    "brazilsouth": "Brazil South",
    "canadacentral": "Canada Central",
    "centralus": "Central US",
    "eastasia": "East Asia",
    "eastus": "East US",
    "eastus2": "East US 2",
    "francecentral": "France Central",
    "germanywestcentral": "Germany West Central",
    "japaneast": "Japan East",
    "northcentralus": "North Central US",
    "northeurope": "North Europe",
    "southcentralus": "South Central US",
    "southeastasia": "Southeast Asia",
    "swedencentral": "Sweden Central",
    "switzerlandnorth": "Switzerland North",
    "uksouth": "UK South",
    "westcentralus": "West Central US",
    "westeurope": "West Europe",
    "westus": "West US",
    "westus2": "West US 2",
    "westus3": "West US 3",
}

REGISTRATION_FREE = {"microsoft.authorization", "microsoft.resources"}

_VAULTS = [
    "2026-03-01-preview",
    "2026-02-01",
    "2025-05-01",
    "2024-12-01-preview",
    "2024-11-01",
    "2024-04-01-preview",
    "2023-07-01",
    "2023-02-01",
    "2022-11-01",
    "2022-07-01",
    "2022-02-01-preview",
    "2021-11-01-preview",
    "2021-10-01",
    "2021-06-01-preview",
    "2021-04-01-preview",
    "2020-04-01-preview",
    "2019-09-01",
    "2018-02-14",
    "2018-02-14-preview",
    "2016-10-01",
    "2015-06-01",
]
_REGISTRIES = [
    "2026-09-01-preview",
    "2026-03-01-preview",
    "2026-01-01-preview",
    "2025-11-01",
    "2025-06-01-preview",
    "2025-05-01-preview",
    "2025-04-01",
    "2025-03-01-preview",
    "2024-11-01-preview",
    "2023-11-01-preview",
    "2023-08-01-preview",
    "2023-07-01",
    "2023-06-01-preview",
    "2023-01-01-preview",
    "2022-12-01",
    "2022-02-01-preview",
    "2021-12-01-preview",
    "2021-09-01",
    "2021-08-01-preview",
    "2021-06-01-preview",
    "2020-11-01-preview",
    "2019-12-01-preview",
    "2019-05-01-preview",
    "2019-05-01",
    "2017-10-01",
    "2017-03-01",
]
_IDENTITIES = [
    "2025-05-31-preview",
    "2025-01-31-preview",
    "2024-11-30",
    "2023-07-31-preview",
    "2023-01-31",
    "2022-01-31-preview",
    "2021-09-30-preview",
    "2018-11-30",
    "2015-08-31-preview",
]


def _since(first: str, stable: str = "") -> list[str]:
    """The versions of what lies below registries: from the first, but stable ones later if told."""
    return [
        version for version in _REGISTRIES if version >= (first if version.endswith("-preview") else (stable or first))
    ]


PROVIDERS: dict[str, dict[str, list[str]]] = {
    "Microsoft.KeyVault": {
        "vaults": _VAULTS,
        "vaults/keys": [version for version in _VAULTS if version >= "2019-09-01"],
        "managedHSMs": [version for version in _VAULTS if version >= "2020-04-01-preview"],
        "deletedVaults": _VAULTS,
        "checkNameAvailability": _VAULTS,
    },
    "Microsoft.ContainerRegistry": {
        "registries": _REGISTRIES,
        "checkNameAvailability": _REGISTRIES,
        "registries/importImage": _since("2017-10-01"),
        "registries/listCredentials": _since("2017-03-01"),
        "registries/generateCredentials": _since("2019-05-01-preview", stable="2022-12-01"),
        "locations/operationResults": _since("2017-10-01"),
        "registries/replications": _since("2017-10-01"),
        "registries/webhooks": _since("2017-03-01"),
        "registries/scopeMaps": _since("2019-05-01-preview", stable="2022-12-01"),
        "registries/tokens": _since("2019-05-01-preview", stable="2022-12-01"),
        "registries/cacheRules": _since("2023-01-01-preview", stable="2023-07-01"),
        "registries/credentialSets": _since("2023-01-01-preview", stable="2023-07-01"),
        "registries/connectedRegistries": _since("2020-11-01-preview", stable="2025-11-01"),
        "registries/tasks": ["2025-03-01-preview", "2019-06-01-preview", "2019-04-01"],
        "registries/agentPools": ["2025-03-01-preview", "2019-06-01-preview"],
        "registries/privateEndpointConnections": _since("2019-12-01-preview", stable="2021-09-01"),
    },
    "Microsoft.ManagedIdentity": {"userAssignedIdentities": _IDENTITIES},
    "Microsoft.Authorization": {
        "roleAssignments": ["2022-04-01"],
        "roleDefinitions": ["2022-05-01-preview"],
        "roleAssignmentsUsageMetrics": ["2019-08-01-preview"],
        "denyAssignments": ["2024-07-01-preview", "2022-04-01", "2018-07-01-preview"],
        "locks": ["2020-05-01", "2017-04-01", "2016-09-01", "2015-01-01"],
        "permissions": ["2022-05-01-preview", "2022-04-01", "2018-07-01", "2015-07-01"],
    },
    "Microsoft.Insights": {"diagnosticSettings": ["2021-05-01-preview", "2017-05-01-preview", "2016-09-01"]},
    "Microsoft.EventGrid": {"eventSubscriptions": ["2025-02-15", "2022-06-15", "2021-12-01", "2020-06-01"]},
    "Microsoft.PolicyInsights": {"checkPolicyRestrictions": ["2024-10-01", "2023-03-01", "2022-03-01"]},
    "Microsoft.Resources": {
        "resourceGroups": ["2024-11-01"],
        "deployments": ["2025-04-01", "2024-11-01", "2024-03-01", "2022-09-01", "2021-04-01", "2020-10-01"],
        "templateSpecs": ["2022-02-01"],
        "templateSpecs/versions": ["2022-02-01"],
    },
}

_CHECKED = (
    "Microsoft.KeyVault",
    "Microsoft.ContainerRegistry",
    "Microsoft.ManagedIdentity",
    "Microsoft.PolicyInsights",
    "Microsoft.Insights",
)
_AUTHORIZATION = ("denyAssignments", "locks", "permissions")  # the other types accept every api-version
API_VERSIONS: dict[str, list[str]] = {
    f"{namespace}/{kind}".lower(): versions for namespace in _CHECKED for kind, versions in PROVIDERS[namespace].items()
} | {f"Microsoft.Authorization/{kind}".lower(): PROVIDERS["Microsoft.Authorization"][kind] for kind in _AUTHORIZATION}


def region(location: str) -> str | None:
    """A location's short name ("West US" and "westus" are the same), or None if it does not exist."""
    short = location.replace(" ", "").lower()
    return short if short in REGIONS else None


def namespace_named(name: str) -> str | None:
    """A provider's namespace in its official casing."""
    return next((namespace for namespace in PROVIDERS if namespace.lower() == name.lower()), None)
