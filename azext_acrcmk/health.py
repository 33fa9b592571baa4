"""The catalogue of findings about a registry's encryption. Pure: from a State to findings, each with its fix."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from azext_acrcmk.model.access import Access, access_to
from azext_acrcmk.model.ids import ArmId, same
from azext_acrcmk.model.state import (
    ACCESS_POLICY,
    Absent,
    DeletedKey,
    DeletedVault,
    Identity,
    Key,
    Registry,
    State,
    Unknown,
    Vault,
)
from azext_acrcmk.plan.checks import RSA_TYPES, shuts_out_registries
from azext_acrcmk.plan.remedies import assign_identity, grant_key, key_command, update_vault

ERROR = "error"
WARNING = "warning"
INFO = "info"

HEALTHY = "healthy"
ATTENTION = "attention"
BROKEN = "broken"
UNKNOWN = "unknown"
NOT_ENCRYPTED = "notEncrypted"

EXPIRY_DAYS = 30
RECOMMENDED_RETENTION_DAYS = 90


@dataclass(frozen=True)
class Finding:
    """Something to know about a registry's encryption. `unseen` marks what the caller may not look at."""

    code: str
    severity: str
    message: str
    fix: str | None = None
    unseen: bool = False


@dataclass(frozen=True)
class Health:
    """`broken`: the registry can't use its key now, or soon won't. `unknown`: whether it can, can't be seen."""

    status: str
    findings: tuple[Finding, ...]


def examine(state: State, now: datetime) -> Health:
    """All findings on an existing registry, the gravest first, and what they add up to."""
    registry = state.registry
    if not registry.encryption.enabled:
        return Health(NOT_ENCRYPTED, tuple(_not_encrypted(registry)))
    found = [finding for check in CHECKS for finding in check(state, now)]
    order = (ERROR, WARNING, INFO)
    found.sort(key=lambda finding: order.index(finding.severity))
    return Health(_status(found), tuple(found))


def _status(findings: list[Finding]) -> str:
    if any(finding.severity == ERROR for finding in findings):
        return BROKEN
    if any(finding.unseen for finding in findings):
        return UNKNOWN
    return ATTENTION if any(finding.severity == WARNING for finding in findings) else HEALTHY


def access_of(state: State) -> Access:
    """What the registry's identity may do with the key; unknown where identity, vault or key can't be seen."""
    encryption = state.registry.encryption
    principal = principal_of(state)
    if not isinstance(state.vault, Vault) or not encryption.key or not principal:
        unknown = next((each for each in (state.vault, state.identity) if isinstance(each, Unknown)), Unknown())
        return Access(None, unknown=unknown)
    return access_to(state.vault, encryption.key.name, principal, state.roles)


def uses_system_identity(registry: Registry) -> bool:
    return same(registry.encryption.identity, "system")


def principal_of(state: State) -> str | None:
    """The object id that the key must be granted to. That of the identity itself, not what the registry remembers."""
    registry = state.registry
    if uses_system_identity(registry):
        return registry.system_principal_id
    if isinstance(state.identity, Identity):
        return state.identity.principal_id
    attached = registry.attached_as(registry.encryption.identity or "")
    return attached.principal_id if attached and isinstance(state.identity, Unknown) else None


def _not_encrypted(registry: Registry) -> Iterator[Finding]:
    yield Finding(
        "NotEncrypted",
        WARNING,
        f"Registry '{registry.name}' is not encrypted with a customer-managed key. Azure allows this only while a "
        "registry is being created.",
        f"az acr cmk enable --name <new name> --resource-group {ArmId.parse(registry.id).group}",
    )


def _registry_state(state: State, now: datetime) -> Iterator[Finding]:
    registry = state.registry
    if registry.provisioning_state not in ("Succeeded", "Creating", "Updating"):
        yield Finding(
            "RegistryNotSucceeded",
            WARNING,
            f"The registry's last operation ended as {registry.provisioning_state}.",
            f"az acr cmk enable --name {registry.name} --resource-group {ArmId.parse(registry.id).group}",
        )
    elif registry.provisioning_state != "Succeeded":
        yield Finding("RegistryBusy", INFO, f"The registry is in state {registry.provisioning_state}.")
    if registry.status_message:
        yield Finding("RegistryStatus", WARNING, f"The registry says: {registry.status_message}")


