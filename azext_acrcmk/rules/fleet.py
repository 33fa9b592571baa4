"""Rules for many registries: what only all of them together show. Pure.

They are a catalogue of their own, because they judge a whole fleet and have several registries each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from azext_acrcmk.model.ids import ArmId, KeyId, same, same_region
from azext_acrcmk.model.state import Key, Registry, Sharer, State, Vault
from azext_acrcmk.model.value import Value, immutable
from azext_acrcmk.rules.catalogue import INFO, KEY, REGISTRY, VAULT, WARNING
from azext_acrcmk.rules.fixes import key_command


@immutable
class Member(Value):
    """A registry of a fleet: its state, and the codes of the rules that failed."""

    state: State
    failed: frozenset[str] = frozenset()

    @property
    def registry(self) -> Registry:
        return self.state.registry

    @property
    def key(self) -> KeyId | None:
        """The key that it uses, without a version."""
        used = self.registry.encryption
        return used.key.with_version(None) if used.enabled and used.key else None

    @property
    def vault(self) -> Vault | None:
        return self.state.vault if self.key and isinstance(self.state.vault, Vault) else None

    @property
    def expires(self) -> datetime | None:
        """When the version in use does."""
        used = self.state.version_in_use
        return used.expires if isinstance(used, Key) else None


Members = list[Member]


@immutable
class FleetVerdict(Value):
    """What a rule found about `subject`, the id of a vault or key or nothing, and the registries that it is about."""

    subject: str
    message: str
    members: Members
    fix: str | None = None


@immutable
class FleetRule(Value):
    """As a rule of the catalogue, but judged on a fleet: `judge` gives the gravest verdict first."""

    code: str
    severity: str
    subject: str
    cause: str
    cure: str
    judge: Callable[[Members], Iterable[FleetVerdict]]


@immutable
class FleetFinding(Value):
    rule: FleetRule
    verdict: FleetVerdict

    @property
    def registries(self) -> list[ArmId]:
        return sorted((each.registry.id for each in self.verdict.members), key=lambda id_: str(id_).lower())


FLEET_CATALOGUE: list[FleetRule] = []


def examine_fleet(members: Members) -> list[FleetFinding]:
    """The most severe first, as they stand in the catalogue."""
    return [FleetFinding(rule, verdict) for rule in FLEET_CATALOGUE for verdict in rule.judge(members)]


Judge = Callable[[Members], Iterator[FleetVerdict]]


def fleet_rule(code: str, severity: str, subject: str, *, cause: str, cure: str) -> Callable[[Judge], Judge]:
    """Adds the decorated function to the catalogue."""

    def add(judge: Judge) -> Judge:
        FLEET_CATALOGUE.append(FleetRule(code, severity, subject, cause, cure, judge))
        return judge

    return add


@fleet_rule(
    "KeyOfFleetExpiresSoon",
    WARNING,
    KEY,
    cause="A key version that registries use expires soon (within `--expiry-days`). The keys that expire first are "
    "listed first.",
    cure="Create a new version of the key, once for all registries that use new versions automatically: `az keyvault "
    "key rotate`. Each registry that is pinned to a version also requires `az acr cmk rotate`.",
)
def _expiring(members: Members) -> Iterator[FleetVerdict]:
    soon = [each for each in members if "KeyExpiresSoon" in each.failed and each.expires]
    groups = _by(soon, lambda each: each.key and each.key.versionless)
    for some in sorted(groups, key=lambda some: min(each.expires for each in some)):
        first = min(each.expires for each in some)
        yield FleetVerdict(
            some[0].key.versionless,
            f"The key expires soon, first at {first:%Y-%m-%d %H:%M} UTC; {_count(some)} it.",
            some,
            key_command("rotate", some[0].key),
        )


@fleet_rule(
    "KeyOfSeveral",
    INFO,
    KEY,
    cause="Several registries use the same key: if it is revoked, disabled or lost, all of them stop working.",
    cure="Use a separate key for each registry: `az acr cmk rotate --key`.",
)
def _shared_keys(members: Members) -> Iterator[FleetVerdict]:
    for some, users, where in _users(members, lambda each: each.key and each.key.versionless, lambda each: each.key):
        message = f"{users} use this key{where}: all stop working without it."
        yield FleetVerdict(some[0].key.versionless, message, some)


@fleet_rule(
    "VaultOfSeveral",
    INFO,
    VAULT,
    cause="Several registries use keys of the same vault: if it is deleted, or its firewall closed, all of them stop "
    "working.",
    cure="Use more than one vault: `az acr cmk rotate --key-vault`.",
)
def _shared_vaults(members: Members) -> Iterator[FleetVerdict]:
    for some, users, where in _users(members, lambda each: each.key and each.key.host, lambda each: each.vault):
        message = f"{users} use keys in this vault{where}: all stop working without it."
        yield FleetVerdict(f"https://{some[0].key.host}", message, some)


@fleet_rule(
    "VaultInAnotherRegion",
    INFO,
    VAULT,
    cause="Neither the registry nor a replica of it is in the region of the vault, so the registry depends on both "
    "regions.",
    cure="Use a key in a vault of a region of the registry: `az acr cmk rotate --key-vault`. Or add a replica in the "
    "vault's region.",
)
def _other_regions(members: Members) -> Iterator[FleetVerdict]:
    away = [each for each in members if each.vault and _is_away(each)]
    for some in _by(away, lambda each: str(each.vault.id)):
        vault = some[0].vault
        yield FleetVerdict(
            str(vault.id),
            f"The vault is in {vault.location}, where {_not_there(some)}.",
            some,
        )


def _is_away(member: Member) -> bool:
    """Whether neither the registry nor a replica of it is in the vault's region; not where replicas are not known."""
    there, replicas = member.vault.location, member.state.replicas
    if not there or not isinstance(replicas, tuple):
        return False
    return not any(same_region(each, there) for each in (member.registry.location, *replicas))


