"""Writes measurements as benchmarks/RESULTS.md. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from benchmarks.commands import MODELS, Result
from benchmarks.measure import Measure
from benchmarks.startup import OURS, SHARED, THEIRS, Starts

_HEAD = ["what", "seconds", "from, to", "processor s", "MB", "requests", "twice"]
_NOTES = """\
Every command is a process of its own, started as a shell does it, against the sandbox. On `instant` nothing in Azure
takes time, so what is left is the client's own; on `recorded` the sandbox takes the times, and sends the Retry-After,
of recorded traffic (a new vault's name is in DNS after 15 s, each request takes 100 ms). Compare; these are not Azure's
own times. Seconds and processor seconds are medians of whole commands, the tutorial's taken together, and the ratio of
two is the median of that in each round; MB is the most that one process had in memory; requests are those of the last
run, tokens included, and `twice` those sent again for the same thing (looking again until something is done is not).
"""
_STARTS_HEAD = ["command", "ms", "least processor ms", "with another extension", "with none", "MB"]
_STARTS_NOTE = """\
Another extension of `az acr` has one command that does nothing: what the CLI does for any is not ours. The least
processor time is that of the run which other programs disturbed least; it still differs by tens of milliseconds where
nothing of ours runs, as in `az version`. So what is added is told by what is imported of ours, and how long that takes.
"""
_LIMIT = """\
## The limit

The least that any client must wait for, by the sandbox's log of each `enable`: the group; the identity beside the
vault; the grant once both exist; meanwhile the vault's name in DNS and the key; then the registry, its operation as
often as Retry-After allows to look, that look, and the registry read back. It is the longest chain of these, and one
start of `az` (`az version`). Looking at what exists beforehand, and all that the client itself does, is not in it.
"""


@dataclass(frozen=True)
class Aim:
    """The goal, the measurement, and whether it meets the goal."""

    what: str
    aim: str
    measured: str
    met: bool


def report(made_on: str, results: Mapping[str, Result], starts: Starts | None) -> str:
    """The whole text; `made_on` says where."""
    aims = [aim for profile, result in results.items() for aim in _aims(profile, result)]
    aims += _aims_of_starts(starts) if starts else ()
    rows = [[aim.what, aim.aim, aim.measured, "yes" if aim.met else "no"] for aim in aims]
    parts = ["# Results\n", made_on, _NOTES, "## Aims\n", table(["what", "aim", "measured", "met"], rows)]
    for profile, result in results.items():
        parts += [f"## Profile `{profile}`\n", table(_HEAD, (_row(*each) for each in result.measures.items()))]
    parts += ["## Start\n", table(_STARTS_HEAD, _rows_of_starts(starts)), _STARTS_NOTE] if starts else []
    return "\n".join([*parts, _LIMIT]).rstrip() + "\n"


def _row(name: str, measure: Measure) -> list[str]:
    return [
        name,
        f"{measure.median:.2f}",
        f"{min(measure.seconds):.2f}, {max(measure.seconds):.2f}",
        f"{statistics.median(measure.processor):.2f}",
        f"{max(measure.memory) / 2**20:.0f}",
        str(measure.requests),
        str(measure.repeated),
    ]


def _aims(profile: str, result: Result) -> Iterable[Aim]:
    measures = result.measures
    for model, words in MODELS.items():
        enable = measures[f"enable, {words}"].median
        times = _ratio(measures[f"tutorial, {words}"], measures[f"enable, {words}"])
        what = f"`{profile}`: enable, {words}"
        if profile == "instant":
            yield Aim(what, "at least 6 times as fast as the tutorial", f"{times:.1f} times", times >= 6)
        else:
            least = statistics.median(result.limits[model]) + measures["az version"].median
            share = enable / least
            yield Aim(
                what,
                "at most 1.10 times the limit",
                f"{share:.2f} times ({enable:.1f} s, limit {least:.1f} s)",
                share <= 1.1,
            )
            yield Aim(what, "about half of the tutorial's time", f"{1 / times:.2f} of it", 1 / times <= 0.55)
    for flag in ("", " -g"):
        times = _ratio(measures[f"show{flag}"], measures[f"acr encryption show{flag}"])
        yield Aim(
            f"`{profile}`: show{flag}",
            f"at most 1.3 times `az acr encryption show{flag}`",
            f"{times:.2f} times",
            times <= 1.3,
        )


def _aims_of_starts(starts: Starts) -> Iterable[Aim]:
    for command in SHARED:
        modules = max(len(times) for times in starts.imports[command])
        added = statistics.median(sum(times) for times in starts.imports[command])
        nothing = command == "version"
        yield Aim(
            f"`az {command}`",
            f"the extension adds {'nothing' if nothing else 'under 5 ms'}",
            f"{modules} modules, {added:.1f} ms",
            not modules if nothing else added < 5,
        )
    times = _ratio(starts.ours[OURS], starts.ours[THEIRS])
    yield Aim(f"`az {OURS}`", f"no slower than `az {THEIRS}`", f"{times:.2f} times", times <= 1)


def _rows_of_starts(starts: Starts) -> Iterable[list[str]]:
    for command, measure in starts.ours.items():
        others = (each.get(command) for each in (starts.another, starts.none))
        bare = [f"{_least(each):.0f}" if each else "" for each in others]
        memory = f"{max(measure.memory) / 2**20:.0f}"
        yield [f"az {command}", f"{1000 * measure.median:.0f}", f"{_least(measure):.0f}", *bare, memory]


def _ratio(one: Measure, other: Measure) -> float:
    """The median of the values of each round, whose parts ran in direct succession on the same busy machine."""
    return statistics.median(mine / theirs for mine, theirs in zip(one.seconds, other.seconds, strict=True))


def _least(measure: Measure) -> float:
    """Milliseconds of processor time of the run that was least disturbed by other programs."""
    return 1000 * min(measure.processor)


def table(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
