"""From the wire JSON of the services to the dataclasses of `model`. Unknown and missing fields are tolerated."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from azext_acrcmk.model.ids import KeyId
from azext_acrcmk.model.state import (
    ACCESS_POLICY,
    RBAC,
    AccessPolicy,
    AttachedIdentity,
    DeletedVault,
    Encryption,
    Identity,
    Key,
    Registry,
    RotationPolicy,
    Vault,
)


def read_registry(body: dict[str, Any]) -> Registry:
    properties = body.get("properties") or {}
    identity = body.get("identity") or {}
    attached = identity.get("userAssignedIdentities") or {}
    rules = properties.get("networkRuleSet") or {}
    status = properties.get("status") or {}
    trust = (properties.get("policies") or {}).get("trustPolicy") or {}
    return Registry(
        id=body["id"],
        name=body["name"],
        location=body.get("location") or "",
        sku=(body.get("sku") or {}).get("name") or "",
        login_server=properties.get("loginServer"),
        provisioning_state=properties.get("provisioningState") or "Succeeded",
        encryption=_read_encryption(properties.get("encryption") or {}),
        identity_type=identity.get("type") or "none",
        system_principal_id=identity.get("principalId"),
        attached=tuple(
            AttachedIdentity(id_, (ids or {}).get("clientId"), (ids or {}).get("principalId"))
            for id_, ids in attached.items()
        ),
        status_message=status.get("message"),
        public_network_enabled=_flag(properties.get("publicNetworkAccess"), "enabled"),
        default_action=rules.get("defaultAction"),
        allow_trusted_services=_flag(properties.get("networkRuleBypassOptions"), "azureservices"),
        zone_redundancy=properties.get("zoneRedundancy"),
        admin_enabled=properties.get("adminUserEnabled"),
        content_trust=_flag(trust.get("status"), "enabled") or False,
        tags=body.get("tags") or {},
    )


def _read_encryption(block: dict[str, Any]) -> Encryption:
    vault = block.get("keyVaultProperties") or {}
    in_use = _key_id(vault.get("versionedKeyIdentifier"))
    return Encryption(
        status=(block.get("status") or "disabled").lower(),
        key=_key_id(vault.get("keyIdentifier")),
        version_in_use=in_use.version if in_use else None,
        identity=vault.get("identity"),
        auto_rotation=vault.get("keyRotationEnabled"),
        wire=block or {"status": "disabled"},
    )


def _key_id(text: str | None) -> KeyId | None:
    """The service's own key ids are taken as they are: a form we don't know is no reason to fail."""
    try:
        return KeyId.parse(text) if text else None
    except ValueError:
        return None


def read_identity(body: dict[str, Any]) -> Identity:
    properties = body.get("properties") or {}
    return Identity(
        id=body["id"],
        location=body.get("location") or "",
        client_id=properties.get("clientId") or "",
        principal_id=properties.get("principalId") or "",
    )


def read_vault(body: dict[str, Any], kind: str = "vault") -> Vault:
    properties = body.get("properties") or {}
    rules = properties.get("networkAcls") or {}
    is_hsm = kind == "managedHSM"
    uri = properties.get("hsmUri") if is_hsm else properties.get("vaultUri")
    sku = (body.get("sku") if is_hsm else properties.get("sku")) or {}
    return Vault(
        id=body["id"],
        name=body["name"],
        uri=uri or "",
        location=body.get("location") or "",
        kind=kind,
        sku=(sku.get("name") or "").lower(),
        access_model=None if is_hsm else (RBAC if properties.get("enableRbacAuthorization") else ACCESS_POLICY),
        soft_delete=properties.get("enableSoftDelete"),
        retention_days=properties.get("softDeleteRetentionInDays"),
        purge_protection=bool(properties.get("enablePurgeProtection")),
        public_network_access=properties.get("publicNetworkAccess"),
        # A vault without rules is open, to trusted services too.
        default_action=rules.get("defaultAction") or "Allow",
        bypass=rules.get("bypass") or ("AzureServices" if not rules else "None"),
        policies=tuple(_read_policy(each) for each in properties.get("accessPolicies") or ()),
        network_rules=rules,
        provisioning_state=properties.get("provisioningState") or "Succeeded",
    )


def _read_policy(body: dict[str, Any]) -> AccessPolicy:
    keys = (body.get("permissions") or {}).get("keys") or ()
    return AccessPolicy(
        object_id=body.get("objectId") or "",
        key_permissions=frozenset(permission.lower() for permission in keys),
        application_id=body.get("applicationId"),
    )


def read_deleted_vault(body: dict[str, Any]) -> DeletedVault:
    properties = body.get("properties") or {}
    return DeletedVault(
        id=properties.get("vaultId") or "",
        name=body["name"],
        location=properties.get("location") or "",
        purge_protection=bool(properties.get("purgeProtectionEnabled")),
        scheduled_purge=properties.get("scheduledPurgeDate"),
    )


def read_key(body: dict[str, Any], asked: KeyId) -> Key:
    """A key of the control plane (`vaults/keys`), with the version that its own URI gives."""
    properties = body.get("properties") or {}
    attributes = properties.get("attributes") or {}
    return Key(
        id=_key_id(properties.get("keyUriWithVersion")) or asked,
        type=properties.get("kty") or "",
        size=properties.get("keySize"),
        enabled=attributes.get("enabled"),
        not_before=_moment(attributes.get("nbf")),
        expires=_moment(attributes.get("exp")),
        created=_moment(attributes.get("created")),
        operations=frozenset(operation.lower() for operation in properties.get("keyOps") or ()),
        rotation_policy=_read_rotation_policy(properties.get("rotationPolicy")),
    )


def _read_rotation_policy(body: dict[str, Any] | None) -> RotationPolicy | None:
    if not body:
        return None
    after = before = None
    for action in body.get("lifetimeActions") or ():
        if ((action.get("action") or {}).get("type") or "").lower() == "rotate":
            trigger = action.get("trigger") or {}
            after, before = trigger.get("timeAfterCreate"), trigger.get("timeBeforeExpiry")
    return RotationPolicy(after, before, (body.get("attributes") or {}).get("expiryTime"))


def _moment(seconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(seconds, timezone.utc) if seconds else None


def _flag(value: str | None, yes: str) -> bool | None:
    return value.lower() == yes if value else None
