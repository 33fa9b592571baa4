"""What can be wrong with a registry, or with what it stands on. One damage for each: what is behind it is whole.

A registry that is encrypted can have one of REGISTRY, where its key has none of KEY, and its vault none of VAULT. One
that is not has one of UNENCRYPTED.
"""

from __future__ import annotations

# All registries whose keys are in the vault.
VAULT = (
    "vault deleted",
    "vault purged",
    "vault firewall closed",  # and trusted services may not bypass it
    "vault access disabled",  # the same
    "vault in a perimeter",
    "vault without purge protection",
    "vault with short retention",
)

# All registries that use the key.
KEY = (
    "key deleted",
    "key purged",
    "key disabled",
    "key expired",
    "key expires soon",
    "key not yet valid",
    "key elliptic",
    "key without wrapping",  # its operations lack wrapKey and unwrapKey
    "key without rotation policy",
    "new version not taken yet",
    "new version disabled",
    "new version expired",
    "version in use disabled",  # behind a newer one
    "version in use gone",
)

# One registry.
IDENTITY = ("identity deleted", "identity recreated", "identity detached", "system identity removed")
GRANT = (
    "grant missing",
    "grant partial",
    "grant denied",
    "grant through group",
    "grant conditional",
    "grant too wide",
    "grant of the other kind",  # an access policy where the vault has roles, a role where it has access policies
)
STATE = (
    "operation failed",
    "operation under way",
    "status message",
    "content trust",
    "encrypted without Premium",
    "pinned",
    "pinned to an old version",
    "vault in another region",
)
REGISTRY = IDENTITY + GRANT + STATE
UNENCRYPTED = ("not encrypted", "not Premium")

# One that comes of itself where there are more registries than keys; it comes beside others.
SHARED = "key shared"

ALL = (*VAULT, *KEY, *REGISTRY, *UNENCRYPTED, SHARED)
# These need a vault with roles: deny assignments, groups and conditions mean nothing to access policies.
NEEDS_ROLES = frozenset({"grant denied", "grant through group", "grant conditional"})
# The registry can't use its key any more, or no longer than its identity's credential lasts.
LOCKED_OUT = frozenset(
    {
        "vault deleted",
        "vault purged",
        "vault firewall closed",
        "vault access disabled",
        "vault in a perimeter",
        "key deleted",
        "key purged",
        "key disabled",
        "key elliptic",
        "key without wrapping",
        "version in use disabled",
        "version in use gone",
        "identity deleted",
        "identity recreated",
        "system identity removed",
        "grant missing",
        "grant partial",
        "grant denied",
        "grant of the other kind",
    }
)
