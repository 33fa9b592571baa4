"""The requests that commands may send: hosts, paths and query parameters. No others are expected."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

_GUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_SUBSCRIPTION = f"/subscriptions/{_GUID}"
_GROUP = rf"{_SUBSCRIPTION}/resourcegroups/(?u:[-\w.()]{{0,89}}[-\w()])"  # letters of any alphabet
_VAULT_NAME = "(?!.*--)[a-z][a-z0-9-]{1,22}[a-z0-9]"
_KEY = "/keys/[a-z0-9-]{1,127}"
_VERSION = "[0-9a-z]{32}"
_REGISTRY = f"{_GROUP}/providers/Microsoft.ContainerRegistry/registries/[a-z0-9]{{5,50}}"
_IDENTITY = rf"{_GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/[a-z0-9][-\w]{{2,127}}"
_STORE = f"{_GROUP}/providers/Microsoft.KeyVault/(vaults|managedHSMs)/[a-z][a-z0-9-]{{1,22}}[a-z0-9]"

# Paths by host, as regular expressions that ignore case, as Azure does.
_PATHS = {
    "management.azure.com": [
        _GROUP,
        f"{_SUBSCRIPTION}/(resources|locations)",
        rf"{_SUBSCRIPTION}/providers/Microsoft\.\w+(/register)?",
        f"{_SUBSCRIPTION}/providers/Microsoft.ContainerRegistry/(registries|checkNameAvailability)",
        f"{_SUBSCRIPTION}/providers/Microsoft.ContainerRegistry/locations/[a-z0-9]+/operationResults/[-a-z0-9]+",
        f"{_SUBSCRIPTION}/providers/Microsoft.KeyVault/(deletedVaults|checkNameAvailability)",
        f"{_SUBSCRIPTION}/providers/Microsoft.ManagedIdentity/userAssignedIdentities",
        f"{_SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{_GUID}",
        f"{_SUBSCRIPTION}/providers/Microsoft.Authorization/roleAssignmentsUsageMetrics",
        f"({_SUBSCRIPTION}|{_GROUP}|{_IDENTITY}|{_REGISTRY}|{_STORE}({_KEY})?)/providers/Microsoft.Authorization/"
        "(permissions|locks)",
        "/providers/Microsoft.ResourceGraph/resources",
        f"({_SUBSCRIPTION}|{_GROUP})/providers/Microsoft.PolicyInsights/checkPolicyRestrictions",
        _IDENTITY,
        f"{_REGISTRY}(/operationStatuses/[-a-z0-9]+)?",
        f"{_STORE}({_KEY}(/versions/{_VERSION})?|/accessPolicies/(add|remove))?",
        f"({_SUBSCRIPTION}|{_GROUP}|{_STORE}({_KEY})?)/providers/Microsoft.Authorization/"
        f"(roleAssignments|denyAssignments)(/{_GUID})?",
    ],
    "login.microsoftonline.com": [f"/{_GUID}/oauth2/v2.0/token", f"/{_GUID}/v2.0/.well-known/openid-configuration"],
    rf"{_VAULT_NAME}\.(vault|managedhsm)\.azure\.net": [
        f"(/deleted)?{_KEY}(/(rotate|create|versions|rotationpolicy|recover|{_VERSION}))?",
        "/deletedkeys/[a-z0-9-]{1,127}(/recover)?",
        f"(/|/keys|{_KEY})?/providers/Microsoft.Authorization/(roleAssignments|roleDefinitions)(/{_GUID})?",
    ],
}
_QUERY = {
    "api-version": r"[0-9.]+(-[0-9]{2}-[0-9]{2})?(-preview)?",
    r"\$filter": r"atScope\(\)"
    rf"( and assignedTo\('{_GUID}'\))?|resourceType eq '[\w.]+/\w+' and name eq '[a-zA-Z0-9-]{{3,50}}'",
    r"\$skiptoken": r"[\w=%-]+",
    "t|c|s|h": r"[\w=%-]+",
}


def unexpected_requests(log: Iterable[dict[str, Any]]) -> list[str]:
    """The requests of a log that are not expected."""
    return [f"{each['method']} {each['host']}{each['path']} {each['query']}" for each in log if not _is_expected(each)]


def _is_expected(entry: dict[str, Any]) -> bool:
    paths = (path for host, paths in _PATHS.items() if _is(host, entry["host"]) for path in paths)
    return any(_is(path, entry["path"]) for path in paths) and all(
        any(_is(known, name) and _is(form, value) for known, form in _QUERY.items())
        for name, value in entry["query"].items()
    )


def _is(pattern: str, text: str) -> bool:
    return re.fullmatch(pattern, text, re.IGNORECASE | re.ASCII) is not None
