"""Somebody at a terminal: types lines, and reads what `az` shows meanwhile.

    person = Person(az, "acr cmk wizard")      person.type("1", after="Resource group"); person.ends()

Standard input and error are one pseudo-terminal, and standard output is another one or a file, so that a test sees
apart what is the result.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import shlex
import struct
import subprocess
import termios
import time

from tests.harness.az import AZ, Az, Result

SECONDS = 60


class Person:
    """`controlling` makes it the terminal of a process of its own, which it can interrupt and tell of its size; others
    are forked, which is quicker. With `redirected`, standard output is a file. Without `given`, standard input has
    nothing, and without `told`, standard error is a file."""

    def __init__(
        self,
        az: Az,
        command: str,
        *,
        redirected: bool = False,
        controlling: bool = False,
        given: bool = True,
        told: bool = True,
        columns: int = 100,
    ):
        self._az, self._command, self._begun = az, command, time.monotonic()
        self._ours, theirs = pty.openpty()
        self.shown, self._read = "", 0
        self.resize(columns)
        self._out = az.directory / f"out{self._ours}"
        own, out = (None, os.open(self._out, os.O_CREAT | os.O_RDWR | os.O_TRUNC)) if redirected else pty.openpty()
        self._own = own
        try:
            streams = (theirs if given else os.open(os.devnull, os.O_RDONLY), out, theirs if told else self._log())
            self._process = self._start(streams, controlling)
        finally:
            os.close(theirs)
            os.close(out)
        az._started.append(self)

    def _start(self, streams: tuple[int, int, int], controlling: bool):
        arguments = shlex.split(self._command)
        if controlling:
            given, out, told = streams
            return subprocess.Popen(
                [AZ, *arguments],
                env=self._az.environment,
                cwd=self._az.directory,
                stdin=given,
                stdout=out,
                stderr=told,
                start_new_session=True,
                preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509
            )
        files = tuple(open(os.dup(each), "rb" if each == streams[0] else "wb", 0) for each in streams)  # noqa: SIM115
        try:
            return self._az._server.fork(arguments, self._az.environment, self._az.directory, files, 1)
        finally:
            for each in files:
                each.close()

    def _log(self) -> int:
        return os.open(self._az.directory / "log", os.O_CREAT | os.O_WRONLY)

    def poll(self) -> int | None:
        return self._process.poll()

    def send_signal(self, number: int) -> None:
        self._process.send_signal(number)

    def wait(self) -> int:
        return self._process.wait(SECONDS)

    def resize(self, columns: int) -> None:
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def sees(self, text: str) -> str:
        """Waits until a text is shown that was not seen before. Returns all that was shown up to its end."""
        end = time.monotonic() + SECONDS
        while (at := self.shown.find(text, self._read)) < 0:
            assert time.monotonic() < end, f"'{text}' was not shown after\n{self.shown[self._read :]}"
            assert self._more() or text in self.shown[self._read :], f"'{text}' was not shown:\n{self.shown}"
        seen = self.shown[self._read : at + len(text)]
        self._read = at + len(text)
        return seen

    def type(self, text: str, after: str) -> str:
        """Types a line, or what is no line such as Ctrl-D, once a text is shown. Returns what was shown before it."""
        seen = self.sees(after)
        os.write(self._ours, text.encode() if text in ("\x03", "\x04") else f"{text}\n".encode())
        return seen

    def ends(self) -> Result:
        """Its end, with what is on standard output and all that was shown."""
        while self._more():
            pass
        code = self.wait()
        out = _drained(self._own) if self._own is not None else self._out.read_text(encoding="utf-8")
        os.close(self._ours)
        return Result(self._command, code, out.replace("\r\n", "\n"), self.shown, time.monotonic() - self._begun)

    def _more(self) -> bool:
        """Reads what is shown; False where the process has ended and there is no more."""
        ready, _, _ = select.select([self._ours], [], [], 0.2)
        if not ready:
            return self._process.poll() is None
        try:
            part = os.read(self._ours, 1 << 16)
        except OSError:  # nobody has the other end open
            return False
        self.shown += part.decode(errors="replace").replace("\r\n", "\n")
        return bool(part)


def _drained(descriptor: int) -> str:
    """What was written to a terminal whose other end is closed."""
    parts = []
    while select.select([descriptor], [], [], 0)[0]:
        try:
            part = os.read(descriptor, 1 << 16)
        except OSError:
            break
        if not part:
            break
        parts.append(part)
    os.close(descriptor)
    return b"".join(parts).decode()
