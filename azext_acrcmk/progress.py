"""Progress on stderr, one line a step; silent where the CLI's settings say so. In words with --verbose."""

from __future__ import annotations

import sys

from knack.log import get_logger

from azext_acrcmk.model.names import short
from azext_acrcmk.plan.step import Step

logger = get_logger(__name__)

_WORDS = {
    "create": "Creating",
    "update": "Updating",
    "delete": "Removing",
    "recover": "Recovering",
    "reuse": "Using",
    "verify": "Not checking",
    "manual": "Leaving",
}


# What the names of steps don't say by themselves.
_NAMES = {
    "purge-protection": "purge protection of vault",
    "trusted-services": "firewall of vault",
    "attach": "identities of registry",
    "version": "new version of key",
    "key-version": "version of key",
    "key-operations": "operations of key",
    "old-version": "old version of key",
    "old-grant": "old grant",
    "journal": "note on registry",
}


class Progress:
    """Says what a command is doing. `silent` leaves only the log lines of --verbose."""

    def __init__(self, silent: bool):
        self._silent = silent

    @classmethod
    def of(cls, cli_ctx) -> Progress:
        """As the CLI's own progress: off with --only-show-errors and core.disable_progress_bar."""
        disabled = cli_ctx.config.getboolean("core", "disable_progress_bar", False)
        return cls(silent=cli_ctx.only_show_errors or disabled)

    def started(self, step: Step) -> None:
        mark = " (irreversible)" if step.irreversible else ""
        name = _NAMES.get(step.name, step.name)
        self.note(f"{step.symbol} {_WORDS[step.action]} {name}: {short(step.resource)}{mark}")
        logger.info("%s %s: %s", _WORDS[step.action], step.resource, step.reason)

    def finished(self, step: Step, outcome: str, seconds: float) -> None:
        logger.info("Step '%s' ended after %.1f s: %s is %s.", step.name, seconds, step.resource, outcome)

    def note(self, text: str) -> None:
        if not self._silent:
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()
