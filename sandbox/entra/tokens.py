"""Access tokens as Microsoft Entra issues them. The signing key is fixed: tokens cached by `az` survive a restart."""

from __future__ import annotations

import time
import uuid
from functools import lru_cache

import jwt

from sandbox.core.web import Caller
from sandbox.world import TENANT, Principal, World

_KEY = "the sandbox signs for nobody but itself"


def issue(world: World, principal: Principal, audience: str, tenant: str = TENANT) -> dict[str, object]:
    """The token endpoint's response for a principal.

    It expires by the wall clock, by which the client caches it, at the pace of the sandbox's: moving that makes no
    token old.
    """
    now, lifetime = time.time(), world.settings.token_seconds
    claims = {
        "aud": audience,
        "iss": f"https://sts.windows.net/{tenant}/",
        "iat": int(now),
        "nbf": int(now),
        "exp": now + world.clock.real(lifetime),
        "appid": principal.app_id,
        "idtyp": "user" if principal.kind == "User" else "app",
        "oid": principal.object_id,
        "sub": principal.object_id,
        "tid": tenant,
        "uti": uuid.uuid4().hex,
        "ver": "1.0",
    }
    if principal.kind == "User":
        claims["unique_name"] = claims["upn"] = principal.name
    token = jwt.encode(claims, _KEY, algorithm="HS256")
    return {"token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime, "access_token": token}


def issue_for_registry(caller: Caller, host: str, kind: str, seconds: int, **more: object) -> str:
    """A token that a registry issues to identify the caller later: a "refresh_token" or an "access_token".

    It has the recorded claims (see registry/login_server.py), and those by which `read` identifies the caller.
    """
    now = int(time.time())
    claims = {
        "jti": str(uuid.uuid4()),
        "sub": caller.name,
        "nbf": now,
        "exp": now + seconds,
        "iat": now,
        "iss": "Azure Container Registry",
        "aud": host,
        "version": "1.0",
        "grant_type": kind,
        "appid": caller.app_id,
        "tenant": caller.tenant_id,
        "roles": [],
        "oid": caller.object_id,
        "tid": caller.tenant_id,
    }
    return jwt.encode(claims | more, _KEY, algorithm="HS256")


def read(authorization: str | None) -> Caller | None:
    """The caller of an Authorization header, or None if the token is missing, expired, or not issued by the sandbox."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    claims = _signed_claims(token)
    if claims is None or claims["exp"] <= time.time():  # not left to the library, which truncates to seconds
        return None
    return Caller(claims["oid"], claims["appid"], claims["tid"], claims["aud"], claims.get("upn") or claims["appid"])


@lru_cache(maxsize=1024)
def _signed_claims(token: str) -> dict[str, object] | None:
    """The claims of a token with a good signature, which a client sends with hundreds of requests."""
    unchecked = {"verify_aud": False, "verify_iat": False, "verify_exp": False}
    try:
        return jwt.decode(token, _KEY, algorithms=["HS256"], options=unchecked)
    except jwt.InvalidTokenError:
        return None


def claims(token: str) -> dict[str, object]:
    """The claims of a token, unverified."""
    return jwt.decode(token, options={"verify_signature": False})
