"""A run: all steps, then the removal of what they made, whatever has happened, then the report."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from live.azure import Azure, Failed
from live.place import Place, make_group
from live.redaction import Redactor
from live.removal import Left, remove, unknown
from live.report import NotRedacted, make_report, write_report
from live.steps import Command, Live, Result, Step, carry_out

INTERRUPTED = 130
Say = Callable[[str], None]


class Interruptions:
    """Ctrl-C, the end of the terminal, and of a job. The first ends the steps, but not the removal of what they made:
    that takes two more, which a person must mean."""

    SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))

    def __init__(self, say: Say) -> None:
        self.came = False
        self.removing = False
        self._more = 0
        self._say = say

    def __enter__(self) -> Interruptions:
        self._before = {number: signal.signal(number, self._interrupt) for number in self.SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _interrupt(self, *_: object) -> None:
        first, self.came = not self.came, True
        if first and not self.removing:
            raise KeyboardInterrupt
        self._more += 1
        if self._more == 1:
            self._say("What was made is being removed. To leave it as it is, at your cost, press Ctrl-C once more.")
        elif self.removing:
            raise KeyboardInterrupt


def run(azure: Azure, place: Place, account: dict[str, Any], about: dict[str, Any], output: Path, **how: Any) -> int:
    """Returns the exit code: 0 where all went as it should, and nothing is left but what has to be."""
    steps: Sequence[Step] = how["steps"]
    say: Say = how["say"]
    results: list[Result] = []
    with Interruptions(say) as interruptions:
        ended = _take_steps(Live(azure, place, _kind(account), say), steps, results)
        interruptions.removing = True
        left = _removed(azure, place, say)
    if interruptions.came:
        ended = "interrupted"
    say(f"The end: {ended or 'all steps were taken'}.")
    about = {**about, "ended": ended or "all steps were taken"}
    written = _write(results, left, about, Redactor(_secrets(place, account)), output, say)
    if ended == "interrupted":
        return INTERRUPTED
    went_wrong = any(result.outcome in ("not as expected", "failed") for result in results)
    return int(bool(ended) or went_wrong or not written or any(each.command for each in left))


def _take_steps(live: Live, steps: Sequence[Step], results: list[Result]) -> str:
    """Why not all steps were taken; nothing where they were."""
    try:
        make_group(live.azure, live.place)
        for number, step in enumerate(steps, 1):
            live.say(f"[{number:2}/{len(steps)}] {_title(step, live.place)}")
            results.append(carry_out(live, step))
            live.say(f"      {_outcome(results[-1])}")
    except Failed as failed:
        return str(failed)
    except KeyboardInterrupt:
        return "interrupted"
    return ""


def _removed(azure: Azure, place: Place, say: Say) -> list[Left]:
    """What is left after the removal."""
    try:
        left = remove(azure, place, say)
    except (Failed, KeyboardInterrupt):
        left = unknown(place)
    say("\n".join(["What is left:", *(f"- {each.told()}" for each in left)]) if left else "Nothing is left.")
    return left


def _write(
    results: list[Result], left: list[Left], about: dict[str, Any], redactor: Redactor, output: Path, say: Say
) -> bool:
    try:
        report = make_report(results, left, about, redactor)
        paths = write_report(report, output / datetime.now().strftime("%Y%m%d-%H%M%S"), redactor)
    except NotRedacted as problem:
        say(f"No report was written. {problem}")
        return False
    say("The report, without ids, names and tokens. Read it before you send it in:")
    say("\n".join(f"  {path}" for path in paths))
    return True


def _secrets(place: Place, account: dict[str, Any]) -> dict[str, str]:
    return place.secrets(account) | {str(Path.home()): "<home>"}


def _kind(account: dict[str, Any]) -> str:
    return "User" if (account.get("user") or {}).get("type") == "user" else "ServicePrincipal"


def _title(step: Step, place: Place) -> str:
    return f"az {' '.join(step.arguments(place))}" if isinstance(step, Command) else step.question


def _outcome(result: Result) -> str:
    told = result.answer.text if result.answer else " ".join(result.said)
    if result.outcome == "as expected" or not told:
        return f"{result.outcome}, {result.seconds:.0f} s"
    return f"{result.outcome}, {result.seconds:.0f} s: {told}"
