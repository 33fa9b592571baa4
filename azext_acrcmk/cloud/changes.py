"""Every change made in Azure, one function each. Each can be repeated: what is there already is not made twice."""

from __future__ import annotations

from typing import Any

from azext_acrcmk.cloud.bodies import (
    attached_block,
    encryption_block,
    key_body,
    registry_body,
    rotation_policy,
    vault_body,
    with_tags,
)
from azext_acrcmk.cloud.clients import RESOURCES_API_VERSION, Clients, unregistered, wire
from azext_acrcmk.cloud.observe import see_vault
from azext_acrcmk.cloud.providers import registering
from azext_acrcmk.cloud.read import read_group, read_identity, read_key, read_registry, read_vault
from azext_acrcmk.cloud.waiting import Stop, poller, until_settled, when_free
from azext_acrcmk.model.goal import EnableGoal
from azext_acrcmk.model.ids import ArmId, KeyId
from azext_acrcmk.model.state import DeletedVault, Group, Identity, Key, Registry, Vault

# How long a new vault's name may take to be in DNS, in seconds. Recorded: less than 30 (wire facts 3.2).
DNS_TIMEOUT = 900


def create_group(clients: Clients, id_: ArmId, location: str, tags: dict[str, str] | None) -> Group:
    body = with_tags({"location": location}, tags)
    return read_group(clients.arm(id_.subscription).put(id_.group_id, RESOURCES_API_VERSION, body))


def create_identity(clients: Clients, id_: ArmId, location: str, tags: dict[str, str] | None, stop: Stop) -> Identity:
    body = with_tags({"location": location}, tags)
    identities = clients.identities(id_.subscription)

    def create():
        return identities.create_or_update(id_.group, id_.name, body, cls=wire, raw_response_hook=unregistered)

    return read_identity(registering(clients, id_.subscription, lambda: when_free(create, stop), stop))


def create_vault(clients: Clients, goal: EnableGoal, location: str, stop: Stop) -> Vault:
    """A vault with soft delete and purge protection. It exists; until its name is in DNS takes longer: until_in_dns."""
    return _put_vault(clients, goal.vault, vault_body(goal, location), stop)


def until_in_dns(clients: Clients, vault: Vault, stop: Stop) -> Vault:
    """A new vault, once its name is found. After DNS_TIMEOUT as it is then: the refusal of its key will tell."""
    id_ = ArmId.parse(vault.id)
    seen = until_settled(
        lambda: see_vault(clients, id_), lambda seen: not isinstance(seen, Vault) or seen.in_dns, stop, DNS_TIMEOUT
    )
    return seen if isinstance(seen, Vault) else vault


def recover_vault(clients: Clients, deleted: DeletedVault, tenant: str, stop: Stop) -> Vault:
    """Brings a soft-deleted vault back, in its old resource group; its role assignments stay gone."""
    properties = {"tenantId": tenant, "sku": {"family": "A", "name": "standard"}, "createMode": "recover"}
    body = {"location": deleted.location, "properties": properties}
    return _put_vault(clients, ArmId.parse(deleted.id), body, stop)


def _put_vault(clients: Clients, id_: ArmId, body: dict[str, Any], stop: Stop) -> Vault:
    vaults = clients.key_vault(id_.subscription).vaults

    def begin():
        return vaults.begin_create_or_update(id_.group, id_.name, body, polling=False, cls=wire)

    return read_vault(registering(clients, id_.subscription, lambda: when_free(begin, stop), stop).result())


def protect_vault(clients: Clients, vault: Vault, stop: Stop) -> Vault:
    """Turns on purge protection, for good, and soft delete where a vault from before 2020 lacks it."""
    soft_delete = {} if vault.soft_delete else {"enableSoftDelete": True}
    return _update_vault(clients, vault, {"enablePurgeProtection": True, **soft_delete}, stop)


def allow_trusted_services(clients: Clients, vault: Vault, stop: Stop) -> Vault:
    """Lets trusted services, a registry among them, past the vault's firewall; its other rules stay."""
    # The service replaces the rules as a whole, so those there are go with it.
    rules = {"defaultAction": vault.default_action, **vault.network_rules, "bypass": "AzureServices"}
    return _update_vault(clients, vault, {"networkAcls": rules}, stop)


def _update_vault(clients: Clients, vault: Vault, properties: dict[str, Any], stop: Stop) -> Vault:
    id_ = ArmId.parse(vault.id)
    vaults = clients.key_vault(id_.subscription).vaults
    body = {"properties": properties}
    return read_vault(when_free(lambda: vaults.update(id_.group, id_.name, body, cls=wire), stop))


