"""Lists what a new registry could use: one list at a time, when it is asked for.

What can't be listed is unknown: then names can still be typed.
"""

from __future__ import annotations

from functools import partial

from azext_acrcmk.cloud.clients import Clients, pages
from azext_acrcmk.cloud.fields import parts, text, texts
from azext_acrcmk.cloud.read import read_group, read_identity, read_vault
from azext_acrcmk.cloud.reads import get_key, in_parallel, read_if_possible
from azext_acrcmk.model.api_versions import API_VERSIONS
from azext_acrcmk.model.ids import (
    GROUP_TYPE,
    HSM_TYPE,
    IDENTITY_TYPE,
    REGISTRY_TYPE,
    VAULT_TYPE,
    KeyId,
    Scope,
    same,
    short_location,
)
from azext_acrcmk.model.state import NOT_LOADED, Absent, Group, Identity, Key, NotLoaded, Unknown, Vault

# How many keys of a vault are read; of the others only the names are known.
MOST_KEYS = 200

Listed = tuple[KeyId, Key | Unknown | NotLoaded]


def list_groups(clients: Clients, subscription: str) -> tuple[Group, ...] | Unknown:
    scope = f"/subscriptions/{subscription}"

    def read() -> tuple[Group, ...]:
        found = clients.arm(subscription).pages(f"{scope}/resourceGroups", API_VERSIONS[GROUP_TYPE])
        return tuple(read_group(body) for body in found)

    return _listed(read_if_possible(read, f"{GROUP_TYPE}/read", scope))


def list_locations(clients: Clients, subscription: str) -> tuple[str, ...] | Unknown:
    """The short names of the locations in which registries can be created."""
    namespace, _, kind = REGISTRY_TYPE.partition("/")
    scope = f"/subscriptions/{subscription}"

    def read() -> tuple[str, ...]:
        version = API_VERSIONS["Microsoft.Resources/providers"]
        types = parts(clients.arm(subscription).get(f"{scope}/providers/{namespace}", version), "resourceTypes")
        own = next((each for each in types if same(text(each, "resourceType"), kind)), {})
        return tuple(sorted({short_location(name) for name in texts(own, "locations")}))

    return _listed(read_if_possible(read, "Microsoft.Resources/subscriptions/providers/read", scope))


def list_identities(clients: Clients, subscription: str) -> tuple[Identity, ...] | Unknown:
    def read() -> tuple[Identity, ...]:
        return tuple(read_identity(body) for body in clients.list_identities(subscription))

    return _listed(read_if_possible(read, f"{IDENTITY_TYPE}/read", f"/subscriptions/{subscription}"))


def list_vaults(clients: Clients, subscription: str) -> tuple[Vault, ...] | Unknown:
    """Key vaults and, where they can be read, managed HSMs."""
    scope, client = f"/subscriptions/{subscription}", clients.key_vault(subscription)

    def vaults() -> tuple[Vault, ...]:
        return tuple(read_vault(body) for body in pages(client.vaults.list_by_subscription))

    def hsms() -> tuple[Vault, ...]:
        return tuple(read_vault(body, "managedHSM") for body in pages(client.managed_hsms.list_by_subscription))

    found, special = in_parallel(
        lambda: _listed(read_if_possible(vaults, f"{VAULT_TYPE}/read", scope)),
        lambda: _listed(read_if_possible(hsms, f"{HSM_TYPE}/read", scope)),
    )
    return found if isinstance(found, Unknown) else found + (() if isinstance(special, Unknown) else special)


def list_keys(clients: Clients, vault: Vault) -> tuple[Listed, ...] | Unknown:
    """The keys of a vault or managed HSM. Each is read, since the list does not have all that matters of them."""
    client, id_ = clients.key_vault(vault.id.subscription), vault.id
    keys, action = client.managed_hsm_keys if vault.is_hsm else client.keys, f"{id_.type}/keys/read"

    def names() -> tuple[str, ...]:
        found = (text(body, "name") for body in pages(keys.list, id_.group, id_.name))
        return tuple(sorted(Scope(name).name for name in found if name))

    listed = _listed(read_if_possible(names, action, id_))
    if isinstance(listed, Unknown):
        return listed
    asked = [KeyId(vault.host, name) for name in listed]

    def read(key: KeyId) -> Key | Absent | Unknown:
        return read_if_possible(lambda: get_key(clients, id_, key), action, f"{id_}/keys/{key.name}")

    seen = in_parallel(*(partial(read, key) for key in asked[:MOST_KEYS]))
    seen += [NOT_LOADED] * (len(asked) - len(seen))
    # One that is absent was deleted in the meantime.
    return tuple(pair for pair in zip(asked, seen, strict=True) if not isinstance(pair[1], Absent))


def _listed(found):
    """What was listed; nothing where there is nothing to list."""
    return () if isinstance(found, Absent) else found
