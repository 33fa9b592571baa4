"""What the user asked for, complete and immutable."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import field
from datetime import datetime, timedelta
from typing import Any

from azext_acrcmk.model.defaults import GRANT_TIMEOUT
from azext_acrcmk.model.ids import IDENTITY_TYPE, VAULT_TYPE, ArmId, KeyId, default_vault_name
from azext_acrcmk.model.key_identity import SYSTEM
from azext_acrcmk.model.registry_options import NO_OPTIONS, REGISTRY_OPTIONS, RegistryOptions
from azext_acrcmk.model.state import RBAC, Registry
from azext_acrcmk.model.value import Value, immutable

AUTO = "auto"
MANUAL = "manual"

# Arguments that describe a new vault or key, and so can't be combined with the URI of an existing key.
NEW_PARTS = (
    "key_vault",
    "key_name",
    "key_type",
    "key_size",
    "rotation_period",
    "key_lifetime",
    "permission_model",
    "vault_sku",
    "retention_days",
    "restrict_vault_network",
    "vault_public_network_access",
)

_SHORT = re.compile(r"(\d{1,6})\s*([dwmy])", re.IGNORECASE | re.ASCII)
_ISO = re.compile(r"P(?=.)(?:(\d{1,6})Y)?(?:(\d{1,6})M)?(?:(\d{1,6})W)?(?:(\d{1,6})D)?", re.IGNORECASE | re.ASCII)


def duration(text: str) -> str:
    """An ISO 8601 duration in days, months or years, from such a duration or from `90d`, `12w`, `6m`, `2y`.

    Weeks become days: Key Vault accepts none. Raises ValueError if `text` is neither, or has no length.
    """
    short = _SHORT.fullmatch(text.strip())
    iso = f"P{short[1]}{short[2]}" if short else text.strip()
    if not (match := _ISO.fullmatch(iso)) or not any(int(part or 0) for part in match.groups()):
        raise ValueError(f"'{text}' is not a duration such as P90D or 90d.")
    years, months, weeks, rest = (int(part or 0) for part in match.groups())
    counts = ((years, "Y"), (months, "M"), (weeks * 7 + rest, "D"))
    return "P" + "".join(f"{count}{unit}" for count, unit in counts if count)


def later(moment: datetime, iso: str) -> datetime:
    """The moment that is an ISO 8601 duration after another; the last day of a month stands for those it lacks."""
    years, months, weeks, rest = (int(part or 0) for part in _ISO.fullmatch(iso).groups())
    year, month = divmod(moment.year * 12 + moment.month - 1 + years * 12 + months, 12)
    day = min(moment.day, monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day) + timedelta(weeks=weeks, days=rest)


def days(iso: str) -> int:
    """The approximate number of days of an ISO 8601 duration: a month is a twelfth of 365 days."""
    years, months, weeks, rest = (int(part or 0) for part in _ISO.fullmatch(iso).groups())
    return (years * 12 + months) * 365 // 12 + weeks * 7 + rest


def days_left(period: str, lifetime: str) -> int:
    """The fewest days by which a lifetime exceeds a period, as how Key Vault counts months is not known."""
    (years, months, _, days_), (more_years, more_months, _, more_days) = (
        [int(part or 0) for part in _ISO.fullmatch(each).groups()] for each in (period, lifetime)
    )
    ahead = (more_years - years) * 12 + more_months - months
    whole_years, rest = divmod(abs(ahead), 12)
    span = whole_years * 365 + rest * 30 if ahead >= 0 else -(whole_years * 366 + rest * 31)
    return span + more_days - days_


def same_duration(one: str, other: str) -> bool:
    """Whether both are durations of the same length."""
    return bool(_ISO.fullmatch(one) and _ISO.fullmatch(other)) and days(one) == days(other)


@immutable
class EnableGoal(Value):
    """A registry encrypted with a key, and everything it requires.

    `vault` is None if the key is given by its URI. `find_vault` says that the user gave a vault's name, which may be a
    vault in another group or subscription, and `find_identity` the name of an identity. `expects_vault` says that a
    vault given by name is expected to exist: to create it requires a confirmation.
    `key_uri` is set if the user gave the URI of an existing key: then neither
    vault nor key is created. `rotation` None means manual if the URI has a version, otherwise auto.
    """

    registry: ArmId
    identity: ArmId
    vault: ArmId | None
    key_name: str
    tenant: str
    vault_suffix: str
    key_uri: KeyId | None = None
    find_vault: bool = False
    find_identity: bool = False
    expects_vault: bool = False
    rotation: str | None = None
    location: str | None = None
    tags: dict[str, str] | None = field(default=None, hash=False)
    asked_key_type: str | None = None
    key_size: int | None = None
    rotation_period: str | None = None
    key_lifetime: str | None = None
    permission_model: str | None = None
    grant_scope: str = "vault"
    # Where the registry's identity has access to its key before: `key` is never widened to the vault.
    kept_grant_scope: str = "vault"
    skip_grant: bool = False
    retention_days: int | None = None
    vault_sku: str | None = None
    restrict_vault_network: bool = False
    vault_public_network_access: str | None = None
    grant_timeout: int = GRANT_TIMEOUT
    options: RegistryOptions = NO_OPTIONS
    # The home tenants of the subscriptions that the login knows, by their ids in lower case.
    tenants: tuple[tuple[str, str], ...] = ()

    @property
    def location_is_typed(self) -> bool:
        """Whether the user typed the location: a configured default (`az config`) comes as text that says so."""
        return bool(self.location) and not getattr(self.location, "is_default", False)

    @property
    def manual(self) -> bool:
        if self.rotation is None:
            return bool(self.key_uri and self.key_uri.version)
        return self.rotation == MANUAL

    @property
    def key(self) -> KeyId:
        """The key asked for; with a version only if the user gave one."""
        return self.key_uri or KeyId(f"{self.vault.name.lower()}.{self.vault_suffix.lstrip('.')}", self.key_name)

    @property
    def grants_on_key(self) -> bool:
        return "key" in (self.grant_scope, self.kept_grant_scope)

    @property
    def key_type(self) -> str:
        return self.asked_key_type or "RSA"

    @property
    def new_key_size(self) -> int:
        return self.key_size or 2048

    @property
    def new_retention_days(self) -> int:
        return self.retention_days or 90

    @property
    def new_vault_sku(self) -> str:
        return self.vault_sku or ("premium" if self.key_type == "RSA-HSM" else "standard")

    @property
    def new_permission_model(self) -> str:
        return self.permission_model or RBAC


def goal_options(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The options of `enable_goal` and of the operations, from all arguments of the goal as the CLI names them."""
    apart = {"key_type", *(option.name for option in REGISTRY_OPTIONS)}
    goal = {name: value for name, value in arguments.items() if name not in apart}
    return {**goal, "asked_key_type": arguments.get("key_type"), "options": RegistryOptions.of(**arguments)}


