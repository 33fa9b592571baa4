"""The steps that give a registry's key back after a revoke. Pure."""

from __future__ import annotations

from azext_acrcmk.health.catalogue import Facts
from azext_acrcmk.model.state import Key, Unknown
from azext_acrcmk.plan.enable import in_order
from azext_acrcmk.plan.remedies import key_command
from azext_acrcmk.plan.revoke import JOURNAL_TAG, key_problems, read_journal
from azext_acrcmk.plan.step import CREATE, FORBIDDEN, REUSE, UPDATE, VERIFY, Plan, Problem, Step


def plan_restore(facts: Facts, disabled_by_revoke: bool | Unknown) -> Plan:
    """The steps that undo a revoke, and nothing else. `disabled_by_revoke` is unknown where the key's mark is."""
    if problems := key_problems(facts.state):
        return Plan(problems=tuple(problems))
    if isinstance(disabled_by_revoke, Unknown):
        return Plan(problems=(_unseen_mark(facts.state.version_in_use, disabled_by_revoke),))
    steps = [_restore_key_step(facts, disabled_by_revoke), *_restore_grant_steps(facts)]
    return in_order([step for step in steps if step])


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
        VERIFY,
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
    state, key = facts.state, facts.encryption.key
    journal = read_journal(facts.registry.tags.get(JOURNAL_TAG), state.vault, key.name)
    if not journal:
        if facts.access.granted is False:
            reason = "The grant that a registry needs is made: get, wrapKey and unwrapKey."
            return [Step("grant", CREATE, key.versionless, reason)]
        seen = "The identity is granted the key." if facts.access.granted else "The grant can't be seen; left alone."
        return [Step("grant", REUSE if facts.access.granted else VERIFY, key.versionless, seen)]
    steps = [
        Step("grant" if number == 1 else f"grant-{number}", CREATE, grant.resource, f"{grant.what} is granted again.")
        for number, grant in enumerate(journal, 1)
    ]
    after = tuple(step.name for step in steps)
    return [*steps, Step("journal", UPDATE, facts.registry.id, "The note of what was revoked is removed.", after=after)]
