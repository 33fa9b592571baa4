"""Measures `az acr cmk` against core `az` on the sandbox, in interleaved rounds, and writes RESULTS.md."""

from __future__ import annotations

import argparse
import os
import platform
from importlib.metadata import version
from pathlib import Path

from benchmarks import commands, startup
from benchmarks.report import report

# A quarter of an hour in total: a round on `recorded` takes two minutes, most of them for the tutorial.
ROUNDS = {"instant": 5, "recorded": 3}
STARTS = 30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", choices=ROUNDS, action="append", help="Only this, and nothing written.")
    parser.add_argument("--rounds", type=int, help=f"By default {ROUNDS}.")
    arguments = parser.parse_args()
    before = _made_on()
    starts = None if arguments.profile else startup.run(STARTS)
    results = {
        profile: commands.run(profile, arguments.rounds or ROUNDS[profile]) for profile in arguments.profile or ROUNDS
    }
    text = report(before, results, starts)
    if not arguments.profile:
        Path(__file__).with_name("RESULTS.md").write_text(text, encoding="utf-8")
    print(text)


def _made_on() -> str:
    cores, load = os.cpu_count(), os.getloadavg()[0]
    return (
        f"`make bench` on {platform.system()}, {platform.machine()}, {cores} cores, with {load:.1f} processes running "
        f"before. Python {platform.python_version()}, azure-cli {version('azure-cli')}.\n"
    )


if __name__ == "__main__":
    main()
