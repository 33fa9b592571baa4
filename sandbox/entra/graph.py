"""Microsoft Graph, limited to what `az role assignment` and `az keyvault` use."""

from __future__ import annotations

import re
from typing import Any

from sandbox.core.web import AzureError, Reply, Request, Router
from sandbox.entra.directory import known
from sandbox.world import Principal, World

router = Router()
HOST = "graph.microsoft.com"
_AUDIENCES = ("https://graph.microsoft.com/", "https://graph.microsoft.com")
_ODATA_TYPES = {"ServicePrincipal": "servicePrincipal", "User": "user", "Group": "group"}
_BY_NAME = re.compile(r"servicePrincipalNames/any\(\w+:\w+ eq '([^']*)'\)")
_EQUALS = re.compile(r"(appId|displayName|userPrincipalName) eq '([^']*)'")


@router.route("GET", HOST, "/v1.0/me")
def me(world: World, request: Request) -> Reply:
    _check_token(request)
    principal = _find(world, request.caller.object_id)
    if principal.kind != "User":
        raise AzureError(400, "BadRequest", "/me request is only valid with delegated authentication flow.")
    return Reply(200, _document(principal, "users/$entity"))


@router.route("GET", HOST, "/v1.0/servicePrincipals")
def list_service_principals(world: World, request: Request) -> Reply:
    return _listed(world, request, "ServicePrincipal")


@router.route("GET", HOST, "/v1.0/users")
def list_users(world: World, request: Request) -> Reply:
    return _listed(world, request, "User")


@router.route("GET", HOST, "/v1.0/groups")
def list_groups(world: World, request: Request) -> Reply:
    return _listed(world, request, "Group")


@router.route("GET", HOST, "/v1.0/servicePrincipals/{object_id}")
@router.route("GET", HOST, "/v1.0/users/{object_id}")
@router.route("GET", HOST, "/v1.0/groups/{object_id}")
@router.route("GET", HOST, "/v1.0/directoryObjects/{object_id}")
def get_object(world: World, request: Request) -> Reply:
    _check_token(request)
    return Reply(200, _document(_find(world, request.params["object_id"]), "directoryObjects/$entity"))


@router.route("POST", HOST, "/v1.0/directoryObjects/getByIds")
def get_by_ids(world: World, request: Request) -> Reply:
    """The existing objects among the given IDs; IDs that don't exist are silently left out."""
    _check_token(request)
    found = [known(world, object_id) for object_id in (request.body or {}).get("ids", [])]
    value = [_document(principal) for principal in found if principal]
    return Reply(200, {"@odata.context": f"https://{HOST}/v1.0/$metadata#directoryObjects", "value": value})


def _listed(world: World, request: Request, kind: str) -> Reply:
    _check_token(request)
    wanted = request.query.get("$filter", "")
    value = [
        _document(principal)
        for principal in world.principals.values()
        if principal.kind == kind and known(world, principal.object_id) and _selected(principal, wanted)
    ]
    return Reply(200, {"@odata.context": f"https://{HOST}/v1.0/$metadata#{kind}s", "value": value})


def _selected(principal: Principal, wanted: str) -> bool:
    if match := _BY_NAME.fullmatch(wanted):
        return principal.app_id.lower() == match[1].lower()
    if match := _EQUALS.fullmatch(wanted):
        value = principal.app_id if match[1] == "appId" else principal.name
        return value.lower() == match[2].lower()
    if wanted:
        raise AzureError(400, "Request_UnsupportedQuery", f"Unsupported or invalid query filter clause: {wanted}")
    return True


def _find(world: World, object_id: str) -> Principal:
    principal = known(world, object_id)
    if principal is None:
        raise AzureError(
            404,
            "Request_ResourceNotFound",
            f"Resource '{object_id}' does not exist or one of its queried reference-property objects are not present.",
        )
    return principal


def _document(principal: Principal, context: str = "") -> dict[str, Any]:
    document: dict[str, Any] = {"@odata.context": f"https://{HOST}/v1.0/$metadata#{context}"} if context else {}
    document |= {
        "@odata.type": f"#microsoft.graph.{_ODATA_TYPES[principal.kind]}",
        "id": principal.object_id,
        "displayName": principal.name,
    }
    if principal.kind == "ServicePrincipal":
        document |= {
            "appId": principal.app_id,
            "servicePrincipalNames": [principal.app_id],
            "servicePrincipalType": "Application" if principal.secret else "ManagedIdentity",
        }
    if principal.kind == "User":
        document["userPrincipalName"] = principal.name
    return document


def _check_token(request: Request) -> None:
    if request.caller is None:
        raise AzureError(401, "InvalidAuthenticationToken", "Access token is empty.")
    if request.caller.audience not in _AUDIENCES:
        raise AzureError(401, "InvalidAuthenticationToken", "Access token validation failure. Invalid audience.")
