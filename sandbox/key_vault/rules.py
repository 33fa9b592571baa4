"""The rules of Key Vault for vaults: names, properties, property changes, access policies."""

from __future__ import annotations

import copy
import ipaddress
import re
from typing import Any

from sandbox.core.web import AzureError, Caller
from sandbox.key_vault.key_store import DeletedVault, Vault
from sandbox.resource_manager.access import allowed
from sandbox.world import TENANT, World

_NAME = re.compile(r"[A-Za-z](?!.*--)[A-Za-z0-9-]{1,22}[A-Za-z0-9]")
_FLAGS = ("enabledForDiskEncryption", "enabledForTemplateDeployment")
_ACCESS = {"enabled": "Enabled", "disabled": "Disabled", "securedbyperimeter": "SecuredByPerimeter"}
_RBAC_BY_DEFAULT_SINCE = "2026-02-01"
_GRANT = "Microsoft.Authorization/roleAssignments/write"
_KEY_PERMISSIONS = {
    "all",
    "backup",
    "create",
    "decrypt",
    "delete",
    "encrypt",
    "get",
    "getrotationpolicy",
    "import",
    "list",
    "purge",
    "recover",
    "release",
    "restore",
    "rotate",
    "setrotationpolicy",
    "sign",
    "unwrapkey",
    "update",
    "verify",
    "wrapkey",
}


def check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise AzureError(
            400,
            "VaultNameNotValid",
            f"The vault name '{name}' is invalid. A vault's name must be between 3-24 alphanumeric characters. The "
            "name must begin with a letter, end with a letter or digit, and not contain consecutive hyphens. Follow "
            "this link for more information: https://go.microsoft.com/fwlink/?linkid=2147742",
        )


def name_taken(name: str) -> AzureError:
    return AzureError(
        409,
        "VaultAlreadyExists",
        f"The vault name '{name}' is already in use. Vault names are globaly unique so it is possible that the name is "
        "already taken. If you are sure that the vault name was not taken then it is possible that a vault with the "
        "same name was recently deleted but not purged after being placed in a recoverable state. If the vault is in a "
        "recoverable state then the vault will need to be purged before reusing the name. For more information on soft "
        "delete and purging a vault follow this link https://go.microsoft.com/fwlink/?linkid=2147740.",
    )


def same_place(deleted: DeletedVault, subscription: str, location: str) -> bool:
    """Whether a deleted vault is visible in a subscription and location, and can be recovered or purged there."""
    own = deleted.vault.id.lower().startswith(f"/subscriptions/{subscription}/".lower())
    return own and deleted.vault.location == location


def required_properties(world: World, body: dict[str, Any]) -> dict[str, Any]:
    wanted = body.get("properties")
    if not isinstance(wanted, dict):
        raise _bad("The parameter properties is not specified.")
    # Any tenant will do, also one that the subscription is not of (terraform-provider-azurerm#15090).
    if str(wanted.get("tenantId", "")).lower() not in (TENANT, *world.tenants.values()):
        raise _bad("An invalid value was provided for 'tenantId'.")
    if str((wanted.get("sku") or {}).get("name", "")).lower() not in ("standard", "premium"):
        raise _bad("An invalid value was provided for 'sku'.")
    return wanted


def default_model(api_version: str) -> bool | None:
    """The default permission model of a new vault: access policies before api-version 2026-02-01."""
    return True if api_version >= _RBAC_BY_DEFAULT_SINCE else None


def retention(wanted: dict[str, Any], current: int | None) -> int:
    """The retention of a deleted vault in days. It can be set only when the vault is created."""
    days = wanted.get("softDeleteRetentionInDays")
    if days is None:
        return 90 if current is None else current
    if current is not None and days != current:
        raise _bad('The property "softDeleteRetentionInDays" has been set already and it can\'t be modified.')
    if not isinstance(days, int) or not 7 <= days <= 90:
        raise _bad(
            f'Invalid value {days} provided for the property "softDeleteRetentionInDays". The value must be between 7 '
            "and 90 days."
        )
    return days


def check_update(world: World, caller: Caller, vault: Vault, wanted: dict[str, Any]) -> None:
    """Reject changes that a vault does not allow, or that the caller has no permission for."""
    retention(wanted, vault.retention_days)
    model = wanted.get("enableRbacAuthorization")
    if model is None or bool(model) == bool(vault.rbac) or allowed(world, caller.object_id, _GRANT, vault.id):
        return
    raise AzureError(
        403,
        "InsufficientPermissions",
        "Caller is not allowed to change permission model. For more information on how to change the permissions model "
        "follow this link: https://go.microsoft.com/fwlink/?linkid=2155160. Details: "
        f"oid={caller.object_id}; action={_GRANT}; resource={vault.id}; decision=NotAllowed;",
    )


