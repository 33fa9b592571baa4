"""Plans the changes that undo a revoke. Pure."""

from __future__ import annotations

from dataclasses import replace

from azext_acrcmk.model.problem import FORBIDDEN, Problem, not_readable, words_of_azure
from azext_acrcmk.model.state import Key, Unknown
from azext_acrcmk.plan.change import Change, Plan
from azext_acrcmk.plan.grants import REVOKED_TAG, find_grants, gives_enough_without_tag, narrowest_grant, tagged_grants
from azext_acrcmk.plan.kinds import KeepVersion, LeaveToUser, RestoreVersion, TagRegistry, UseGrant
from azext_acrcmk.plan.revoke import UNREADABLE_VERSION, hindrances, missing_identity, unreadable_grant
from azext_acrcmk.rules import Facts
from azext_acrcmk.rules.catalogue import RESTORE
from azext_acrcmk.rules.fixes import enable_version


def plan_restore(facts: Facts, tags: dict[str, str] | Unknown) -> Plan:
    """The changes that undo a revoke, and nothing else. `tags` are those of the version in use, where it is disabled.

    If nothing can be done, because something can't be read or there is no identity to grant access to, the plan has
    problems. A disabled key is enabled even if access can't be granted: changing to another identity requires the key.
    """
    if problems := hindrances(RESTORE, facts):
        return Plan(problems=tuple(problems))
    if isinstance(tags, Unknown):
        return Plan(problems=(_unreadable_tag(facts.state.version_in_use, tags),))
    key, problem = _key_change(facts, tags), missing_identity(facts) or _unreadable(facts)
    if problem and not (key and key.changes):
        return Plan(problems=(problem,))
    grants = [_left_grant(facts, problem)] if problem else _grant_changes(facts)
    if not key and not any(each.changes for each in grants):
        return Plan(problems=(UNREADABLE_VERSION,))
    return Plan((*([key] if key else []), *grants))


def _unreadable(facts: Facts) -> Problem | None:
    by_group = facts.vault is not None and facts.vault.uses_policies and not tagged_grants(facts)
    hidden = not facts.principal or isinstance(facts.state.roles, Unknown) or by_group
    return unreadable_grant(facts) if hidden else None


def _key_change(facts: Facts, tags: dict[str, str]) -> Change | None:
    used = facts.state.version_in_use
    if not isinstance(used, Key):
        return None
    if used.enabled is not False:
        return KeepVersion(key=used.id, reason="The version in use is enabled.")
    if REVOKED_TAG in tags:
        left = {name: value for name, value in tags.items() if name != REVOKED_TAG}
        reason = "The version in use, which `revoke` disabled, is enabled."
        return RestoreVersion(key=used.id, tags=left, reason=reason)
    reason = (
        f"The version in use was not disabled by `revoke`, so it stays disabled. To enable it: {enable_version(used)}"
    )
    return LeaveToUser(subject=str(used.id), step="key", reason=reason, notice=reason)


def _unreadable_tag(used: Key, unknown: Unknown) -> Problem:
    why = not_readable("the version's tags from the vault", unknown)
    return Problem(
        f"The version in use, {used.id}, is disabled, and only the vault shows whether by `revoke`. {why}",
        (
            *words_of_azure(unknown),
            f"Requires permission '{unknown.action}' and a network path to the vault.",
            f"To enable it in any case: {enable_version(used)}",
        ),
        FORBIDDEN,
    )


def _grant_changes(facts: Facts) -> list[Change]:
    tagged = tagged_grants(facts)
    if not tagged:
        usual = _usual_grant(facts)
        return [usual, *_stale_tag(facts, usual)]
    grants = [each.giving(f"{each.what} is granted again.") for each in tagged]
    reason = "The tag that records what was revoked is removed."
    if gives_enough_without_tag(tagged):
        return [replace(each, untag=_untag(facts, reason, (), instead="It does no harm.")) for each in grants]
    return [*grants, _untag(facts, reason, tuple(grants))]


def _untag(
    facts: Facts, reason: str, waits_for: tuple[Change, ...], notice: str | None = None, instead: str | None = None
) -> TagRegistry:
    return TagRegistry(
        registry=facts.registry.id,
        name=REVOKED_TAG,
        value=None,
        reason=reason,
        notice=notice,
        instead=instead,
        after=waits_for,
    )


def _usual_grant(facts: Facts) -> Change:
    key = facts.encryption.key
    if _is_granted(facts):
        return UseGrant(on=key.with_version(None), reason="The identity has access to the key.")
    granting = narrowest_grant(facts.state.vault, key.with_version(None), facts.principal)
    reason = "The identity is granted get, wrapKey and unwrapKey on the key."
    if not granting.on_key or facts.state.vault.is_hsm:
        return granting.giving(reason)
    reason += " On the key alone, as no tag of the registry names what was revoked."
    return replace(granting.giving(reason), notice=reason)


def _stale_tag(facts: Facts, grant: Change) -> list[Change]:
    """Removes a tag about another key or identity: what was revoked there is not granted here."""
    if REVOKED_TAG not in facts.registry.tags:
        return []
    reason = (
        f"The registry's tag '{REVOKED_TAG}' records what was revoked for another vault, key or identity. It is "
        "ignored and removed."
    )
    return [_untag(facts, reason, (grant,), notice=reason)]


def _is_granted(facts: Facts) -> bool:
    """A role with a condition counts as granted: `revoke` refuses to remove such a role, so it removed none."""
    if facts.access.granted is None:
        return any(find_grants(facts.state.vault, facts.encryption.key, facts.principal, facts.state.roles))
    return facts.access.granted


def _left_grant(facts: Facts, problem: Problem) -> LeaveToUser:
    reason = " ".join((problem.message, *problem.advice))
    return LeaveToUser(
        subject=facts.encryption.key.versionless,
        step="grant",
        reason=reason,
        notice=f"Access is not restored. {reason}",
    )
