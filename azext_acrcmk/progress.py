"""Progress on stderr: one line for each change, and during long operations what is running and for how many seconds.

Silent if the CLI is configured so. --verbose logs sentences. A closed stderr (`2>&1 | head`) does not stop a command.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from knack.log import get_logger

from azext_acrcmk.model.names import short
from azext_acrcmk.plan.change import READ, Change

logger = get_logger(__name__)

# The seconds between updates on a terminal, and the seconds of silence after which a line is logged.
TERMINAL_SECONDS = 1.0
LOG_SECONDS = 55.0


class Progress:
    """Shows what a command is doing. `silent` leaves only the log of --verbose."""

    def __init__(self, silent: bool):
        self._silent = silent
        self._on_terminal = not silent and _is_terminal()
        self._lock = threading.RLock()
        # What is running, by a key, with its start; the latest is shown.
        self._activities: dict[object, tuple[str | Callable[[], str], float]] = {}
        self._last_line = time.monotonic()
        self._status = False
        self._paused = False
        self._ended: threading.Event | None = None

    @classmethod
    def of(cls, cli_ctx) -> Progress:
        """Like the CLI's own progress, disabled by --only-show-errors and core.disable_progress_bar."""
        disabled = cli_ctx.config.getboolean("core", "disable_progress_bar", False)
        return cls(silent=cli_ctx.only_show_errors or disabled)

    @contextmanager
    def during(self, text: str | Callable[[], str]) -> Iterator[None]:
        """Tells that this goes on, where it takes long. What a function says may change meanwhile."""
        key = object()
        self._begin(key, text)
        try:
            yield
        finally:
            self._end(key)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leaves the terminal to a prompt or a warning of the CLI."""
        with self._lock:
            self._paused = True
            self._clear()
        try:
            yield
        finally:
            self._paused = False

    def started(self, change: Change) -> None:
        if change.action is READ:
            return
        mark = " (irreversible)" if change.irreversible else ""
        what = " ".join(filter(None, (change.verb, change.noun)))
        self.note(f"{change.symbol} {what} {short(change.resource)}{mark}")
        logger.info("%s %s: %s", what, change.resource, change.reason)
        if change.changes:
            self._begin(id(change), f"{what} {short(change.resource)}")

    def finished(self, change: Change, outcome: str, seconds: float) -> None:
        self._end(id(change))
        logger.info("Step '%s' ended after %.1f s: %s is %s.", change.step, seconds, change.resource, outcome)

    def note(self, text: str) -> None:
        """Writes a line."""
        if not self._silent:
            with self._lock:
                self._clear()
                self._write(f"{text}\n")
                self._last_line = time.monotonic()

    def close(self) -> None:
        with self._lock:
            if self._ended:
                self._ended.set()
            self._clear()

    def _begin(self, key: object, text: str | Callable[[], str]) -> None:
        if self._silent:
            return
        with self._lock:
            self._activities[key] = text, time.monotonic()
            if self._ended is None:
                self._ended = threading.Event()
                threading.Thread(target=self._beat, daemon=True).start()

    def _end(self, key: object) -> None:
        with self._lock:
            self._activities.pop(key, None)

    def _beat(self) -> None:
        while not self._ended.wait(TERMINAL_SECONDS):
            with self._lock:
                if not self._activities or self._paused or self._ended.is_set():
                    continue
                text, began = list(self._activities.values())[-1]
                text = text() if callable(text) else text
                now = time.monotonic()
                if self._on_terminal:
                    self._show(f"  {text} ({now - began:.0f} s)")
                elif now - self._last_line >= LOG_SECONDS:
                    self.note(f"  {text}: {now - began:.0f} seconds so far")

    def _show(self, text: str) -> None:
        """Replaces the last line of the terminal."""
        width = shutil.get_terminal_size().columns - 1
        self._write(f"\r\x1b[K{text[:width]}")
        self._status = True

    def _clear(self) -> None:
        if self._status:
            self._write("\r\x1b[K")
            self._status = False

    def _write(self, text: str) -> None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except (AttributeError, OSError, ValueError):
            # Closed, or no longer read: the changes in Azure are more important.
            self._silent = True


def _is_terminal() -> bool:
    try:
        return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    except (AttributeError, ValueError):
        return False
