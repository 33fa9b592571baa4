"""Many reads side by side: fair, patient with a place that throttles, and each done once."""

import threading
import time
from collections import Counter

import pytest

from azext_acrcmk.cloud.pool import LEAST_OF_A_PLACE, Queue, Rest, Throttled, for_each


def place_of(item: str) -> str:
    return item[0]


def test_each_item_is_done_once_and_counted():
    items = [f"{place}{number}" for place in "abc" for number in range(50)]
    done, counted, lock = Counter(), [], threading.Lock()

    def work(item):
        with lock:
            done[item] += 1

    for_each(items, work, lambda _: counted.append(1) or (), place=place_of)
    assert done == Counter(items)
    assert len(counted) == len(items)


def test_one_place_with_many_does_not_keep_the_others_waiting():
    queue = Queue([*(f"a{n}" for n in range(100)), "b0", "c0"], place_of, most=4)
    assert [queue.take()[1] for _ in range(4)] == ["a0", "b0", "c0", "a1"]


def test_no_place_has_more_than_its_share_under_way():
    queue = Queue([f"{place}{n}" for place in "ab" for n in range(200)], place_of, most=64)
    taken = Counter(queue.take()[0] for _ in range(64))
    assert sorted(taken.values()) == [32, 32]
    many = Queue([f"{chr(97 + place)}{n}" for place in range(26) for n in range(20)], place_of, most=400)
    taken = Counter(many.take()[0] for _ in range(400))
    assert max(taken.values()) <= max(LEAST_OF_A_PLACE, -(-400 // 26))


def test_what_is_added_is_the_next_of_its_place():
    queue = Queue(["a0", "a1", "b0"], place_of, most=4)
    queue.add(["a2", "c0"])
    assert [queue.take()[1] for _ in range(5)] == ["a2", "b0", "c0", "a0", "a1"]


def test_what_follows_from_others_is_done_too():
    done = []
    for_each([3], done.append, lambda item: [item - 1] if item else [])
    assert done == [3, 2, 1, 0]


def test_a_place_that_rests_still_rests_when_more_comes():
    times = []

    def work(item):
        times.append(time.monotonic())
        return Rest(0.2)

    for_each(["a"], work, lambda item: ["b"] if item == "a" else [], most=1)
    assert times[1] - times[0] >= 0.2


def test_there_are_workers_for_what_comes_later():
    together = threading.Barrier(3, timeout=10)

    def work(item):
        if item:
            together.wait()

    for_each([0], work, lambda item: () if item else (1, 2, 3), most=3)


def test_what_is_throttled_comes_again_and_the_others_meanwhile():
    order, refused, lock = [], set(), threading.Lock()

    def work(item):
        with lock:
            if item[0] == "a" and item not in refused:
                refused.add(item)
                raise Throttled(0.5)
            order.append(item)

    began = time.monotonic()
    for_each(["a0", "a1", "b0", "b1", "b2"], work, most=1, place=place_of)
    assert sorted(order) == ["a0", "a1", "b0", "b1", "b2"]
    assert order[:3] == ["b0", "b1", "b2"]
    assert time.monotonic() - began >= 0.5


def test_a_place_rests_as_long_as_it_is_told():
    times = []

    def work(_):
        times.append(time.monotonic())
        return Rest(0.2)

    for_each(["a0", "a1"], work, most=1, place=place_of)
    assert times[1] - times[0] >= 0.2


def test_the_first_error_ends_it():
    done = []

    def work(item):
        done.append(item)
        if item == "a1":
            raise ValueError(item)

    with pytest.raises(ValueError, match="a1"):
        for_each([f"a{n}" for n in range(1000)], work, most=1, place=place_of)
    assert done == ["a0", "a1"]


def test_nothing_to_do_is_done():
    for_each([], lambda _: None)
