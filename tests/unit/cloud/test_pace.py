"""What a person reads of a long read: how far it is, and how long it still takes."""

import pytest

from azext_acrcmk.cloud import pace as module
from azext_acrcmk.cloud.pace import Pace, Paces


@pytest.fixture
def clock(monkeypatch):
    """A clock to be set, in seconds since the pace began."""
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])

    def after(seconds: float) -> None:
        now[0] = 100.0 + seconds

    return after


@pytest.mark.parametrize(
    ("done", "seconds", "said"),
    [
        (0, 0, "Reading keys: 0 of 6000"),
        (0, 30, "Reading keys: 0 of 6000"),
        (10, 1, "Reading keys: 10 of 6000"),
        (2000, 10, "Reading keys: 2000 of 6000, about 20 s left"),
        (100, 10, "Reading keys: 100 of 6000, about 10 min left"),
        (6000, 30, "Reading keys: 6000 of 6000"),
    ],
)
def test_it_says(clock, done, seconds, said):
    pace = Pace("Reading keys", 6000)
    pace.count(done)
    clock(seconds)
    assert pace.told() == said


def test_of_several_things_it_says_the_first_that_has_not_ended(clock):
    paces = Paces()
    paces.expect(["Reading keys"] * 3)
    paces.expect(["Reading what is in doubt"])
    assert paces.told() == "Reading keys: 0 of 3"
    for _ in range(3):
        paces.count("Reading keys")
    assert paces.told() == "Reading what is in doubt: 0 of 1"
    paces.expect(["Reading what is in doubt", "Reading keys"])
    assert paces.told() == "Reading keys: 3 of 4"
    for what in ("Reading keys", "Reading what is in doubt", "Reading what is in doubt"):
        paces.count(what)
    assert paces.told() == "Reading what is in doubt: 2 of 2"
