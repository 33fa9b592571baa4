"""Measures `az acr cmk` against core `az` on the sandbox, in interleaved rounds, and a fleet; writes RESULTS.md."""

from __future__ import annotations

import argparse
import os
import platform
from importlib.metadata import version
from pathlib import Path

from benchmarks import commands, fleet, startup
from benchmarks.fleet_report import fleet_section, with_fleet
from benchmarks.report import report

# A quarter of an hour in total: a round on `recorded` takes two minutes, most of them for the tutorial.
ROUNDS = {"instant": 5, "recorded": 3}
STARTS = 30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", choices=ROUNDS, action="append", help="Only this, and nothing written.")
    parser.add_argument("--rounds", type=int, help=f"By default {ROUNDS}.")
    parser.add_argument(
        "--fleet", type=int, nargs="*", metavar="SIZE", help=f"Only fleets, by default of {fleet.SIZES} registries."
    )
    arguments = parser.parse_args()
    results = Path(__file__).with_name("RESULTS.md")
    written = results.read_text(encoding="utf-8") if results.is_file() else ""
    before = _made_on()
    if arguments.fleet is not None:
        section = fleet_section(before, fleet.run(arguments.fleet or fleet.SIZES))
        results.write_text(with_fleet(written, section), encoding="utf-8")
        print(section)
        return
    starts = None if arguments.profile else startup.run(STARTS)
    measured = {
        profile: commands.run(profile, arguments.rounds or ROUNDS[profile]) for profile in arguments.profile or ROUNDS
    }
    text = report(before, measured, starts)
    if not arguments.profile:
        section = fleet_section(before, fleet.run())
        text = with_fleet(text, section)
        results.write_text(text, encoding="utf-8")
    print(text)


def _made_on() -> str:
    cores, load = os.cpu_count(), os.getloadavg()[0]
    return (
        f"`make bench` on {platform.system()}, {platform.machine()}, {cores} cores, with {load:.1f} processes running "
        f"before. Python {platform.python_version()}, azure-cli {version('azure-cli')}.\n"
    )


if __name__ == "__main__":
    main()
