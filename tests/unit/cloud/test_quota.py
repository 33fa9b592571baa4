"""Queries go as fast as the headers say that they may, and no faster."""

import threading
import time

import pytest

from azext_acrcmk.cloud.quota import Quota, resets_after
from azext_acrcmk.cloud.waiting import Interrupted, Stop


def headers(left: int, seconds: int = 1) -> dict[str, str]:
    return {"x-ms-user-quota-remaining": str(left), "x-ms-user-quota-resets-after": f"00:00:{seconds:02}"}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("00:00:05", 5), ("01:02:03", 3723), ("00:00:00", 1), ("00:00:04.5", 4), ("5", None), ("", None)],
)
def test_the_header_is_read(text, seconds):
    assert resets_after({"x-ms-user-quota-resets-after": text}) == seconds


def test_one_query_learns_how_many_may_follow():
    quota = Quota(Stop())
    quota.take()
    waiting = [threading.Thread(target=quota.take, daemon=True) for _ in range(3)]
    for each in waiting:
        each.start()
    time.sleep(0.05)
    assert all(each.is_alive() for each in waiting)
    quota.told(headers(14, 5))
    for each in waiting:
        each.join(2)
    assert not any(each.is_alive() for each in waiting)


def test_what_is_used_up_comes_again_when_the_header_says():
    quota = Quota(Stop())
    quota.take()
    began = time.monotonic()
    assert quota.told(headers(0)) == 1
    for _ in range(1):
        quota.take()
    assert 0.9 <= time.monotonic() - began < 5


def test_as_many_as_ever_were_left_are_let_through_when_it_begins_again():
    quota = Quota(Stop())
    for left in (2, 1, 0):
        quota.take()
        quota.told(headers(left))
    began = time.monotonic()
    for _ in range(3):
        quota.take()
    assert 0.9 <= time.monotonic() - began < 5


def test_those_under_way_are_not_counted_as_left():
    quota = Quota(Stop())
    quota.take()
    quota.told(headers(2, 5))
    quota.take()
    quota.take()
    quota.told(headers(1, 5))  # of the first; the second is not counted in it yet
    waiting = threading.Thread(target=quota.take, daemon=True)
    waiting.start()
    waiting.join(0.1)
    assert waiting.is_alive()


def test_an_answer_without_headers_lets_the_next_through():
    quota = Quota(Stop())
    for _ in range(5):
        quota.take()
        assert quota.told({}) is None


def test_ctrl_c_ends_the_waiting():
    stop = Stop()
    quota = Quota(stop)
    quota.take()
    quota.told(headers(0, 50))
    stop.set()
    with pytest.raises(Interrupted):
        quota.take()
