"""Problems: why a command can't do what was asked."""

from __future__ import annotations

from azext_acrcmk.model.state import Unknown
from azext_acrcmk.model.value import Value, immutable

# The kind of error in the CLI.
INVALID = "invalid"
NOT_FOUND = "not found"
FORBIDDEN = "forbidden"


@immutable
class Problem(Value):
    """Found before anything is changed, or the cause of a change that failed. `advice` says what to do."""

    message: str
    advice: tuple[str, ...] = ()
    kind: str = INVALID


class Refused(Exception):
    """A change can't be made, for a known cause. `maybe_done`: Azure accepted it, but a read does not show it."""

    def __init__(self, problem: Problem, maybe_done: bool = False):
        super().__init__(problem.message)
        self.problem, self.maybe_done = problem, maybe_done


def not_readable(what: str, unknown: Unknown) -> str:
    """The message that `what` could not be read, why, and which permission that requires."""
    requires = f" Requires permission '{unknown.action}' on {unknown.scope}." if unknown.action else ""
    if unknown.denied and requires:
        return f"You don't have permission to read {what}.{requires}"
    why = f": {unknown.why.rstrip('.')}." if unknown.why else "."
    return f"Could not read {what}{why}{requires}"


def words_of_azure(unknown: Unknown) -> tuple[str, ...]:
    """The service's message, if `not_readable` omits it: the cause may be something other than a role."""
    return (unknown.why,) if unknown.denied and unknown.action and unknown.why else ()


# How many of the scopes that were not searched are named.
MOST_NAMED = 3


# Why a place counts as not searched although something may have been found there.
ONLY_BY_GRAPH = "only by Resource Graph, which can be minutes behind"


def not_searched(unsearched: tuple[Unknown, ...]) -> str:
    """The scopes that were not searched, or not directly, and why; empty if there are none."""
    by_graph = [each.scope for each in unsearched if each.why == ONLY_BY_GRAPH]
    rest = [each for each in unsearched if each.why != ONLY_BY_GRAPH]
    named = [f"{each.scope.replace('/subscriptions/', 'subscription ')} ({_cause(each)})" for each in rest]
    more = f"; and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
    said = [f"Searched {ONLY_BY_GRAPH}: {'; '.join(by_graph)}."] if by_graph else []
    said += [f"Not searched: {'; '.join(named[:MOST_NAMED])}{more}."] if named else []
    return " ".join(said)


def _cause(unknown: Unknown) -> str:
    if unknown.denied and unknown.action:
        return f"no permission '{unknown.action}'"
    return unknown.why.strip().rstrip(".") or "no answer"


def unreadable_problem(what: str, unknown: Unknown) -> Problem:
    """The problem that something required can't be read: unknown is not absent."""
    return Problem(not_readable(what, unknown), words_of_azure(unknown), FORBIDDEN)


def taken_vault_name(name: str) -> tuple[str, tuple[str, ...]]:
    """The message and advice for a key vault name that is in use."""
    return (
        f"The key vault name '{name}' is already in use: vault names are global, and a deleted vault keeps its name "
        "until it is purged.",
        (
            "Choose another name with --key-vault.",
            'If the vault is yours, specify its ID. To find it: az keyvault list --query "[].id"',
            "If you deleted the vault, find it: az keyvault list-deleted",
        ),
    )
