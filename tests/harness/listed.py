"""What `list` and `check` say of registries, so that it can be compared."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any


def wrong(rows: Iterable[dict[str, Any]]) -> set[tuple[str, ...]]:
    """The findings that are not passed. What names the time of the command is another a second later."""
    return {
        (
            row["code"],
            row["severity"],
            row["status"],
            row["subject"].lower(),
            re.sub(r"\d+ minutes ago", "", row["message"]),
            re.sub(r"\d\dT[\d:]+Z", "", row["fix"] or ""),
        )
        for row in rows
        if row["status"] in ("failed", "unknown")
    }
