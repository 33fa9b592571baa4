"""Keys of vaults through Azure Resource Manager: create if missing, read, list.

From the specification and user reports (facts: service.md 5 and 2.2): a PUT never changes a key that exists, Key Vault
checks role assignments even for vaults with access policies, from a copy that lags behind, and no firewall applies.
"""

from __future__ import annotations

import re
from typing import Any

from sandbox.core.web import AzureError, Reply, Request, Router
from sandbox.key_vault.key_access import forbidden_by_rbac_text, place_of
from sandbox.key_vault.key_material import Key, KeyShape, KeyVersion, check_shape, new_version, read_policy
from sandbox.key_vault.key_store import KeyStore, Vault, deleted_key_conflict
from sandbox.key_vault.vaults import SERVICE_VERSION, existing_vault, vault_id
from sandbox.resource_manager.access import allowed, allowed_control_keys, denial, require
from sandbox.resource_manager.arm import HOST, not_found
from sandbox.resource_manager.common import body_of
from sandbox.world import TENANT, World

router = Router()
_VAULTS = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.KeyVault/vaults/{name}"
_KEY_NAME = re.compile(r"[A-Za-z0-9-]{1,127}")


@router.route("PUT", HOST, f"{_VAULTS}/keys/{{key}}")
def create_if_not_exist(world: World, request: Request) -> Reply:
    vault = _vault_for(world, request, "write")
    body = body_of(request)
    key = vault.keys.get(request.params["key"].lower())
    if key is None:
        key = create_key(world, vault, request.params["key"], body.get("properties") or {}, body.get("tags") or {})
    return Reply(200, document(vault, key), dict(SERVICE_VERSION), world.settings.key_answer_seconds)


@router.route("GET", HOST, f"{_VAULTS}/keys/{{key}}")
def get(world: World, request: Request) -> Reply:
    vault, key = _existing(world, request)
    check_shown(world, [key.latest])
    return Reply(200, document(vault, key), dict(SERVICE_VERSION))


@router.route("GET", HOST, f"{_VAULTS}/keys")
def list_keys(world: World, request: Request) -> Reply:
    vault = _vault_for(world, request, "read")
    return Reply(200, {"value": [document(vault, key) for key in vault.keys.values()]}, dict(SERVICE_VERSION))


@router.route("GET", HOST, f"{_VAULTS}/keys/{{key}}/versions")
def list_versions(world: World, request: Request) -> Reply:
    vault, key = _existing(world, request, "versions/read")
    check_shown(world, key.versions, listed=True)
    shown = [version_document(vault, key, version) for version in key.versions]
    return Reply(200, {"value": shown}, dict(SERVICE_VERSION))


@router.route("GET", HOST, f"{_VAULTS}/keys/{{key}}/versions/{{version}}")
def get_version(world: World, request: Request) -> Reply:
    vault, key = _existing(world, request, "versions/read")
    version = key.version(request.params["version"])
    if version is None:
        raise _not_found(vault, request, "keys/versions", request.params["version"])
    check_shown(world, [version])
    return Reply(200, version_document(vault, key, version), dict(SERVICE_VERSION))


def check_shown(world: World, versions: list[KeyVersion], listed: bool = False) -> None:
    """Reject reads of disabled versions, depending on `settings.disabled_key_by_arm`."""
    refuses = world.settings.disabled_key_by_arm in (("hidden",) if listed else ("refused", "hidden"))
    if refuses and not all(version.enabled for version in versions):
        message = "Operation get is not allowed on a disabled key."
        raise AzureError(403, "Forbidden", message, inner="KeyDisabled")


def create_key(world: World, store: KeyStore, name: str, wanted: dict[str, Any], tags: dict[str, str]) -> Key:
    """The first version of a key, created from ARM properties."""
    if not _KEY_NAME.fullmatch(name):
        raise AzureError(400, "BadParameter", f"The request URI contains an invalid name: {name}")
    if name.lower() in store.deleted_keys:
        raise deleted_key_conflict(name)
    shape = KeyShape(
        kty=wanted.get("kty") or "RSA",
        size=wanted.get("keySize") or 2048,
        curve=wanted.get("curveName") or "P-256",
        operations=tuple(wanted.get("keyOps") or ()),
    )
    check_shape(shape)
    need_hardware_for(store, shape)
    attributes = wanted.get("attributes") or {}
    given = wanted.get("rotationPolicy")
    policy = read_policy(given, None, world.now()) if given else None
    version = new_version(
        shape,
        world.now(),
        enabled=attributes.get("enabled") is not False,
        not_before=attributes.get("nbf"),
        expires=attributes.get("exp"),
        tags=tags,
    )
    key = Key(name, [version], policy)
    store.keys[name.lower()] = key
    return key


