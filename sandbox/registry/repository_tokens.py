"""Tokens of a registry, which may do what their scope map says, with passwords that are shown once (recordings
acr_token_*). A new password takes effect after a while where one is replaced (facts: migrate.md 3.1)."""

from __future__ import annotations

import re
import secrets
from datetime import datetime
from typing import Any

from sandbox.core.clock import iso
from sandbox.core.web import Reply, Request, Router
from sandbox.registry.parts import Change, Kind, Part, add, invalid, registry_of
from sandbox.registry.record import REGISTRY, TYPE, Registry
from sandbox.resource_manager.access import require
from sandbox.resource_manager.arm import HOST
from sandbox.resource_manager.common import body_of
from sandbox.world import World

router = Router()
_NAMES = ("password1", "password2")
_LENGTH = 32
# Actions of access tokens, by those of scope maps.
_GRANTS = {
    "content/read": "pull",
    "content/write": "push",
    "content/delete": "delete",
    "metadata/read": "metadata_read",
    "metadata/write": "metadata_write",
}


@router.route("POST", HOST, f"{REGISTRY}/generateCredentials")
def generate_credentials(world: World, request: Request) -> Reply:
    """One new password, or two if none is named."""
    require(world, request.caller, f"{TYPE}/generateCredentials/action", request.path.rpartition("/")[0])
    registry, body = registry_of(world, request), body_of(request)
    token = world.parts.get(str(body.get("tokenId") or "").lower())
    if token is None or token.kind != "tokens" or token.registry.lower() != registry.id.lower():
        raise invalid(f"The token '{body.get('tokenId')}' could not be found.")
    name, expiry = body.get("name"), body.get("expiry")
    if name not in (None, *_NAMES):
        raise invalid(f"The password name '{name}' is not valid.")
    made = [_new_password(world, token, each, expiry) for each in ([name] if name else _NAMES)]
    kept = [
        each for each in token.properties["credentials"]["passwords"] if each["name"] not in {m["name"] for m in made}
    ]
    hidden = [{key: value for key, value in each.items() if key != "value"} for each in made]
    passwords = sorted(kept + hidden, key=lambda each: each["name"])
    token.properties["credentials"] = token.properties["credentials"] | {"passwords": passwords}
    return Reply(200, {"username": token.name, "passwords": made})


def granted_by(world: World, registry: Registry, name: str, password: str) -> dict[str, set[str]] | None:
    """What a token may do, if this is its password: actions of access tokens by repository, which may end with *."""
    token = world.parts.get(f"{registry.id}/tokens/{name}".lower())
    if token is None or token.properties["status"] != "enabled":
        return None
    known = [each for each in token.secret.values() if each["value"] == password and each["from"] <= world.now()]
    if not any(each["until"] is None or world.now() < each["until"] for each in known):
        return None
    scope_map = world.parts.get(token.properties["scopeMapId"].lower())
    granted: dict[str, set[str]] = {}
    for action in scope_map.properties["actions"] if scope_map else ():
        kind, _, rest = action.partition("/")
        repository, what, how = rest.rsplit("/", 2)
        if kind == "repositories":
            granted.setdefault(repository, set()).add(_GRANTS[f"{what}/{how}"])
    return granted


def _new_password(world: World, token: Part, name: str, expiry: str | None) -> dict[str, Any]:
    value, now = secrets.token_urlsafe(_LENGTH)[:_LENGTH], world.now()
    start = now + (world.settings.token_password_seconds if name in token.secret else 0)
    until = datetime.fromisoformat(expiry.replace("Z", "+00:00")).timestamp() if expiry else None
    token.secret[name] = {"value": value, "from": start, "until": until}
    shown = {"creationTime": iso(now, suffix="+00:00"), "name": name, "value": value}
    return shown | ({"expiry": expiry} if expiry else {})


def _apply(change: Change, part: Part) -> None:
    scope_map = str(change.value("scopeMapId") or "")
    found = change.world.parts.get(scope_map.lower())
    if found is None or found.kind != "scopeMaps" or found.registry.lower() != change.registry.id.lower():
        raise invalid(f"The scope map '{scope_map}' of token {change.name} could not be found in the registry.")
    status = change.value("status", "enabled")
    if status not in ("enabled", "disabled"):
        raise invalid(f"The status '{status}' is not valid.")
    wanted = change.wanted.get("credentials")
    credentials = part.properties.get("credentials", {"passwords": []})
    if wanted is not None:
        named = {each.get("name") for each in wanted.get("passwords") or ()}
        kept = [each for each in credentials["passwords"] if each["name"] in named]
        credentials = {"passwords": kept} | {key: wanted[key] for key in ("certificates",) if wanted.get(key)}
        part.secret = {name: value for name, value in part.secret.items() if name in named}
    part.properties = {
        "creationDate": iso(part.created, suffix="+00:00"),
        "scopeMapId": scope_map,
        "credentials": credentials,
        "status": status,
    }


add(
    router,
    Kind(
        "tokens",
        _apply,
        named=re.compile(r"(?=.{5,50}$)[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*"),
        slow=True,
        operation="token",
    ),
)
