"""Checks of the key and the version in use."""

from __future__ import annotations

from datetime import timedelta

from azext_acrcmk.health.catalogue import ERROR, INFO, KEY, WARNING, Facts, Verdict, check, failed, passed, unseen
from azext_acrcmk.model.ids import same
from azext_acrcmk.model.state import Absent, DeletedKey, Key, Unknown, Vault
from azext_acrcmk.plan.checks import RSA_TYPES
from azext_acrcmk.plan.remedies import key_command, registry_command


def _key(facts: Facts) -> Key | None:
    """The key with its latest version, where it can be seen."""
    return facts.state.key if facts.encryption.enabled and isinstance(facts.state.key, Key) else None


def _used(facts: Facts) -> Key | None:
    """The version in use, where it can be seen. The latest stands for it, unless it is known to be another."""
    key = _key(facts)
    if key and isinstance(facts.state.version_in_use, Key):
        return facts.state.version_in_use
    return None if _behind(facts) else key


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
    if _behind(facts) and isinstance(facts.state.version_in_use, Unknown):
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
    if _key(facts):
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
    key = _key(facts)
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
    lacking = {"wrapkey", "unwrapkey"} - used.operations
    if not lacking:
        return passed("The key permits wrapKey and unwrapKey.")
    options = f"--version {used.id.version} --ops wrapKey unwrapKey"
    return failed(
        f"The key does not permit {' and '.join(sorted(lacking))}.", key_command("set-attributes", used.id, options)
    )


@check(
    "VersionInUseNotFound",
    ERROR,
    KEY,
    cause="The key exists, but not the version that the registry uses.",
    cure="Restore the key from a backup that has it: `az keyvault key restore`.",
)
def _version_exists(facts: Facts) -> Verdict | None:
    version = facts.encryption.version_in_use
    if not _key(facts) or not version or not isinstance(facts.state.version_in_use, Absent):
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
    newer = _behind(facts)
    still = " The registry still needs it to change to the latest version." if newer else ""
    return failed(
        f"The key's version in use, {used.id}, is disabled.{still}",
        key_command("set-attributes", used.id, f"--version {used.id.version} --enabled true"),
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
    moment = f"{facts.now:%Y-%m-%dT%H:%M:%SZ}"
    return failed(
        f"The key's version in use is not valid before {used.not_before:%Y-%m-%d %H:%M} UTC.",
        key_command("set-attributes", used.id, f"--version {used.id.version} --not-before {moment}"),
    )


def _behind(facts: Facts) -> bool:
    key, version = _key(facts), facts.encryption.version_in_use
    return bool(key and version and key.latest_version and not same(version, key.latest_version))


@check(
    "RotationLag",
    WARNING,
    KEY,
    cause="The registry does not use the latest version of its key yet. It takes it within an hour, if old and new "
    "version are enabled.",
    cure="Have it taken at once: `az acr cmk rotate --no-new-version`.",
)
def _lag(facts: Facts) -> Verdict | None:
    key = _key(facts)
    if not key or not facts.auto or not facts.encryption.version_in_use:
        return None
    if not _behind(facts):
        return passed("The registry uses the latest version of its key.")
    return failed(
        f"The registry uses version {facts.encryption.version_in_use}; the key's latest is {key.latest_version}"
        f"{_since(facts, key)}.",
        registry_command(facts.registry.id, "cmk rotate", "--no-new-version"),
    )


def _since(facts: Facts, key: Key) -> str:
    if not key.created:
        return ""
    minutes = int((facts.now - key.created).total_seconds() // 60)
    if minutes < 120:
        return f", made {max(minutes, 0)} minutes ago"
    return f", made {minutes // 60} hours ago" if minutes < 48 * 60 else f", made {minutes // 1440} days ago"


@check(
    "NotLatestVersion",
    WARNING,
    KEY,
    cause="The registry is pinned to a version that is not the key's latest.",
    cure="Pin it to the latest: `az acr cmk rotate --no-new-version`.",
)
def _pinned_to_latest(facts: Facts) -> Verdict | None:
    key = _key(facts)
    if not key or facts.auto or not facts.encryption.version_in_use:
        return None
    if not _behind(facts):
        return passed("The registry is pinned to the latest version of its key.")
    return failed(
        f"The registry is pinned to version {facts.encryption.version_in_use}; the key's latest is "
        f"{key.latest_version}{_since(facts, key)}.",
        registry_command(facts.registry.id, "cmk rotate", "--no-new-version"),
    )


@check(
    "ManualRotation",
    INFO,
    KEY,
    cause="The registry is pinned to a version of its key and takes no new one by itself.",
    cure="Have it follow new versions: `az acr cmk rotate --rotation auto --no-new-version`.",
)
def _automatic(facts: Facts) -> Verdict | None:
    if not facts.encryption.enabled or facts.encryption.key is None:
        return None
    if facts.auto:
        return passed("The registry follows new versions of its key by itself.")
    return failed(
        "The registry is pinned to a key version and takes no new one by itself.",
        registry_command(facts.registry.id, "cmk rotate", "--rotation auto --no-new-version"),
    )


@check(
    "NoRotationPolicy",
    INFO,
    KEY,
    cause="The key has no rotation policy, so Key Vault makes no new versions by itself.",
    cure="Set one: `az keyvault key rotation-policy update`.",
)
def _rotation_policy(facts: Facts) -> Verdict | None:
    key = _key(facts)
    if not key:
        return None
    policy = key.rotation_policy
    if policy and (policy.rotate_after or policy.rotate_before_expiry):
        return passed("The key has a rotation policy.")
    return failed("The key has no rotation policy, so no new versions are made by itself.")
