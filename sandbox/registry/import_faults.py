"""Imports that go wrong, on demand of a test (facts: migrate.md 2.3, 2.4)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sandbox.world import World

ACTIONS = ("hang", "fail", "lose", "move")


@dataclass
class ImportFault:
    """`source` is a regular expression: a part of "registry/repository@sha256:…" or "registry/repository:tag".

    The fault starts at match `nth` and lasts `times` matches.

    "hang": the operation goes on for `seconds`. The content arrives when it would have, or, unless it `arrives`, never,
    and the operation fails in the end. "fail": it fails with `code` and `message`, and nothing is copied. "lose": it
    succeeds, and nothing is copied. "move": when the import begins, a new image is pushed to the tag that it imports,
    after the service has looked where that points.
    """

    action: str
    source: str = ""
    nth: int = 1
    times: int = 1
    seconds: float = 3600.0
    arrives: bool = True
    code: str = "InvalidParameters"
    message: str = "Error copying blobs."
    seen: int = 0

    def __post_init__(self) -> None:
        if self.action not in ACTIONS:
            raise ValueError(f"Unknown action '{self.action}': one of {', '.join(ACTIONS)}.")
        self._source = re.compile(self.source, re.IGNORECASE)

    def strikes(self, source: str) -> bool:
        """Whether the fault applies to an import from this source. Counts the import if it matches."""
        if not self._source.search(source):
            return False
        self.seen += 1
        return self.nth <= self.seen < self.nth + self.times


def fault_for(world: World, source: str) -> ImportFault | None:
    """The first fault that applies. Every fault counts the import, even after one that applies."""
    striking = [fault for fault in world.import_faults if fault.strikes(source)]
    return striking[0] if striking else None
