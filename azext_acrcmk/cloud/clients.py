"""The clients of one command, created by the CLI's own factories.

The SDKs are those the CLI ships, imported when first needed. Their requests and responses are JSON dictionaries
(see `wire` and `pages`), because models differ between the SDK versions of CLI 2.80 to 2.91.
"""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from knack.log import CliLogLevel

from azext_acrcmk.cloud.arm import Arm
from azext_acrcmk.cloud.errors import UnexpectedResponse
from azext_acrcmk.cloud.fields import part, parts, text
from azext_acrcmk.cloud.quick_transport import QuickTransport, connections
from azext_acrcmk.cloud.sign_in import SignIn
from azext_acrcmk.cloud.transport import transport
from azext_acrcmk.model.api_versions import API_VERSIONS, DATA_PLANE_API_VERSION
from azext_acrcmk.model.ids import REGISTRY_TYPE, VAULT_TYPE, ArmId, Id
from azext_acrcmk.model.state import Absent

# Until a request that is about to be sent is under way, in seconds.
_UNTIL_SENT = 0.02
# How long a login server may take to connect, and to answer, in seconds.
_TIMES = {"connection_timeout": 10, "read_timeout": 120}
_HOST = re.compile(r"[a-z0-9][a-z0-9.-]*(:\d+)?", re.IGNORECASE)


