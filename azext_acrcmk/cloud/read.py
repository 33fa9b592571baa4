"""From the JSON of the services to the dataclasses of `model`. Unknown, missing and malformed fields are tolerated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from azext_acrcmk.cloud.fields import flag, identifier, moment, number, part, parts, resource_id, scope_id, text, texts
from azext_acrcmk.model.ids import Id, KeyId
from azext_acrcmk.model.state import (
    ACCESS_POLICY,
    RBAC,
    AccessPolicy,
    AttachedIdentity,
    DeletedVault,
    Encryption,
    Group,
    Identity,
    Key,
    Registry,
    RotationPolicy,
    Vault,
)


def read_group(body: dict[str, Any]) -> Group:
    return Group(scope_id(body, "id"), text(body, "location") or "")


def read_registry(body: dict[str, Any], whole: bool = True) -> Registry:
    """A registry; with the wire format, which only a change of it requires, if it is read `whole`."""
    id_ = resource_id(body)
    properties, identity = part(body, "properties"), part(body, "identity")
    return Registry(
        id=id_,
        location=text(body, "location") or "",
        sku=text(part(body, "sku"), "name") or "",
        login_server=text(properties, "loginServer"),
        provisioning_state=text(properties, "provisioningState") or "Succeeded",
        encryption=_read_encryption(part(properties, "encryption"), whole),
        system_principal_id=identifier(identity, "principalId"),
        system_tenant=identifier(identity, "tenantId"),
        attached=tuple(_read_attached(part(identity, "userAssignedIdentities"))),
        status_message=text(part(properties, "status"), "message"),
        properties=properties if whole else {},
        content_trust=_is(part(properties, "policies", "trustPolicy"), "status", "enabled") or False,
        tags={name: value for name, value in part(body, "tags").items() if whole and isinstance(value, str)},
    )


def read_registry_of_many(body: dict[str, Any]) -> Registry:
    """Without the wire format, which takes most of its memory."""
    return read_registry(body, whole=False)


def _read_attached(identities: dict[str, Any]) -> Iterator[AttachedIdentity]:
    for id_ in identities:
        ids = part(identities, id_)
        yield AttachedIdentity(resource_id({"id": id_}), identifier(ids, "clientId"), identifier(ids, "principalId"))


def _read_encryption(block: dict[str, Any], whole: bool) -> Encryption:
    vault = part(block, "keyVaultProperties")
    key, in_use = _key_id(vault, "keyIdentifier"), _key_id(vault, "versionedKeyIdentifier")
    if key and in_use:
        in_use = key.with_version(in_use.version)
    return Encryption(
        status=(text(block, "status") or "disabled").lower(),
        key=key,
        in_use=in_use if in_use and in_use.version else None,
        identity=identifier(vault, "identity"),
        wire=(block or {"status": "disabled"}) if whole else {},
    )


def _key_id(body: dict[str, Any], name: str) -> KeyId | None:
    """Key IDs from the service are used as they are: an unknown form must not fail the command."""
    try:
        return KeyId.parse(text(body, name) or "")
    except ValueError:
        return None


def read_identity(body: dict[str, Any]) -> Identity:
    properties = part(body, "properties")
    return Identity(
        id=resource_id(body),
        location=text(body, "location") or "",
        client_id=identifier(properties, "clientId") or Id(),
        principal_id=identifier(properties, "principalId") or Id(),
        tenant=identifier(properties, "tenantId"),
    )


def read_vault(body: dict[str, Any], kind: str = "vault") -> Vault:
    id_ = resource_id(body)
    properties = part(body, "properties")
    rules = part(properties, "networkAcls")
    is_hsm = kind == "managedHSM"
    sku = part(body, "sku") if is_hsm else part(properties, "sku")
    return Vault(
        id=id_,
        uri=text(properties, "hsmUri" if is_hsm else "vaultUri") or "",
        location=text(body, "location") or "",
        kind=kind,
        sku=(text(sku, "name") or "").lower(),
        permission_model=None if is_hsm else (RBAC if flag(properties, "enableRbacAuthorization") else ACCESS_POLICY),
        soft_delete=flag(properties, "enableSoftDelete"),
        retention_days=number(properties, "softDeleteRetentionInDays"),
        purge_protection=flag(properties, "enablePurgeProtection") or False,
        public_network_access=text(properties, "publicNetworkAccess"),
        # A vault without rules is open, also to trusted services.
        default_action=text(rules, "defaultAction") or "Allow",
        bypass=text(rules, "bypass") or ("AzureServices" if not rules else "None"),
        policies=tuple(_read_policy(each) for each in parts(properties, "accessPolicies")),
        network_rules=rules,
        tenant=identifier(properties, "tenantId"),
        provisioning_state=text(properties, "provisioningState") or "Succeeded",
    )


def _read_policy(body: dict[str, Any]) -> AccessPolicy:
    return AccessPolicy(
        object_id=identifier(body, "objectId") or Id(),
        key_permissions=texts(part(body, "permissions"), "keys"),
        application_id=identifier(body, "applicationId"),
    )


def read_deleted_vault(body: dict[str, Any]) -> DeletedVault:
    properties = part(body, "properties")
    id_ = resource_id(properties, "vaultId")
    return DeletedVault(
        id=id_,
        location=text(properties, "location") or "",
        purge_protection=flag(properties, "purgeProtectionEnabled") or False,
        scheduled_purge=text(properties, "scheduledPurgeDate"),
    )


def read_key(body: dict[str, Any], asked: KeyId) -> Key:
    """A key of the control plane (`vaults/keys`), with the version in its URI."""
    properties = part(body, "properties")
    attributes = part(properties, "attributes")
    own = _key_id(properties, "keyUriWithVersion")
    return Key(
        id=own if own and own.same_key(asked) else asked,
        type=text(properties, "kty") or "",
        size=number(properties, "keySize"),
        enabled=flag(attributes, "enabled"),
        not_before=moment(attributes, "nbf"),
        expires=moment(attributes, "exp"),
        created=moment(attributes, "created"),
        operations=frozenset(map(str.lower, texts(properties, "keyOps"))),
        rotation_policy=_read_rotation_policy(part(properties, "rotationPolicy")),
    )


def _read_rotation_policy(body: dict[str, Any]) -> RotationPolicy | None:
    if not body:
        return None
    after = before = None
    for action in parts(body, "lifetimeActions"):
        if (text(part(action, "action"), "type") or "").lower() == "rotate":
            trigger = part(action, "trigger")
            after, before = text(trigger, "timeAfterCreate"), text(trigger, "timeBeforeExpiry")
    return RotationPolicy(after, before, text(part(body, "attributes"), "expiryTime"))


def _is(body: dict[str, Any], name: str, yes: str) -> bool | None:
    value = text(body, name)
    return value.lower() == yes if value else None
