"""Key stores: what vaults and managed HSMs have in common, how they are found, and the vault itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from sandbox.core.web import AzureError
from sandbox.key_vault.key_material import DAY, DeletedKey, Key
from sandbox.resource_manager.common import SystemData
from sandbox.world import TENANT, World

VAULT_SUFFIX = ".vault.azure.net"
HSM_SUFFIX = ".managedhsm.azure.net"


@dataclass(kw_only=True)
class KeyStore:
    """Keys by name in lowercase, behind a firewall. `network_acls` is None if it was never set."""

    id: str
    name: str
    location: str
    tags: dict[str, str]
    system: SystemData
    retention_days: int = 90
    purge_protection: bool = False
    public_network_access: str = "Enabled"
    network_acls: dict[str, Any] | None = None
    keys: dict[str, Key] = field(default_factory=dict)
    deleted_keys: dict[str, DeletedKey] = field(default_factory=dict)
    dns_at: float = 0.0
    tenant_id: str = TENANT

    kind = "vaults"
    suffix = VAULT_SUFFIX
    resource = "https://vault.azure.net"

    @property
    def host(self) -> str:
        return f"{self.name}{self.suffix}".lower()

    @property
    def uri(self) -> str:
        return f"https://{self.host}"

    @property
    def recovery_level(self) -> str:
        level = "Recoverable" if self.retention_days == 90 else "CustomizedRecoverable"
        return level if self.purge_protection else f"{level}+Purgeable"

    @property
    def hardware(self) -> bool:
        """Whether the store supports HSM-protected keys (kty RSA-HSM, EC-HSM)."""
        return False

    def delete_key(self, name: str, now: float) -> DeletedKey:
        deleted = DeletedKey(self.keys.pop(name.lower()), now, now + self.retention_days * DAY)
        self.deleted_keys[name.lower()] = deleted
        return deleted

    def pass_time(self, now: float) -> None:
        """What the service does automatically: rotate keys by policy, purge deleted keys after the retention."""
        for key in self.keys.values():
            key.rotate_when_due(now)
        for name in [name for name, deleted in self.deleted_keys.items() if deleted.purge_at <= now]:
            del self.deleted_keys[name]


@dataclass(kw_only=True)
class Vault(KeyStore):
    """A key vault. `rbac` is None if it was never set, which means access policies (facts: service.md 5).

    `policy_since` is when each permission of a principal was added; seeded permissions are not in it.
    """

    sku: str = "standard"
    rbac: bool | None = None
    access_policies: list[dict[str, Any]] = field(default_factory=list)
    policy_since: dict[tuple[str, str], float] = field(default_factory=dict)
    flags: dict[str, Any] = field(default_factory=dict)  # enabledForDeployment and the like

    @property
    def hardware(self) -> bool:
        return self.sku == "premium"

    def set_policies(self, policies: list[dict[str, Any]], now: float) -> None:
        """Replace the access policies; existing permissions keep the time they were added."""
        before = _permissions(self.access_policies)
        self.access_policies = policies
        after = _permissions(policies)
        kept = {grant: since for grant, since in self.policy_since.items() if grant in after}
        self.policy_since = kept | dict.fromkeys(after - before, now)

    def policy_allows(self, object_id: str, permission: str, latest: float) -> bool:
        """Whether an access policy added at or before `latest` grants a permission on keys."""
        names = [permission.lower()]
        if permission != "purge":
            names.append("all")  # inferred: `az` adds "purge" beside "all" (recording vault_recover_put)
        granted = _permissions(self.access_policies)
        grants = [(object_id.lower(), name) for name in names]
        return any(grant in granted and self.policy_since.get(grant, latest) <= latest for grant in grants)


@dataclass
class DeletedVault:
    """A soft-deleted vault. Its name can't be reused until it is purged."""

    vault: Vault
    deleted: float
    purge_at: float


@dataclass(frozen=True)
class KeyUri:
    """A parsed key identifier. `version` is None if the identifier has none."""

    host: str
    name: str
    version: str | None


def parse_key_uri(uri: str) -> KeyUri:
    """Parse a key identifier. Raises ValueError for anything but https://<host>/keys/<name>[/<version>]."""
    parts = urlsplit(uri)
    path = parts.path.strip("/").split("/")
    if parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(uri)
    if len(path) not in (2, 3) or path[0] != "keys" or not all(path):
        raise ValueError(uri)
    return KeyUri(parts.hostname, path[1], path[2] if len(path) == 3 else None)


def find_vault(world: World, name: str) -> Vault | None:
    """The active vault with this name in any resource group: vault names are global."""
    return next((vault for vault in world.vaults.values() if vault.name.lower() == name.lower()), None)


def find_store(world: World, host: str) -> KeyStore | None:
    """The vault or managed HSM at a host name. A new vault is found once its name is in DNS."""
    now = world.now()
    return next((store for store in stores(world) if store.host == host.lower() and store.dns_at <= now), None)


def stores(world: World) -> list[KeyStore]:
    return [*world.vaults.values(), *world.managed_hsms.values()]


def deleted_key_conflict(name: str) -> AzureError:
    """The name of a soft-deleted key can't be reused."""
    return AzureError(
        409,
        "Conflict",
        f"Key {name} is currently in a deleted but recoverable state, and its name cannot be reused; in this state, "
        "the key can only be recovered or purged.",
        inner="ObjectIsDeletedButRecoverable",
    )


def _permissions(policies: list[dict[str, Any]]) -> set[tuple[str, str]]:
    # A policy with an application ID applies only to that application on behalf of the principal.
    return {
        (policy["objectId"].lower(), permission.lower())
        for policy in policies
        if not policy.get("applicationId")
        for permission in (policy.get("permissions") or {}).get("keys") or ()
    }
