"""Checks of which version of its key a registry uses, and whether it takes new ones."""

from __future__ import annotations

from azext_acrcmk.health.catalogue import INFO, KEY, WARNING, Facts, Verdict, check, failed, passed
from azext_acrcmk.health.key import behind, latest
from azext_acrcmk.model.state import Key
from azext_acrcmk.plan.checks import enable_version, permit_wrapping, validate_version
from azext_acrcmk.plan.remedies import registry_command


@check(
    "LatestVersionUnusable",
    WARNING,
    KEY,
    cause="The registry does not use the latest version of its key, and can't take it: that version is disabled, "
    "expired, not valid yet or does not permit wrapKey and unwrapKey.",
    cure="Mend that version: `az keyvault key set-attributes`. If it has expired, make another: `az acr cmk rotate`.",
)
def _usable(facts: Facts) -> Verdict | None:
    if not behind(facts) or not (why := _why_unusable(facts)):
        return None
    reason, fix = why
    version = latest(facts).latest_version
    return failed(
        f"The registry uses version {facts.encryption.version_in_use}, and can't take the key's latest, {version}: it "
        f"{reason}.",
        fix,
    )


def _why_unusable(facts: Facts) -> tuple[str, str] | None:
    """Why a registry that is behind can't take the latest version, and the command that mends it. None where it can."""
    key = latest(facts)
    if not key or not behind(facts):
        return None
    if key.enabled is False:
        return "is disabled", enable_version(key)
    if key.expires and key.expires <= facts.now:
        return f"expired at {key.expires:%Y-%m-%d %H:%M} UTC", registry_command(facts.registry.id, "cmk rotate")
    if key.not_before and key.not_before > facts.now:
        return f"is not valid before {key.not_before:%Y-%m-%d %H:%M} UTC", validate_version(key, facts.now)
    if lacking := key.lacking_operations:
        return f"does not permit {' and '.join(lacking)}", permit_wrapping(key)
    return None


@check(
    "RotationLag",
    WARNING,
    KEY,
    cause="The registry does not use the latest version of its key yet. It takes it within an hour, if old and new "
    "version are enabled.",
    cure="Have it taken at once: `az acr cmk rotate --no-new-version`.",
)
def _lag(facts: Facts) -> Verdict | None:
    key = latest(facts)
    if not key or not facts.auto or not facts.encryption.version_in_use or _why_unusable(facts):
        return None
    if not behind(facts):
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
    key = latest(facts)
    if not key or facts.auto or not facts.encryption.version_in_use or _why_unusable(facts):
        return None
    if not behind(facts):
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
    key = latest(facts)
    if not key:
        return None
    policy = key.rotation_policy
    if policy and (policy.rotate_after or policy.rotate_before_expiry):
        return passed("The key has a rotation policy.")
    return failed("The key has no rotation policy, so no new versions are made by itself.")