def enable_goal(
    registry: ArmId,
    tenant: str,
    vault_suffix: str,
    *,
    identity: str | None = None,
    key_vault: str | None = None,
    key_name: str | None = None,
    key_encryption_key: str | None = None,
    **options: Any,
) -> EnableGoal:
    """The goal of validated options: names and defaults become ids in the registry's resource group."""
    key_uri = KeyId.parse(key_encryption_key) if key_encryption_key else None
    default = f"{registry.name}-cmk"
    vault = None
    if key_uri is None:
        vault = _name_or_id(key_vault or default_vault_name(registry), VAULT_TYPE, registry)
    return EnableGoal(
        registry=registry,
        identity=_name_or_id(identity or default, IDENTITY_TYPE, registry),
        vault=vault,
        key_name=key_uri.name if key_uri else key_name or default,
        tenant=tenant,
        vault_suffix=vault_suffix,
        key_uri=key_uri,
        find_vault=bool(key_vault) and "/" not in key_vault,
        find_identity=bool(identity) and "/" not in identity,
        **options,
    )


def _name_or_id(value: str, type_: str, beside: ArmId) -> ArmId:
    return ArmId.parse(value) if "/" in value else ArmId(beside.subscription, beside.group, type_, value)


@immutable
class RotateGoal(Value):
    """A registry that uses another key, another version of its key, or another identity.

    `target` is what it should use in the end: its identity is the registry's own id if that is the system-assigned
    one. `new_version` asks for a new version of the target's key. `manual` pins the registry to the version. `no_wait`
    does not wait until the registry uses the target. `completes` is the registry before a rotation to this target that
    was interrupted when it was all but done, even long ago: then that is completed instead of creating a version.
    """

    target: EnableGoal
    manual: bool
    system_identity: bool = False
    new_version: bool = False
    revoke_old: bool = False
    disable_old_version: bool = False
    no_wait: bool = False
    completes: Registry | None = None

    @property
    def creates_version(self) -> bool:
        return self.new_version and self.completes is None


def rotate_goal(
    registry: Registry,
    vault: ArmId | None,
    used_identity: ArmId | None,
    tenant: str,
    vault_suffix: str,
    *,
    identity: str | None = None,
    key_vault: str | None = None,
    key_name: str | None = None,
    key_encryption_key: str | None = None,
    rotation: str | None = None,
    no_new_version: bool = False,
    grant_timeout: int = GRANT_TIMEOUT,
    skip_grant: bool = False,
    **options: bool,
) -> RotateGoal:
    """The goal of validated options. What is not given stays as it is.

    `vault` is the vault of the registry's current key and `used_identity` the id of its current identity; None if it
    can't be read. Raises ValueError if it is required.
    """
    id_, encryption = registry.id, registry.encryption
    system = identity == "[system]" or (identity is None and encryption.identity == SYSTEM)
    if not system and not identity and not used_identity:
        raise ValueError(
            f"The identity that registry '{registry.name}' uses ({encryption.identity}) is not assigned to it and was "
            "not found. Specify the identity to use: --identity"
        )
    named = _name_or_id(identity, IDENTITY_TYPE, id_) if identity else used_identity
    identity_id = id_ if system else named
    other_key = bool(key_vault or key_name)
    if key_name and not key_vault and not vault:
        raise ValueError(
            f"The vault of {encryption.key} can't be read. Specify the vault of the other key: --key-vault"
        )
    key_uri = KeyId.parse(key_encryption_key) if key_encryption_key else encryption.key.with_version(None)
    vault_id = None
    if other_key:
        vault_id = _name_or_id(key_vault, VAULT_TYPE, id_) if key_vault else vault
    manual = bool(key_uri.version) if key_encryption_key else encryption.key.version is not None
    target = EnableGoal(
        registry=id_,
        identity=identity_id,
        vault=vault_id,
        key_name=(key_name or encryption.key.name) if other_key else key_uri.name,
        tenant=tenant,
        vault_suffix=vault_suffix,
        key_uri=None if other_key else key_uri,
        find_vault=bool(key_vault) and "/" not in key_vault,
        find_identity=bool(identity) and "/" not in identity and not system,
        expects_vault=True,
        location=registry.location,
        grant_timeout=grant_timeout,
        skip_grant=skip_grant,
    )
    return RotateGoal(
        target=target,
        manual=rotation == MANUAL if rotation else manual,
        system_identity=system,
        new_version=not (other_key or key_encryption_key or no_new_version),
        **options,
    )
