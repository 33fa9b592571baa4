"""The checks of Azure Resource Manager, in its order: token, api-version, subscription, group, provider, policy."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from functools import lru_cache

from sandbox.core.web import AzureError, Reply, Request
from sandbox.resource_manager import policies, throttling
from sandbox.resource_manager.access import GATEWAY, require
from sandbox.resource_manager.catalogue import API_VERSIONS, REGIONS, REGISTRATION_FREE, region
from sandbox.world import TENANT, World

HOST = "management.azure.com"
AUDIENCES = (
    "https://management.core.windows.net/",
    "https://management.core.windows.net",
    "https://management.azure.com/",
    "https://management.azure.com",
)
_WITHOUT_API_VERSION = re.compile(r"/metadata/endpoints", re.IGNORECASE)
_MOST_TAGS = 50
_IN_VAULT = re.compile(r"(/subscriptions/[^/]+/resourcegroups/[^/]+/providers/microsoft\.keyvault/vaults/[^/]+)/", re.I)
_REGISTRATION = ("register", "unregister")
_VERBS = {"GET": "read", "HEAD": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete", "POST": "action"}


@dataclass(frozen=True)
class Target:
    """The target of an ARM path: `types` and `names` follow the last `/providers/<namespace>`."""

    subscription: str = ""
    group: str = ""
    below_group: bool = False
    namespace: str = ""
    types: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def type(self) -> str:
        return "/".join((self.namespace, *self.types))


@lru_cache(maxsize=4096)
def parse(path: str) -> Target:
    """Parse an ARM path."""
    parts = path.strip("/").split("/")
    lower = [part.lower() for part in parts]
    subscription = parts[1] if lower[0] == "subscriptions" and len(parts) > 1 else ""
    in_group = bool(subscription) and len(parts) > 3 and lower[2] == "resourcegroups"
    group = parts[3] if in_group else ""
    if "providers" not in lower[:-1]:
        return Target(subscription, group, in_group and len(parts) > 4)
    at = len(lower) - 2 - lower[:-1][::-1].index("providers") + 1
    rest = parts[at + 1 :]
    return Target(subscription, group, in_group, parts[at], tuple(rest[::2]), tuple(rest[1::2]))


def check(world: World, request: Request) -> None:
    """Raise the errors of Resource Manager itself, which come before those of a resource provider."""
    if _WITHOUT_API_VERSION.fullmatch(request.path):
        return
    _check_token(request)
    _check_tenant(world, request)
    if not request.query.get("api-version"):
        raise _refuse(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        )
    target = parse(request.path)
    if target.subscription:
        _check_subscription(world, target)
        _check_group(world, request, target)
        _check_registered(world, request, target)
        check_api_version(request, target)
        _check_policies(world, request, target)
        _check_tags(request, target)
        _check_location(world, request, target)


def unknown(world: World, request: Request) -> Reply:
    """Resource Manager's error for a path that no provider of the sandbox supports."""
    target = parse(request.path)
    if request.method in ("GET", "HEAD") and target.names:
        raise not_found(target.type, target.names, target.group)
    raise _refuse(
        404,
        "InvalidResourceType",
        f"The resource type '{'/'.join(target.types)}' could not be found in the namespace '{target.namespace}' for "
        f"api version '{request.query['api-version']}'.",
    )


def not_found(resource_type: str, names: tuple[str, ...], group: str) -> AzureError:
    """The 404 of a resource that does not exist (recording vault_create_404_precheck)."""
    namespace, *types = resource_type.split("/")
    path = "/".join([namespace, *(part for pair in zip(types, names, strict=False) for part in pair)])
    where = f" under resource group '{group}'" if group else ""
    return _refuse(
        404,
        "ResourceNotFound",
        f"The Resource '{path}'{where} was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix",
    )


def group_not_found(name: str) -> AzureError:
    return _refuse(404, "ResourceGroupNotFound", f"Resource group '{name}' could not be found.")


