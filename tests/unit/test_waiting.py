import itertools

import pytest

from azext_acrcmk.cloud.waiting import Interrupted, Stop, growing, retrying, until_settled


class Clock(Stop):
    """Counts pauses instead of sleeping."""

    def __init__(self):
        super().__init__()
        self.pauses = []

    def pause(self, seconds):
        self.pauses.append(seconds)


def test_pauses_grow_up_to_a_bound():
    assert list(itertools.islice(growing(1, 4, 2), 5)) == [1, 2, 4, 4, 4]


def test_what_fails_in_a_way_that_passes_is_tried_again():
    answers, clock = iter([ValueError("later"), ValueError("later"), "done"]), Clock()

    def call():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert retrying(call, lambda error: "later" in str(error), clock, 60) == "done"
    assert len(clock.pauses) == 2


def fail():
    raise ValueError("no")


def test_another_failure_is_not():
    clock = Clock()
    with pytest.raises(ValueError, match="no"):
        retrying(fail, lambda error: False, clock, 60)
    assert clock.pauses == []


def test_nor_after_the_time_is_up():
    clock = Clock()
    with pytest.raises(ValueError, match="no"):
        retrying(fail, lambda error: True, clock, 0.5)
    assert clock.pauses == []


def test_a_stop_ends_a_pause():
    stop = Stop()
    stop.set()
    with pytest.raises(Interrupted):
        stop.pause(60)


def test_waiting_for_something_to_settle():
    seen, clock = iter([1, 2, 3, 4]), Clock()
    assert until_settled(lambda: next(seen), lambda value: value == 3, clock) == 3
    assert until_settled(lambda: 0, lambda value: False, clock, seconds=0) == 0
