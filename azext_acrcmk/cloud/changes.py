"""The changes made by Azure Resource Manager. Each can be repeated: what exists is not created twice.

Bodies are in wire format.
"""

from __future__ import annotations

from typing import Any

from azext_acrcmk.cloud.clients import Clients, wire
from azext_acrcmk.cloud.providers import registering
from azext_acrcmk.cloud.read import read_group, read_identity, read_key, read_registry, read_vault
from azext_acrcmk.cloud.reads import get_vault
from azext_acrcmk.cloud.waiting import Stop, poller, until_settled, when_free
from azext_acrcmk.model.api_versions import API_VERSIONS
from azext_acrcmk.model.ids import GROUP_TYPE, ArmId, KeyId
from azext_acrcmk.model.state import Group, Identity, Key, Registry, Vault

# How long a new vault's name may take to be in DNS, in seconds. Recorded: less than 30 (wire facts 3.2).
DNS_TIMEOUT = 900


def put_group(clients: Clients, subscription: str, name: str, body: dict[str, Any]) -> Group:
    path = f"/subscriptions/{subscription}/resourceGroups/{name}"
    return read_group(clients.arm(subscription).put(path, API_VERSIONS[GROUP_TYPE], body))


def put_identity(clients: Clients, id_: ArmId, body: dict[str, Any], stop: Stop) -> Identity:
    identities = clients.identities(id_.subscription)

    def create():
        return identities.create_or_update(id_.group, id_.name, body, cls=wire)

    return read_identity(registering(clients, id_.subscription, lambda: when_free(create, stop), stop))


def put_vault(clients: Clients, id_: ArmId, body: dict[str, Any], stop: Stop) -> Vault:
    """A new or recovered vault. It exists; until its name is in DNS takes longer: until_in_dns."""
    vaults = clients.key_vault(id_.subscription).vaults

    def begin():
        return vaults.begin_create_or_update(id_.group, id_.name, body, polling=False, cls=wire)

    return read_vault(registering(clients, id_.subscription, lambda: when_free(begin, stop), stop).result())


def until_in_dns(clients: Clients, vault: Vault, stop: Stop) -> Vault:
    """A new vault, once its name is found. After DNS_TIMEOUT as it is then: the refusal of its key will tell."""
    seen = until_settled(
        lambda: get_vault(clients, vault.id), lambda seen: not isinstance(seen, Vault) or seen.in_dns, stop, DNS_TIMEOUT
    )
    return seen if isinstance(seen, Vault) else vault


def protect_vault(clients: Clients, vault: Vault, stop: Stop) -> Vault:
    """Turns on purge protection, for good, and soft delete where a vault from before 2020 does not have it."""
    soft_delete = {} if vault.soft_delete else {"enableSoftDelete": True}
    return _update_vault(clients, vault, {"enablePurgeProtection": True, **soft_delete}, stop)


def allow_trusted_services(clients: Clients, vault: Vault, stop: Stop) -> Vault:
    """Lets trusted services, a registry among them, bypass the vault's firewall; its other rules stay."""
    # The service replaces the rules as a whole, so the existing ones are sent as well.
    rules = {"defaultAction": vault.default_action, **vault.network_rules, "bypass": "AzureServices"}
    return _update_vault(clients, vault, {"networkAcls": rules}, stop)


def _update_vault(clients: Clients, vault: Vault, properties: dict[str, Any], stop: Stop) -> Vault:
    vaults, id_ = clients.key_vault(vault.id.subscription).vaults, vault.id
    body = {"properties": properties}
    return read_vault(when_free(lambda: vaults.update(id_.group, id_.name, body, cls=wire), stop))


def put_key(clients: Clients, vault: ArmId, key: KeyId, body: dict[str, Any]) -> Key:
    """The key by the control plane, which returns an existing one unchanged (service facts 5)."""
    keys = clients.key_vault(vault.subscription).keys
    return read_key(keys.create_if_not_exist(vault.group, vault.name, key.name, body, cls=wire), key)


def put_registry(clients: Clients, id_: ArmId, body: dict[str, Any], stop: Stop) -> Registry:
    """The registry as a GET shows it when the operation has ended."""
    registries = clients.registries(id_.subscription)

    def begin():
        polling = poller(stop, "azure-async-operation")
        return registries.begin_create(id_.group, id_.name, body, polling=polling, cls=wire)

    return read_registry(registering(clients, id_.subscription, begin, stop).result())


def patch_registry(clients: Clients, id_: ArmId, body: dict[str, Any], stop: Stop) -> Registry:
    """PATCHes only what changes; the registry as a GET shows it when the operation has ended."""
    registries = clients.registries(id_.subscription)

    def begin():
        polling = poller(stop, "azure-async-operation")
        return registries.begin_update(id_.group, id_.name, body, polling=polling, cls=wire)

    return read_registry(when_free(begin, stop).result())


def begin_patch_registry(clients: Clients, id_: ArmId, body: dict[str, Any]) -> None:
    """As `patch_registry`, without waiting for the operation to end."""
    clients.registries(id_.subscription).begin_update(id_.group, id_.name, body, polling=False)
