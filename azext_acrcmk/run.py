"""Carries out a plan: independent changes in parallel, in threads. Keeps no file."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from functools import partial
from math import inf

from azext_acrcmk.cloud.waiting import WAKE, Stop, in_thread
from azext_acrcmk.model.value import Value, immutable
from azext_acrcmk.plan.change import Change, Plan
from azext_acrcmk.progress import Progress


@immutable
class Outcome(Value):
    """The outcome of a change, and how many seconds it took."""

    change: Change
    outcome: str
    seconds: float


class ChangeFailed(Exception):
    """A change failed with `error`; `outcomes` are the completed changes. `accepted`: Azure had accepted its last
    write before."""

    accepted = False

    def __init__(self, change: Change, error: BaseException, outcomes: list[Outcome]):
        super().__init__(f"{change.step}: {error}")
        self.change, self.error, self.outcomes = change, error, outcomes


class RunInterrupted(Exception):
    """Ctrl-C; `outcomes` are the completed changes, `running` those still running, `failed` one that failed."""

    def __init__(self, outcomes: list[Outcome], running: list[Change], failed: ChangeFailed | None = None):
        super().__init__("interrupted")
        self.outcomes, self.running, self.failed = outcomes, running, failed


def run(
    plan: Plan, apply: Callable[[Change], str | None], progress: Progress, stop: Stop, at_once: float = inf
) -> list[Outcome]:
    """Carries out every change with `apply`, which returns the outcome if it differs from the action's; at most
    `at_once` at a time.

    Raises ChangeFailed for the first failure, after the running changes have ended, or RunInterrupted immediately.
    """
    outcomes: list[Outcome] = []
    failures: list[tuple[Change, BaseException]] = []
    waiting, begun = list(plan.changes), []
    running: dict[Future, Change] = {}
    try:
        while running or (waiting and not failures):
            for change in _ready(waiting, outcomes) if not failures else ():
                if len(running) >= at_once:
                    break
                waiting[:] = [each for each in waiting if each is not change]
                progress.started(change)
                begun.append(change)  # before it starts: Ctrl-C may come as soon as the thread runs
                running[in_thread(partial(_timed, apply, change))] = change
            done, _ = wait(running, timeout=WAKE, return_when=FIRST_COMPLETED)
            for future in done:
                change = running.pop(future)
                if error := future.exception():
                    failures.append((change, error))
                else:
                    outcomes.append(future.result())
                    progress.finished(change, outcomes[-1].outcome, outcomes[-1].seconds)
    except KeyboardInterrupt:
        stop.set()
        ended = {id(each.change) for each in outcomes} | {id(change) for change, _ in failures}
        failed = ChangeFailed(*failures[0], []) if failures else None
        raise RunInterrupted(
            _in_order(plan, outcomes), [each for each in begun if id(each) not in ended], failed
        ) from None
    outcomes = _in_order(plan, outcomes)
    if failures:
        raise ChangeFailed(*failures[0], outcomes) from failures[0][1]
    return outcomes


def _ready(waiting: list[Change], outcomes: list[Outcome]) -> list[Change]:
    done = {id(each.change) for each in outcomes}
    return [change for change in waiting if all(id(each) in done for each in change.after)]


def _timed(apply: Callable[[Change], str | None], change: Change) -> Outcome:
    started = time.monotonic()
    outcome = apply(change) or change.action.outcome
    return Outcome(change, outcome, round(time.monotonic() - started, 1))


def _in_order(plan: Plan, outcomes: list[Outcome]) -> list[Outcome]:
    order = {id(change): number for number, change in enumerate(plan.changes)}
    return sorted(outcomes, key=lambda each: order[id(each.change)])
