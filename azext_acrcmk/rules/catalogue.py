"""The definition of a rule, the facts it judges, and the list of all rules. Pure."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime
from enum import Enum, auto
from functools import cached_property, partial

from azext_acrcmk.model.access import Access, access_to
from azext_acrcmk.model.defaults import EXPIRY_DAYS
from azext_acrcmk.model.goal import EnableGoal
from azext_acrcmk.model.ids import Id, KeyId
from azext_acrcmk.model.key_identity import KeyIdentity, key_identity
from azext_acrcmk.model.problem import INVALID, not_readable, words_of_azure
from azext_acrcmk.model.state import Encryption, Identity, Key, NotLoaded, Registry, State, Unknown, Vault
from azext_acrcmk.model.value import Value, immutable

ERROR, WARNING, INFO = SEVERITIES = ("error", "warning", "info")
FAILED, PASSED, UNKNOWN, NOT_LOADED = "failed", "passed", "unknown", "notLoaded"
REGISTRY, IDENTITY, GRANT, KEY, VAULT = "registry", "identity", "grant", "key", "vault"

# The commands that a rule can stop.
ENABLE, ROTATE, REVOKE, RESTORE = "enable", "rotate", "revoke", "restore"


class Fix(Enum):
    """The fixes of problems; `plan` turns them into changes."""

    RECOVER_VAULT = auto()
    PROTECT_VAULT = auto()
    ALLOW_TRUSTED_SERVICES = auto()
    RECOVER_KEY = auto()
    ENABLE_VERSION = auto()
    PERMIT_OPERATIONS = auto()
    NEW_VERSION = auto()
    ATTACH_IDENTITY = auto()
    GRANT = auto()
    SET_ENCRYPTION = auto()
    USE_RECREATED_IDENTITY = auto()


@dataclass(frozen=True)
class Facts:
    """What rules judge: what a registry uses, or with a `goal` what it should use; and the time. What many rules look
    at is found out once.

    Without a goal, `state` must have a registry.
    """

    state: State
    now: datetime
    expiry_days: int = EXPIRY_DAYS
    goal: EnableGoal | None = None

    @cached_property
    def not_loaded(self) -> frozenset[str]:
        """The fields of the state that were not read. With a goal, the registry may not use any version yet."""
        names = {each.name for each in fields(self.state) if isinstance(getattr(self.state, each.name), NotLoaded)}
        return frozenset(names - {"version_in_use"} if self.goal else names)

    @cached_property
    def registry(self) -> Registry:
        return self.state.registry

    @cached_property
    def encryption(self) -> Encryption:
        return self.registry.encryption

    @cached_property
    def uses_key(self) -> bool:
        """Whether there is a key to judge."""
        return self.goal is not None or (self.encryption.enabled and self.encryption.key is not None)

    @cached_property
    def exists_encrypted(self) -> bool:
        """Whether the registry exists and is encrypted."""
        return isinstance(self.state.registry, Registry) and self.encryption.enabled

    @cached_property
    def key_id(self) -> KeyId | None:
        """The key to judge, with a version if the registry is, or should be, pinned to it."""
        return self.goal.key if self.goal else self.encryption.key

    @cached_property
    def store(self) -> str:
        """The key's vault or managed HSM, in words."""
        if self.key_id is None:
            return "key vault"
        return f"{'managed HSM' if self.key_id.is_hsm else 'key vault'} '{self.key_id.store}'"

    @cached_property
    def registry_name(self) -> str:
        return self.goal.registry.name if self.goal else self.registry.name

    @cached_property
    def is_automatic(self) -> bool:
        """Whether the registry uses new versions of its key automatically."""
        return self.encryption.key is not None and self.encryption.key.version is None

    @cached_property
    def key_identity(self) -> KeyIdentity:
        return key_identity(self.state)

    @cached_property
    def principal(self) -> Id | None:
        """The object id that must have access to the key."""
        if self.goal:
            return self.state.identity.principal_id if isinstance(self.state.identity, Identity) else None
        return self.key_identity.principal_id

    @cached_property
    def vault(self) -> Vault | None:
        """The key's vault or managed HSM, if it exists and was read."""
        return self.state.vault if self.uses_key and isinstance(self.state.vault, Vault) else None

    @cached_property
    def latest(self) -> Key | None:
        """The key with its latest version, if it exists and was read."""
        return self.state.key if self.uses_key and isinstance(self.state.key, Key) else None

    @cached_property
    def used(self) -> Key | None:
        """The version in use, or the one to use. It is the latest, unless another is known to be in use."""
        if self.goal:
            return self.latest
        if self.latest and isinstance(self.state.version_in_use, Key):
            return self.state.version_in_use
        return None if self.is_behind else self.latest

    @cached_property
    def is_behind(self) -> bool:
        """Whether the key has a later version than the registry uses."""
        if self.goal or not self.latest:
            return False
        in_use, latest = self.encryption.in_use, self.latest.id
        return bool(in_use and latest.version and in_use != latest)

    @cached_property
    def latest_is_unusable(self) -> bool:
        """Whether the registry can't use the latest version: disabled, not valid or without wrapKey and unwrapKey."""
        key = self.latest
        if key is None:
            return False
        expired, early = key.expires and key.expires <= self.now, key.not_before and key.not_before > self.now
        return key.enabled is False or bool(expired or early or key.missing_operations)

    @cached_property
    def access(self) -> Access:
        """The identity's access to the key; unknown if the identity or the vault can't be read."""
        if self.vault and self.principal:
            return access_to(self.vault, self.key_id.name, self.principal, self.state.roles, self.state.individuals)
        hidden = (each for each in (self.state.vault, self.state.identity) if isinstance(each, Unknown))
        return Access(None, unknown=next(hidden, Unknown()))


