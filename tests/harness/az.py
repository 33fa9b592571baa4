"""Runs the real `az`, and returns everything that a user would see of it.

    result = az("acr cmk show -n myregistry")       waits; result.code, result.out, result.err, result.json()
    running = az.start("acr cmk enable ...")        does not; running.send_signal(SIGINT), running.err, running.wait()

The first shares a process with others where it can (see one_process.py). What the second starts, as `az(..., pace=1)`,
has one of its own. It forks from a process that has imported the modules already (see fork_server.py), where it has its
extensions; others, and those with `fresh=True`, start the `az` of the virtual environment, as a shell does.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

AZ = Path(sys.executable).parent / "az"
FORK_SERVER = Path(__file__).with_name("fork_server.py")


@dataclass(frozen=True)
class Result:
    command: str
    code: int
    out: str
    err: str
    seconds: float

    def __str__(self) -> str:
        return f"az {self.command}\nexit code {self.code} after {self.seconds:.1f} s\n{self.out}\n{self.err}"

    def ok(self) -> Result:
        assert self.code == 0, self
        return self

    def json(self) -> Any:
        """The result of a successful command; None if there is none."""
        return json.loads(self.ok().out or "null")


class Running:
    """A running `az`. `out` and `err` are its output so far."""

    def __init__(self, command: str, process: subprocess.Popen | Forked, out: IO[str], err: IO[str]):
        self.command = command
        self.pid = process.pid
        self._process = process
        self._files = (out, err)
        self._started = time.monotonic()
        self.pressed = 0

    @property
    def out(self) -> str:
        return _content(self._files[0])

    @property
    def err(self) -> str:
        return _content(self._files[1])

    def poll(self) -> int | None:
        """The exit code, if it has ended."""
        return self._process.poll()

    def send_signal(self, number: int) -> None:
        self._process.send_signal(number)

    def interrupt(self) -> Result:
        """Presses Ctrl-C, and again where Python lost it: one that comes just before the main thread begins to wait."""
        for self.pressed in range(1, 6):
            self.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(5)
                break
        return self.wait(1)

    def wait(self, timeout: float = 60) -> Result:
        """Its result. A command that exceeds the timeout is killed and fails the test."""
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.send_signal(signal.SIGKILL)
            raise AssertionError(f"Not done after {timeout} s: az {self.command}\n{self.out}\n{self.err}") from None
        return Result(self.command, code, self.out, self.err, time.monotonic() - self._started)


class Az:
    """Runs commands in one environment, which specifies the sandbox, the configuration and the extensions.

    `shared` is the process for those that are only waited for, if there is one: see one_process.py."""

    def __init__(
        self,
        server: ForkServer,
        environment: Mapping[str, str],
        directory: Path,
        shared: Callable[[list[str], float, Path], Result] | None = None,
    ):
        self.environment = dict(environment)
        self.directory = directory
        self._server, self._shared = server, shared
        self._started: list[Running] = []

    def __call__(self, command: str, *, timeout: float = 60, **how: Any) -> Result:
        if self._shared and not how and self._server.is_own(self.environment):
            return self._shared(shlex.split(command), timeout, self.directory)
        return self.start(command, **how).wait(timeout)

    def start(
        self,
        command: str,
        *,
        stdin: str = "",
        environment: Mapping[str, str] | None = None,
        fresh: bool = False,
        pace: float = 1,
        lost_stderr: bool = False,
    ) -> Running:
        """Starts a command; `environment` is added to the common one, and `pace` is the speed of its clock. Nobody
        reads a lost standard error any more: whoever writes to it gets an error."""
        arguments = shlex.split(command)
        environment = self.environment | dict(environment or {})
        # Appended to, so that looking at what is there does not move the place where az writes on.
        out, err = (tempfile.TemporaryFile("a+", dir=self.directory, encoding="utf-8") for _ in range(2))  # noqa: SIM115
        with tempfile.TemporaryFile("w+", dir=self.directory, encoding="utf-8") as given:
            given.write(stdin)
            given.seek(0)
            files = (given, out, _unread() if lost_stderr else err)
            if fresh or not self._server.fits(environment):
                process = subprocess.Popen(
                    [AZ, *arguments], cwd=self.directory, env=environment, stdin=given, stdout=out, stderr=err
                )
            else:
                process = self._server.fork(arguments, environment, self.directory, files, pace)
        running = Running(command, process, out, err)
        self._started.append(running)
        return running

    def close(self) -> None:
        """Stops everything that a failed test has left running."""
        for running in self._started:
            if running.poll() is None:
                running.send_signal(signal.SIGKILL)
                running.wait()


def _unread() -> IO[str]:
    """A pipe that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    return open(writer, "w", encoding="utf-8")


