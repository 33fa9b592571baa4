"""Microsoft Entra: discovery, tokens for service principals, and the managed identity endpoints on plain HTTP."""

from __future__ import annotations

from sandbox.core.clock import iso
from sandbox.core.web import AzureError, Reply, Request, Router
from sandbox.entra import tokens
from sandbox.entra.directory import find_by_app_id
from sandbox.world import OWNER_OBJECT_ID, OWNER_USER_ID, TENANT, World

router = Router()
LOGIN = "login.microsoftonline.com"
LOCAL = "localhost"
IDENTITY_HEADER = "sandbox"
_SHARED_TENANTS = ("common", "organizations")


@router.route("GET", LOGIN, "/{tenant}/v2.0/.well-known/openid-configuration")
@router.route("GET", LOGIN, "/{tenant}//v2.0/.well-known/openid-configuration")
def discovery(world: World, request: Request) -> Reply:
    # The double slash is msal's own, in a Cloud Shell session (facts: loopback.md 2).
    tenant = _known_tenant(world, request)
    base = f"https://{LOGIN}/{tenant}"
    issuer = "{tenantid}" if tenant in _SHARED_TENANTS else tenant
    return Reply(
        200,
        {
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
            "jwks_uri": f"{base}/discovery/v2.0/keys",
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": f"https://{LOGIN}/{issuer}/v2.0",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
            "tenant_region_scope": "WW",
            "cloud_instance_name": "microsoftonline.com",
            "cloud_graph_host_name": "graph.windows.net",
            "msgraph_host": "graph.microsoft.com",
        },
    )


@router.route("GET", LOGIN, "/common/discovery/instance")
def instances(world: World, request: Request) -> Reply:
    aliases = [LOGIN, "login.windows.net", "login.microsoft.com", "sts.windows.net"]
    metadata = {"preferred_network": LOGIN, "preferred_cache": "login.windows.net", "aliases": aliases}
    endpoint = f"https://{LOGIN}/{TENANT}/v2.0/.well-known/openid-configuration"
    return Reply(200, {"tenant_discovery_endpoint": endpoint, "api-version": "1.1", "metadata": [metadata]})


@router.route("POST", LOGIN, "/{tenant}/oauth2/v2.0/token")
def token(world: World, request: Request) -> Reply:
    """Client credentials, the only flow that the sandbox supports."""
    tenant = _known_tenant(world, request)
    form = request.body if isinstance(request.body, dict) else {}
    if form.get("grant_type") != "client_credentials":
        raise _denied(world, 400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type.")
    client_id = form.get("client_id", "")
    principal = find_by_app_id(world, client_id)
    if principal is None or principal.kind != "ServicePrincipal":
        description = (
            f"Application with identifier '{client_id}' was not found in the directory 'Sandbox'. This can happen if "
            "the application has not been installed by the administrator of the tenant or consented to by any user in "
            "the tenant. You may have sent your authentication request to the wrong tenant."
        )
        raise _denied(world, 400, "unauthorized_client", 700016, description)
    if not principal.secret or form.get("client_secret") != principal.secret:
        description = (
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, "
            f"not the client secret ID, for a secret added to app '{client_id}'."
        )
        raise _denied(world, 401, "invalid_client", 7000215, description)
    scope = form.get("scope", "")
    if not scope.endswith("/.default"):
        description = (
            f"The provided value for scope {scope} is not valid. Client credential flows must have a scope value with "
            "/.default suffixed to the resource identifier (application ID URI)."
        )
        raise _denied(world, 400, "invalid_scope", 1002012, description)
    return Reply(200, tokens.issue(world, principal, scope.removesuffix("/.default"), tenant))


@router.route("POST", LOCAL, "/oauth2/token")
def cloud_shell_token(world: World, request: Request) -> Reply:
    """The token endpoint of Azure Cloud Shell, which signs in the user who opened the shell without a password."""
    _need_header(request, "metadata", "true")
    form = request.body if isinstance(request.body, dict) else {}
    return Reply(200, _managed_identity_answer(world, OWNER_USER_ID, form.get("resource", "")))


@router.route("GET", LOCAL, "/metadata/identity/oauth2/token")
def virtual_machine_token(world: World, request: Request) -> Reply:
    """The instance metadata service (IMDS) of a virtual machine whose identity is the owner."""
    _need_header(request, "metadata", "true")
    return Reply(200, _managed_identity_answer(world, OWNER_OBJECT_ID, request.query.get("resource", "")))


@router.route("GET", LOCAL, "/msi/token")
def app_service_token(world: World, request: Request) -> Reply:
    """The identity endpoint of App Service and Functions (IDENTITY_ENDPOINT and IDENTITY_HEADER)."""
    _need_header(request, "x-identity-header", IDENTITY_HEADER)
    return Reply(200, _managed_identity_answer(world, OWNER_OBJECT_ID, request.query.get("resource", "")))


def _managed_identity_answer(world: World, object_id: str, resource: str) -> dict[str, str]:
    if not resource:
        raise _invalid_request("Required query variable 'resource' is missing")
    principal = world.principals[object_id]
    answer = {name: str(value) for name, value in tokens.issue(world, principal, resource).items()}
    claims = tokens.claims(answer["access_token"])
    expiry = {"expires_on": str(int(claims["exp"])), "not_before": str(claims["nbf"])}
    return {**answer, **expiry, "resource": resource, "client_id": principal.app_id}


def _need_header(request: Request, name: str, value: str) -> None:
    if request.headers.get(name, "").lower() != value:
        raise _invalid_request("Required metadata header not specified")


class OAuthError(AzureError):
    """An error in the format of OAuth 2.0, as Entra and the identity endpoints return it."""

    def __init__(self, status: int, body: dict[str, object]):
        super().__init__(status, str(body["error"]), str(body["error_description"]))
        self.body = body

    def reply(self) -> Reply:
        return Reply(self.status, self.body)


def _invalid_request(description: str) -> OAuthError:
    return OAuthError(400, {"error": "invalid_request", "error_description": description})


def _known_tenant(world: World, request: Request) -> str:
    tenant = request.params["tenant"].lower()
    if tenant not in (TENANT, *_SHARED_TENANTS, *world.tenants.values()):
        description = f"AADSTS90002: Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID."
        raise OAuthError(400, {"error": "invalid_tenant", "error_description": description, "error_codes": [90002]})
    return tenant


def _denied(world: World, status: int, error: str, code: int, description: str) -> OAuthError:
    trace, correlation = world.new_guid(), world.new_guid()
    stamp = iso(world.now(), digits=0).replace(".Z", "Z").replace("T", " ")
    text = f"AADSTS{code}: {description} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {stamp}"
    body = {
        "error": error,
        "error_description": text,
        "error_codes": [code],
        "timestamp": stamp,
        "trace_id": trace,
        "correlation_id": correlation,
        "error_uri": f"https://{LOGIN}/error?code={code}",
    }
    return OAuthError(status, body)
