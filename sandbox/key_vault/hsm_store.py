"""Managed HSMs: key stores with local role-based access control.

Based on the documentation; only the 401 challenge of managed HSMs was recorded.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.key_vault.key_store import HSM_SUFFIX, KeyStore
from sandbox.resource_manager.access import matches

ENCRYPTION_USER = "33413926-3206-4cdd-b39a-83574fe37a17"
CRYPTO_OFFICER = "515eb02d-2335-4d2d-92f2-b1cbdf9c3778"
CRYPTO_USER = "21dbd100-6940-42c2-9190-5d6cb909625b"
ADMINISTRATOR = "a290e904-7015-4bba-90c8-60543313cdb4"
_KEYS = "Microsoft.KeyVault/managedHsm/keys"
LOCAL_ROLES: dict[str, tuple[str, tuple[str, ...]]] = {
    ENCRYPTION_USER: (
        "Managed HSM Crypto Service Encryption User",
        (f"{_KEYS}/read/action", f"{_KEYS}/wrap/action", f"{_KEYS}/unwrap/action"),
    ),
    CRYPTO_USER: ("Managed HSM Crypto User", (f"{_KEYS}/*",)),
    CRYPTO_OFFICER: ("Managed HSM Crypto Officer", (f"{_KEYS}/deletedKeys/*",)),
    ADMINISTRATOR: (
        "Managed HSM Administrator",
        ("Microsoft.KeyVault/managedHsm/roleAssignments/*", "Microsoft.KeyVault/managedHsm/roleDefinitions/*"),
    ),
}


@dataclass
class LocalAssignment:
    """A role assignment inside the HSM. `scope` is "/", "/keys" or "/keys/<name>"."""

    name: str
    scope: str
    role: str
    principal_id: str
    created: float
    removed: float | None = None


@dataclass(kw_only=True)
class ManagedHsm(KeyStore):
    purge_protection: bool = True
    administrators: list[str] = field(default_factory=list)
    assignments: dict[str, LocalAssignment] = field(default_factory=dict)
    removed: list[LocalAssignment] = field(default_factory=list)

    kind = "managedHSMs"
    suffix = HSM_SUFFIX
    resource = "https://managedhsm.azure.net"

    @property
    def hardware(self) -> bool:
        return True

    def allows(self, object_ids: set[str], action: str, scope: str, latest: float, earliest: float) -> bool:
        """Whether a role assigned at or before `latest`, or removed after `earliest`, grants any of the principals an
        action at a local scope."""
        known = [*self.assignments.values(), *(each for each in self.removed if each.removed > earliest)]
        return any(
            assignment.principal_id.lower() in object_ids
            and assignment.created <= latest
            and _holds(assignment.scope, scope)
            and any(matches(pattern, action) for pattern in LOCAL_ROLES[assignment.role][1])
            for assignment in known
        )


def _holds(outer: str, inner: str) -> bool:
    outer, inner = outer.rstrip("/").lower(), inner.rstrip("/").lower()
    return inner == outer or inner.startswith(f"{outer}/")