class ForkServer:
    """The process to fork from, once it has rehearsed some commands, which end well. It ends when its socket is closed,
    at the latest when this process ends."""

    def __init__(self, environment: Mapping[str, str], rehearsals: Sequence[str] = ()):
        self.environment = dict(environment)
        self._socket, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, FORK_SERVER, *(json.dumps(shlex.split(each)) for each in rehearsals)]
            # Standard output is no terminal, as it is none for the children. In a session of its own, because Ctrl-C
            # in the terminal ends the tests, and these close the server.
            self._process = subprocess.Popen(
                command, env=self.environment, stdin=theirs, stdout=subprocess.DEVNULL, start_new_session=True
            )
        assert self._socket.recv(1), "The process to fork from has not come up."
        # Where a configuration is, the CLI reads while it is imported. So each is put there when a command has it.
        self._place = Path(self.environment["AZURE_CONFIG_DIR"])
        self._own = self._place.with_name("own")
        self._running: list[Forked] = []
        self._place.rename(self._own)
        self._place.symlink_to(self._own)

    def forget(self) -> Path:
        """Empties its configuration folder. Returns the parent of that folder."""
        shutil.rmtree(self._own)
        self._own.mkdir()
        self.put_back()
        return self._place.parent

    def put_back(self) -> None:
        """Restores its own configuration."""
        self._put(self._own)

    def fits(self, environment: Mapping[str, str]) -> bool:
        """Whether a command with this environment may run in its children: not beside one of another configuration."""
        self._running = [each for each in self._running if each.poll() is None]
        free = not self._running or self._place.readlink() == self._config(environment)
        return free and environment.get("AZURE_EXTENSION_DIR") == self.environment["AZURE_EXTENSION_DIR"]

    def is_own(self, environment: Mapping[str, str]) -> bool:
        """Whether an environment has its own configuration, and no command runs that has another one."""
        return self._config(environment) == self._own and self.fits(environment)

    def _config(self, environment: Mapping[str, str]) -> Path:
        config = Path(environment["AZURE_CONFIG_DIR"])
        return self._own if config == self._place else config

    def _put(self, config: Path) -> None:
        if self._place.readlink() != config:
            self._place.unlink()
            self._place.symlink_to(config)

    def fork(
        self,
        arguments: list[str],
        environment: Mapping[str, str],
        directory: Path,
        files: tuple,
        pace: float,
        script: str = "",
    ) -> Forked:
        self._put(self._config(environment))
        environment = {**environment, "AZURE_CONFIG_DIR": str(self._place)}
        request = {"arguments": arguments, "environment": environment, "directory": str(directory), "pace": pace}
        request["script"] = script
        message = json.dumps(request).encode() + b"\n"
        report, theirs = os.pipe()
        try:
            sent = socket.send_fds(self._socket, [message], [*(file.fileno() for file in files), theirs])
            self._socket.sendall(message[sent:])
        finally:
            os.close(theirs)
        forked = Forked(open(report, encoding="ascii"))  # noqa: SIM115
        if not script:
            self._running.append(forked)
        return forked

    def close(self) -> None:
        self._socket.close()
        self._process.wait(10)


class Forked:
    """A child of the server, with the required methods of `subprocess.Popen`."""

    def __init__(self, report: IO[str]):
        self.pid = int(report.readline())
        self._report = report
        self._code: int | None = None

    def wait(self, timeout: float) -> int:
        if self._code is None:
            if not select.select([self._report], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(f"az ({self.pid})", timeout)
            with self._report:
                self._code = int(self._report.readline())
        return self._code

    def poll(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.wait(0)
        return None

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


def _content(file: IO[str]) -> str:
    file.seek(0)
    return file.read()
