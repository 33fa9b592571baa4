"""What the tests of `repair` have in common."""

from __future__ import annotations

import json

REPAIR = "acr cmk repair -n myregistry -g rg"
INFORMATION = {"NoRotationPolicy", "ManualRotation", "KeyNeverExpires"}


def failures(result) -> set[str]:
    """The codes of the remaining findings of severity error or warning."""
    return {row["code"] for row in result_of(result)["findings"] if row["status"] == "failed"} - INFORMATION


def result_of(result):
    assert result.out, str(result)
    return json.loads(result.out)
