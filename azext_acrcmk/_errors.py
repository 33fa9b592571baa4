"""Turns problems and failures into errors of the CLI: what failed, why, what exists now, and what to do next."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from azure.cli.core.azclierror import (
    AzCLIError,
    AzureConnectionError,
    AzureResponseError,
    ForbiddenError,
    ManualInterrupt,
    ResourceNotFoundError,
    UnauthorizedError,
    ValidationError,
)

from azext_acrcmk.cloud.errors import Explanation, ServiceError, explain, read_error
from azext_acrcmk.model.ids import ArmId
from azext_acrcmk.model.problem import FORBIDDEN, NOT_FOUND, Problem, Refused
from azext_acrcmk.plan.change import Change
from azext_acrcmk.rules.fixes import registry_command
from azext_acrcmk.run import ChangeFailed, Outcome, RunInterrupted

_CLASSES = {NOT_FOUND: ResourceNotFoundError, FORBIDDEN: ForbiddenError}
AGAIN = "Run the same command again after you fix this; it continues where it stopped."


def _nothing_else() -> list[str]:
    """Most commands do nothing beside their plan."""
    return []


@contextmanager
def cli_errors(done: list[Outcome], besides: Callable[[], list[str]] = _nothing_else) -> Iterator[None]:
    """Turns exceptions raised inside into errors of the CLI. `done` are the outcomes of completed plans, `besides` says
    what else was done."""
    from azure.core.exceptions import AzureError

    try:
        yield
    except KeyboardInterrupt:
        raise interrupted_error(RunInterrupted(done, []), besides()) from None
    except ChangeFailed as failure:
        raise change_error(failure) from failure.error
    except RunInterrupted as stopped:
        raise interrupted_error(stopped) from None
    except AzureError as error:
        raise service_error(error, done, besides()) from error


def problems_error(problems: tuple[Problem, ...]) -> AzCLIError:
    """One error for all problems, so that they can all be fixed at once."""
    kind = _CLASSES.get(problems[0].kind, ValidationError)
    advice = [line for problem in problems for line in problem.advice]
    if len(problems) == 1:
        # A command at the end of the message stays on a line of its own.
        gap = "\n" if ": az " in problems[0].message else " "
        return kind(f"{problems[0].message}{gap}Nothing was changed.", advice)
    numbered = "\n".join(f"{number}. {problem.message}" for number, problem in enumerate(problems, 1))
    return kind(f"{len(problems)} problems must be fixed first. Nothing was changed.\n{numbered}", advice)


def service_error(error: Exception, done: list[Outcome], besides: list[str]) -> AzCLIError:
    """The explanation of a read that a service rejected."""
    said = read_error(error)
    explanation = explain(said)
    so_far = done_so_far(done, besides) if done or besides else []
    return _class_of(said)(explanation.message, [*explanation.advice, *so_far])


def change_error(failure: ChangeFailed) -> AzCLIError:
    """A step that failed: the cause, what exists now, and what to do next."""
    why = _why(failure)
    done = done_so_far(failure.outcomes, maybe=_maybe_done(failure))
    kind = ValidationError if isinstance(failure.error, Refused) else _class_of(read_error(failure.error))
    return kind(why.message, [*why.advice, *done, AGAIN])


def interrupted_error(stopped: RunInterrupted, besides: list[str] | None = None) -> AzCLIError:
    again = "Run the same command again; it continues where it stopped."
    failed = stopped.failed
    before = f" Before that: {_why(failed).message}" if failed else ""
    changing = [change.step for change in stopped.running if change.changes]
    still_running = f" Steps that may still be running in Azure: {', '.join(changing)}." if changing else ""
    maybe = _maybe_done(failed) if failed else None
    done = done_so_far(stopped.outcomes, besides or [], maybe) if stopped.outcomes or not changing else []
    return ManualInterrupt(f"Interrupted.{still_running}{before}", [*done, again])


def _why(failure: ChangeFailed) -> Explanation:
    """Why a step failed, and what to do about it."""
    refused = isinstance(failure.error, Refused)
    why = failure.error.problem if refused else explain(read_error(failure.error))
    return Explanation(
        f"Step '{failure.change.step}' failed ({failure.change.resource}). {why.message}", tuple(why.advice)
    )


def not_shown_error(shown: str, seconds: int, registry: ArmId, outcomes: list[Outcome]) -> AzCLIError:
    """Azure accepted the changes, but after `seconds` a read still shows otherwise: `shown`."""
    return AzureResponseError(
        f"Azure accepted the change, but after {seconds} seconds a read still does not show it: {shown}.",
        [
            *done_so_far(outcomes),
            f"Check whether it shows now: {registry_command(registry, 'cmk check')}",
            "Or run the same command again; it makes the changes that are still missing.",
        ],
    )


def _maybe_done(failure: ChangeFailed) -> Change | None:
    """The step that failed, if it may have succeeded: there was no response to its request, or an unexpected one, or
    Azure had accepted it before."""
    if isinstance(failure.error, Refused) and failure.error.maybe_done:
        return failure.change
    cause = failure.error.__cause__ if isinstance(failure.error, Refused) else failure.error
    said = read_error(cause) if cause else None
    if said and said.ended:
        return None
    inconclusive = said and said.status < 400 and not said.code
    return failure.change if inconclusive or failure.accepted else None


def done_so_far(outcomes: list[Outcome], besides: Sequence[str] = (), maybe: Change | None = None) -> list[str]:
    """What exists by now, in one line: the changes of a plan, and what was done `besides`."""
    made = [f"{each.change.step} {each.outcome} ({each.change.resource})" for each in outcomes if each.change.changes]
    made += besides
    if maybe:
        made.append(f"possibly {maybe.step} (no conclusive response)")
    return ["Completed so far: " + "; ".join(made)] if made else ["Nothing was changed."]


def _class_of(said: ServiceError) -> type[AzCLIError]:
    if said.status == 0:
        return AzureConnectionError
    if said.status == 401:
        return UnauthorizedError
    if said.status == 403:
        return ForbiddenError
    if said.status == 404:
        return ResourceNotFoundError
    return ValidationError if 400 <= said.status < 500 else AzureResponseError
