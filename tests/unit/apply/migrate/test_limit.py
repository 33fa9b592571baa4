"""How many imports run at once."""

from __future__ import annotations

import threading

import pytest

from azext_acrcmk.apply.migrate.limit import FIRST, MOST, Limit, Queue
from azext_acrcmk.cloud.waiting import Interrupted, Stop


def test_successes_let_more_run_and_throttling_fewer():
    limit, stop = Limit(), Stop()
    assert limit.size == FIRST
    limit.succeeded()
    assert limit.size == FIRST + 1
    with limit.slot(stop), limit.slot(stop), limit.slot(stop):
        limit.throttled()
    assert limit.size == 2
    for _ in range(19):
        limit.succeeded()
    assert limit.size == 2
    for _ in range(10 * MOST * MOST):
        limit.succeeded()
    assert limit.size == MOST


def test_one_runs_however_much_it_is_throttled():
    limit = Limit()
    limit.throttled()
    assert limit.size == 1


def test_the_queue_lets_the_next_repository_in_when_there_is_room():
    queue, stop = Queue(Limit(2)), Stop()
    queue.enter(3, stop)
    entered = threading.Event()
    thread = threading.Thread(target=lambda: (queue.enter(1, stop), entered.set()), daemon=True)
    thread.start()
    queue.done()
    assert not entered.wait(0.05)
    queue.done()
    assert entered.wait(5)


def test_a_given_number_is_never_exceeded():
    limit = Limit(3)
    for _ in range(100):
        limit.succeeded()
    assert limit.size == 3
    for _ in range(10):
        limit.throttled()
    assert limit.size == 1


def test_a_slot_is_waited_for_and_stopping_ends_the_wait(monkeypatch):
    monkeypatch.setattr("azext_acrcmk.apply.migrate.limit._LOOK", 0.05)
    limit, stop = Limit(1), Stop()
    entered, ended = threading.Event(), []

    def other() -> None:
        entered.set()
        try:
            with limit.slot(stop):
                ended.append("ran")
        except Interrupted:
            ended.append("interrupted")

    with limit.slot(stop):
        thread = threading.Thread(target=other)
        thread.start()
        assert entered.wait(5)
        assert ended == []
        stop.set()
        thread.join(5)
    assert ended == ["interrupted"]


def test_who_was_throttled_does_not_count_as_running_and_waits_for_a_slot_again():
    limit, stop = Limit(2), Stop()
    aside, again = threading.Event(), threading.Event()

    def refused() -> None:
        with limit.slot(stop):
            limit.throttled()
            with limit.aside(stop):
                aside.set()
            again.set()

    with limit.slot(stop):
        threading.Thread(target=refused, daemon=True).start()
        assert aside.wait(5)
        assert limit.size == 1
        assert not again.wait(0.05)
    assert again.wait(5)


def test_a_slot_is_given_back_after_an_error():
    limit = Limit(1)
    with pytest.raises(ValueError, match="x"), limit.slot(Stop()):
        raise ValueError("x")
    with limit.slot(Stop()):
        pass
