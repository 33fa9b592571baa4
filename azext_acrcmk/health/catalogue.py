"""What a check is, and the list that all checks are added to. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from azext_acrcmk.model.access import Access, access_to
from azext_acrcmk.model.defaults import EXPIRY_DAYS
from azext_acrcmk.model.ids import same
from azext_acrcmk.model.state import Encryption, Identity, Registry, State, Unknown, Vault

ERROR, WARNING, INFO = SEVERITIES = ("error", "warning", "info")
FAILED, PASSED, UNKNOWN = "failed", "passed", "unknown"
REGISTRY, IDENTITY, GRANT, KEY, VAULT = "registry", "identity", "grant", "key", "vault"


@dataclass(frozen=True)
class Facts:
    """What checks judge: all that was seen of an existing registry, and the time."""

    state: State
    now: datetime
    expiry_days: int = EXPIRY_DAYS

    @property
    def registry(self) -> Registry:
        return self.state.registry

    @property
    def encryption(self) -> Encryption:
        return self.registry.encryption

    @property
    def uses_system_identity(self) -> bool:
        return same(self.encryption.identity, "system")

    @property
    def auto(self) -> bool:
        """Whether the registry follows new versions of its key by itself."""
        return self.encryption.key is not None and self.encryption.key.version is None

    @property
    def principal(self) -> str | None:
        """The object id that the key must be granted to: the identity's own, not what the registry remembers."""
        identity = self.state.identity
        if self.uses_system_identity:
            return self.registry.system_principal_id
        if isinstance(identity, Identity):
            return identity.principal_id
        attached = self.registry.attached_as(self.encryption.identity or "")
        return attached.principal_id if attached and isinstance(identity, Unknown) else None

    @cached_property
    def access(self) -> Access:
        """What the identity may do with the key; unknown where identity or vault can't be seen."""
        vault, key = self.state.vault, self.encryption.key
        if isinstance(vault, Vault) and self.principal and key:
            return access_to(vault, key.name, self.principal, self.state.roles)
        hidden = (each for each in (vault, self.state.identity) if isinstance(each, Unknown))
        return Access(None, unknown=next(hidden, Unknown()))


@dataclass(frozen=True)
class Verdict:
    """What a check found: `message` says what is the case, `fix` is a command that mends it."""

    status: str
    message: str
    fix: str | None = None


def failed(message: str, fix: str | None = None) -> Verdict:
    return Verdict(FAILED, message, fix)


def passed(message: str) -> Verdict:
    return Verdict(PASSED, message)


def unseen(what: str, unknown: Unknown) -> Verdict:
    """`what` may not be looked at; says which permission it takes, or what the service said."""
    takes = f" It takes the permission '{unknown.action}' on {unknown.scope}." if unknown.action else f" {unknown.why}"
    return Verdict(UNKNOWN, f"You may not see {what}.{takes}".rstrip())


@dataclass(frozen=True)
class Check:
    """One entry of the catalogue. `judge` gives None where the check does not apply.

    `cause` and `cure` say in general, for the documentation, what a failure means and what mends it.
    """

    code: str
    severity: str
    subject: str
    cause: str
    cure: str
    judge: Callable[[Facts], Verdict | None]


CATALOGUE: list[Check] = []


def check(code: str, severity: str, subject: str, *, cause: str, cure: str):
    """Adds a function to the catalogue."""

    def add(judge: Callable[[Facts], Verdict | None]) -> Callable[[Facts], Verdict | None]:
        CATALOGUE.append(Check(code, severity, subject, cause, cure, judge))
        return judge

    return add


def cure_of(code: str) -> str:
    """What mends a failure of the check, in general."""
    return next(each.cure for each in CATALOGUE if each.code == code)