@immutable
class Verdict(Value):
    """The result of a rule: `message` describes it, `fix` is an `az` command that fixes it, and `change` the kind of
    change that does. `advice` is for a command that it stops."""

    status: str
    message: str
    fix: str | None = None
    change: Fix | None = None
    advice: tuple[str, ...] = ()


def failed(message: str, fix: str | None = None, change: Fix | None = None, advice: tuple[str, ...] = ()) -> Verdict:
    return Verdict(FAILED, message, fix, change, advice)


def passed(message: str) -> Verdict:
    return Verdict(PASSED, message)


def unreadable(what: str, unknown: Unknown) -> Verdict:
    """`what` could not be read; names the required permission, or quotes the service."""
    return Verdict(UNKNOWN, not_readable(what, unknown), advice=words_of_azure(unknown))


@immutable
class Rule(Value):
    """An entry of the catalogue. `judge` returns None if the rule does not apply.

    `cause` and `cure` are for the documentation: what a failure means in general, and how to fix it. `needs` are the
    fields of State that must be loaded to judge it. `stops` are the commands that it stops, unless their plan fixes it;
    `error` is the kind of their error.
    """

    code: str
    severity: str
    subject: str
    cause: str
    cure: str
    judge: Callable[[Facts], Verdict | None]
    needs: tuple[str, ...]
    stops: frozenset[str]
    error: str


# The most severe first.
CATALOGUE: list[Rule] = []


def rule(
    code: str,
    severity: str,
    subject: str,
    *,
    cause: str,
    cure: str,
    needs: tuple[str, ...] = (),
    stops: tuple[str, ...] = (),
    error: str = INVALID,
):
    """Adds the decorated function to the catalogue."""

    def add(judge: Callable[[Facts], Verdict | None]) -> Callable[[Facts], Verdict | None]:
        new = Rule(code, severity, subject, cause, cure, judge, needs, frozenset(stops), error)
        insort(CATALOGUE, new, key=lambda each: SEVERITIES.index(each.severity))
        return judge

    return add


def rules_about(subject: str, *needs: str):
    """`rule` for rules with the same subject, which need the same, unless one of them says otherwise."""
    return partial(rule, subject=subject, needs=needs)
