"""Writes measurements of a fleet as a section of benchmarks/RESULTS.md. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from benchmarks.fleet import LOOPED, FleetResult, Looked
from benchmarks.report import Aim, table

HEADING = "## Fleet"
_HEAD = ["registries", "seconds", "limit", "times", "processor s", "ms a registry", "MB", "requests", "complete"]
_NOTES = """\
`az acr cmk list --all` on fleets that the sandbox seeds (3 vaults, 6 keys for 10 registries, 50 registries in a
subscription, about 5 % damaged), with the quotas of Azure's documentation: 15 queries in 5 s, and for each subscription
a bucket of 250 reads, into which 25 flow in a second; each request takes 100 ms. The limit is the least that any client
must wait for by the log of the run (`fleet_limit.py`), and what the same command takes on no registry, without its
waiting. Processor time of a registry is that beyond the same command on none. Seconds are the median of seven rounds,
of 10,000 registries of three, and processor seconds the least, of the run that other programs disturbed least. The
loops are what people do: `az acr list`, then one command for each registry.
"""
_TIMES, _MILLISECONDS, _MEGABYTES, _GROWTH = 1.3, 2.5, 250, 1.2


def fleet_section(made_on: str, result: FleetResult) -> str:
    aims = [[aim.what, aim.aim, aim.measured, "yes" if aim.met else "no"] for aim in _aims(result)]
    parts = [HEADING + "\n", made_on, _NOTES, table(["what", "aim", "measured", "met"], aims)]
    parts.append(table(_HEAD, map(_row, result.looks)))
    if result.loops:
        rows = [
            [f"`az acr list`, then `az {each.what}`", str(each.commands), *_whole(each.seconds, each.processor)]
            for each in result.loops
        ]
        parts.append(table([f"{LOOPED} registries one by one", "commands", "seconds", "processor s"], rows))
    return "\n".join(parts).rstrip() + "\n"


def _row(look: Looked) -> list[str]:
    return [
        f"{look.size:,}",
        f"{look.run.seconds:.1f}",
        f"{look.least:.1f}",
        f"{look.share:.2f}",
        f"{look.run.processor:.1f}",
        f"{look.milliseconds:.2f}",
        f"{look.run.memory / 2**20:.0f}",
        f"{look.requests:,}",
        "yes" if look.complete else "no",
    ]


def _whole(*numbers: float) -> list[str]:
    return [f"{number:.0f}" for number in numbers]


def _aims(result: FleetResult) -> Iterator[Aim]:
    for look in result.looks:
        what = f"{look.size:,} registries"
        measured = f"{look.share:.2f} times ({look.run.seconds:.1f} s)"
        yield Aim(what, f"at most {_TIMES} times the limit", measured, look.share <= _TIMES)
        aim, each = f"under {_MILLISECONDS} ms of processor time each", look.milliseconds
        yield Aim(what, aim, f"{each:.2f} ms", each < _MILLISECONDS)
    last = result.looks[-1]
    megabytes = last.run.memory / 2**20
    yield Aim(f"{last.size:,} registries", f"under {_MEGABYTES} MB", f"{megabytes:.0f} MB", megabytes < _MEGABYTES)
    if len(result.looks) > 1:
        before = result.looks[-2]
        growth = last.milliseconds / before.milliseconds
        what = f"from {before.size:,} to {last.size:,}"
        aim = f"linear: a registry takes at most {_GROWTH} times the processor time"
        yield Aim(what, aim, f"{growth:.2f} times", growth <= _GROWTH)
    for loop in result.loops:
        (look,) = [each for each in result.looks if each.size == LOOPED]
        times, aim = loop.seconds / look.run.seconds, f"faster than a loop of `az {loop.what}`"
        yield Aim(f"{LOOPED} registries", aim, f"{times:.0f} times as fast", times > 1)


def with_fleet(text: str, section: str) -> str:
    """The results with this section of a fleet, or without where it is empty; the others stay."""
    rest = re.sub(rf"^{HEADING}\n.*?(?=^## |\Z)", "", text, flags=re.DOTALL | re.MULTILINE).rstrip() + "\n"
    return f"{rest}\n{section}" if section else rest
