"""Rules for the key and its version in use."""

from __future__ import annotations

from datetime import timedelta

from azext_acrcmk.model.problem import FORBIDDEN, NOT_FOUND
from azext_acrcmk.model.state import Absent, DeletedKey, Registry, Unknown
from azext_acrcmk.rules.catalogue import (
    ENABLE,
    ERROR,
    INFO,
    KEY,
    ROTATE,
    WARNING,
    Facts,
    Fix,
    Verdict,
    failed,
    passed,
    rules_about,
    unreadable,
)
from azext_acrcmk.rules.fixes import enable_version, key_command, permit_wrapping, registry_command, validate_version

RSA_TYPES = ("RSA", "RSA-HSM")
rule = rules_about(KEY, "key", "version_in_use")


def _version(facts: Facts) -> str:
    """The version to judge, in words."""
    return f"The key {facts.used.id}" if facts.goal else f"The key's version in use, {facts.used.id},"


@rule(
    "KeyUnknown",
    ERROR,
    cause="You don't have permission to read the key, or its version in use.",
    cure="Ask for a role with the permission that the message names.",
    needs=("key", "version_in_use", "vault"),
    stops=(ENABLE, ROTATE),
    error=FORBIDDEN,
)
def _readable(facts: Facts) -> Verdict | None:
    if facts.goal and facts.goal.skip_grant and facts.goal.key_uri:
        return None  # the registry itself will verify it
    if facts.vault and isinstance(facts.state.key, Unknown):
        return unreadable(f"the key {facts.key_id.versionless}", facts.state.key)
    if facts.is_behind and isinstance(facts.state.version_in_use, Unknown):
        return unreadable(f"the key's version in use, {facts.encryption.version_in_use}", facts.state.version_in_use)
    return None


@rule(
    "KeyNotFound",
    ERROR,
    cause="The key was deleted, or purged. A deleted key can be recovered.",
    cure="Recover it: `az keyvault key recover`. After a purge, the images can no longer be decrypted.",
    needs=("key", "vault"),
    stops=(ENABLE, ROTATE),
    error=NOT_FOUND,
)
def _exists(facts: Facts) -> Verdict | None:
    if facts.latest:
        return passed("The key exists.")
    if not facts.vault or not isinstance(facts.state.key, Absent):
        return None
    goal, key, unless = facts.goal, facts.key_id, facts.state.key.unless
    if goal and not isinstance(facts.state.registry, Registry):
        # It is created, unless the user gave the URI of an existing key.
        what = "no such version of the key" if key.version else "no key"
        return failed(f"There is {what} {key}.") if goal.key_uri else None
    recover = key_command("recover", key)
    if goal:
        return failed(
            f"Registry '{goal.registry.name}' is encrypted with {key}, which does not exist. A new key of the same "
            "name would not decrypt the registry.",
            recover,
            advice=(f"If the key was deleted, recover it: {recover}",),
        )
    if unless is None:
        return failed(f"The key {key.versionless} does not exist, and is not soft-deleted either.")
    gone = f"The key {key.versionless} does not exist; if it was deleted, it may be recoverable."
    if not unless.denied:
        return failed(f"{gone} Whether it is soft-deleted could not be read: {unless.why}", recover)
    return failed(
        f"{gone} You don't have permission to read whether it is soft-deleted: requires '{unless.action}' on "
        f"{unless.scope}.",
        recover,
    )


@rule(
    "KeyDeleted",
    ERROR,
    cause="The key is soft-deleted.",
    cure="Recover it: `az keyvault key recover`.",
    needs=("key", "vault"),
    stops=(ENABLE, ROTATE),
)
def _deleted(facts: Facts) -> Verdict | None:
    deleted = facts.state.key
    if not facts.vault or not isinstance(deleted, DeletedKey):
        return None
    until = f", to be purged on {deleted.scheduled_purge}." if deleted.scheduled_purge else "."
    key, by_command = facts.key_id, not facts.key_id.is_hsm or facts.goal is None
    return failed(
        f"The key {key.versionless} is soft-deleted{until}",
        key_command("recover", key),
        Fix.RECOVER_KEY if by_command else None,
        () if by_command else (f"Recover it: {key_command('recover', key)}",),
    )


@rule(
    "KeyWrongType",
    ERROR,
    cause="Registries support RSA and RSA-HSM keys only.",
    cure="Change the key: `az acr cmk rotate --key`.",
    needs=("key",),
    stops=(ENABLE, ROTATE),
)
def _type(facts: Facts) -> Verdict | None:
    key = facts.latest
    if not key or not key.type:
        return None
    if key.type in RSA_TYPES:
        return passed(f"The key is of type {key.type}.")
    return failed(
        f"The key {key.id.versionless} is of type {key.type}; registries support RSA and RSA-HSM only.",
        advice=("Specify another key.",),
    )


