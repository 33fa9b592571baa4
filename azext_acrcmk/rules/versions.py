"""Rules for the version of the key that a registry uses, and for rotation."""

from __future__ import annotations

from azext_acrcmk.model.state import Key
from azext_acrcmk.rules.catalogue import INFO, KEY, WARNING, Facts, Fix, Verdict, failed, passed, rules_about
from azext_acrcmk.rules.fixes import permit_wrapping, registry_command, validate_version

rule = rules_about(KEY, "key")


@rule(
    "LatestVersionUnusable",
    WARNING,
    cause="The registry can't change to the latest version of its key, because that version is disabled, expired, not "
    "valid yet or does not permit wrapKey and unwrapKey.",
    cure="If it is disabled or has expired, create another: `az acr cmk rotate`. Otherwise, fix it: `az keyvault key "
    "set-attributes`.",
)
def _usable(facts: Facts) -> Verdict | None:
    if not (why := _why_unusable(facts)):
        return None
    reason, fix = why
    version = facts.latest.latest_version
    return failed(
        f"The registry uses version {facts.encryption.version_in_use} and can't change to the key's latest, {version}: "
        f"it {reason}.",
        fix,
    )


def _why_unusable(facts: Facts) -> tuple[str, str] | None:
    """Why a registry can't use the latest version, and the command that fixes it. None if it can or does."""
    key = facts.latest
    if not key or not facts.is_behind:
        return None
    if key.enabled is False:
        # It may have been disabled because it leaked: another is created instead.
        return "is disabled", registry_command(facts.registry.id, "cmk rotate")
    if key.expires and key.expires <= facts.now:
        return f"expired at {key.expires:%Y-%m-%d %H:%M} UTC", registry_command(facts.registry.id, "cmk rotate")
    if key.not_before and key.not_before > facts.now:
        return f"is not valid before {key.not_before:%Y-%m-%d %H:%M} UTC", validate_version(key, facts.now)
    if missing := key.missing_operations:
        return f"does not permit {' and '.join(missing)}", permit_wrapping(key)
    return None


def _judged(facts: Facts, automatic: bool) -> bool:
    """Whether the latest version is usable, for a registry with this rotation mode."""
    if facts.goal or not facts.latest or not facts.encryption.version_in_use:
        return False
    return facts.is_automatic is automatic and not _why_unusable(facts)


@rule(
    "RotationLag",
    WARNING,
    cause="The registry does not use the latest version of its key yet. It changes to it within an hour, if the old "
    "and the new version are enabled.",
    cure="Change to the latest version now: `az acr cmk rotate --no-new-version`.",
)
def _lag(facts: Facts) -> Verdict | None:
    if not _judged(facts, automatic=True):
        return None
    if not facts.is_behind:
        return passed("The registry uses the latest version of its key.")
    key = facts.latest
    return failed(
        f"The registry uses version {facts.encryption.version_in_use}; the key's latest is {key.latest_version}"
        f"{_since(facts, key)}.",
        registry_command(facts.registry.id, "cmk rotate", "--no-new-version"),
        Fix.SET_ENCRYPTION,
    )


def _since(facts: Facts, key: Key) -> str:
    if not key.created:
        return ""
    minutes = int((facts.now - key.created).total_seconds() // 60)
    if minutes < 120:
        return f", created {max(minutes, 0)} minutes ago"
    return f", created {minutes // 60} hours ago" if minutes < 48 * 60 else f", created {minutes // 1440} days ago"


@rule(
    "NotLatestVersion",
    WARNING,
    cause="The registry is pinned to a version that is not the key's latest.",
    cure="Pin it to the latest version: `az acr cmk rotate --no-new-version`.",
)
def _pinned_to_latest(facts: Facts) -> Verdict | None:
    if not _judged(facts, automatic=False):
        return None
    if not facts.is_behind:
        return passed("The registry is pinned to the latest version of its key.")
    key = facts.latest
    return failed(
        f"The registry is pinned to version {facts.encryption.version_in_use}; the key's latest is "
        f"{key.latest_version}{_since(facts, key)}.",
        registry_command(facts.registry.id, "cmk rotate", "--no-new-version"),
    )


@rule(
    "ManualRotation",
    INFO,
    cause="The registry is pinned to a version of its key and does not use new versions automatically.",
    cure="Enable automatic rotation: `az acr cmk rotate --rotation auto --no-new-version`.",
    needs=(),
)
def _automatic(facts: Facts) -> Verdict | None:
    if facts.goal or not facts.uses_key:
        return None
    if facts.is_automatic:
        return passed("The registry uses new versions of its key automatically.")
    return failed(
        "The registry is pinned to a key version and does not use new versions automatically.",
        registry_command(facts.registry.id, "cmk rotate", "--rotation auto --no-new-version"),
    )


@rule(
    "NoRotationPolicy",
    INFO,
    cause="The key has no rotation policy, so Key Vault does not create new versions automatically.",
    cure="Set one: `az keyvault key rotation-policy update`.",
)
def _rotation_policy(facts: Facts) -> Verdict | None:
    key = facts.latest
    if not key:
        return None
    policy = key.rotation_policy
    if policy and (policy.rotate_after or policy.rotate_before_expiry):
        return passed("The key has a rotation policy.")
    return failed("The key has no rotation policy, so new versions are not created automatically.")
