"""Checks of the key and the version in use."""

from __future__ import annotations

from datetime import timedelta

from azext_acrcmk.health.catalogue import ERROR, KEY, WARNING, Facts, Verdict, check, failed, passed, unseen
from azext_acrcmk.model.ids import same
from azext_acrcmk.model.state import Absent, DeletedKey, Key, Unknown, Vault
from azext_acrcmk.plan.checks import RSA_TYPES, enable_version, permit_wrapping, validate_version
from azext_acrcmk.plan.remedies import key_command, registry_command


def latest(facts: Facts) -> Key | None:
    """The key with its latest version, where it can be seen."""
    return facts.state.key if facts.encryption.enabled and isinstance(facts.state.key, Key) else None


def _used(facts: Facts) -> Key | None:
    """The version in use, where it can be seen. The latest stands for it, unless it is known to be another."""
    key = latest(facts)
    if key and isinstance(facts.state.version_in_use, Key):
        return facts.state.version_in_use
    return None if behind(facts) else key


def behind(facts: Facts) -> bool:
    key, version = latest(facts), facts.encryption.version_in_use
    return bool(key and version and key.latest_version and not same(version, key.latest_version))


def _sought(facts: Facts) -> bool:
    return facts.encryption.enabled and facts.encryption.key is not None and isinstance(facts.state.vault, Vault)


@check(
    "KeyUnknown",
    ERROR,
    KEY,
    cause="You may not look at the key, or at its version in use.",
    cure="Have the permission that the message names assigned to you.",
)
def _visible(facts: Facts) -> Verdict | None:
    if _sought(facts) and isinstance(facts.state.key, Unknown):
        return unseen(f"the key {facts.encryption.key.versionless}", facts.state.key)
    if behind(facts) and isinstance(facts.state.version_in_use, Unknown):
        return unseen(f"the key's version in use, {facts.encryption.version_in_use}", facts.state.version_in_use)
    return None


@check(
    "KeyNotFound",
    ERROR,
    KEY,
    cause="The key was deleted, or purged. A deleted one can be recovered.",
    cure="Recover it: `az keyvault key recover`. After a purge the images can't be opened any more.",
)
def _exists(facts: Facts) -> Verdict | None:
    if latest(facts):
        return passed("The key exists.")
    if _sought(facts) and isinstance(facts.state.key, Absent):
        key, unless = facts.encryption.key, facts.state.key.unless
        if unless is None:
            return failed(f"The key {key.versionless} is not there, not even soft-deleted.")
        takes = f" Whether it is soft-deleted, you may not see: it takes '{unless.action}' on {unless.scope}."
        message = f"The key {key.versionless} is not there; if it was deleted, it may be recovered.{takes}"
        return failed(message, key_command("recover", key))
    return None


@check(
    "KeyDeleted",
    ERROR,
    KEY,
    cause="The key is soft-deleted.",
    cure="Recover it: `az keyvault key recover`.",
)
def _deleted(facts: Facts) -> Verdict | None:
    deleted = facts.state.key
    if not _sought(facts) or not isinstance(deleted, DeletedKey):
        return None
    until = f", to be purged on {deleted.scheduled_purge}." if deleted.scheduled_purge else "."
    key = facts.encryption.key
    return failed(f"The key {key.versionless} is soft-deleted{until}", key_command("recover", key))


@check(
    "KeyWrongType",
    ERROR,
    KEY,
    cause="Registries take RSA and RSA-HSM keys only.",
    cure="Change the key: `az acr cmk rotate --key`.",
)
def _type(facts: Facts) -> Verdict | None:
    key = latest(facts)
    if not key:
        return None
    if key.type in RSA_TYPES:
        return passed(f"The key is of type {key.type}.")
    return failed(f"The key is of type {key.type}; a registry takes RSA and RSA-HSM only.")


@check(
    "KeyOperationsMissing",
    ERROR,
    KEY,
    cause="The key does not permit wrapKey and unwrapKey.",
    cure="Permit them: `az keyvault key set-attributes --ops`.",
)
def _operations(facts: Facts) -> Verdict | None:
    used = _used(facts)
    if not used:
        return None
    if not used.lacking_operations:
        return passed("The key permits wrapKey and unwrapKey.")
    return failed(f"The key does not permit {' and '.join(used.lacking_operations)}.", permit_wrapping(used))


@check(
    "VersionInUseNotFound",
    ERROR,
    KEY,
    cause="The key exists, but not the version that the registry uses.",
    cure="Restore the key from a backup that has it: `az keyvault key restore`.",
)
def _version_exists(facts: Facts) -> Verdict | None:
    version = facts.encryption.version_in_use
    if not latest(facts) or not version or not isinstance(facts.state.version_in_use, Absent):
        return None
    return failed(f"The key's version in use, {version}, is not there.")


@check(
    "KeyDisabled",
    ERROR,
    KEY,
    cause="The key's version in use is disabled. The registry needs it, also while it changes to a newer one.",
    cure="Enable it: `az keyvault key set-attributes --enabled true`.",
)
def _enabled(facts: Facts) -> Verdict | None:
    used = _used(facts)
    if not used:
        return None
    if used.enabled is not False:
        return passed("The key's version in use is enabled.")
    newer = behind(facts)
    still = " The registry still needs it to change to the latest version." if newer else ""
    return failed(
        f"The key's version in use, {used.id}, is disabled.{still}",
        enable_version(used),
    )


@check(
    "KeyExpired",
    ERROR,
    KEY,
    cause="The key's version in use has expired. Images may still be served, but no new key can be taken.",
    cure="Make a new version: `az acr cmk rotate`.",
)
def _expired(facts: Facts) -> Verdict | None:
    used = _used(facts)
    if not used:
        return None
    if not used.expires or used.expires > facts.now:
        return passed("The key's version in use has not expired.")
    return failed(
        f"The key's version in use expired at {used.expires:%Y-%m-%d %H:%M} UTC. Images may still be served, but no "
        "new key can be taken.",
        registry_command(facts.registry.id, "cmk rotate"),
    )


@check(
    "KeyExpiresSoon",
    WARNING,
    KEY,
    cause="The key's version in use expires soon (within `--expiry-days`).",
    cure="Make a new version: `az acr cmk rotate`.",
)
def _expires_soon(facts: Facts) -> Verdict | None:
    used = _used(facts)
    if not used or (used.expires and used.expires <= facts.now):
        return None
    if not used.expires or used.expires > facts.now + timedelta(days=facts.expiry_days):
        return passed(f"The key's version in use does not expire within {facts.expiry_days} days.")
    return failed(
        f"The key's version in use expires at {used.expires:%Y-%m-%d %H:%M} UTC.",
        registry_command(facts.registry.id, "cmk rotate"),
    )


@check(
    "KeyNotYetValid",
    ERROR,
    KEY,
    cause="The key's version in use is not valid yet.",
    cure="Change its activation date: `az keyvault key set-attributes --not-before`.",
)
def _not_yet_valid(facts: Facts) -> Verdict | None:
    used = _used(facts)
    if not used or not used.not_before or used.not_before <= facts.now:
        return None
    return failed(
        f"The key's version in use is not valid before {used.not_before:%Y-%m-%d %H:%M} UTC.",
        validate_version(used, facts.now),
    )