@rule(
    "KeyOperationsMissing",
    ERROR,
    cause="The key does not permit wrapKey and unwrapKey.",
    cure="Permit them: `az keyvault key set-attributes --ops`.",
    stops=(ENABLE, ROTATE),
)
def _operations(facts: Facts) -> Verdict | None:
    used = facts.used
    if not used or used.type not in RSA_TYPES:
        return None
    if not used.missing_operations:
        return passed("The key permits wrapKey and unwrapKey.")
    return failed(
        f"The key {used.id} does not permit {' and '.join(used.missing_operations)}.",
        permit_wrapping(used),
        Fix.PERMIT_OPERATIONS,
        (f"Permit them: {permit_wrapping(used)}",),
    )


@rule(
    "VersionInUseNotFound",
    ERROR,
    cause="The key exists, but not the version that the registry uses.",
    cure="Restore the key from a backup that has this version: `az keyvault key restore`.",
)
def _version_exists(facts: Facts) -> Verdict | None:
    if facts.goal or not facts.latest or not isinstance(facts.state.version_in_use, Absent):
        return None
    version = facts.encryption.version_in_use
    return failed(f"The key's version in use, {version}, does not exist.") if version else None


@rule(
    "KeyDisabled",
    ERROR,
    cause="The key's version in use is disabled. The registry requires it, even while it changes to a newer one.",
    cure="Enable it: `az keyvault key set-attributes --enabled true`.",
    stops=(ENABLE, ROTATE),
)
def _enabled(facts: Facts) -> Verdict | None:
    used = facts.used
    if not used:
        return None
    if used.enabled is not False:
        return passed("The key's version in use is enabled.")
    still = " The registry still requires it to change to the latest version." if facts.is_behind else ""
    return failed(
        f"{_version(facts)} is disabled.{still}",
        enable_version(used),
        Fix.ENABLE_VERSION,
        (f"Enable it: {enable_version(used)}",),
    )


@rule(
    "KeyExpired",
    ERROR,
    cause="The key's version in use has expired. Pulls and pushes may still work, but the registry can't change its "
    "key.",
    cure="Create a new version: `az acr cmk rotate`.",
    stops=(ENABLE, ROTATE),
)
def _expired(facts: Facts) -> Verdict | None:
    used = facts.used
    if not used:
        return None
    if not used.expires or used.expires > facts.now:
        return passed("The key's version in use has not expired.")
    at = f"{_version(facts)} expired at {used.expires:%Y-%m-%d %H:%M} UTC."
    if facts.goal:
        return failed(at, advice=(f"Create a new version: {key_command('rotate', used.id)}",))
    return failed(
        f"{at} Pulls and pushes may still work, but the registry can't change its key.",
        registry_command(facts.registry.id, "cmk rotate"),
        Fix.NEW_VERSION,
    )


@rule(
    "KeyExpiresSoon",
    WARNING,
    cause="The key's version in use expires soon (within `--expiry-days`).",
    cure="Create a new version: `az acr cmk rotate`.",
)
def _expires_soon(facts: Facts) -> Verdict | None:
    used = facts.used
    if facts.goal or not used or (used.expires and used.expires <= facts.now):
        return None
    if not used.expires or used.expires > facts.now + timedelta(days=facts.expiry_days):
        return passed(f"The key's version in use does not expire within {facts.expiry_days} days.")
    return failed(
        f"The key's version in use expires at {used.expires:%Y-%m-%d %H:%M} UTC.",
        registry_command(facts.registry.id, "cmk rotate"),
    )


@rule(
    "KeyNeverExpires",
    INFO,
    cause="The key's version in use has no expiry date. Policies often require one.",
    cure="Set a rotation policy with an expiry time, then create a new version: `az acr cmk rotate`.",
)
def _never_expires(facts: Facts) -> Verdict | None:
    used = facts.used
    if facts.goal or not used:
        return None
    if used.expires:
        return passed("The key's version in use has an expiry date.")
    return failed("The key's version in use has no expiry date.")


@rule(
    "KeyNotYetValid",
    ERROR,
    cause="The key's version in use is not valid yet.",
    cure="Change its activation date: `az keyvault key set-attributes --not-before`.",
    stops=(ENABLE, ROTATE),
)
def _not_yet_valid(facts: Facts) -> Verdict | None:
    used = facts.used
    if not used or not used.not_before or used.not_before <= facts.now:
        return None
    return failed(
        f"{_version(facts)} is not valid before {used.not_before:%Y-%m-%d %H:%M} UTC.",
        validate_version(used, facts.now),
        advice=("Wait until then, or specify another key.",),
    )
