"""Who signs in to a registry with a name and a password: its admin user, one of its tokens, or somebody with a refresh
token as the password, as `docker login` after `az acr login`. Without credentials, whoever wants to pull where that is
allowed to everyone. Facts: migrate.md 3.1; Azure CLI's source (`_docker_utils.py`, `credential.py`).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.core.web import AzureError, Caller, Reply, Request, Router
from sandbox.entra import tokens
from sandbox.registry.login_server import may, own_token
from sandbox.registry.parts import registry_of
from sandbox.registry.record import REGISTRY, TYPE, Registry
from sandbox.registry.repository_tokens import granted_by
from sandbox.resource_manager.access import require
from sandbox.resource_manager.arm import HOST
from sandbox.world import TENANT, World

router = Router()
_TOKEN_USER = "00000000-0000-0000-0000-000000000000"
_PASSWORDS = ("password", "password2")


@dataclass(frozen=True)
class Login:
    """Who signed in, and which actions that may perform, by the name of a repository (or of "catalog")."""

    caller: Caller
    allows: Callable[[str, str], bool]


@router.route("POST", HOST, f"{REGISTRY}/listCredentials")
def list_credentials(world: World, request: Request) -> Reply:
    """The passwords of the admin user."""
    require(world, request.caller, f"{TYPE}/listCredentials/action", request.path.rpartition("/")[0])
    registry = registry_of(world, request)
    if not registry.properties["adminUserEnabled"]:
        raise AzureError(400, "UnAuthorizedForCredentialOperations", "The admin user is disabled.")
    passwords = [{"name": name, "value": _admin_password(registry, name)} for name in _PASSWORDS]
    return Reply(200, {"username": registry.name, "passwords": passwords})


def login(world: World, registry: Registry, name: str, password: str) -> Login | None:
    """Who this name and password belong to."""
    if name == _TOKEN_USER:
        return login_with_refresh_token(world, registry, password)
    if name.lower() == registry.name.lower() and registry.properties["adminUserEnabled"]:
        right = password in [_admin_password(registry, each) for each in _PASSWORDS]
        return Login(_caller(name), lambda repository, action: True) if right else None
    granted = granted_by(world, registry, name, password)
    if granted is None:
        return None
    return Login(
        _caller(name),
        lambda repository, action: any(
            action in actions for pattern, actions in granted.items() if _covers(pattern, repository)
        ),
    )


def login_with_refresh_token(world: World, registry: Registry, token: str) -> Login | None:
    if own_token(registry, token, "refresh_token") is None:
        return None
    caller = tokens.read(f"Bearer {token}")
    return Login(caller, lambda repository, action: may(world, registry, caller, action))


def anonymous(registry: Registry) -> Login | None:
    """Anybody, if everybody may pull."""
    allowed = registry.properties["anonymousPullEnabled"]
    return Login(_caller("anonymous"), lambda repository, action: action == "pull") if allowed else None


def basic(request: Request) -> tuple[str, str] | None:
    """Name and password in the header of a request."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, password = base64.b64decode(text).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return name, password


def _caller(name: str) -> Caller:
    return Caller(name, name, TENANT, "", name)


def _covers(pattern: str, repository: str) -> bool:
    return repository.startswith(pattern[:-1]) if pattern.endswith("*") else repository == pattern


def _admin_password(registry: Registry, name: str) -> str:
    """Another one for each registry, also if it is made again."""
    return hashlib.sha256(f"{registry.id} {registry.system.created} {name}".encode()).hexdigest()[:32]
