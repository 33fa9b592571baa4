"""Why a command can't do what was asked."""

from __future__ import annotations

from dataclasses import dataclass

from azext_acrcmk.model.state import Unknown

# Which kind of error of the CLI it is.
INVALID = "invalid"
NOT_FOUND = "not found"
FORBIDDEN = "forbidden"


@dataclass(frozen=True)
class Problem:
    """Found before anything is changed, or the explained cause of a change that failed. `advice` is what to do."""

    message: str
    advice: tuple[str, ...] = ()
    kind: str = INVALID


def not_readable(what: str, unknown: Unknown) -> str:
    """That `what` could not be read, why, and which permission that requires."""
    requires = f" Requires permission '{unknown.action}' on {unknown.scope}." if unknown.action else ""
    if unknown.denied and requires:
        return f"You don't have permission to read {what}.{requires}"
    why = f": {unknown.why.rstrip('.')}." if unknown.why else "."
    return f"Could not read {what}{why}{requires}"


def words_of_azure(unknown: Unknown) -> tuple[str, ...]:
    """What the service said, where `not_readable` leaves that out: a refusal may have another cause than a role."""
    return (unknown.why,) if unknown.denied and unknown.action and unknown.why else ()


# How many of the places that were not searched are named.
MOST_NAMED = 3


def not_searched(unsearched: tuple[Unknown, ...]) -> str:
    """Where was not looked, and why; empty where that is nowhere."""
    if not unsearched:
        return ""
    # What was left out for its number comes first: it is the most.
    in_order = sorted(unsearched, key=lambda each: each.scope.startswith("/"))
    named = [f"{each.scope.replace('/subscriptions/', 'subscription ')} ({_cause(each)})" for each in in_order]
    more = len(named) - MOST_NAMED
    return f"Not searched: {'; '.join(named[:MOST_NAMED])}{f'; and {more} more' if more > 0 else ''}."


def _cause(unknown: Unknown) -> str:
    if unknown.denied and unknown.action:
        return f"no permission '{unknown.action}'"
    return unknown.why.strip().rstrip(".") or "no answer"


def unreadable_problem(what: str, unknown: Unknown) -> Problem:
    """The problem of something that must be read and can't be: unknown is not absent."""
    return Problem(not_readable(what, unknown), words_of_azure(unknown), FORBIDDEN)


def taken_vault_name(name: str) -> tuple[str, tuple[str, ...]]:
    """What to say of a key vault name that is in use, and what to do."""
    return (
        f"The key vault name '{name}' is already in use: vault names are global, and a deleted vault keeps its name "
        "until it is purged.",
        (
            "Choose another with --key-vault.",
            'If it is a vault of yours in another place, give its ID: az keyvault list --query "[].id"; '
            "if you deleted it: az keyvault list-deleted",
        ),
    )