def _identity(state: State, now: datetime) -> Iterator[Finding]:
    registry, identity = state.registry, state.identity
    client_id = registry.encryption.identity or ""
    if uses_system_identity(registry):
        if not registry.system_principal_id:
            yield Finding(
                "IdentityNotAttached",
                ERROR,
                "The registry uses the key through its system-assigned identity, which is gone. "
                "Only Azure support can bring it back.",
            )
        return
    attached = registry.attached_as(client_id)
    if isinstance(identity, Absent):
        yield Finding(
            "IdentityNotFound",
            ERROR,
            f"The identity that the registry uses the key through (client ID {client_id}) does not exist"
            + (f": {attached.id}." if attached else "."),
            f"az acr cmk rotate --name {registry.name} --identity <an identity that is granted the key>",
        )
    elif isinstance(identity, Unknown):
        yield _unseen("IdentityUnknown", f"the identity with client ID {client_id}", identity)
    elif not same(identity.client_id, client_id):
        yield Finding(
            "IdentityRecreated",
            ERROR,
            f"The identity {identity.id} was deleted and made again: its client ID is {identity.client_id}, and the "
            f"registry still uses {client_id}.",
            f"az acr cmk rotate --name {registry.name} --identity {identity.id}",
        )
    elif not registry.attaches(identity.id):
        yield Finding(
            "IdentityNotAttached",
            ERROR,
            f"The identity {identity.id} is not attached to the registry, which loses the key when the identity's "
            "credential lapses.",
            assign_identity(registry.name, identity.id),
        )


def _vault(state: State, now: datetime) -> Iterator[Finding]:
    vault, key = state.vault, state.registry.encryption.key
    store = key.store if key else "?"
    if isinstance(vault, Absent):
        yield Finding("VaultNotFound", ERROR, f"There is no key vault or managed HSM '{store}'.")
    elif isinstance(vault, DeletedVault):
        yield Finding(
            "VaultDeleted",
            ERROR,
            f"Key vault '{vault.name}' is soft-deleted"
            + (f", to be purged on {vault.scheduled_purge}." if vault.scheduled_purge else "."),
            f"az keyvault recover --name {vault.name}",
        )
    elif isinstance(vault, Unknown):
        yield _unseen("VaultUnknown", f"the key vault or managed HSM '{store}'", vault)
    else:
        yield from _vault_settings(vault)


def _vault_settings(vault: Vault) -> Iterator[Finding]:
    if shuts_out_registries(vault):
        yield Finding(
            "FirewallBlocksRegistry",
            ERROR,
            f"The firewall of '{vault.name}' lets no trusted services in, so the registry can't reach its key.",
            update_vault(vault, "--bypass AzureServices"),
        )
    elif same(vault.public_network_access, "SecuredByPerimeter"):
        yield Finding(
            "SecuredByPerimeter",
            WARNING,
            f"'{vault.name}' is secured by a network security perimeter, which lets the registry in only by a rule of "
            "its own.",
        )
    if not vault.purge_protection:
        yield Finding(
            "NoPurgeProtection",
            WARNING,
            f"'{vault.name}' has no purge protection: a deleted key can be lost for good, and all images with it.",
            update_vault(vault, "--enable-purge-protection true"),
        )
    if vault.retention_days is not None and vault.retention_days < RECOMMENDED_RETENTION_DAYS:
        yield Finding(
            "ShortRetention",
            INFO,
            f"'{vault.name}' keeps deleted keys for {vault.retention_days} days only; this can't be changed later.",
        )


def _key(state: State, now: datetime) -> Iterator[Finding]:
    id_ = state.registry.encryption.key
    key = state.key
    if id_ is None or not isinstance(state.vault, Vault):
        return
    if isinstance(key, Absent):
        yield Finding(
            "KeyNotFound",
            ERROR,
            f"The key {id_.versionless} is not there; if it was deleted, it may be recovered.",
            key_command("recover", id_),
        )
    elif isinstance(key, DeletedKey):
        yield Finding(
            "KeyDeleted",
            ERROR,
            f"The key {id_.versionless} is soft-deleted"
            + (f", to be purged on {key.scheduled_purge}." if key.scheduled_purge else "."),
            key_command("recover", id_),
        )
    elif isinstance(key, Unknown):
        yield _unseen("KeyUnknown", f"the key {id_.versionless}", key)
    else:
        yield from _key_attributes(state, key, now)


