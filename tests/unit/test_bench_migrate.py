"""The floor of a migration is what the service itself takes, so many imports at a time."""

from __future__ import annotations

import pytest

from azext_acrcmk.apply.migrate.limit import MOST
from benchmarks.migrate import floor


def entry(ready: float, path: str = "/x/importImage", status: int | None = 202) -> dict:
    return {"path": path, "status": status, "ready": ready, "seconds": 1.0}


@pytest.mark.parametrize(
    ("log", "least"),
    [
        ([], 0.0),
        ([entry(6.0)], 6.0),
        ([entry(6.0)] * MOST, 6.0),
        ([entry(6.0)] * MOST * 3, 18.0),
        ([entry(6.0)] * MOST + [entry(6.0, status=429), entry(6.0, status=None), entry(9.0, "/x/_manifests")], 6.0),
    ],
)
def test_floor(log, least):
    assert floor(log) == pytest.approx(least)