def rate_limit(world: World, request: Request) -> tuple[str, str]:
    """The remaining requests of the caller. The recordings have it in all responses but the gateway's own errors."""
    if request.method not in ("GET", "HEAD"):
        return "x-ms-ratelimit-remaining-subscription-writes", "1199"
    subscription = parse(request.path).subscription
    left = throttling.reads_left(world, request, subscription)
    scope = "subscription" if subscription or left is None else "tenant"
    return f"x-ms-ratelimit-remaining-{scope}-reads", "1199" if left is None else str(left)


def _refuse(status: int, code: str, message: str, **extra) -> AzureError:
    return AzureError(status, code, message, headers=GATEWAY, **extra)


def _check_token(request: Request) -> None:
    if not request.caller and not request.headers.get("authorization"):
        raise _unauthenticated("AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
    if not request.caller:
        raise _unauthenticated("InvalidAuthenticationToken", "The access token is invalid.")
    if request.caller.audience not in AUDIENCES:
        allowed = ",".join(f"'{audience}'" for audience in AUDIENCES)
        raise _unauthenticated(
            "InvalidAuthenticationTokenAudience",
            f"The access token has been obtained for wrong audience or resource '{request.caller.audience}'. "
            f"It should exactly match with one of the allowed audiences {allowed}.",
        )


def accepts_tenant(world: World, subscription: str, tenant: str) -> bool:
    """Whether a token of a tenant is good for a subscription: of its own tenant, or of one that manages it."""
    return world.tenants.get(subscription, TENANT) == tenant or (subscription in world.managed and tenant == TENANT)


def _check_tenant(world: World, request: Request) -> None:
    """Refuse a token of another tenant than the subscription's, unless that manages it."""
    home, own = world.tenant_of(request.path), request.caller.tenant_id
    parts = request.path.lower().split("/")
    in_subscription = parts[1:2] == ["subscriptions"] and len(parts) > 2
    if not in_subscription or accepts_tenant(world, parts[2], own):
        return
    sts = "https://sts.windows.net"
    raise _unauthenticated(
        "InvalidAuthenticationTokenTenant",
        f"The access token is from the wrong issuer '{sts}/{own}/'. It must match the tenant '{sts}/{home}/' "
        "associated with this subscription.",
    )


def _unauthenticated(code: str, message: str) -> AzureError:
    challenge = (
        'Bearer authorization_uri="https://login.microsoftonline.com/", '
        f'error="invalid_token", error_description="{message}"'
    )
    return AzureError(401, code, message, headers={**GATEWAY, "www-authenticate": challenge})


def _check_subscription(world: World, target: Target) -> None:
    try:
        uuid.UUID(target.subscription)
    except ValueError:
        raise _refuse(
            400,
            "InvalidSubscriptionId",
            f"The provided subscription identifier '{target.subscription}' is malformed or invalid.",
        ) from None
    if target.subscription.lower() not in world.subscriptions:
        raise _refuse(404, "SubscriptionNotFound", f"The subscription '{target.subscription}' could not be found.")


def _check_group(world: World, request: Request, target: Target) -> None:
    group = world.groups.get(group_id(target).lower())
    if not target.below_group or (group and world.now() - group.created >= world.settings.group_lag_seconds):
        _check_parent(world, request, target)
        return
    require_generic(world, request, target)
    raise group_not_found(target.group)


def _check_parent(world: World, request: Request, target: Target) -> None:
    """A vault that is new is unknown to requests for what lies in it or on it."""
    lag, match = world.settings.vault_lag_seconds, _IN_VAULT.match(request.path)
    vault = world.vaults.get(match[1].lower()) if lag and match else None
    if vault and world.now() - vault.system.created < lag:
        raise not_found("Microsoft.KeyVault/vaults", (vault.name,), target.group)


def group_id(target: Target) -> str:
    return f"/subscriptions/{target.subscription}/resourceGroups/{target.group}"


def _check_registered(world: World, request: Request, target: Target) -> None:
    namespace = target.namespace.lower()
    methods = ("PUT", "PATCH", "POST", *(("GET",) if world.settings.reads_need_registration else ()))
    concerned = request.method in methods and target.types and target.types[0].lower() not in _REGISTRATION
    if not concerned or namespace in REGISTRATION_FREE:
        return
    # A rejected request is recognized by its ID and rejected again (documented in azure-mgmt-core).
    known = (request.headers.get("x-ms-client-request-id"), request.method, request.path)
    registered = world.providers.get((target.subscription.lower(), namespace), "Registered") == "Registered"
    if registered and known not in world.refused_unregistered:
        return
    if request.method != "POST":
        require_generic(world, request, target)
    message = (
        f"The subscription is not registered to use namespace '{target.namespace}'. "
        "See https://aka.ms/rps-not-found for how to register subscriptions."
    )
    if known[0]:
        world.refused_unregistered.add(known)
    detail = {"code": "MissingSubscriptionRegistration", "target": target.namespace, "message": message}
    raise _refuse(409, "MissingSubscriptionRegistration", message, details=[detail])


def check_api_version(request: Request, target: Target) -> None:
    """Reject an api-version that the type of a request does not have."""
    versions = API_VERSIONS.get(target.type.lower())
    version = request.query["api-version"]
    if not versions or version in versions:
        return
    location = (request.body or {}).get("location") if isinstance(request.body, dict) else None
    kind, supported = "/".join(target.types), ", ".join(versions)
    if request.method == "PUT" and location:
        raise _refuse(
            400,
            "NoRegisteredProviderFound",
            f"No registered resource provider found for location '{location}' and API version '{version}' for type "
            f"'{kind}'. The supported api-versions are '{supported}'.",
        )
    raise _refuse(
        400,
        "InvalidResourceType",
        f"The resource type '{kind}' could not be found in the namespace '{target.namespace}' for api version "
        f"'{version}'. The supported api-versions are '{supported}'.",
    )


def _check_policies(world: World, request: Request, target: Target) -> None:
    name = target.names[-1] if target.names else "" if target.below_group else target.group
    if not world.policies or request.method not in ("PUT", "PATCH") or not name:
        return
    require_generic(world, request, target)
    request.body = policies.modify(world, request.method, _type(target), request.path, request.body)
    token = request.headers.get("x-ms-policy-external-evaluations", "")
    policies.check(world, request.method, _type(target), name, request.path, request.body, token)


def _check_tags(request: Request, target: Target) -> None:
    """Names and values of a resource's tags (documentation: tag-resources). Those of keys are Key Vault's to check.

    The texts are not known, but for that of a value.
    """
    tags = request.body.get("tags") if isinstance(request.body, dict) else None
    if request.method not in ("PUT", "PATCH") or not isinstance(tags, dict) or target.types[-1:] == ("keys",):
        return
    if len(tags) > _MOST_TAGS:
        raise _refuse(400, "BadRequest", f"The number of tags {len(tags)} exceeds {_MOST_TAGS}.")
    if wrong := next((name for name in tags if not name or len(name) > 512 or set(name) & set("<>%&\\?/")), None):
        raise _refuse(400, "InvalidTagNameCharacters", f"The tag name '{wrong}' is not valid.")


def closed_regions(world: World) -> set[str]:
    return set(filter(None, world.settings.closed_regions.split(",")))


def _check_location(world: World, request: Request, target: Target) -> None:
    location = request.body.get("location") if isinstance(request.body, dict) else None
    closed = closed_regions(world)
    if request.method != "PUT" or region(str(location)) not in closed:
        return
    kind, code = f"resource type '{target.type}'", "LocationNotAvailableForResourceType"
    if not target.namespace:
        kind, code = "resource group", "LocationNotAvailableForResourceGroup"
    left = ",".join(name for name in REGIONS if name not in closed)
    raise _refuse(
        400,
        code,
        f"The provided location '{location}' is not available for {kind}. List of available regions is '{left}'.",
    )


def require_generic(world: World, request: Request, target: Target) -> None:
    # Permissions are checked first: callers without read permission don't learn that a group is missing.
    require(world, request.caller, f"{_type(target)}/{_VERBS[request.method]}", request.path)


def _type(target: Target) -> str:
    return target.type if target.namespace else "Microsoft.Resources/subscriptions/resourceGroups"