def _key_attributes(state: State, key: Key, now: datetime) -> Iterator[Finding]:
    registry = state.registry
    in_use = state.version_in_use
    version = registry.encryption.version_in_use
    if key.type not in RSA_TYPES:
        yield Finding("KeyWrongType", ERROR, f"The key is of type {key.type}; a registry takes RSA and RSA-HSM only.")
    if lacking := {"wrapkey", "unwrapkey"} - key.operations:
        yield Finding(
            "KeyOperationsMissing",
            ERROR,
            f"The key does not permit {' and '.join(sorted(lacking))}.",
            key_command("set-attributes", key.id, "--ops wrapKey unwrapKey"),
        )
    if isinstance(in_use, Absent) and version:
        yield Finding("VersionInUseNotFound", ERROR, f"The key's version in use, {version}, is not there.")
    used = in_use if isinstance(in_use, Key) else key
    if used.enabled is False:
        yield Finding(
            "KeyDisabled",
            ERROR,
            f"The key's version in use, {used.id}, is disabled.",
            key_command("set-attributes", used.id, f"--version {used.id.version} --enabled true"),
        )
    yield from _dates(used, now)
    yield from _rotation(state, key)


def _dates(used: Key, now: datetime) -> Iterator[Finding]:
    if used.expires and used.expires <= now:
        yield Finding(
            "KeyExpired",
            ERROR,
            f"The key's version in use expired at {used.expires:%Y-%m-%d %H:%M} UTC. Images may still be served, but "
            "no new key can be taken.",
            key_command("rotate", used.id),
        )
    elif used.expires and used.expires <= now + timedelta(days=EXPIRY_DAYS):
        yield Finding(
            "KeyExpiresSoon",
            WARNING,
            f"The key's version in use expires at {used.expires:%Y-%m-%d %H:%M} UTC.",
            key_command("rotate", used.id),
        )
    if used.not_before and used.not_before > now:
        yield Finding(
            "KeyNotYetValid",
            ERROR,
            f"The key's version in use is not valid before {used.not_before:%Y-%m-%d %H:%M} UTC.",
        )


def _rotation(state: State, key: Key) -> Iterator[Finding]:
    registry = state.registry
    encryption = registry.encryption
    behind = (
        encryption.version_in_use and key.latest_version and not same(encryption.version_in_use, key.latest_version)
    )
    auto = encryption.key.version is None
    if behind and auto:
        yield Finding(
            "RotationLag",
            WARNING,
            f"The registry uses version {encryption.version_in_use}; the key's latest is {key.latest_version}. "
            "The registry takes it by itself within an hour, if both versions are enabled.",
            f"az acr cmk rotate --name {registry.name} --no-new-version",
        )
    elif behind:
        yield Finding(
            "NotLatestVersion",
            WARNING,
            f"The registry is pinned to version {encryption.version_in_use}; the key's latest is {key.latest_version}.",
            f"az acr cmk rotate --name {registry.name} --key-encryption-key {key.id}",
        )
    if not auto:
        yield Finding(
            "ManualRotation",
            INFO,
            "The registry is pinned to a key version and takes no new one by itself.",
            f"az acr cmk rotate --name {registry.name} --rotation auto",
        )
    elif key.rotation_policy is None or not (
        key.rotation_policy.rotate_after or key.rotation_policy.rotate_before_expiry
    ):
        yield Finding(
            "NoRotationPolicy", INFO, "The key has no rotation policy, so no new versions are made by itself."
        )


def _access(state: State, now: datetime) -> Iterator[Finding]:
    if not isinstance(state.vault, Vault) or not principal_of(state):
        return
    access, key = access_of(state), state.registry.encryption.key
    if access.granted is None:
        yield _unseen("AccessUnknown", "whether the identity is granted the key", access.unknown or Unknown())
    elif not access.granted:
        partial = len(access.missing) < 3
        yield Finding(
            "GrantPartial" if partial else "GrantMissing",
            ERROR,
            f"The registry's identity lacks {', '.join(access.missing)} on the key.",
            grant_key(state.vault, key.name, principal_of(state)),
        )
    elif all(source.through_group for source in access.sources):
        yield Finding(
            "GrantThroughGroup",
            WARNING,
            "The identity is granted the key only through a group; changes of groups take up to a day to arrive.",
            grant_key(state.vault, key.name, principal_of(state)),
        )
    if state.vault.access_model != ACCESS_POLICY and not access.granted:
        named = [policy for policy in state.vault.policies if same(policy.object_id, principal_of(state))]
        if named:
            yield Finding(
                "IgnoredAccessPolicy",
                WARNING,
                "The vault's access policy for the identity has no effect: the vault uses Azure RBAC.",
            )


def _unseen(code: str, what: str, unknown: Unknown) -> Finding:
    takes = f" It takes the permission '{unknown.action}' on {unknown.scope}." if unknown.action else f" {unknown.why}"
    return Finding(code, WARNING, f"You may not see {what}.{takes}".rstrip(), unseen=True)


CHECKS: tuple[Callable[[State, datetime], Iterator[Finding]], ...] = (
    _registry_state,
    _identity,
    _vault,
    _key,
    _access,
)
