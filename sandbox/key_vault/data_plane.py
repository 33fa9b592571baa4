"""Common parts of data plane requests to vaults and managed HSMs: hosts, the challenge, headers, bodies."""

from __future__ import annotations

import base64
import functools
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.core.web import AzureError, Reply, Request, Router
from sandbox.key_vault.hsm_store import ManagedHsm
from sandbox.key_vault.key_access import KeyUser
from sandbox.key_vault.key_material import DeletedKey, Key, KeyVersion
from sandbox.key_vault.key_store import HSM_SUFFIX, VAULT_SUFFIX, KeyStore, find_store
from sandbox.world import World

StoreHandler = Callable[[World, KeyStore, Request], Reply]
SUFFIXES = (VAULT_SUFFIX, HSM_SUFFIX)


def serve(
    router: Router, methods: str, *templates: str, suffixes: tuple[str, ...] = SUFFIXES
) -> Callable[[StoreHandler], StoreHandler]:
    """Route paths of key stores to a handler, which is called only for callers with a valid token."""

    def add(handler: StoreHandler) -> StoreHandler:
        @functools.wraps(handler)
        def answer(world: World, request: Request) -> Reply:
            store = find_store(world, request.host)
            if store is None:
                # In Azure the name of such a vault does not resolve, so there is no response.
                raise AzureError(404, "VaultNotFound", f"There is no vault at {request.host}.")
            reply = _challenge(store, request) or _handled(handler, world, store, request)
            reply.headers |= _headers(store)
            return reply

        for suffix in suffixes:
            for template in templates:
                router.route(methods, f"{{store}}{suffix}", template)(answer)
        return handler

    return add


def user_of(request: Request) -> KeyUser:
    return KeyUser.of(request.caller, request.client_address)


def bundle(store: KeyStore, key: Key, version: KeyVersion) -> dict[str, Any]:
    """A key version with its public part (recording kv_key_create_200)."""
    material = {"kid": kid(store, key, version), "kty": version.shape.kty, "key_ops": version.operations}
    shown = {"key": material | _public_part(version), "attributes": attributes(store, version)}
    return shown | ({"tags": version.tags} if version.tags else {})


def item(store: KeyStore, key: Key, version: KeyVersion, *, versioned: bool) -> dict[str, Any]:
    """A key or version as it appears in lists."""
    name = kid(store, key, version) if versioned else f"{store.uri}/keys/{key.name}"
    return {"kid": name, "attributes": attributes(store, version)} | ({"tags": version.tags} if version.tags else {})


def deleted(store: KeyStore, record: DeletedKey, shown: dict[str, Any]) -> dict[str, Any]:
    """A deleted key, from the document of the active key (recording kv_key_delete_200)."""
    return {
        "recoveryId": f"{store.uri}/deletedkeys/{record.key.name}",
        "deletedDate": int(record.deleted),
        "scheduledPurgeDate": int(record.purge_at),
        **shown,
    }


def attributes(store: KeyStore, version: KeyVersion) -> dict[str, Any]:
    shown: dict[str, Any] = {"enabled": version.enabled}
    if version.not_before is not None:
        shown["nbf"] = version.not_before
    if version.expires is not None:
        shown["exp"] = version.expires
    return shown | {
        "created": int(version.created),
        "updated": int(version.updated),
        "recoveryLevel": store.recovery_level,
        "recoverableDays": store.retention_days,
        "exportable": False,
        "hsmPlatform": "2" if version.shape.hardware else "0",
    }


def kid(store: KeyStore, key: Key, version: KeyVersion) -> str:
    return f"{store.uri}/keys/{key.name}/{version.id}"


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: Any) -> bytes:
    try:
        return base64.urlsafe_b64decode(f"{text}{'=' * (-len(text) % 4)}")
    except (TypeError, ValueError):
        raise AzureError(400, "BadParameter", "Property  has invalid value: value") from None


def _handled(handler: StoreHandler, world: World, store: KeyStore, request: Request) -> Reply:
    try:
        return handler(world, store, request)
    except AzureError as error:
        return error.reply()


def _challenge(store: KeyStore, request: Request) -> Reply | None:
    """The 401 that tells a client where to request a token (recording kv_key_create_401_challenge)."""
    caller = request.caller
    if caller and caller.audience.rstrip("/") == store.resource:
        return None
    authority = f"https://login.microsoftonline.com/{store.tenant_id}"
    header = {"WWW-Authenticate": f'Bearer authorization="{authority}", resource="{store.resource}"'}
    if isinstance(store, ManagedHsm):
        return Reply(401, "OK", header)
    message = "AKV10000: Request is missing a Bearer or PoP token."
    if caller:  # text from memory
        message = f"AKV10022: Invalid audience. Expected {store.resource}, found: {caller.audience}."
    return AzureError(401, "Unauthorized", message, headers=header).reply()


def _public_part(version: KeyVersion) -> dict[str, str]:
    public = version.private.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        numbers = public.public_numbers()
        return {"n": _number(numbers.n), "e": _number(numbers.e)}
    point, size = public.public_numbers(), (public.key_size + 7) // 8
    return {"crv": version.shape.curve, "x": _number(point.x, size), "y": _number(point.y, size)}


def _number(value: int, size: int = 0) -> str:
    return encode(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


def _headers(store: KeyStore) -> dict[str, str]:
    return {"x-ms-keyvault-region": store.location, "x-ms-keyvault-service-version": "1.9.1145.1"}
