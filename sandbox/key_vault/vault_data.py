"""The data plane of vaults and managed HSMs: keys, versions, rotation, deletion and recovery, wrap and unwrap.

Bodies follow the recordings kv_*, messages facts service.md 2.3. Lists are not paged: paging is not recorded.
"""

from __future__ import annotations

from typing import Any

from sandbox.core.web import AzureError, Reply, Request, Router
from sandbox.key_vault import data_plane
from sandbox.key_vault.data_plane import bundle, user_of
from sandbox.key_vault.hsm_store import ManagedHsm
from sandbox.key_vault.key_access import OPERATIONS, admit, find_key, find_version, use
from sandbox.key_vault.key_material import DeletedKey, Key, KeyShape, check_shape, check_tags, new_version, read_policy
from sandbox.key_vault.key_store import KeyStore, deleted_key_conflict
from sandbox.key_vault.vault_keys import need_hardware_for
from sandbox.resource_manager.common import body_of
from sandbox.world import World

router = Router()
_KEY = "/keys/{key}"
_NO_POLICY: dict[str, Any] = {
    "lifetimeActions": [{"trigger": {"timeBeforeExpiry": "P30D"}, "action": {"type": "notify"}}],
    "attributes": {},
}


@data_plane.serve(router, "POST", f"{_KEY}/create")
def create(world: World, store: KeyStore, request: Request) -> Reply:
    """A new key, or a new version of an existing one."""
    name = request.params["key"]
    admit(world, store, user_of(request), "create", name)
    body = body_of(request)
    if name.lower() in store.deleted_keys:
        raise deleted_key_conflict(name)
    shape = KeyShape(
        kty=body.get("kty") or "",
        size=body.get("key_size") or 2048,
        curve=body.get("crv") or "P-256",
        operations=tuple(body.get("key_ops") or ()),
    )
    check_shape(shape)
    need_hardware_for(store, shape)
    given = body.get("attributes") or {}
    version = new_version(
        shape,
        world.now(),
        enabled=given.get("enabled") is not False,
        not_before=given.get("nbf"),
        expires=given.get("exp"),
        tags=body.get("tags") or {},
    )
    key = store.keys.setdefault(name.lower(), Key(name, []))
    _check_room(store, key)
    key.versions.append(version)
    return Reply(200, bundle(store, key, version), seconds=world.settings.key_answer_seconds)


@data_plane.serve(router, "POST", f"{_KEY}/rotate")
def rotate(world: World, store: KeyStore, request: Request) -> Reply:
    admit(world, store, user_of(request), "rotate", request.params["key"])
    key = find_key(store, request.params["key"])
    if isinstance(store, ManagedHsm) and not key.rotation_policy:
        # Documented (managed-hsm/key-rotation.md); the text is not known.
        raise AzureError(400, "BadParameter", f"The key {key.name} has no rotation policy.")
    _check_room(store, key)
    version = key.rotate(world.now())
    return Reply(200, bundle(store, key, version), seconds=world.settings.key_answer_seconds)


@data_plane.serve(router, "GET", "/keys", "/keys/")
def list_keys(world: World, store: KeyStore, request: Request) -> Reply:
    admit(world, store, user_of(request), "list")
    return _listed([data_plane.item(store, key, key.latest, versioned=False) for key in store.keys.values()])


@data_plane.serve(router, "GET", f"{_KEY}/versions")
def list_versions(world: World, store: KeyStore, request: Request) -> Reply:
    admit(world, store, user_of(request), "list", request.params["key"])
    key = store.keys.get(request.params["key"].lower())
    versions = key.versions if key else []
    return _listed([data_plane.item(store, key, version, versioned=True) for version in versions])


@data_plane.serve(router, "GET", f"{_KEY}/rotationpolicy")
def get_rotation_policy(world: World, store: KeyStore, request: Request) -> Reply:
    admit(world, store, user_of(request), "getRotationPolicy", request.params["key"])
    return Reply(200, _policy_document(store, find_key(store, request.params["key"])))


@data_plane.serve(router, "PUT", f"{_KEY}/rotationpolicy")
def put_rotation_policy(world: World, store: KeyStore, request: Request) -> Reply:
    admit(world, store, user_of(request), "setRotationPolicy", request.params["key"])
    key = find_key(store, request.params["key"])
    key.rotation_policy = read_policy(body_of(request), key.rotation_policy, world.now())
    return Reply(200, _policy_document(store, key))


@data_plane.serve(router, "GET", _KEY, f"{_KEY}/", f"{_KEY}/{{version}}")
def get(world: World, store: KeyStore, request: Request) -> Reply:
    name = request.params["key"]
    version = use(world, store, user_of(request), "get", name, request.params.get("version"))
    return Reply(200, bundle(store, find_key(store, name), version))


