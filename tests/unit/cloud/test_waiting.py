import json
from itertools import accumulate, pairwise
from types import SimpleNamespace

import pytest

from azext_acrcmk.cloud.waiting import Interrupted, Pauses, Stop, asked_pause, not_yet, retrying, until_settled


class Clock(Stop):
    """Counts pauses instead of sleeping."""

    def __init__(self):
        super().__init__()
        self.pauses = []

    def pause(self, seconds):
        self.pauses.append(seconds)


class Refusal(Exception):
    """An error with the answer behind it."""

    def __init__(self, status=409, **headers):
        super().__init__()
        self.response = SimpleNamespace(status_code=status, headers=headers)


def made(count, *args, reads=False, **how):
    """The first pauses of a wait."""
    clock = Clock()
    pauses = Pauses(clock, *args, reads=reads)
    assert all(pauses.another(**how) for _ in range(count))
    return clock.pauses


def test_pauses_grow_up_to_a_bound():
    pauses = made(60, 1, 4)
    assert (pauses[0], pauses[-1]) == (1, 4)
    assert all(one < other or one == other == 4 for one, other in pairwise(pauses))


def test_those_between_reads_stay_short_for_a_while():
    pauses = made(200, 1, 4, reads=True)
    assert pauses[:40] == [1] * 40
    assert all(one < other or one == other == 4 for one, other in pairwise(pauses[40:]))
    assert pauses[-1] == 4


# What is waited for is seen late by a part of its time; the most tries in two minutes.
@pytest.mark.parametrize(
    ("reads", "late", "most"), [(False, lambda at: 0.5 + at / 20, 55), (True, lambda at: max(0.5, at / 40), 115)]
)
def test_what_one_waits_for_is_seen_soon_by_few_looks(reads, late, most):
    looks = list(accumulate(made(120, reads=reads)))
    for moment in (0.2, 1, 8, 15, 30, 120):
        seen = next(look for look in looks if look >= moment)
        assert seen <= moment + late(moment)
    assert sum(look < 120 for look in looks) < most


def test_a_pause_that_the_service_asks_for_is_made():
    assert made(3, asked=10) == [10, 10, 10]


def test_no_pause_ends_after_the_time_is_up():
    clock = Clock()
    assert not Pauses(clock, 2).another(within=1)
    assert not Pauses(clock).another(within=5, asked=10)
    assert clock.pauses == []


def test_what_a_refusal_asks_for_is_heard():
    asking = {"Retry-After": "7"}
    assert asked_pause(Refusal(**asking)) == 7
    others = Refusal(), Refusal(**{"Retry-After": "soon"}), Refusal(200, **asking), ValueError()
    assert [asked_pause(error) for error in others] == [None] * 4
    clock = Clock()
    answers = iter([Refusal(**asking), Refusal(), "done"])

    def call():
        answer = next(answers)
        if isinstance(answer, Refusal):
            raise answer
        return answer

    assert retrying(call, lambda error: True, clock, 60) == "done"
    assert clock.pauses[0] == 7 > clock.pauses[1]


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


class TestNotYet:
    """What a run has just created is missing by an error of a front end that does not know it yet."""

    SAID = (
        ("ResourceGroupNotFound", "Resource group 'mygroup' could not be found.", "mygroup"),
        (
            "ResourceNotFound",
            "The Resource 'Microsoft.KeyVault/vaults/myvault' under resource group 'g' was not found.",
            "myvault",
        ),
        ("FailedIdentityOperation", "Response: 'Resource '/s/i/myidentity' was not found.'.", "myidentity"),
    )

    @staticmethod
    def error(code, message):
        answer = Refusal(404)
        answer.response.text = lambda: json.dumps({"error": {"code": code, "message": message}})
        return answer

    @pytest.mark.parametrize(("code", "message", "name"), SAID)
    def test_of_what_was_created(self, code, message, name):
        assert not_yet(self.error(code, message), ("other", name)) == name

    @pytest.mark.parametrize(("code", "message", "name"), SAID)
    def test_of_what_was_not(self, code, message, name):
        assert not_yet(self.error(code, message), ("other", f"{name}2", name[1:])) is None

    def test_of_another_error(self):
        assert not_yet(self.error("AuthorizationFailed", "'/s/myvault' is not yours."), ("myvault",)) is None
