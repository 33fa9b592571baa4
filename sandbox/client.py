"""Drives a sandbox from a test: starts it, signs in, seeds resources, sends requests, and reads its log and state.

with Sandbox() as sandbox:
    sandbox.arm("PUT", f"/subscriptions/{SUBSCRIPTION}/resourcegroups/g", {"location": "westus"}, "2024-11-01")
    environment = sandbox.login(tmp_path)             # an environment in which `az` is signed in
    subprocess.run(["az", "group", "show", "-n", "g"], env=environment)
    sandbox.fault("status", path="registries", status=429, headers={"Retry-After": "1"})
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import requests

from sandbox.server import environment as environments
from sandbox.server.login import login as az_login
from sandbox.server.login import write_login
from sandbox.world import OWNER_APP_ID, OWNER_OBJECT_ID, OWNER_SECRET, TENANT

_ARM = "https://management.azure.com"
_STOP_SECONDS = 5


@dataclass(frozen=True)
class Account:
    """A principal that can sign in: the owner, or one created by `Sandbox.principal`."""

    object_id: str
    app_id: str = ""
    secret: str = ""
    kind: str = "ServicePrincipal"
    name: str = ""


class RefusedError(Exception):
    """The response was an error."""


OWNER = Account(OWNER_OBJECT_ID, OWNER_APP_ID, OWNER_SECRET, name="sandbox-owner")


class Sandbox:
    """A sandbox in a process of its own. `options` are those of `python -m sandbox`."""

    def __init__(self, directory: Path | None = None, profile: str = "instant", options: tuple[str, ...] = ()):
        self._temporary = None if directory else tempfile.TemporaryDirectory(prefix="sandbox-")
        self.directory = Path(directory or self._temporary.name)
        self._command = [sys.executable, "-m", "sandbox", "--json", "--profile", profile]
        self._command += ["--directory", str(self.directory), *options]
        self._tokens: dict[tuple[str, str], str] = {}
        self._tenants: dict[str, tuple[str, str]] = {}  # by subscription: of the login, and home
        # To the control API, one for each thread that uses it. Tests ask it so often that `requests` would cost more.
        self._connections: list[HTTPConnection] = []
        self._own = threading.local()

    def __enter__(self) -> Sandbox:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True, cwd=_root())
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"The sandbox did not start: exit code {self._process.wait()}.")
        self.ready = json.loads(line)
        self.environment = environments.merged(self.ready["environment"])
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.proxies = {"https": self.environment["HTTPS_PROXY"]}
        self._session.verify = self.environment["REQUESTS_CA_BUNDLE"]
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._session.close()
        for connection in self._connections:
            connection.close()
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        if self._temporary:
            self._temporary.cleanup()

    # Control

    def reset(self, profile: str = "instant", **settings: Any) -> None:
        """Start over with an empty Azure."""
        self._control("POST", "/reset", {"profile": profile, "settings": settings})
        self._tenants = {}

    def save(self) -> None:
        """Save the current state for `restore`, which can be called repeatedly. No operation may be in progress."""
        self._control("POST", "/save")

    def restore(self) -> None:
        """Replace the current state with the saved one, without faults and with an empty log."""
        self._control("POST", "/restore")

    def move(self, subscription: str, tenant: str, managed: bool = False) -> None:
        """Make a subscription one of another tenant, which the login is in, too, or which is `managed` through Azure
        Lighthouse. Logins made from now on know it."""
        self._control("PATCH", f"/subscriptions/{subscription}", {"tenant": tenant, "managed": managed})
        self._tenants[subscription] = (TENANT if managed else tenant, tenant)

    def settings(self, **settings: Any) -> None:
        self._control("POST", "/settings", settings)

    def advance(self, seconds: float) -> None:
        """Move the sandbox's clock."""
        self._control("POST", "/clock/advance", {"seconds": seconds})

    def fault(self, action: str, **fault: Any) -> None:
        """Add a fault: method, path, sent, nth, times, each, status, body, headers, seconds (see server/faults.py)."""
        self._control("POST", "/faults", {"action": action, **fault})

    def import_fault(self, action: str, **fault: Any) -> None:
        """Have an import go wrong ("hang", "fail", "lose", "move"; source, nth, times, seconds, arrives, code, message:
        see registry/import_faults.py)."""
        self._control("POST", "/faults/imports", {"action": action, **fault})

    def clear_faults(self) -> None:
        self._control("DELETE", "/faults")

    def log(self) -> list[dict[str, Any]]:
        """The requests received so far, in order."""
        return self._control("GET", "/log")

    def held(self, seconds: float) -> dict[str, Any] | None:
        """Wait for a request that a fault holds without a response, and return it; None after the timeout."""
        return self._control("GET", "/log/held", {"seconds": seconds})

    def clear_log(self) -> None:
        self._control("DELETE", "/log")

    def principal(self, *roles: tuple[str, str], **principal: Any) -> Account:
        """A new principal (kind, name, secret, groups) with roles, each a pair of role name or id and scope."""
        given = {**principal, "roles": [{"role": role, "scope": scope} for role, scope in roles]}
        return Account(**self._control("POST", "/principals", given))

    def add_to_group(self, object_id: str, group: str = "") -> Account:
        """Add a principal, such as that of a managed identity, to the given group or to a new one."""
        given = {"group": group} if group else {}
        return Account(**self._control("POST", f"/principals/{object_id}/groups", given))

    def deny_assignment(self, scope: str, **denied: Any) -> dict[str, str]:
        """Create a deny assignment (actions, not_actions, data_actions, not_data_actions, principals, exclude, name,
        own_scope_only: see sandbox/server/tampering.py), for everyone unless principals are given.

        Returns its id and name."""
        return self._control("POST", "/deny-assignments", {"scope": scope, **denied})

    def clear_deny_assignments(self) -> None:
        self._control("DELETE", "/deny-assignments")

    def seed_fleet(self, **fleet: Any) -> dict[str, Any]:
        """Add a fleet of registries (registries, vaults, keys, subscriptions, seed, damaged, central_vaults, prefix:
        see fleet/seed.py). Returns its subscriptions, and what is wrong with each registry, by its id."""
        return self._control("POST", "/fleet", fleet)

    def management_group(self, name: str, **group: Any) -> dict[str, str]:
        """Add a management group, below a `parent`, with `subscriptions`. Returns its id and name."""
        return self._control("POST", "/management-groups", {"name": name, **group})

    def unregister(self, namespace: str) -> None:
        """Unregister a resource provider in both subscriptions."""
        self._control("POST", f"/providers/{namespace}/unregister")

    def deny(self, resource_type: str, condition: dict[str, Any] | None = None, **policy: Any) -> None:
        """Assign a denying policy (name, scope, reason, external)."""
        self._control("POST", "/policies", {"type": resource_type, "condition": condition, **policy})

    def modify(self, resource_type: str, *operations: dict[str, Any], **policy: Any) -> None:
        """Assign a policy that changes what is written (name, scope, condition)."""
        self._control("POST", "/policies", {"type": resource_type, "operations": operations, **policy})

    def clear_policies(self) -> None:
        self._control("DELETE", "/policies")

    def pull(self, registry: str) -> dict[str, Any]:
        """Whether the registry could serve an image now: {"status": 200|403|404, "reason"}."""
        return self._control("POST", f"/registries/{registry}/pull")

    def change_registry(self, registry: str, **changes: Any) -> None:
        """Set what requests can't set on a registry, such as content_trust or status (see server/tampering.py)."""
        self._control("PATCH", f"/registries/{registry}", changes)

    def end_operation(self, registry: str, status: str) -> None:
        """End the operation in progress on a registry as "Failed" or "Canceled"."""
        self._control("POST", f"/registries/{registry}/operation", {"status": status})

    def add_repositories(self, registry: str, *names: str) -> None:
        """Add repositories to a registry."""
        self._control("POST", f"/registries/{registry}/repositories", {"repositories": names})

    def seed_content(self, registry: str, **content: Any) -> dict[str, int]:
        """Add images to a registry (repositories, images, names, indexes, index_size, untagged, tags, signatures,
        nested, cosign, docker, layer_bytes, seed, prefix: see registry/seeding.py). Returns counts of all it has."""
        return self._control("POST", f"/registries/{registry}/content", content)

    def content(self, registry: str) -> dict[str, Any]:
        """All that a registry stores: by repository its `manifests` (digest: [media type, size]), `tags` (name: digest)
        and those `attributes` that are not enabled (of "" for the repository itself, of digests, of tags)."""
        return self._control("GET", f"/registries/{registry}/content")

    def push_image(self, registry: str, repository: str, tag: str, seed: str) -> str:
        """Push a new image, to which the tag moves; another one for each seed. Returns its digest."""
        given = {"repository": repository, "tag": tag, "seed": seed}
        return self._control("POST", f"/registries/{registry}/push", given)

    def add_private_endpoint(self, registry: str, endpoint: str, status: str = "Approved") -> str:
        """Connect a private endpoint, by its id, to a registry. Returns the id of the connection."""
        given = {"endpoint": endpoint, "status": status}
        return self._control("POST", f"/registries/{registry}/private-endpoints", given)

    def add_listed(self, registry: str, kind: str, name: str, **properties: Any) -> str:
        """Add what the registry only lists: "connectedRegistries", "tasks", "agentPools". Returns its id."""
        given = {"kind": kind, "name": name, "properties": properties}
        return self._control("POST", f"/registries/{registry}/listed", given)

    def add_resource(self, resource_id: str, properties: dict[str, Any], **more: Any) -> None:
        """Add a resource of a service that is not emulated, such as a container app: it is listed, and in Resource
        Graph, with its properties and more (location, identity, kind, tags)."""
        self._control("POST", "/resources", {"resource_id": resource_id, "properties": properties, **more})

    def state(self) -> dict[str, Any]:
        """Ids and counts of everything."""
        return self._control("GET", "/state")

    # Requests as a client of Azure sends them

    def arm(
        self, method: str, path: str, body: Any = None, api_version: str | None = None, as_: Account = OWNER
    ) -> requests.Response:
        """A request to Azure Resource Manager."""
        query = {"api-version": api_version} if api_version else {}
        return self.request(method, _ARM + path, f"{_ARM}/", body, query, as_)

    def vault(
        self, method: str, url: str, body: Any = None, api_version: str = "7.5", as_: Account = OWNER
    ) -> requests.Response:
        """A request to the data plane of a vault."""
        return self.request(method, url, "https://vault.azure.net", body, {"api-version": api_version}, as_)

    def request(
        self, method: str, url: str, audience: str, body: Any, query: dict[str, str], as_: Account = OWNER
    ) -> requests.Response:
        """Any request, with a token for an audience."""
        headers = {"Authorization": f"Bearer {self.token(audience, as_)}"}
        return self._session.request(method, url, params=query, json=body, headers=headers)

    def unseen(
        self,
        method: str,
        url: str,
        body: Any = None,
        api_version: str = "",
        as_: Account = OWNER,
        audience: str = "https://vault.azure.net",
        clear_log: bool = False,
    ) -> Any:
        """The response body of a request that is not logged and not subject to faults; it bypasses the network. The log
        may be cleared with it.

        A path is resolved against Azure Resource Manager. Raises RefusedError with the response if it is an error.
        """
        if url.startswith("/"):
            url, audience = _ARM + url, f"{_ARM}/"
        name = as_.name if as_.kind == "User" else as_.app_id
        caller = {
            "object_id": as_.object_id,
            "app_id": as_.app_id,
            "tenant_id": self._tenants.get(url.split("/subscriptions/")[-1][:36], (TENANT,))[0],
            "audience": audience,
            "name": name,
        }
        asked = {"method": method, "url": url, "query": {"api-version": api_version}, "body": body, "caller": caller}
        asked["clear_log"] = clear_log
        answer = self._control("POST", "/requests", asked)
        if answer["status"] >= 400:
            raise RefusedError(f"{method} {url}: {answer}")
        return answer["body"]

    def token(self, audience: str, as_: Account = OWNER) -> str:
        key = (as_.object_id, audience)
        if key not in self._tokens:
            form = {"grant_type": "client_credentials", "client_id": as_.app_id, "client_secret": as_.secret}
            url = f"https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token"
            answer = self._session.post(url, data={**form, "scope": f"{audience}/.default"})
            answer.raise_for_status()
            self._tokens[key] = answer.json()["access_token"]
        return self._tokens[key]

    # Environments for `az`

    def login(self, directory: Path, as_: Account = OWNER, real: bool = False) -> dict[str, str]:
        """A signed-in environment with its own configuration folder in `directory`.

        `real` runs `az login`; otherwise the files that `az login` creates are written directly.
        """
        config = directory / "azure"
        environments.prepare_config(config)
        environment = {**self.environment, "AZURE_CONFIG_DIR": str(config)}
        if real:
            az_login(environment, as_.app_id, as_.secret)
        else:
            write_login(config, as_.app_id, as_.secret, self._tenants)
        return environment

    def _control(self, method: str, path: str, body: Any = None) -> Any:
        if not hasattr(self._own, "connection"):
            self._own.connection = HTTPConnection(urlsplit(self.ready["control"]).netloc)
            self._connections.append(self._own.connection)
        content = None if body is None else json.dumps(body)
        self._own.connection.request(method, path, content, {"Content-Type": "application/json"})
        answer = self._own.connection.getresponse()
        text = answer.read().decode()
        if answer.status >= 400:
            raise ValueError(text)
        return json.loads(text)


def _root() -> Path:
    return Path(__file__).parents[1]
