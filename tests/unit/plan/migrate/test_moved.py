"""Which tags of the new registry follow the old one, and which may be somebody's own."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from azext_acrcmk.model.content import Times
from azext_acrcmk.plan.migrate.moved import Elsewhere, follows

DAY = datetime(2026, 11, 1, tzinfo=timezone.utc)


def at(created: float, updated: float | None = None) -> Times:
    """In hours."""
    return Times(*(DAY + timedelta(hours=each) for each in (created, created if updated is None else updated)))


SECONDS = 1 / 3600
# The old registry got manifest and tag at 1; the run at 10 imported both; at 20 the old tag moved to another manifest.
MOVED = Elsewhere(old=at(1, 20), new=at(10), old_manifest=at(1), new_manifest=at(10))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, True, id="moved since a run"),
        pytest.param({"new": at(5, 10 + 2 * SECONDS)}, True, id="it came with the manifest, not for the first time"),
        pytest.param({"new_manifest": at(5)}, True, id="a first tag of a manifest that was there"),
        pytest.param({"old": at(1, 9)}, True, id="moved between being listed and imported"),
        # Somebody set it in the new registry:
        pytest.param({"new": at(10, 15), "new_manifest": at(10)}, False, id="... before it moved in the old one"),
        pytest.param({"new": at(10, 30), "new_manifest": at(10)}, False, id="... after it moved in the old one"),
        pytest.param({"old": at(1), "new": at(10, 30), "new_manifest": at(10)}, False, id="... and it never moved"),
        pytest.param({"old": at(1), "new": at(10)}, False, id="... with an image of his own push, and it never moved"),
        pytest.param({"old": at(1, 2), "new": at(60), "new_manifest": at(60)}, False, id="... long after it moved"),
        pytest.param({"old": at(15, 20)}, False, id="... before the old one had such a tag"),
        pytest.param({"old_manifest": at(25)}, False, id="... to what the old one got after its tag moved"),
        # Not known:
        *(pytest.param({name: None}, False, id=f"{name} not known") for name in Elsewhere.__dataclass_fields__),
    ],
)
def test_follows(changes, expected):
    assert follows(replace(MOVED, **changes)) is expected
