"""Runs `az`, and keeps what was asked of Azure and answered: read from what `az --debug` writes."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

# How long one command may take at most. A grant on Azure may take 10 minutes, and some commands wait for one twice.
PATIENCE = 45 * 60
# A person who waits is told so this often.
SIGN_OF_LIFE = 30
TOO_LONG = 124

# Arguments of `az` -> exit code, standard output, standard error.
Runner = Callable[[list[str]], tuple[int, str, str]]

_RECORD = re.compile(r"^(DEBUG|INFO|WARNING|ERROR|CRITICAL): ([\w.]+): ?(.*)$")
_SENT = re.compile(r'^(https?://[^/: ]+)(?::\d+)? "([A-Z]+) (\S+) HTTP/[\d.]+" (\d{3})')
_HEADER = re.compile(r"^ +'([^']+)': '(.*)'$")
_ERRORS = "cli.azure.cli.core.azclierror"
_SIGN_IN = re.compile(r"/oauth2/|/\.well-known/|/metadata/identity/|^http://", re.IGNORECASE)
# What the answers' headers tell of how Azure behaves; the others are ids of requests, dates and quotas.
HEADERS = ("retry-after", "azure-asyncoperation", "location", "x-ms-failure-cause")


@dataclass(frozen=True)
class Exchange:
    """A request and its answer. Of commands only method, URL and status are known, and the body of a refusal."""

    method: str
    url: str
    status: int
    request: Any = None
    answer: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return self.status < 400

    @property
    def code(self) -> str:
        """The code of a refusal, with the inner one that Key Vault gives."""
        error = self.answer.get("error") if isinstance(self.answer, dict) else None
        if not isinstance(error, dict):
            return ""
        inner = error.get("innererror")
        codes = [error.get("code"), inner.get("code") if isinstance(inner, dict) else None]
        return "/".join(str(code) for code in codes if code)

    @property
    def message(self) -> str:
        error = self.answer.get("error") if isinstance(self.answer, dict) else None
        return str(error.get("message", "")) if isinstance(error, dict) else ""

    def told(self) -> str:
        """Status and code, in a few words."""
        return f"{self.status} {self.code}".rstrip()


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    arguments: list[str]
    code: int
    out: str
    errors: list[str]
    seconds: float
    exchanges: list[Exchange]

    @property
    def result(self) -> Any:
        try:
            return json.loads(self.out)
        except ValueError:
            return None


class Failed(Exception):
    """A command that the run can't do without has failed."""


class Azure:
    """All that is asked goes into `exchanges`, in order."""

    def __init__(self, runner: Runner, subscription: str = ""):
        self.runner, self.subscription = runner, subscription
        self.exchanges: list[Exchange] = []

    def run(self, *arguments: str, debug: bool = True) -> Done:
        """A command, whatever becomes of it."""
        given = [*arguments, "--output", "json", *(["--debug"] if debug else [])]
        if self.subscription:
            given += ["--subscription", self.subscription]
        started = time.monotonic()
        code, out, err = self.runner(given)
        records = list(_records(err))
        exchanges = _exchanges(records)
        self.exchanges += exchanges
        errors = [text for level, source, text in records if level == "ERROR" and source == _ERRORS]
        return Done(list(arguments), code, out, errors, time.monotonic() - started, exchanges)

    def must(self, *arguments: str, debug: bool = True) -> Any:
        """What a command returns. Raises Failed with what it said where it fails."""
        done = self.run(*arguments, debug=debug)
        if done.code:
            said = " ".join(done.errors) or f"exit code {done.code}"
            raise Failed(f"az {' '.join(arguments[:3])}: {said}")
        return done.result

    def rest(self, method: str, url: str, body: Any = None, resource: str = "") -> Exchange:
        """A request, by `az rest`. A URL without a host is one of Azure Resource Manager. Raises Failed where there was
        no answer."""
        arguments = ["rest", "--method", method.lower(), "--url", url]
        if body is not None:
            arguments += ["--body", json.dumps(body)]
        if resource:
            arguments += ["--resource", resource]
        before = len(self.exchanges)
        done = self.run(*arguments)
        answered = [each for each in done.exchanges if each.method == method]
        if not answered:
            raise Failed(f"az rest --method {method.lower()}: {' '.join(done.errors) or 'no answer'}")
        exchange = Exchange(**{**vars(answered[-1]), "request": body})
        self.exchanges[before:] = [exchange]
        return exchange


