"""Whether tables fit the screen."""

from __future__ import annotations

import re

WIDTH = 120
# A command is never broken, so its line, and the one under the headings, may be longer.
_MAY_BE_LONG = re.compile(r"^[- ]+$|\s(Fix: )?az [a-z]")


def fits(table: str, width: int = WIDTH) -> bool:
    """Whether all lines but those of commands are within the width."""
    return all(len(line) <= width or _MAY_BE_LONG.search(line) for line in table.splitlines())
