"""What was locked before the old registry is frozen is remembered in tags."""

from __future__ import annotations

import pytest

from azext_acrcmk.plan.migrate.freeze import (
    MOST_LOCKED,
    TAG,
    TooManyLocked,
    locked_before,
    remembered,
    was_locked,
    without_freeze,
)


@pytest.mark.parametrize("count", [0, 1, 28, 29, MOST_LOCKED])
def test_each_name_is_remembered_and_no_other(count):
    names = [f"app/service{number}" for number in range(count)]
    tags = {"team": "red", **remembered(names)}
    assert all(len(value) <= 256 for value in tags.values())
    assert len(tags) <= 21
    before = locked_before(tags)
    assert all(was_locked(name, before) for name in names)
    assert not was_locked("another", before)
    assert without_freeze(tags) == {"team": "red"}


def test_more_than_can_be_remembered_are_refused():
    with pytest.raises(TooManyLocked):
        remembered(f"app/service{number}" for number in range(MOST_LOCKED + 1))


def test_without_the_tag_it_is_not_frozen():
    assert locked_before({"team": "red", f"{TAG}x": "y"}) is None