def _not_there(members: Members) -> str:
    if len(members) == 1:
        return "the registry that uses it is neither located nor replicated, so it depends on both regions"
    return f"{len(members)} registries that use it are neither located nor replicated, so they depend on both regions"


@fleet_rule(
    "PremiumNotEncrypted",
    INFO,
    REGISTRY,
    cause="Premium registries without a customer-managed key, which can be set only when a registry is created.",
    cure="Copy each to a new registry with a customer-managed key: `az acr cmk migrate`.",
)
def _premium(members: Members) -> Iterator[FleetVerdict]:
    plain = [each for each in members if "NotEncrypted" in each.failed and same(each.registry.sku, "Premium")]
    if plain:
        have = "registry has" if len(plain) == 1 else "registries have"
        text = f"{len(plain)} Premium {have} no customer-managed key, which can be set only when a registry is created."
        yield FleetVerdict("", text, plain)


@fleet_rule(
    "NeverEncrypted",
    INFO,
    REGISTRY,
    cause="Registries that are not Premium, which customer-managed keys require.",
    cure="Copy each to a new registry, which is Premium and has a customer-managed key: `az acr cmk migrate`.",
)
def _not_premium(members: Members) -> Iterator[FleetVerdict]:
    plain = [each for each in members if "NotEncrypted" in each.failed and not same(each.registry.sku, "Premium")]
    if plain:
        are = "registry is" if len(plain) == 1 else "registries are"
        yield FleetVerdict("", f"{len(plain)} {are} not Premium, which customer-managed keys require.", plain)


def _by(members: Iterable[Member], value: Callable[[Member], str | None]) -> list[Members]:
    """The members grouped by a value, case-insensitively; the largest groups first."""
    groups: dict[str, Members] = defaultdict(list)
    for member in members:
        if found := value(member):
            groups[found.lower()].append(member)
    return [some for _, some in sorted(groups.items(), key=lambda each: (-len(each[1]), each[0]))]


def _users(
    members: Members, value: Callable[[Member], str | None], is_shared: Callable[[Sharer], bool]
) -> Iterator[tuple[Members, str, str]]:
    """The members that have a value in common with others, the most first; how many use the same, also of those that
    are not in the fleet, as far as they can be read; and how many of them are not."""
    groups = [(some, _outside(some, is_shared)) for some in _by(members, value)]
    for some, outside in sorted(groups, key=lambda each: -len(each[0]) - each[1]):
        total = len(some) + outside
        rest = f", {outside} of them outside the scope" if outside else ""
        if total > 1:
            yield some, f"{total} registries", rest


def _outside(some: Members, is_shared: Callable[[Sharer], bool]) -> int:
    """How many others share the same: each member knows of all."""
    known = (each.state.sharing for each in some if isinstance(each.state.sharing, tuple))
    own = {each.registry.id for each in some}
    return len({each.id for each in next(known, ()) if is_shared(each)} - own)


def _count(members: Members) -> str:
    return "1 registry uses" if len(members) == 1 else f"{len(members)} registries use"
