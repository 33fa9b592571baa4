"""Progress on stderr, one line a change; silent where the CLI's settings say so. In words with --verbose."""

from __future__ import annotations

import sys

from knack.log import get_logger

from azext_acrcmk.model.names import short
from azext_acrcmk.plan.change import READ, Change

logger = get_logger(__name__)


class Progress:
    """Says what a command is doing. `silent` leaves only the log lines of --verbose."""

    def __init__(self, silent: bool):
        self._silent = silent

    @classmethod
    def of(cls, cli_ctx) -> Progress:
        """As the CLI's own progress: off with --only-show-errors and core.disable_progress_bar."""
        disabled = cli_ctx.config.getboolean("core", "disable_progress_bar", False)
        return cls(silent=cli_ctx.only_show_errors or disabled)

    def started(self, change: Change) -> None:
        if change.action is READ:
            return
        mark = " (irreversible)" if change.irreversible else ""
        what = " ".join(filter(None, (change.verb, change.noun)))
        self.note(f"{change.symbol} {what} {short(change.resource)}{mark}")
        logger.info("%s %s: %s", what, change.resource, change.reason)

    def finished(self, change: Change, outcome: str, seconds: float) -> None:
        logger.info("Step '%s' ended after %.1f s: %s is %s.", change.step, seconds, change.resource, outcome)

    def note(self, text: str) -> None:
        if not self._silent:
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()
