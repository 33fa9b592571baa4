"""A client of a registry's login server, in process: it requests tokens and sends what an OCI client sends."""

from __future__ import annotations

import json
from typing import Any

from sandbox.core.web import Reply
from sandbox.entra import tokens
from sandbox.registry.content import OCI_INDEX, OCI_MANIFEST, digest_of
from sandbox.registry.login_server import AUDIENCE
from sandbox.world import Principal
from tests.harness.in_process_azure import Azure

CATALOG = "registry:catalog:*"
EVERYTHING = "pull,push,metadata_read,metadata_write,delete"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


class RegistryClient:
    """Somebody who talks to a registry, the owner unless told."""

    def __init__(
        self, azure: Azure, who: Principal | None = None, host: str = "registry1.azurecr.io", audience: str = AUDIENCE
    ):
        self.azure, self.host = azure, host
        self._entra = tokens.issue(azure.world, who or azure.owner, audience)["access_token"]
        self._tokens: dict[str, str] = {}

    # Tokens

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        token: str = "",
        content: bytes = b"",
        headers: dict[str, str] | None = None,
    ) -> Reply:
        sent = {"authorization": f"Bearer {token}"} if token else {}
        url = f"https://{self.host}{path}"
        return self.azure.send(method, url, body, token=False, headers=sent | (headers or {}), content=content)

    def exchange(self, **form: str) -> Reply:
        given = {"grant_type": "access_token", "service": self.host, "access_token": self._entra} | form
        return self.send("POST", "/oauth2/exchange", given)

    def access(self, scope: str, refresh: str | None = None) -> Reply:
        refresh = refresh or self.exchange().body["refresh_token"]
        form = {"grant_type": "refresh_token", "service": self.host, "scope": scope, "refresh_token": refresh}
        return self.send("POST", "/oauth2/token", form)

    def token(self, scope: str) -> str:
        return self.access(scope).body["access_token"]

    # The registry

    def catalog(self, query: str = "") -> Reply:
        return self.send("GET", f"/acr/v1/_catalog{query}", token=self.token(CATALOG))

    def on(self, repository: str, method: str, path: str, body: Any = None, **more: Any) -> Reply:
        """A request about a repository, with a token for everything that the caller may do with it."""
        if repository not in self._tokens:
            self._tokens[repository] = self.token(f"repository:{repository}:{EVERYTHING}")
        return self.send(method, path, body, token=self._tokens[repository], **more)

    def pull(self, repository: str, reference: str) -> Reply:
        return self.on(repository, "GET", f"/v2/{repository}/manifests/{reference}")

    def rows(self, repository: str, kind: str = "manifests", query: str = "") -> list[dict[str, Any]]:
        reply = self.on(repository, "GET", f"/acr/v1/{repository}/_{kind}{query}")
        assert reply.status == 200, reply
        return reply.body[kind] or []

    def push_blob(self, repository: str, content: bytes) -> Reply:
        begun = self.on(repository, "POST", f"/v2/{repository}/blobs/uploads/")
        if begun.status != 202:
            return begun
        location = f"{begun.headers['Location']}?digest={digest_of(content)}"
        return self.on(repository, "PUT", location, content=content)

    def push(self, repository: str, reference: str, document: dict[str, Any]) -> Reply:
        """Push a manifest, under its digest if no tag is given."""
        content, headers = json.dumps(document).encode(), {"content-type": document["mediaType"]}
        path = f"/v2/{repository}/manifests/{reference or digest_of(content)}"
        return self.on(repository, "PUT", path, content=content, headers=headers)

    def push_image(self, repository: str, reference: str, name: str = "image", **more: Any) -> Reply:
        """Push an image with its config and a layer; `more` goes into the manifest."""
        config = json.dumps({"architecture": "amd64", "os": "linux"}).encode()
        for blob in (config, name.encode()):
            assert self.push_blob(repository, blob).status == 201
        return self.push(repository, reference, image(config, name.encode()) | more)

    def push_index(self, repository: str, reference: str, children: list[str]) -> Reply:
        manifests = [{"mediaType": OCI_MANIFEST, "digest": child, "size": 2} for child in children]
        document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}
        return self.push(repository, reference, document)


def image(config: bytes, *layers: bytes) -> dict[str, Any]:
    """The manifest of an image."""
    return {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": _descriptor(config, CONFIG),
        "layers": [_descriptor(layer, LAYER) for layer in layers],
    }


def error(reply: Reply) -> tuple[int, str]:
    """Status and code of an error of the OCI distribution API."""
    return reply.status, reply.body["errors"][0]["code"]


def _descriptor(content: bytes, media_type: str) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}
