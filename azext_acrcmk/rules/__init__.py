"""The one catalogue of rules for a registry's encryption, and the health that follows from them. Pure.

`show` summarizes the findings, `check` lists them, `repair` plans fixes for them, `enable` and `rotate` stop because of
them, and they explain why a registry can't use a key.
"""

from __future__ import annotations

from datetime import datetime

from azext_acrcmk.model.defaults import EXPIRY_DAYS
from azext_acrcmk.model.problem import Problem
from azext_acrcmk.model.state import Registry, State
from azext_acrcmk.model.value import Value, immutable
from azext_acrcmk.rules import grant, identity, key, registry, vault, versions  # noqa: F401  (each adds its rules)
from azext_acrcmk.rules.catalogue import (
    CATALOGUE,
    ERROR,
    FAILED,
    IDENTITY,
    NOT_LOADED,
    REGISTRY,
    UNKNOWN,
    VAULT,
    WARNING,
    Facts,
    Fix,
    Rule,
    Verdict,
)

HEALTHY, ATTENTION, BROKEN, NOT_ENCRYPTED = "healthy", "attention", "broken", "notEncrypted"


@immutable
class Finding(Value):
    """A rule's verdict on `subject`, the id of a resource or key."""

    rule: Rule
    verdict: Verdict
    subject: str

    @property
    def code(self) -> str:
        return self.rule.code

    @property
    def severity(self) -> str:
        return self.rule.severity

    @property
    def status(self) -> str:
        return self.verdict.status

    @property
    def message(self) -> str:
        return self.verdict.message

    @property
    def fix(self) -> str | None:
        return self.verdict.fix

    @property
    def change(self) -> Fix | None:
        return self.verdict.change

    @property
    def failed(self) -> bool:
        return self.status == FAILED

    @property
    def is_problem(self) -> bool:
        """Whether it failed, or is unknown."""
        return self.status in (FAILED, UNKNOWN)

    @property
    def as_problem(self) -> Problem:
        """The problem that a command reports if the finding stops it."""
        advice = self.verdict.advice or ((f"Fix: {self.fix}",) if self.fix else ())
        return Problem(self.message, advice, self.rule.error)


@immutable
class Health(Value):
    """`broken`: the registry can't use its key, or soon can't. `unknown`: this can't be determined."""

    status: str
    findings: tuple[Finding, ...]

    @property
    def problems(self) -> list[Finding]:
        return [each for each in self.findings if each.is_problem]


def examine(state: State, now: datetime, expiry_days: int = EXPIRY_DAYS) -> Health:
    """The health of an existing registry: the most severe findings first, passed rules last."""
    facts = Facts(state, now, expiry_days)
    found = judge(facts)
    return Health(_status(facts, found), tuple(found))


def judge(facts: Facts) -> list[Finding]:
    """The findings: the most severe first, passed rules last."""
    is_there = isinstance(facts.state.registry, Registry)
    unread = facts.not_loaded if facts.goal or facts.exists_encrypted else frozenset()
    subjects: dict[str, str] = {}
    problems, others = [], []
    for rule in CATALOGUE:
        if rule.subject == REGISTRY and not is_there:
            continue
        verdict = rule.judge(facts) if unread.isdisjoint(rule.needs) else _not_read(rule, unread)
        if verdict:
            if rule.subject not in subjects:
                subjects[rule.subject] = _subject(rule.subject, facts)
            finding = Finding(rule, verdict, subjects[rule.subject])
            (problems if finding.is_problem else others).append(finding)
    return problems + others


def _not_read(rule: Rule, unread: frozenset[str]) -> Verdict:
    return Verdict(NOT_LOADED, f"Not read: {', '.join(each for each in rule.needs if each in unread)}.")


def stoppers(command: str, facts: Facts, fixed: frozenset[Fix] = frozenset()) -> list[Finding]:
    """The findings that stop a command: failed or unknown, of rules that stop it, and not fixed by its plan."""
    found = (each for each in judge(facts) if each.is_problem and command in each.rule.stops)
    return [each for each in found if each.change not in fixed]


def finding_of(code: str, facts: Facts) -> Finding | None:
    """The finding of one rule, if it is failed or unknown."""
    return next((each for each in judge(facts) if each.code == code and each.is_problem), None)


def fails(health: Health, fail_on: str) -> bool:
    """Whether a rule of severity error failed; with `fail_on` "warning", also whether one is a warning or unknown.

    `fail_on` "none" never fails.
    """
    return any(counts_as_failure(each.severity, each.status, fail_on) for each in health.findings)


def counts_as_failure(severity: str, status: str, fail_on: str) -> bool:
    """Whether a command with `fail_on` fails because of a finding of this severity and status."""
    if fail_on == "none":
        return False
    grave = (ERROR,) if fail_on == ERROR else (ERROR, WARNING)
    statuses = (FAILED,) if fail_on == ERROR else (FAILED, UNKNOWN)
    return severity in grave and status in statuses


def _status(facts: Facts, findings: list[Finding]) -> str:
    if not facts.encryption.enabled:
        return UNKNOWN if facts.registry.being_created else NOT_ENCRYPTED
    if facts.encryption.key is None:
        return UNKNOWN
    failures = {finding.severity for finding in findings if finding.failed}
    if ERROR in failures:
        return BROKEN
    undecided = {finding.status for finding in findings if finding.severity == ERROR}
    for status in (UNKNOWN, NOT_LOADED):
        if status in undecided:
            return status
    return ATTENTION if WARNING in failures else HEALTHY


def _subject(kind: str, facts: Facts) -> str:
    """The id of what rules of a kind are about."""
    key_id, goal, vault_seen = facts.key_id, facts.goal, facts.vault
    if kind == REGISTRY:
        return str(facts.registry.id)
    if kind == IDENTITY:
        return str(goal.identity if goal else facts.key_identity.id or facts.key_identity.client_id)
    if kind == VAULT and vault_seen:
        return str(vault_seen.id)
    if key_id is None:
        return ""
    return f"https://{key_id.host}" if kind == VAULT else key_id.versionless