def need_hardware_for(store: KeyStore, shape: KeyShape) -> None:
    """Reject an HSM-protected key in a standard vault. The message is from memory."""
    if shape.hardware and not store.hardware:
        raise AzureError(
            400,
            "BadParameter",
            "The specified operation is not supported on vaults of the standard tier: HSM-protected keys need premium.",
        )


def document(store: KeyStore, key: Key) -> dict[str, Any]:
    """A key as ARM returns it: its latest version."""
    shown = _properties(store, key, key.latest)
    if key.rotation_policy:
        shown["rotationPolicy"] = key.rotation_policy
    return _resource(store, f"keys/{key.name}", f"{_type(store)}/keys", key.name, key.latest, shown)


def version_document(store: KeyStore, key: Key, version: KeyVersion) -> dict[str, Any]:
    path, shown = f"keys/{key.name}/versions/{version.id}", _properties(store, key, version)
    return _resource(store, path, f"{_type(store)}/keys/versions", version.id, version, shown)


def _resource(
    store: KeyStore, path: str, kind: str, name: str, version: KeyVersion, properties: dict[str, Any]
) -> dict[str, Any]:
    return {
        "id": f"{store.id}/{path}",
        "name": name,
        "type": kind,
        "location": store.location,
        "tags": version.tags,
        "properties": properties,
    }


def _properties(store: KeyStore, key: Key, version: KeyVersion) -> dict[str, Any]:
    attributes: dict[str, Any] = {"enabled": version.enabled}
    if version.not_before is not None:
        attributes["nbf"] = version.not_before
    if version.expires is not None:
        attributes["exp"] = version.expires
    attributes |= {
        "created": int(version.created),
        "updated": int(version.updated),
        "recoveryLevel": store.recovery_level,
        "exportable": False,
    }
    size = {"curveName": version.shape.curve} if version.shape.elliptic else {"keySize": version.shape.size}
    uri = f"{store.uri}/keys/{key.name}"
    return {
        "attributes": attributes,
        "kty": version.shape.kty,
        "keyOps": version.operations,
        **size,
        "keyUri": uri,
        "keyUriWithVersion": f"{uri}/{version.id}",
    }


def _existing(world: World, request: Request, verb: str = "read") -> tuple[Vault, Key]:
    vault = _vault_for(world, request, verb)
    key = vault.keys.get(request.params["key"].lower())
    if key is None:
        raise _not_found(vault, request, "keys")
    return vault, key


def _not_found(store: KeyStore, request: Request, kind: str, *more: str) -> AzureError:
    names = (store.name, request.params["key"], *more)
    return not_found(f"{_type(store)}/{kind}", names, request.params["group"])


def _vault_for(world: World, request: Request, verb: str) -> Vault:
    """The vault of a request. Resource Manager rejects callers who can't read the vault; Key Vault all others."""
    caller, action = request.caller, f"Microsoft.KeyVault/vaults/keys/{verb}"
    scope = vault_id(request) + (f"/keys/{request.params['key']}" if "key" in request.params else "")
    if not allowed(world, caller.object_id, "Microsoft.KeyVault/vaults/read", scope):
        require(world, caller, action, scope)
    vault = existing_vault(world, request)
    if allowed_control_keys(world, caller.object_id, action, scope):
        return vault
    described = (
        f"name=KeyVault/ManagementPlane;appid={caller.app_id};oid={caller.object_id};"
        f"iss=https://sts.windows.net/{TENANT}/"
    )
    age = world.settings.control_role_seconds
    denied = denial(world, caller.object_id, action, scope, min_age=age)
    text = forbidden_by_rbac_text(described, action, scope, place_of(vault), denied)
    raise AzureError(400, "ForbiddenByRbac", f"[ForbiddenByRbac (Forbidden)] {text}")


def _type(store: KeyStore) -> str:
    return f"Microsoft.KeyVault/{store.kind}"
