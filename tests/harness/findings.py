"""States in which each rule fails."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from azext_acrcmk.model.state import ABSENT, DeletedKey, DeletedVault, DenyAssignment, Encryption, Key, Sharer
from tests.harness import make
from tests.harness.encrypted import HEALTHY, HIDDEN


def used(**changes) -> Key:
    """The key's version in use, changed."""
    return replace(HEALTHY.version_in_use, **changes)


def newer(**changes) -> Key:
    """A version of the key that the registry does not use yet, changed."""
    return replace(HEALTHY.key, id=HEALTHY.key.id.with_version(make.NEWER), **changes)


encryption = HEALTHY.registry.encryption
system = replace(encryption, identity="system")
deleted_vault = DeletedVault(HEALTHY.vault.id, "westeurope", True, "2027-01-01")

denied = DenyAssignment("Locked", ("Microsoft.KeyVault/vaults/keys/*",))
pinned = replace(encryption, key=encryption.key.with_version(make.VERSION))

# The code of a rule that finds something, the health that it adds up to, and what is changed of HEALTHY.
CASES = [
    ("NotEncrypted", "notEncrypted", {"registry__encryption": Encryption("disabled")}),
    ("NotPremium", "attention", {"registry__sku": "Basic"}),
    ("ContentTrustEnabled", "attention", {"registry__content_trust": True}),
    ("KeyShared", "healthy", {"sharing": (Sharer(make.REGISTRY, key=True),)}),
    ("GrantWiderThanNeeded", "healthy", {"roles": (make.role("/", data_actions=("*",)),)}),
    ("RegistryNotSucceeded", "attention", {"registry__provisioning_state": "Failed"}),
    ("RegistryNotSucceeded", "attention", {"registry__provisioning_state": "Updating"}),
    ("RegistryStatus", "attention", {"registry__status_message": "Something is wrong."}),
    ("IdentityNotFound", "broken", {"identity": ABSENT}),
    ("IdentityRecreated", "broken", {"identity__client_id": "another"}),
    ("IdentityNotAssigned", "broken", {"registry__attached": ()}),
    ("IdentityNotAssigned", "broken", {"registry__encryption": system, "registry__system_principal_id": None}),
    ("IdentityUnknown", "unknown", {"identity": HIDDEN}),
    ("VaultNotFound", "broken", {"vault": ABSENT}),
    ("VaultDeleted", "broken", {"vault": deleted_vault}),
    ("VaultUnknown", "unknown", {"vault": HIDDEN}),
    ("FirewallBlocksRegistry", "broken", {"vault__default_action": "Deny", "vault__bypass": "None"}),
    ("SecuredByPerimeter", "unknown", {"vault__public_network_access": "SecuredByPerimeter"}),
    ("TenantMismatch", "broken", {"vault__tenant": "one", "identity__tenant": "another"}),
    ("NoPurgeProtection", "attention", {"vault__purge_protection": False}),
    ("ShortRetention", "healthy", {"vault__retention_days": 7}),
    ("KeyNotFound", "broken", {"key": ABSENT}),
    ("KeyDeleted", "broken", {"key": DeletedKey("k", "2027-01-01")}),
    ("KeyUnknown", "unknown", {"key": HIDDEN}),
    ("KeyWrongType", "broken", {"key__type": "EC"}),
    ("KeyOperationsMissing", "broken", {"version_in_use": used(operations=frozenset({"wrapkey"}))}),
    ("VersionInUseNotFound", "broken", {"version_in_use": ABSENT}),
    ("KeyDisabled", "broken", {"version_in_use": used(enabled=False)}),
    ("KeyExpired", "broken", {"version_in_use": used(expires=make.NOW - timedelta(days=1))}),
    ("KeyExpiresSoon", "attention", {"version_in_use": used(expires=make.NOW + timedelta(days=29))}),
    ("KeyNotYetValid", "broken", {"version_in_use": used(not_before=make.NOW + timedelta(days=1))}),
    ("RotationLag", "attention", {"key__id": HEALTHY.key.id.with_version(make.NEWER)}),
    ("LatestVersionUnusable", "attention", {"key": newer(enabled=False)}),
    ("LatestVersionUnusable", "attention", {"key": newer(expires=make.NOW - timedelta(days=1))}),
    ("LatestVersionUnusable", "attention", {"key": newer(not_before=make.NOW + timedelta(days=1))}),
    ("LatestVersionUnusable", "attention", {"key": newer(operations=frozenset({"unwrapkey"}))}),
    ("ManualRotation", "healthy", {"registry__encryption": pinned}),
    ("NotLatestVersion", "attention", {"registry__encryption": pinned, "key": newer()}),
    ("NoRotationPolicy", "healthy", {"key__rotation_policy": None}),
    ("KeyNeverExpires", "healthy", {}),
    ("GrantMissing", "broken", {"roles": ()}),
    ("GrantPartial", "broken", {"roles": (make.role("/", data_actions=("Microsoft.KeyVault/vaults/keys/read",)),)}),
    ("GrantDenied", "broken", {"roles": (make.role("/", denied_by=(denied,)),)}),
    ("DenialsUnknown", "healthy", {"roles": (make.role("/", unseen_denials=HIDDEN),)}),
    ("GrantThroughGroup", "attention", {"roles": (make.role("/", principal_id="group"),)}),
    ("AccessUnknown", "unknown", {"roles": HIDDEN}),
    ("IneffectiveGrant", "broken", {"roles": (), "vault__policies": (make.policy(),)}),
]
