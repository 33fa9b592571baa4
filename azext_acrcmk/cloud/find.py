"""Where things are that are known by name alone."""

from __future__ import annotations

from collections.abc import Sequence

from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.cloud.observe import find_resource, see_deleted_vault, together, vault_name_is_free
from azext_acrcmk.model.ids import HSM_TYPE, REGISTRY_TYPE, VAULT_TYPE, ArmId, KeyId
from azext_acrcmk.model.state import ABSENT, Absent, DeletedVault, Unknown


def find_registry(clients: Clients, name: str, subscription: str) -> ArmId | Absent | Unknown:
    """A registry in the subscription."""
    return find_resource(clients, REGISTRY_TYPE, name, [subscription])


def find_vault(clients: Clients, key: KeyId, subscriptions: Sequence[str]) -> ArmId | Absent | Unknown:
    """The vault or managed HSM of a key."""
    return find_resource(clients, HSM_TYPE if key.is_hsm else VAULT_TYPE, key.store, subscriptions)


def trace_vault(clients: Clients, key: KeyId, subscriptions: Sequence[str]) -> DeletedVault | Absent | Unknown:
    """What became of a key's vault that was not found. Unknown where it may be in a place that can't be looked at."""
    hidden: set[str] = set()
    if not key.is_hsm:
        deleted = together(*(lambda s=each: see_deleted_vault(clients, s, key.store) for each in subscriptions))
        if there := next((each for each in deleted if isinstance(each, DeletedVault)), None):
            return there
        if vault_name_is_free(clients, subscriptions[0], key.store):
            return ABSENT
        hidden = {each.action for each in deleted if isinstance(each, Unknown)}
    needs = "' and '".join([*hidden, f"{HSM_TYPE if key.is_hsm else VAULT_TYPE}/read"])
    return Unknown(needs, f"https://{key.host}", "No subscription that you can read has it.")
