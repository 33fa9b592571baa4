"""The changes made through Azure Resource Manager. Each can be repeated: existing resources are not created again.

Bodies are as sent to Azure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from azext_acrcmk.cloud.clients import Clients, wire
from azext_acrcmk.cloud.errors import read_error
from azext_acrcmk.cloud.providers import registering
from azext_acrcmk.cloud.read import read_group, read_identity, read_key, read_registry, read_vault
from azext_acrcmk.cloud.reads import get_registry, get_vault
from azext_acrcmk.cloud.waiting import NOT_YET_TIMEOUT, Stop, poller, until_settled, when_free
from azext_acrcmk.model.api_versions import API_VERSIONS
from azext_acrcmk.model.ids import GROUP_TYPE, ArmId, KeyId, Scope
from azext_acrcmk.model.state import Absent, Group, Identity, Key, Registry, Unknown, Vault

# The maximum time until a new vault's name is in DNS, in seconds. Recorded: less than 30 (wire facts 3.2).
DNS_TIMEOUT = 900


def put_group(clients: Clients, id_: Scope, body: dict[str, Any]) -> Group:
    return read_group(clients.arm(id_.subscription).put(id_, API_VERSIONS[GROUP_TYPE], body))


def put_identity(clients: Clients, id_: ArmId, body: dict[str, Any], stop: Stop) -> Identity:
    identities = clients.identities(id_.subscription)

    def create():
        return identities.create_or_update(id_.group, id_.name, body, cls=wire)

    return read_identity(registering(clients, id_.subscription, lambda: when_free(create, stop), stop))


def put_vault(clients: Clients, id_: ArmId, body: dict[str, Any], stop: Stop) -> Vault:
    """A new or recovered vault. Its name can be in DNS only later: see until_in_dns."""
    vaults = clients.key_vault(id_.subscription).vaults

    def begin():
        return vaults.begin_create_or_update(id_.group, id_.name, body, polling=False, cls=wire)

    return read_vault(registering(clients, id_.subscription, lambda: when_free(begin, stop), stop).result())


def until_in_dns(clients: Clients, vault: Vault, stop: Stop) -> Vault:
    """A new vault, once its name resolves. After DNS_TIMEOUT it is returned as it is; access to its key then fails."""

    def is_ready(seen: Vault | Absent | Unknown) -> bool:
        # One that is not shown yet is not absent.
        return isinstance(seen, Unknown) or (isinstance(seen, Vault) and seen.in_dns)

    seen = until_settled(lambda: get_vault(clients, vault.id), is_ready, stop, DNS_TIMEOUT)
    return seen if isinstance(seen, Vault) else vault


def protect_vault(clients: Clients, vault: Vault, stop: Stop) -> Vault:
    """Enables purge protection, which is irreversible, and soft delete, which old vaults (before 2020) may not have."""
    soft_delete = {} if vault.soft_delete else {"enableSoftDelete": True}
    return _update_vault(clients, vault, {"enablePurgeProtection": True, **soft_delete}, stop)


def allow_trusted_services(clients: Clients, vault: Vault, stop: Stop) -> Vault:
    """Allows trusted services, such as Container Registry, to bypass the vault's firewall; keeps its other rules."""
    # The service replaces all rules, so the existing ones are sent as well.
    rules = {"defaultAction": vault.default_action, **vault.network_rules, "bypass": "AzureServices"}
    return _update_vault(clients, vault, {"networkAcls": rules}, stop)


def _update_vault(clients: Clients, vault: Vault, properties: dict[str, Any], stop: Stop) -> Vault:
    vaults, id_ = clients.key_vault(vault.id.subscription).vaults, vault.id
    body = {"properties": properties}
    return read_vault(when_free(lambda: vaults.update(id_.group, id_.name, body, cls=wire), stop))


def put_key(clients: Clients, vault: ArmId, key: KeyId, body: dict[str, Any]) -> Key:
    """Creates a key through the control plane, which returns an existing key unchanged (service facts 5)."""
    keys = clients.key_vault(vault.subscription).keys
    return read_key(keys.create_if_not_exist(vault.group, vault.name, key.name, body, cls=wire), key)


def put_registry(clients: Clients, id_: ArmId, body: dict[str, Any], stop: Stop, ended: Callable[[], None]) -> Registry:
    """Creates a registry. Returns it as a GET does after the operation has ended; calls `ended` before that GET."""
    create = clients.registries(id_.subscription).begin_create

    def begin():
        return create(id_.group, id_.name, body, polling=poller(stop, ended), cls=wire)

    return _once_shown(clients, id_, registering(clients, id_.subscription, begin, stop), stop)


def patch_registry(clients: Clients, id_: ArmId, body: dict[str, Any], stop: Stop) -> Registry:
    """PATCHes only what changes. Returns the registry as a GET does after the operation has ended."""
    update = clients.registries(id_.subscription).begin_update

    def begin():
        return update(id_.group, id_.name, body, polling=poller(stop), cls=wire)

    return _once_shown(clients, id_, when_free(begin, stop), stop)


def _once_shown(clients: Clients, id_: ArmId, operation: Any, stop: Stop) -> Registry:
    """The registry when its operation has ended. Another front end of Azure may take a while to show it."""
    from azure.core.exceptions import HttpResponseError

    try:
        return read_registry(operation.result())
    except HttpResponseError as error:
        if read_error(error).status != 404:
            raise
        missing = error
    shown = until_settled(
        lambda: get_registry(clients, id_), lambda seen: isinstance(seen, Registry), stop, NOT_YET_TIMEOUT
    )
    if not isinstance(shown, Registry):
        raise missing
    return shown


def begin_patch_registry(clients: Clients, id_: ArmId, body: dict[str, Any]) -> None:
    """Like `patch_registry`, without waiting for the operation to end."""
    clients.registries(id_.subscription).begin_update(id_.group, id_.name, body, polling=False)
