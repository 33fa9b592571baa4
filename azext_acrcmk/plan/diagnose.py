"""The cause of `Failed to access KeyId`, which the registry reports for many causes. Pure."""

from __future__ import annotations

from datetime import timedelta

from azext_acrcmk.model.access import Access
from azext_acrcmk.model.problem import Problem
from azext_acrcmk.model.state import Absent, DeletedKey, DeletedVault, Unknown, Vault
from azext_acrcmk.model.value import Value, immutable
from azext_acrcmk.rules import Facts, Finding, finding_of, judge
from azext_acrcmk.rules.catalogue import ERROR, GRANT, KEY, VAULT
from azext_acrcmk.rules.fixes import grant_key
from azext_acrcmk.rules.grant import describe

# A role assignment older than this has taken effect (service facts 4.4: ten minutes).
SETTLED_AFTER = timedelta(minutes=15)
# How long to wait, in seconds, for a settled role assignment and for an access policy: both should work immediately.
SETTLED_ROLE_WAIT = 30
POLICY_WAIT = 120

_AGAIN = "Run the same command again in a few minutes; it continues where it stopped."


@immutable
class Diagnosis(Value):
    """The most likely cause. Access that has not taken effect yet may take effect within `wait` seconds."""

    problem: Problem
    wait: int = 0


def diagnose(facts: Facts, grant_timeout: int, granted_now: bool = False) -> Diagnosis:
    """Why the registry can't use the key of a goal, as far as the vault, the key and the access to it can be read.

    `granted_now` says that this run granted access, which lists of role assignments may not show yet.
    """
    if gone := _gone(facts):
        return Diagnosis(gone)
    vault, causes = facts.state.vault, [each for each in judge(facts) if each.failed and each.severity == ERROR]
    if firewall := _of(causes, VAULT):
        return Diagnosis(firewall.as_problem)
    if isinstance(vault, Vault) and not vault.in_dns:
        return Diagnosis(_not_in_dns(vault), grant_timeout)
    if key := _of(causes, KEY):
        return Diagnosis(key.as_problem)
    if isinstance(vault, Unknown):
        return Diagnosis(_unreadable_vault(), grant_timeout)
    access = facts.access
    if access.granted is False and (access.denied_by or not granted_now):
        return Diagnosis(_of(causes, GRANT).as_problem)
    if access.granted is None:
        return Diagnosis(_unreadable_grant(facts), grant_timeout)
    wait = min(_wait_for(facts, granted_now, grant_timeout), grant_timeout)
    if perimeter := finding_of("SecuredByPerimeter", facts):
        return Diagnosis(perimeter.as_problem, wait)
    return Diagnosis(_not_effective(access), wait)


def _gone(facts: Facts) -> Problem | None:
    """The problem that the vault or the key no longer exists, although it did when the command started."""
    vault, key = facts.state.vault, facts.state.key
    for what, seen in ((f"vault of {facts.key_id}", vault), (f"key {facts.key_id}", key)):
        if isinstance(seen, (DeletedVault, DeletedKey)):
            return Problem(f"The {what} is soft-deleted.")
        if isinstance(seen, Absent):
            return Problem(f"The {what} no longer exists.")
    return None


def _of(causes: list[Finding], subject: str) -> Finding | None:
    return next((each for each in causes if each.rule.subject == subject), None)


def _unreadable_vault() -> Problem:
    return Problem(
        "The registry can't use the key through the identity. You don't have permission to read the vault, so the "
        "cause is unknown.",
        ("Ask the owner of the vault to check the key, the identity's access to it and the firewall.",),
    )


def _not_in_dns(vault: Vault) -> Problem:
    return Problem(
        f"The vault '{vault.name}' is new and its name is not in DNS yet, so its keys can't be used.", (_AGAIN,)
    )


def _unreadable_grant(facts: Facts) -> Problem:
    grant = grant_key(facts.vault, facts.key_id.name, facts.principal, "key" if facts.goal.grants_on_key else "vault")
    return Problem(
        "The registry can't use the key through the identity. The identity's access to the key can't be read.",
        (f"If it has no access, grant it: {grant}",),
    )


def _not_effective(access: Access) -> Problem:
    through = f" ({describe(access.sources)})" if access.sources else ""
    return Problem(
        f"The identity is granted access to the key{through}, but the registry still can't use it. Most likely, "
        "the access has not taken effect yet.",
        (_AGAIN,),
    )


def _wait_for(facts: Facts, granted_now: bool, most: int) -> int:
    if facts.vault.uses_policies:
        return POLICY_WAIT
    roles = facts.state.roles if isinstance(facts.state.roles, tuple) else ()
    young = any(role.created is None or facts.now - role.created < SETTLED_AFTER for role in roles)
    return most if young or granted_now or not roles else SETTLED_ROLE_WAIT
