"""Measures `az acr cmk` against core `az` on the sandbox: interleaved runs, medians, ratios, and exact request counts.

Every run starts the real `az` as a shell does. Times are this machine's and the sandbox's, not Azure's: read ratios.
"""

from __future__ import annotations

import argparse
import os
import platform
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from benchmarks import tutorial
from sandbox.client import OWNER, Sandbox

AZ = Path(sys.executable).with_name("az")
PROFILES = ("instant", "recorded")


@dataclass
class Measure:
    """The seconds of each run, and the requests of one."""

    seconds: list[float] = field(default_factory=list)
    requests: int = 0

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


class Bench:
    """Runs commands in one sandbox and notes how long they take and what they send."""

    def __init__(self, sandbox: Sandbox, environment: dict[str, str], directory: Path):
        self._sandbox, self._environment, self._directory = sandbox, environment, directory
        self.measures: dict[str, Measure] = {}

    def az(self, command: str) -> str:
        """What a command printed. Raises CalledProcessError with what it said."""
        run = subprocess.run(
            [AZ, *shlex.split(command)],
            env=self._environment,
            cwd=self._directory,
            check=True,
            capture_output=True,
            text=True,
        )
        return run.stdout.strip()

    def measure(self, name: str, commands: list[str]) -> None:
        noted = {"me": OWNER.object_id}
        self._sandbox.clear_log()
        started = time.monotonic()
        for command in commands:
            note, equals, rest = command.partition("=")
            if equals and note.isidentifier():
                noted[note] = self.az(rest.format(**noted))
            else:
                self.az(command.format(**noted))
        measure = self.measures.setdefault(name, Measure())
        measure.seconds.append(time.monotonic() - started)
        measure.requests = len(self._sandbox.log())


def run(profile: str, rounds: int) -> dict[str, Measure]:
    """All measures on one profile of the sandbox; each round runs every kind once, on names of its own."""
    with tempfile.TemporaryDirectory() as folder, Sandbox(Path(folder) / "sandbox", profile) as sandbox:
        directory = Path(folder)
        environment = sandbox.login(directory) | {"AZURE_EXTENSION_DIR": os.environ["AZURE_EXTENSION_DIR"]}
        bench = Bench(sandbox, environment, directory)
        bench.az("group list")  # the token is fetched here, not in the first thing measured
        for number in range(rounds):
            registry = f"benchregistry{number}"
            enable = f"acr cmk enable -n {registry} -g bench{number} -l westeurope"
            bench.measure("az version", ["version"])
            bench.measure("tutorial, Azure RBAC", tutorial.commands(2 * number, "rbac"))
            bench.measure("enable, Azure RBAC", [enable])
            bench.measure("tutorial, access policies", tutorial.commands(2 * number + 1, "access-policy"))
            policies = f"acr cmk enable -n {registry}p -g bench{number} -l westeurope --access-model access-policy"
            bench.measure("enable, access policies", [policies])
            bench.measure("enable again", [enable])
            bench.measure("acr encryption show", [f"acr encryption show -n {registry}"])
            bench.measure("show", [f"acr cmk show -n {registry}"])
            bench.measure("check", [f"acr cmk check -n {registry}"])
        return bench.measures


RATIOS = (
    ("tutorial, Azure RBAC", "enable, Azure RBAC", "times as fast as the tutorial"),
    ("tutorial, access policies", "enable, access policies", "times as fast as the tutorial"),
    ("show", "acr encryption show", "times the time of `az acr encryption show`"),
)


def report(results: dict[str, dict[str, Measure]], rounds: int) -> str:
    machine = f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}"
    lines = [
        "# Results",
        "",
        f"`make bench`, {rounds} interleaved rounds. azure-cli {version('azure-cli')}, {machine}. Medians of whole",
        "commands, process start included, against the sandbox: compare, don't take for Azure's times.",
        "",
    ]
    for profile, measures in results.items():
        lines += [f"## Profile `{profile}`", "", "| what | seconds | spread | requests |", "| --- | --- | --- | --- |"]
        for name, each in measures.items():
            spread = f"{min(each.seconds):.2f} to {max(each.seconds):.2f}"
            lines.append(f"| {name} | {each.median:.2f} | {spread} | {each.requests} |")
        lines.append("")
        for slow, fast, words in RATIOS:
            lines.append(
                f"* {fast if 'tutorial' in slow else slow}: {measures[slow].median / measures[fast].median:.1f} {words}"
            )
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--profile", choices=PROFILES, action="append")
    arguments = parser.parse_args()
    results = {profile: run(profile, arguments.rounds) for profile in arguments.profile or PROFILES}
    text = report(results, arguments.rounds)
    Path(__file__).with_name("RESULTS.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