def _records(err: str) -> Iterator[tuple[str, str, str]]:
    """Level, source and text of what was logged. A text may have several lines."""
    record, lines = ("", ""), []
    for line in err.splitlines():
        found = _RECORD.match(line)
        if found:
            if lines:
                yield *record, "\n".join(lines)
            record, lines = (found[1], found[2]), [found[3]]
        else:
            lines.append(line)
    if lines:
        yield *record, "\n".join(lines)


def _exchanges(records: list[tuple[str, str, str]]) -> list[Exchange]:
    """All requests but those of signing in. `az rest` logs one at a time, with headers and body."""
    found: list[Exchange] = []
    content: list[Any] = []
    headers: dict[str, str] = {}
    part = ""
    for _, source, text in records:
        sent = _SENT.match(text) if source == "urllib3.connectionpool" else None
        if sent and not _SIGN_IN.search(sent[1] + sent[3]):
            found.append(Exchange(sent[2], sent[1] + sent[3], int(sent[4])))
        elif source in ("cli.azure.cli.core.util", "cli.azure.cli.core.sdk.policies"):
            if header := _HEADER.match(text):
                if part == "Response headers:" and header[1].lower() in HEADERS:
                    headers[header[1].lower()] = header[2]
            elif part == "Response content:":
                content.append(_parsed(text))
                part = ""
            elif text.startswith(("Request ", "Response ")):
                part = text
    if len(found) == 1 and len(content) == 1:
        return [Exchange(found[0].method, found[0].url, found[0].status, None, content[0], headers)]
    # Requests of a command are under way at the same time, so only refusals can be told apart, and not whose they are.
    refusals = [each for each in content if isinstance(each, dict) and isinstance(each.get("error"), dict)]
    return [*found, *(Exchange("", "", 0, None, each) for each in refusals)]


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def command() -> list[str]:
    """The `az` that a person would get, or the one installed beside this Python."""
    found = shutil.which("az")
    return [found] if found else [sys.executable, "-m", "azure.cli"]


def subprocess_runner(say: Callable[[str], None]) -> Runner:
    """Runs `az` as a process, and says every now and then that it is still under way."""
    az = command()

    def run(arguments: list[str]) -> tuple[int, str, str]:
        # Commands that ask do so of nobody: they fail instead.
        process = subprocess.Popen(
            [*az, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, "AZURE_EXTENSION_USE_DYNAMIC_INSTALL": "no", "AZURE_CORE_SURVEY_MESSAGE": "0"},
            # Ctrl-C is for this program, which then removes what was made; it ends the command itself.
            start_new_session=True,
        )
        try:
            return _end_of(process, say)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()

    return run


def _end_of(process: subprocess.Popen[str], say: Callable[[str], None]) -> tuple[int, str, str]:
    """What came of a process, which is ended where it takes too long."""
    for turn in range(1, 1 + int(PATIENCE / SIGN_OF_LIFE)):
        with contextlib.suppress(subprocess.TimeoutExpired):
            out, err = process.communicate(timeout=SIGN_OF_LIFE)
            return process.returncode, out, err
        say(f"      under way for {turn * SIGN_OF_LIFE} s")
    process.kill()
    out, err = process.communicate()
    return TOO_LONG, out, f"{err}\nERROR: {_ERRORS}: Not done after {PATIENCE // 60} minutes."
