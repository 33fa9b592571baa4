"""An encrypted registry and everything it depends on."""

from __future__ import annotations

from typing import Any

from sandbox.core.web import Reply
from sandbox.registry.encryption import pull
from sandbox.world import RoleAssignment
from tests.harness.in_process_azure import ENCRYPTION_USER, Azure, encryption, registry_body, registry_path

PATH = registry_path()
KEY = "https://vault1.vault.azure.net/keys/key1"
DAY = 86_400


class Scene:
    """A registry (unless `made` is false) with its identity, vault, key and grant, and an officer of the vault."""

    def __init__(
        self, *, versioned: bool = False, made: bool = True, vault: dict[str, Any] | None = None, **settings: Any
    ):
        self.azure = Azure(**settings)
        self.world = self.azure.world
        self.identity = self.azure.identity()
        self.vault = self.azure.vault(**(vault or {}))
        self.grant = self.give(self.identity)
        self.officer = self.azure.officer(self.vault)
        key = self.azure.key(self.vault)
        self.key = key["keyUriWithVersion"] if versioned else key["keyUri"]
        if made:
            self.azure.advance(self.world.settings.role_seconds)
            self.azure.registry(identity=self.identity, key=self.key)

    def give(self, identity: dict[str, Any]) -> RoleAssignment:
        return self.world.grant(identity["principalId"], ENCRYPTION_USER, self.vault)

    def pull(self) -> int:
        self.azure.send("GET", PATH)
        return pull(self.world, "registry1")["status"]

    def shown(self) -> dict[str, Any]:
        """The `keyVaultProperties` of the registry."""
        return self.azure.get(PATH)["properties"]["encryption"].get("keyVaultProperties")

    def create(self, **more: Any) -> Reply:
        body = registry_body(identity=self.identity, key=self.key)
        body["properties"] |= more
        return self.azure.send("PUT", PATH, body)

    def rotate_to(self, key: str, identity: str | None = None) -> Reply:
        wanted = {"properties": {"encryption": encryption(key, identity or self.identity["clientId"])}}
        return self.azure.send("PATCH", PATH, wanted)

    def change_vault(self, **properties: Any) -> None:
        self.azure.ok("PATCH", self.vault, {"properties": properties})

    def key_request(self, method: str, path: str = "", body: Any = None) -> dict[str, Any]:
        return self.azure.ok(method, f"{KEY}{path}", body, as_=self.officer)

    def new_version(self) -> str:
        return self.key_request("POST", "/rotate")["key"]["kid"]

    def enable(self, version: str, enabled: bool) -> None:
        self.key_request("PATCH", f"/{version.rsplit('/', 1)[-1]}", {"attributes": {"enabled": enabled}})


def no_access(key: str, identity: str) -> str:
    """The service's error for every key that it can't use."""
    return (
        f"Failed to access KeyId '{key}'. Verify that identity '{identity}' has 'Get, Wrap Key, Unwrap Key' permission "
        f"on key '{key}'. For more information on bring your own key, please visit 'https://aka.ms/acr/cmk'."
    )