def apply(vault: Vault, wanted: dict[str, Any], *, whole: bool, now: float, new: bool = False) -> None:
    """Set the properties in a request. A PUT without access policies or network rules removes them."""
    _check_protection(wanted)
    acls = read_network_acls(wanted.get("networkAcls"))
    by_policy = not (vault.rbac if wanted.get("enableRbacAuthorization") is None else wanted["enableRbacAuthorization"])
    if new and by_policy and wanted.get("accessPolicies") is None:
        raise _bad("The parameter accessPolicies is not specified.")  # required by the specification; text from memory
    policies = read_policies(wanted.get("accessPolicies") or [])
    access = _access(wanted.get("publicNetworkAccess"))
    if "sku" in wanted:
        vault.sku = wanted["sku"]["name"].lower()
    if wanted.get("tenantId"):
        vault.tenant_id = wanted["tenantId"].lower()  # as is done after a subscription moved (move-subscription.md)
    if wanted.get("enableRbacAuthorization") is not None:
        vault.rbac = bool(wanted["enableRbacAuthorization"])
    if wanted.get("enablePurgeProtection"):
        vault.purge_protection = True
    if whole or "accessPolicies" in wanted:
        vault.set_policies(policies, now)
    if whole or "networkAcls" in wanted:
        vault.network_acls = acls
    if whole or access:
        vault.public_network_access = access or "Enabled"
    vault.flags = _flags(vault.flags, wanted, whole)


def properties(vault: Vault) -> dict[str, Any]:
    """The settings of a vault as the service returns them: most settings that were never set are left out."""
    shown: dict[str, Any] = {"sku": {"family": "A", "name": vault.sku}, "tenantId": vault.tenant_id}
    if vault.network_acls is not None:
        shown["networkAcls"] = vault.network_acls
    shown["accessPolicies"] = vault.access_policies
    shown |= vault.flags | {"enableSoftDelete": True, "softDeleteRetentionInDays": vault.retention_days}
    if vault.rbac is not None:
        shown["enableRbacAuthorization"] = vault.rbac
    if vault.purge_protection:
        shown["enablePurgeProtection"] = True
    return shown


def read_network_acls(acls: dict[str, Any] | None) -> dict[str, Any] | None:
    """Network rules with the service's defaults; single addresses become CIDR ranges."""
    if acls is None:
        return None
    return {
        "bypass": acls.get("bypass") or "AzureServices",
        "defaultAction": acls.get("defaultAction") or "Allow",
        "ipRules": [{"value": _network(rule["value"])} for rule in acls.get("ipRules") or ()],
        "virtualNetworkRules": [{"id": rule["id"].lower()} for rule in acls.get("virtualNetworkRules") or ()],
    }


def read_policies(policies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for policy in policies:
        if not policy.get("objectId") or not policy.get("tenantId"):
            raise _bad("An invalid value was provided for 'accessPolicies'.")
        unknown = {name.lower() for name in (policy.get("permissions") or {}).get("keys") or ()} - _KEY_PERMISSIONS
        if unknown:
            raise _bad(f"An invalid value was provided for 'accessPolicies'. Unknown key permission: {min(unknown)}.")
    return copy.deepcopy(policies)


def combine_policies(present: list[dict], given: list[dict], change: str) -> list[dict]:
    """The access policies after `add`, `replace` or `remove` of the given ones.

    `remove` goes by the spelling of permissions, and is content to find none (facts: service.md 9.1); `add` does not.
    """
    if change not in ("add", "replace", "remove"):
        raise _bad(f"An invalid value was provided for 'operationKind': {change}.")
    policies = [dict(policy) for policy in present]
    for policy in given:
        match = next((own for own in policies if _subject(own) == _subject(policy)), None)
        if match is None and change != "remove":
            policies.append(policy)
        elif match is not None:
            match["permissions"] = _combine_permissions(match.get("permissions") or {}, policy, change)
    return [policy for policy in policies if any((policy.get("permissions") or {}).values())]


def _combine_permissions(own: dict[str, list[str]], policy: dict[str, Any], change: str) -> dict[str, list[str]]:
    given = policy.get("permissions") or {}
    if change == "replace":
        return given
    result = {}
    for kind in [*own, *(kind for kind in given if kind not in own)]:
        mine, theirs = own.get(kind) or [], given.get(kind) or []
        if change == "add":
            named = {name.lower() for name in mine}
            result[kind] = mine + [name for name in theirs if name.lower() not in named]
        else:
            result[kind] = [name for name in mine if name not in theirs]
    return result


def _subject(policy: dict[str, Any]) -> tuple[str, str]:
    return policy["objectId"].lower(), str(policy.get("applicationId") or "").lower()


def _check_protection(wanted: dict[str, Any]) -> None:
    if wanted.get("enablePurgeProtection") is False:
        raise _bad(
            'The property "enablePurgeProtection" cannot be set to false. Enabling the purge protection for a vault is '
            "an irreversible action."
        )
    if wanted.get("enableSoftDelete") is False:
        raise _bad(
            'The property "enableSoftDelete" can be set to false only for creating new vault. Enabling the \'soft '
            "delete' functionality is an irreversible action."
        )


def _flags(present: dict[str, Any], wanted: dict[str, Any], whole: bool) -> dict[str, Any]:
    flags = {} if whole else dict(present)
    if whole or wanted.get("enabledForDeployment") is not None:
        flags["enabledForDeployment"] = bool(wanted.get("enabledForDeployment"))
    return flags | {name: wanted[name] for name in _FLAGS if wanted.get(name) is not None}


def _access(value: str | None) -> str | None:
    if value is None:
        return None
    if value.lower() not in _ACCESS:
        raise _bad(f"An invalid value was provided for 'publicNetworkAccess': {value}.")
    return _ACCESS[value.lower()]


def _network(value: str) -> str:
    try:
        return str(ipaddress.ip_network(value, strict=False))
    except ValueError:
        raise _bad(f"An invalid value was provided for 'networkAcls': {value}.") from None


def _bad(message: str) -> AzureError:
    return AzureError(400, "BadRequest", message)
