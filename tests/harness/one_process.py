"""Many commands in sequence in one process, for tests that run hundreds: a third of the cost of separate processes.

Each has a new CLI, as `az` has, its own arguments and its own output. What differs from a process each: modules stay
imported, with what they remember, and what a command leaves running is waited for instead of ending with the process.
"""

from __future__ import annotations

import json
import os
import select
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.harness.az import Forked, ForkServer, Result

SCRIPT = Path(__file__).with_name("one_process_server.py")


class OneProcessAz:
    """Runs commands in one environment, where time runs so many times as fast for what they wait for."""

    def __init__(self, server: ForkServer, environment: Mapping[str, str], directory: Path, pace: float = 1):
        self._server, self._environment, self._directory, self._pace = server, environment, directory, pace
        self._errors = directory / "stderr"
        self._process: Forked | None = None

    def __call__(self, arguments: Sequence[str], timeout: float = 60, directory: Path | None = None) -> Result:
        if self._process is None:
            self._start()
        self._server.put_back()
        os.write(self._commands, json.dumps([str(directory or self._directory), arguments]).encode() + b"\n")
        line = b""
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([self._results], [], [], timeout)
            part = os.read(self._results, 1 << 16) if ready else b""
            if not part:
                self.close()  # for the commands that follow
                raise AssertionError(f"No result of {arguments} in {timeout} s\n{self._errors.read_text()}")
            line += part
        return Result(command=" ".join(map(repr, arguments)), **json.loads(line))

    def _start(self) -> None:
        given, self._commands = os.pipe()
        self._results, made = os.pipe()
        with open(given) as stdin, open(made, "w") as out, self._errors.open("w") as err:
            files = (stdin, out, err)
            self._process = self._server.fork([], self._environment, self._directory, files, self._pace, str(SCRIPT))

    def close(self) -> None:
        if self._process is None:
            return
        os.close(self._commands)
        os.close(self._results)
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(10)
        self._process = None