class Clients:
    """Created when first requested, one for each service and subscription."""

    def __init__(self, cli_ctx):
        self._cli_ctx = cli_ctx
        # For options of a registry that only later API versions have.
        self.registry_api_version = API_VERSIONS[REGISTRY_TYPE]
        self._made: dict[tuple[Any, ...], Any] = {}
        self._lock = threading.RLock()
        self._transport: Any = None
        self._request_ids: Any = None
        if cli_ctx.logging.log_level is not CliLogLevel.DEBUG:
            # For an error without a JSON body, the SDKs log a warning with a traceback; the error is reported anyway.
            for sdks in ("azure.mgmt", "azure.keyvault"):
                logging.getLogger(sdks).setLevel(logging.ERROR)

    @property
    def cli_ctx(self):
        return self._cli_ctx

    @property
    def acquires_policy_tokens(self) -> bool:
        """Whether the CLI fetches a token for each change, which proves an external evaluation to Azure Policy."""
        return any(self._cli_ctx.data.get(each) for each in ("_acquire_policy_token", "_change_reference"))

    def renew_request_ids(self) -> None:
        """From now on each request has its own ID (see RequestIds)."""
        self._request_ids.renewed = True

    def caller_id(self, subscription: str) -> str | None:
        """The object ID of the signed-in caller for a subscription, from the token; None if the token has none."""

        def read() -> str | None:
            try:
                body = self.token(subscription).token.split(".")[1]
                return text(part(json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))), "oid")
            except (LookupError, ValueError):
                return None

        return self._once(("caller", self.account_of(subscription)), read)

    def account_name(self, subscription: str) -> str:
        """The same text for all subscriptions of an account of the CLI."""
        return self._account(subscription)[0]

    def account_of(self, subscription: str) -> SignIn:
        """The sign-in that requests to a subscription are sent with: one for all subscriptions of an account."""
        return self._once(("account", subscription), lambda: self._sign_in(subscription))

    def token(self, subscription: str) -> Any:
        """The token for Resource Manager, with `expires_on` in seconds since 1970. Raises AzureError."""
        from azure.cli.core.auth.util import resource_to_scopes

        scopes = resource_to_scopes(self._cli_ctx.cloud.endpoints.active_directory_resource_id)
        return self.account_of(subscription).get_token(*scopes)

    def vault_token(self) -> str:
        """The token for the data plane of vaults. Raises AzureError."""
        resource = f"https://{self._cli_ctx.cloud.suffixes.keyvault_dns.lstrip('.')}"
        return self._sign_in(self._own_subscription).get_token(f"{resource}/.default").token

    def connections(self, vault: str | None = None) -> Any:
        """The connections of urllib3 to Resource Manager, or to the data plane of the vault at a host, as those of all
        clients: with their proxy and authorities.

        A client must have been made before. Raises whatever other versions of these libraries raise.
        """
        if vault:
            self._check_host(vault, "keyvault_dns")
        return connections(
            self._transport, f"https://{vault}" if vault else self._cli_ctx.cloud.endpoints.resource_manager
        )

    def prepare(self, subscription: str) -> None:
        """Makes what most commands need next while they wait for their first response: importing the SDKs takes about
        as long. Whatever fails here fails again where it is needed, and is told there."""

        def make() -> None:
            with contextlib.suppress(Exception):
                for client in (self.registries, self.key_vault, self.identities):
                    client(subscription)

        timer = threading.Timer(_UNTIL_SENT, make)
        timer.daemon = True
        timer.start()

    def registries(self, subscription: str):
        return self._management("MGMT_CONTAINERREGISTRY", subscription, self.registry_api_version).registries

    def key_vault(self, subscription: str):
        return self._management("MGMT_KEYVAULT", subscription, API_VERSIONS[VAULT_TYPE])

    def identities(self, subscription: str):
        return self._management("MGMT_MSI", subscription).user_assigned_identities

    def get_identity(self, id_: ArmId) -> dict[str, Any]:
        """A user-assigned identity, as the service sent it."""
        return self.identities(id_.subscription).get(id_.group, id_.name, cls=wire)

    def list_identities(self, subscription: str, **options: Any) -> Iterator[dict[str, Any]]:
        """The user-assigned identities of a subscription. `options` are those of the requests."""
        return pages(self.identities(subscription).list_by_subscription, **options)

    def arm(self, subscription: str) -> Arm:
        """One for all subscriptions of an account: what is asked for names its own."""
        account = self.account_of(subscription)
        return self._once(("arm", account), lambda: self._made_by_cli(Arm, subscription))

    def keys(self, host: str):
        """The data plane of the vault or managed HSM at `host`."""
        return self._once(("keys", host), lambda: self._data_plane(host, "azure.keyvault.keys", "KeyClient"))

    def get_deleted_key(self, host: str, name: str) -> str | Absent | None:
        """When a soft-deleted key is purged, if that is known. Raises AzureError."""
        purge = self.keys(host).get_deleted_key(name, retry_total=0).scheduled_purge_date
        return purge.isoformat() if purge else None

    def hsm_roles(self, host: str):
        """The local roles of the managed HSM at `host`."""
        package, client = "azure.keyvault.administration", "KeyVaultAccessControlClient"
        return self._once(("roles", host), lambda: self._data_plane(host, package, client))

    def login_server(self, host: str):
        """Sends requests to a registry's login server. Neither signs in nor sends anything again by itself."""
        return self._once(("login-server", host), lambda: self._plain(host, "acr_login_server_endpoint"))

    def entra_token(self, subscription: str, audience: str) -> tuple[str, str]:
        """A token of Microsoft Entra for another audience than Azure Resource Manager, and its tenant."""
        from azure.cli.core._profile import Profile

        token = self._sign_in(subscription).get_token(f"{audience}/.default").token
        return token, Profile(cli_ctx=self._cli_ctx).get_subscription(subscription)["tenantId"]

    def _management(self, resource_type: str, subscription: str, api_version: str | None = None):
        def make():
            from azure.cli.core.profiles import ResourceType

            return self._made_by_cli(getattr(ResourceType, resource_type), subscription, api_version=api_version)

        return self._once((resource_type, subscription, api_version), make)

    def _made_by_cli(self, client: Any, subscription: str, **options: Any):
        from azure.cli.core.commands.client_factory import get_mgmt_service_client, prepare_client_kwargs_track2

        from azext_acrcmk.cloud.pipeline import TO_MANAGEMENT, NeverRegister, OnlyTo, RequestIds, SeeWrites, SendAgain

        if self._request_ids is None:
            self._shared_transport(prepare_client_kwargs_track2(self._cli_ctx))
            self._request_ids = RequestIds()
        only = OnlyTo(urlsplit(self._cli_ctx.cloud.endpoints.resource_manager).hostname)
        sender = QuickTransport(self._transport) if client is Arm else self._transport
        options |= {"transport": sender, "per_retry_policies": [only, self._request_ids, NeverRegister()]}
        options["per_call_policies"] = [SendAgain(TO_MANAGEMENT), SeeWrites()]
        options["credential"] = self._sign_in(subscription)
        return get_mgmt_service_client(self._cli_ctx, client, subscription_id=subscription, **options)

    def _plain(self, host: str, suffix: str):
        from azure.cli.core.commands.client_factory import prepare_client_kwargs_track2
        from azure.core import PipelineClient
        from azure.core.pipeline import policies

        from azext_acrcmk.cloud.pipeline import OnlyTo

        self._check_host(host, suffix)
        given = prepare_client_kwargs_track2(self._cli_ctx)
        chain = [
            policies.HeadersPolicy(**given),
            given["user_agent_policy"],
            policies.ProxyPolicy(**given),
            OnlyTo(host),
        ]
        sender = QuickTransport(self._shared_transport(given), **_TIMES)
        return PipelineClient(f"https://{host}", policies=chain, transport=sender)

    def _shared_transport(self, given: dict[str, Any]):
        with self._lock:
            if self._transport is None:
                self._transport = transport(given.get("connection_verify", True))
            return self._transport

    def _data_plane(self, host: str, package: str, client: str):
        from importlib import import_module

        from azure.cli.core.cloud import KNOWN_CLOUDS
        from azure.cli.core.commands.client_factory import prepare_client_kwargs_track2

        from azext_acrcmk.cloud.pipeline import TO_VAULT, OnlyTo, SeeWrites, SendAgain

        self._check_host(host, "keyvault_dns", "mhsm_dns")
        arguments = prepare_client_kwargs_track2(self._cli_ctx)
        # These clients have their own logging policy and would reject a second one.
        arguments.pop("http_logging_policy", None)
        verify = arguments.get("connection_verify", True)
        # A vault that can't be reached (private network) must not delay a command that doesn't depend on it.
        arguments["transport"] = self._once(("vaults",), lambda: transport(verify, connection_timeout=10))
        # The challenge names the resource of the token. A host of a custom cloud can end differently.
        arguments["verify_challenge_resource"] = self._cli_ctx.cloud.name in [each.name for each in KNOWN_CLOUDS]
        arguments["api_version"] = DATA_PLANE_API_VERSION
        arguments["per_retry_policies"] = [OnlyTo(host)]
        arguments["per_call_policies"] = [SendAgain(TO_VAULT), SeeWrites()]
        make = getattr(import_module(package), client)
        return make(f"https://{host}", self._sign_in(self._own_subscription), **arguments)

    @property
    def _own_subscription(self) -> str:
        """That of the command."""
        from azure.cli.core.commands.client_factory import get_subscription_id

        return get_subscription_id(self._cli_ctx)

    def _sign_in(self, subscription: str) -> SignIn:
        """The credential of the CLI's account for a subscription; for an unknown one, that of the command's own."""
        who, profile, account = self._account(subscription)

        def make():
            return SignIn(lambda: profile.get_login_credentials(subscription_id=account["id"])[0])

        return self._once(("sign-in", who), make)

    def _account(self, subscription: str) -> tuple[str, Any, dict[str, Any]]:
        """Who signs in for a subscription, as a text; the CLI's profile, and what that has of the subscription."""
        from azure.cli.core._profile import Profile

        profile = Profile(cli_ctx=self._cli_ctx)
        known = [each for each in profile.load_cached_subscriptions() if Id(subscription) == each["id"]]
        account = known[0] if known else profile.get_subscription(self._own_subscription)
        return json.dumps([account["tenantId"], account["user"]], sort_keys=True), profile, account

    def _check_host(self, host: str, *suffixes: str) -> None:
        """Never send a token to a host outside the cloud, whatever a response says. `suffixes` are its domains."""
        from azure.core.exceptions import ServiceRequestError

        # Not by attribute: that raises an error for suffixes that a custom cloud doesn't define.
        known = [vars(self._cli_ctx.cloud.suffixes).get(name) for name in suffixes]
        own = [f".{suffix.lstrip('.')}" for suffix in known if suffix]
        if not _HOST.fullmatch(host) or not host.lower().endswith(tuple(own)):
            raise ServiceRequestError(f"'{host}' is not a host of the cloud {self._cli_ctx.cloud.name}.")

    def _once(self, name: tuple[Any, ...], make: Callable[[], Any]):
        if name in self._made:  # without waiting for another that is being made
            return self._made[name]
        with self._lock:
            if name not in self._made:
                self._made[name] = make()
            return self._made[name]


def wire(pipeline_response, _model, _headers) -> dict[str, Any]:
    """Pass as `cls` to an SDK operation to get the JSON of the response as the service sent it."""
    # Not `.json()`: the responses of older SDKs don't have it.
    return part(json.loads(pipeline_response.http_response.text()))


def pages(operation: Callable[..., Any], *args: Any, **kwargs: Any) -> Iterator[dict[str, Any]]:
    """The items of a paged SDK operation as the service sent them. Raises UnexpectedResponse if pages form a loop."""
    answers: dict[str, Any] = {}

    def take(answer: Any) -> None:
        if answer.http_response.status_code == 200:
            url = answer.http_request.url
            if url in answers:
                raise UnexpectedResponse(f"the list at {url} links back to itself.")
            answers[url] = answer

    for _ in operation(*args, raw_response_hook=take, **kwargs):
        pass
    for answer in answers.values():
        yield from parts(wire(answer, None, None), "value")
