"""Carries out a plan: steps that don't need each other at the same time, in threads. Keeps no file."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from functools import partial

from azext_acrcmk.cloud.waiting import WAKE, Stop, in_thread
from azext_acrcmk.plan.step import OUTCOMES, Plan, Problem, Step
from azext_acrcmk.progress import Progress


@dataclass(frozen=True)
class Outcome:
    """What became of a step, and how many seconds it took."""

    step: Step
    outcome: str
    seconds: float


class Refused(Exception):
    """A step can't be done, for a cause that was found out."""

    def __init__(self, problem: Problem):
        super().__init__(problem.message)
        self.problem = problem


class StepFailed(Exception):
    """A step failed with `error`; `outcomes` are the steps that were done."""

    def __init__(self, step: Step, error: BaseException, outcomes: list[Outcome]):
        super().__init__(f"{step.name}: {error}")
        self.step, self.error, self.outcomes = step, error, outcomes


class RunInterrupted(Exception):
    """Ctrl-C; `outcomes` are the steps that were done, `under_way` those not yet, `failed` one that failed."""

    def __init__(self, outcomes: list[Outcome], under_way: list[Step], failed: StepFailed | None = None):
        super().__init__("interrupted")
        self.outcomes, self.under_way, self.failed = outcomes, under_way, failed


def run(plan: Plan, act: Callable[[Step], str | None], progress: Progress, stop: Stop) -> list[Outcome]:
    """Does every step by `act`, which returns the outcome where it differs from what the step's action says.

    Raises StepFailed for the first step that failed, once those under way have ended, or RunInterrupted at once.
    """
    outcomes: list[Outcome] = []
    failures: list[tuple[Step, BaseException]] = []
    waiting, begun = list(plan.steps), []
    running: dict[Future, Step] = {}
    try:
        while running or (waiting and not failures):
            for step in _ready(waiting, outcomes) if not failures else ():
                waiting.remove(step)
                progress.started(step)
                begun.append(step)  # beforehand: Ctrl-C may come as soon as the thread is at work
                running[in_thread(partial(_timed, act, step))] = step
            done, _ = wait(running, timeout=WAKE, return_when=FIRST_COMPLETED)
            for future in done:
                step = running.pop(future)
                if error := future.exception():
                    failures.append((step, error))
                else:
                    outcomes.append(future.result())
                    progress.finished(step, outcomes[-1].outcome, outcomes[-1].seconds)
    except KeyboardInterrupt:
        stop.set()
        ended = [outcome.step for outcome in outcomes] + [step for step, _ in failures]
        failed = StepFailed(*failures[0], []) if failures else None
        raise RunInterrupted(_in_order(plan, outcomes), [each for each in begun if each not in ended], failed) from None
    outcomes = _in_order(plan, outcomes)
    if failures:
        raise StepFailed(*failures[0], outcomes) from failures[0][1]
    return outcomes


def _ready(waiting: list[Step], outcomes: list[Outcome]) -> list[Step]:
    done = {outcome.step.name for outcome in outcomes}
    return [step for step in waiting if done.issuperset(step.after)]


def _timed(act: Callable[[Step], str | None], step: Step) -> Outcome:
    started = time.monotonic()
    outcome = act(step) or OUTCOMES[step.action]
    return Outcome(step, outcome, round(time.monotonic() - started, 1))


def _in_order(plan: Plan, outcomes: list[Outcome]) -> list[Outcome]:
    order = [step.name for step in plan.steps]
    return sorted(outcomes, key=lambda outcome: order.index(outcome.step.name))