def create_key(clients: Clients, vault: Vault, goal: EnableGoal) -> Key:
    """The key by the control plane, which returns an existing one unchanged (service facts 5)."""
    id_ = ArmId.parse(vault.id)
    keys = clients.key_vault(id_.subscription).keys
    made = keys.create_if_not_exist(id_.group, id_.name, goal.key_name, key_body(goal), cls=wire)
    return read_key(made, goal.key)


def create_key_by_data_plane(clients: Clients, vault: Vault, goal: EnableGoal) -> KeyId:
    """The key by the vault itself: takes a right on the vault's keys and a network path to it.

    A key that is there already is returned: to create it again would make a new version.
    """
    from azure.core.exceptions import ResourceNotFoundError

    client = clients.keys(vault.host)
    try:
        return KeyId.parse(client.get_key(goal.key_name).id)
    except ResourceNotFoundError:
        pass
    made = client.create_rsa_key(
        goal.key_name,
        size=goal.new_key_size,
        hardware_protected=goal.key_type == "RSA-HSM",
        key_operations=["wrapKey", "unwrapKey"],
        tags=goal.tags,
    )
    if rotation_policy(goal):
        _set_rotation_policy(client, goal)
    return KeyId.parse(made.id)


def _set_rotation_policy(client: Any, goal: EnableGoal) -> None:
    from azure.keyvault.keys import KeyRotationLifetimeAction, KeyRotationPolicy, KeyRotationPolicyAction

    rotate = KeyRotationLifetimeAction(KeyRotationPolicyAction.rotate, time_after_create=goal.rotation_period)
    client.update_key_rotation_policy(
        goal.key_name,
        KeyRotationPolicy(),
        lifetime_actions=[rotate] if goal.rotation_period else [],
        expires_in=goal.key_lifetime,
    )


def create_registry(
    clients: Clients, goal: EnableGoal, location: str, identity: Identity, key: KeyId, stop: Stop
) -> Registry:
    """A Premium registry encrypted with `key`, as a GET shows it when the operation has ended."""
    body = registry_body(goal, location, identity.id, identity.client_id, key)
    id_ = goal.registry
    registries = clients.registries(id_.subscription)

    def begin():
        polling = poller(stop, "azure-async-operation")
        return registries.begin_create(id_.group, id_.name, body, polling=polling, cls=wire)

    return read_registry(registering(clients, id_.subscription, begin, stop).result())


def set_encryption(
    clients: Clients,
    registry: Registry,
    identity: str,
    key: KeyId,
    stop: Stop,
    tags: dict[str, str] | None = None,
    attach: str | None = None,
) -> Registry:
    """Changes the registry's key, and where given its tags. `identity` is a client id, or "system".

    `attach` is the id of a user-assigned identity to attach in the same request.
    """
    return _patch(clients, registry, with_tags(_encryption_body(registry, identity, key, attach), tags), stop)


def begin_set_encryption(
    clients: Clients, registry: Registry, identity: str, key: KeyId, attach: str | None = None
) -> None:
    """As `set_encryption`, without waiting for the operation to end."""
    id_ = ArmId.parse(registry.id)
    body = _encryption_body(registry, identity, key, attach)
    clients.registries(id_.subscription).begin_update(id_.group, id_.name, body, polling=False)


def _encryption_body(registry: Registry, identity: str, key: KeyId, attach: str | None) -> dict[str, Any]:
    body = {"properties": {"encryption": encryption_block(identity, key)}}
    return {"identity": attached_block(registry, attach), **body} if attach else body


def attach_identity(clients: Clients, registry: Registry, identity_id: str | None, stop: Stop) -> Registry:
    """Attaches a user-assigned identity, or (None) turns on the system-assigned one, beside those there are."""
    return _patch(clients, registry, {"identity": attached_block(registry, identity_id)}, stop)


def set_tags(clients: Clients, registry: Registry, tags: dict[str, str], stop: Stop) -> Registry:
    """Replaces the registry's tags."""
    return _patch(clients, registry, {"tags": tags}, stop)


def _patch(clients: Clients, registry: Registry, body: dict[str, Any], stop: Stop) -> Registry:
    """PATCHes only what changes; the registry as a GET shows it when the operation has ended."""
    id_ = ArmId.parse(registry.id)
    registries = clients.registries(id_.subscription)

    def begin():
        polling = poller(stop, "azure-async-operation")
        return registries.begin_update(id_.group, id_.name, body, polling=polling, cls=wire)

    return read_registry(when_free(begin, stop).result())
