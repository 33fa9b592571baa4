"""What stands in the way of a plan. Pure."""

from __future__ import annotations

from azext_acrcmk.model.value import Value, immutable

BLOCKED, UNDETERMINED, REGISTERED = "blocked", "unknown", "update"
_SYMBOLS = {BLOCKED: "x", UNDETERMINED: "?", REGISTERED: "~"}


@immutable
class Obstacle(Value):
    """What would stop a plan (`blocked`), what can't be determined, or what the run will do about it (`update`)."""

    action: str
    step: str
    resource: str
    reason: str
    # What to do about it, if the reason does not say so.
    advice: str = ""

    @property
    def symbol(self) -> str:
        return _SYMBOLS[self.action]

    @property
    def as_text(self) -> str:
        """In words, without the columns of a plan: what it is about first, unless the reason says so."""
        return self.reason if self.resource in self.reason else f"{self.resource}: {self.reason}"
