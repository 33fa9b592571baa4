"""The steps that give a registry's key back after a revoke. Pure."""

from __future__ import annotations

from azext_acrcmk.health.catalogue import Facts
from azext_acrcmk.model.state import Key, Unknown
from azext_acrcmk.plan.enable import in_order
from azext_acrcmk.plan.remedies import key_command
from azext_acrcmk.plan.revoke import (
    JOURNAL_TAG,
    UNSEEN_VERSION,
    hindrances,
    no_grantee,
    read_note,
    revocable,
    unseen_grant,
)
from azext_acrcmk.plan.step import CREATE, FORBIDDEN, MANUAL, REUSE, UPDATE, Plan, Problem, Step


def plan_restore(facts: Facts, disabled_by_revoke: bool | Unknown) -> Plan:
    """The steps that undo a revoke, and nothing else. `disabled_by_revoke` is unknown where the key's mark is.

    Where there is nothing that it could do, and that because it can't see or there is nobody to grant the key to, the
    plan has problems. A key that can be enabled is, whatever becomes of the grant: to go on to another identity takes
    the key too.
    """
    if problems := hindrances(facts.state):
        return Plan(problems=tuple(problems))
    if isinstance(disabled_by_revoke, Unknown):
        return Plan(problems=(_unseen_mark(facts.state.version_in_use, disabled_by_revoke),))
    key_step, problem = _restore_key_step(facts, disabled_by_revoke), no_grantee(facts) or _unseen(facts)
    if problem and not (key_step and key_step.changes):
        return Plan(problems=(problem,))
    grant_steps = [_left_grant_step(facts, problem)] if problem else _restore_grant_steps(facts)
    if not key_step and not any(step.changes for step in grant_steps):
        return Plan(problems=(UNSEEN_VERSION,))
    return in_order([*([key_step] if key_step else []), *grant_steps])


def _unseen(facts: Facts) -> Problem | None:
    hidden = not facts.principal or isinstance(facts.state.roles, Unknown)
    return unseen_grant(facts) if hidden else None


def _restore_key_step(facts: Facts, disabled_by_revoke: bool) -> Step | None:
    used = facts.state.version_in_use
    if not isinstance(used, Key):
        return None
    if used.enabled is not False:
        return Step("key", REUSE, str(used.id), "The version in use is enabled.")
    if disabled_by_revoke:
        return Step("key", UPDATE, str(used.id), "The version in use, which was disabled by `revoke`, is enabled.")
    return Step(
        "key",
        MANUAL,
        str(used.id),
        f"The version in use is disabled, and not by `revoke`: left alone. To enable it: {_enable(used)}",
    )


def _unseen_mark(used: Key, unknown: Unknown) -> Problem:
    return Problem(
        f"The version in use, {used.id}, is disabled, and whether by `revoke` only the vault tells: {unknown.why}",
        (
            f"To see it takes the permission '{unknown.action}' and a network path to the vault.",
            f"To enable it, whoever disabled it: {_enable(used)}",
        ),
        FORBIDDEN,
    )


def _enable(used: Key) -> str:
    return key_command("set-attributes", used.id, f"--version {used.id.version} --enabled true")


def _restore_grant_steps(facts: Facts) -> list[Step]:
    journal = read_note(facts)
    if not journal:
        return [_usual_grant_step(facts), *_stale_note_steps(facts)]
    steps = [
        Step("grant" if number == 1 else f"grant-{number}", CREATE, grant.resource, f"{grant.what} is granted again.")
        for number, grant in enumerate(journal, 1)
    ]
    after = tuple(step.name for step in steps)
    return [*steps, Step("journal", UPDATE, facts.registry.id, "The note of what was revoked is removed.", after=after)]


def _usual_grant_step(facts: Facts) -> Step:
    key = facts.encryption.key.versionless
    if _is_granted(facts):
        return Step("grant", REUSE, key, "The identity is granted the key.")
    return Step("grant", CREATE, key, "The grant that a registry needs is made: get, wrapKey and unwrapKey.")


def _stale_note_steps(facts: Facts) -> list[Step]:
    """What was revoked of another key or from another identity is not this one's to have."""
    if JOURNAL_TAG not in facts.registry.tags:
        return []
    reason = (
        f"The registry's tag '{JOURNAL_TAG}' notes what was revoked of another vault or key, or from another identity. "
        "Nothing is granted by it, and it is removed."
    )
    return [Step("journal", UPDATE, facts.registry.id, reason, after=("grant",), notice=reason)]


def _is_granted(facts: Facts) -> bool:
    """A role with a condition is taken for a grant: it is there, so `revoke`, which refuses such, removed nothing."""
    if facts.access.granted is None:
        return any(revocable(facts.state.vault, facts.encryption.key.name, facts.principal, facts.state.roles))
    return facts.access.granted


def _left_grant_step(facts: Facts, problem: Problem) -> Step:
    reason = " ".join((problem.message, *problem.advice))
    return Step(
        "grant", MANUAL, facts.encryption.key.versionless, reason, notice=f"The grant is left as it is. {reason}"
    )
