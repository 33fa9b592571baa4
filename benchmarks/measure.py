"""Runs the real `az` as a shell does, and measures it: time, processor time, memory and requests."""

from __future__ import annotations

import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import certifi

from sandbox.client import OWNER, Sandbox
from sandbox.server.traffic import repeated
from sandbox.world import SUBSCRIPTION

AZ = Path(sys.executable).with_name("az")
CRYPTO_OFFICER = "14b46e9e-c2b7-41b4-b07b-48a6ebf60603"
# What `ru_maxrss` counts in: kilobytes, on a Mac bytes. It is at least what this process has itself; any `az` has more.
_MEMORY_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Run:
    """One `az`: its output, and the seconds and bytes that the whole process used."""

    output: str
    errors: str
    seconds: float
    processor: float
    memory: int


@dataclass
class Measure:
    """The measurements of repeated runs: seconds and bytes of each, requests of the last."""

    seconds: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    requests: int = 0
    repeated: int = 0

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def add(self, runs: list[Run]) -> None:
        self.seconds.append(sum(run.seconds for run in runs))
        self.processor.append(sum(run.processor for run in runs))
        self.memory.append(max(run.memory for run in runs))


class Bench:
    """One sandbox, an `az` that is signed in to it, and what was measured there by name."""

    def __init__(self, sandbox: Sandbox, environment: Mapping[str, str], directory: Path):
        self._sandbox, self._environment, self._directory = sandbox, environment, directory
        self.measures: dict[str, Measure] = {}

    @classmethod
    @contextmanager
    def on(cls, profile: str, extensions: str = "") -> Iterator[Bench]:
        """A new sandbox. `extensions` is a folder other than the one that AZURE_EXTENSION_DIR names."""
        with tempfile.TemporaryDirectory() as folder, Sandbox(Path(folder) / "sandbox", profile) as sandbox:
            directory = Path(folder)
            environment = sandbox.login(directory)
            environment["AZURE_EXTENSION_DIR"] = extensions or os.environ["AZURE_EXTENSION_DIR"]
            # Trusts the sandbox beside all that `az` trusts elsewhere, which takes long to load.
            bundle, trusted = directory / "trusted.pem", (certifi.where(), environment["REQUESTS_CA_BUNDLE"])
            bundle.write_text("\n".join(Path(each).read_text(encoding="utf-8") for each in trusted), encoding="utf-8")
            environment["REQUESTS_CA_BUNDLE"] = str(bundle)
            bench = cls(sandbox, environment, directory)
            bench.az("group list")  # the token is fetched here, and not in the first thing measured
            yield bench

    @property
    def sandbox(self) -> Sandbox:
        return self._sandbox

    def az(self, command: str, **environment: str) -> Run:
        """Raises CalledProcessError with the output of a failed command."""
        arguments = [AZ, *shlex.split(command)]
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            started = time.monotonic()
            given = {**self._environment, **environment}
            process = subprocess.Popen(arguments, env=given, cwd=self._directory, stdout=out, stderr=err)
            _, status, used = os.wait4(process.pid, 0)
            seconds = time.monotonic() - started
            process.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0)
            err.seek(0)
            output, errors = out.read().strip(), err.read()
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command, stderr=errors)
        return Run(output, errors, seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * _MEMORY_UNIT)

    def imports(self, command: str, package: str) -> list[float]:
        """The milliseconds that each imported module of a package takes, without its own imports."""
        lines = self.az(command, PYTHONPROFILEIMPORTTIME="1").errors.splitlines()
        times = [line.removeprefix("import time:").split("|") for line in lines if line.startswith("import time:")]
        return [int(own) / 1000 for own, _, module in times if f"{module.strip()}.".startswith(f"{package}.")]

    def measure(self, name: str, *commands: str) -> list[dict[str, Any]]:
        """Adds a measurement under a name; returns the log of the requests.

        A command that begins with `word=` notes what it printed, for `{word}` in those after it.
        """
        noted, runs = {"me": OWNER.object_id}, []
        self._sandbox.clear_log()
        for command in commands:
            note, equals, rest = command.partition("=")
            notes = equals and note.isidentifier()
            runs.append(self.az((rest if notes else command).format(**noted)))
            if notes:
                noted[note] = runs[-1].output
        log = self._sandbox.log()
        measure = self.measures.setdefault(name, Measure())
        measure.add(runs)
        measure.requests, measure.repeated = len(log), len(repeated(log))
        return log

    def logged(self, command: str) -> tuple[Run, list[dict[str, Any]]]:
        """One run, and the log of its requests."""
        self._sandbox.clear_log()
        run = self.az(command)
        return run, self._sandbox.log()

    def seed_fleet(self, registries: int, **settings: Any) -> list[str]:
        """A fleet, and settings of the sandbox. Returns the ids of the registries."""
        self._sandbox.settings(**settings)
        sizes = {"vaults": max(registries * 3 // 10, 1), "keys": max(registries * 6 // 10, 1)}
        subscriptions = max(registries // 50, 2)
        fleet = self._sandbox.seed_fleet(registries=registries, subscriptions=subscriptions, damaged=0.05, **sizes)
        return list(fleet["registries"])

    def rest(self, seconds: float) -> None:
        """Moves the sandbox's clock, so that quotas begin again."""
        self._sandbox.advance(seconds)

    def may_do_all_with_keys(self) -> None:
        """Lets the owner rotate keys, which requires another role than Owner."""
        scope, name = f"/subscriptions/{SUBSCRIPTION}", "5a3fbcd4-5b8c-4a55-9a5e-000000000001"
        properties = {
            "roleDefinitionId": f"/providers/Microsoft.Authorization/roleDefinitions/{CRYPTO_OFFICER}",
            "principalId": OWNER.object_id,
        }
        path = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"
        self._sandbox.arm("PUT", path, {"properties": properties}, "2022-04-01").raise_for_status()
