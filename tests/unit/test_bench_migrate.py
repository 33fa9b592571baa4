"""The floor of a migration is what the service itself takes, so many imports at a time."""

from __future__ import annotations

import pytest

from benchmarks.migrate import WRITES, WRITES_A_SECOND, floor

LIMIT = 4


def entry(ready: float, path: str = "/x/importImage", status: int | None = 202) -> dict:
    return {"path": path, "status": status, "ready": ready, "seconds": 1.0}


@pytest.mark.parametrize(
    ("log", "least"),
    [
        ([], 0.0),
        ([entry(6.0)], 6.0),
        ([entry(6.0)] * LIMIT, 6.0),
        ([entry(6.0)] * LIMIT * 3, 18.0),
        ([entry(6.0)] * LIMIT + [entry(6.0, status=429), entry(6.0, status=None), entry(9.0, "/x/_manifests")], 6.0),
    ],
)
def test_floor(log, least):
    assert floor(log, LIMIT) == pytest.approx(least)


def test_resource_manager_lets_no_more_begin():
    assert floor([entry(6.0)] * (WRITES + 2 * WRITES_A_SECOND), 10_000) == pytest.approx(2 + 6.0)