@data_plane.serve(router, "PATCH", _KEY, f"{_KEY}/", f"{_KEY}/{{version}}")
def update(world: World, store: KeyStore, request: Request) -> Reply:
    """Change attributes, operations or tags of a version. Fields that are not in the request keep their values."""
    name, body = request.params["key"], body_of(request)
    admit(world, store, user_of(request), "update", name)
    version = find_version(store, name, request.params.get("version"))
    check_tags(body.get("tags") or {})
    given = body.get("attributes") or {}
    if given.get("enabled") is not None:
        version.enabled = bool(given["enabled"])
    version.not_before = given.get("nbf", version.not_before)
    version.expires = given.get("exp", version.expires)
    version.operations = body.get("key_ops") or version.operations
    if body.get("tags") is not None:
        version.tags = body["tags"]
    version.updated = world.now()
    return Reply(200, bundle(store, find_key(store, name), version))


@data_plane.serve(router, "DELETE", _KEY)
def delete(world: World, store: KeyStore, request: Request) -> Reply:
    admit(world, store, user_of(request), "delete", request.params["key"])
    find_key(store, request.params["key"])
    return Reply(200, _deleted_bundle(store, store.delete_key(request.params["key"], world.now())))


@data_plane.serve(router, "GET", "/deletedkeys", "/deletedkeys/")
def list_deleted(world: World, store: KeyStore, request: Request) -> Reply:
    admit(world, store, user_of(request), "list")
    shown = []
    for record in store.deleted_keys.values():
        alive = data_plane.item(store, record.key, record.key.latest, versioned=False)
        shown.append(data_plane.deleted(store, record, alive))
    return _listed(shown)


@data_plane.serve(router, "GET", "/deletedkeys/{key}")
def get_deleted(world: World, store: KeyStore, request: Request) -> Reply:
    admit(world, store, user_of(request), "getDeleted", request.params["key"])
    return Reply(200, _deleted_bundle(store, _find_deleted(store, request)))


@data_plane.serve(router, "POST", "/deletedkeys/{key}/recover")
def recover(world: World, store: KeyStore, request: Request) -> Reply:
    admit(world, store, user_of(request), "recover", request.params["key"])
    key = _find_deleted(store, request).key
    del store.deleted_keys[key.name.lower()]
    store.keys[key.name.lower()] = key
    return Reply(200, bundle(store, key, key.latest))


@data_plane.serve(router, "DELETE", "/deletedkeys/{key}")
def purge(world: World, store: KeyStore, request: Request) -> Reply:
    admit(world, store, user_of(request), "purge", request.params["key"])
    record = _find_deleted(store, request)
    if store.purge_protection:
        raise AzureError(
            403,
            "Forbidden",
            'Operation "purge" is not allowed because purge protection is enabled for this vault. Key Vault service '
            "will automatically purge it after the retention period has passed.",
        )
    del store.deleted_keys[record.key.name.lower()]
    return Reply(204)


@data_plane.serve(router, "POST", f"{_KEY}/{{version}}/{{operation}}", f"{_KEY}//{{operation}}")
def wrap_or_unwrap(world: World, store: KeyStore, request: Request) -> Reply:
    names = {"wrapkey": "wrapKey", "unwrapkey": "unwrapKey"}
    operation = names.get(request.params["operation"].lower())
    if operation not in OPERATIONS:
        raise AzureError(404, "NotFound", f"The sandbox does not serve {request.params['operation']}.")
    name, body = request.params["key"], body_of(request)
    version = use(world, store, user_of(request), operation, name, request.params.get("version"))
    data, algorithm = data_plane.decode(body.get("value")), str(body.get("alg"))
    result = version.wrap(data, algorithm) if operation == "wrapKey" else version.unwrap(data, algorithm)
    key_id = data_plane.kid(store, find_key(store, name), version)
    return Reply(200, {"kid": key_id, "value": data_plane.encode(result)})


def _check_room(store: KeyStore, key: Key) -> None:
    """A key of a managed HSM has at most 100 versions (managed-hsm/about-keys-details.md); the text is not known."""
    if isinstance(store, ManagedHsm) and len(key.versions) >= 100:
        raise AzureError(403, "Forbidden", f"The key {key.name} has 100 versions, the most there can be.")


def _policy_document(store: KeyStore, key: Key) -> dict[str, Any]:
    policy = key.rotation_policy or _NO_POLICY
    actions = [
        {"trigger": entry["trigger"], "action": {"type": entry["action"]["type"].capitalize()}}
        for entry in policy["lifetimeActions"]
    ]
    return {
        "id": f"{store.uri}/keys/{key.name}/rotationpolicy",
        "lifetimeActions": actions,
        "attributes": policy["attributes"],
    }


def _find_deleted(store: KeyStore, request: Request) -> DeletedKey:
    record = store.deleted_keys.get(request.params["key"].lower())
    if record is None:
        raise AzureError(404, "KeyNotFound", f"Deleted Key not found: {request.params['key']}")
    return record


def _deleted_bundle(store: KeyStore, record: DeletedKey) -> dict[str, Any]:
    return data_plane.deleted(store, record, bundle(store, record.key, record.key.latest))


def _listed(value: list[dict[str, Any]]) -> Reply:
    return Reply(200, {"value": value, "nextLink": None})
