"""All rows of a query, or how many are missing: whatever becomes of the pages."""

import threading
from types import SimpleNamespace

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ServiceRequestError

from azext_acrcmk.cloud import graph as module
from azext_acrcmk.cloud.graph import Graph, Rows, Where
from azext_acrcmk.cloud.waiting import Stop

QUOTA = {"x-ms-user-quota-remaining": "14", "x-ms-user-quota-resets-after": "00:00:05"}
ROWS = [{"id": f"/r/{number:03}"} for number in range(7)]


def page(*rows, total=7, token=None, headers=QUOTA):
    body = {"totalRecords": total, "count": len(rows), "data": list(rows), "resultTruncated": "false"}
    return (body | ({"$skipToken": token} if token else {})), headers


def failed(status: int, headers=QUOTA, code="InternalServerError"):
    text = f'{{"error": {{"code": "{code}", "message": "No."}}}}'
    response = SimpleNamespace(status_code=status, headers=headers, reason="", text=lambda *_: text)
    return HttpResponseError(message="No.", response=response)


class Arm:
    """Answers queries in turn; the last answer for ever. Keeps what was asked."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    def query(self, _path, _version, body):
        self.asked.append(body)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def graph_of(arm):
    return Graph(SimpleNamespace(arm=lambda _: arm), "s", Stop())


def ask(arm, where=Where()):  # noqa: B008
    return graph_of(arm).ask("resources", where)


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Nothing is waited for long."""
    monkeypatch.setattr(module, "PATIENCE", 0.3)
    monkeypatch.setattr(module, "PATIENCE_WITH_TROUBLE", 0.3)
    monkeypatch.setattr(module, "_FIRST_PAUSE", 0.01)


class Paged:
    """A service with pages of three rows, by $skip or by token. `before` is called with the number of each request, and
    may change `rows` or return what to answer instead."""

    def __init__(self, before=lambda _arm, _number: None):
        self.rows, self.asked, self.before, self._lock = list(ROWS), [], before, threading.Lock()

    def query(self, _path, _version, body):
        with self._lock:
            self.asked.append(body["options"])
            assert body["query"] == "resources | order by id asc"
            if (instead := self.before(self, len(self.asked))) is not None:
                raise instead
            start = int(body["options"].get("$skipToken") or body["options"].get("$skip") or 0)
            end = start + 3
            return page(*self.rows[start:end], total=len(self.rows), token=str(end) if end < len(self.rows) else None)

    def starts(self, option):
        return sorted(int(each[option]) for each in self.asked if option in each)


def test_the_first_page_tells_how_many_follow_and_these_are_asked_for_at_once():
    arm = Paged()
    found = ask(arm)
    assert (sorted(each["id"] for each in found.rows), found.missing) == ([each["id"] for each in ROWS], 0)
    assert (arm.starts("$skip"), arm.starts("$skipToken")) == ([3, 6], [])


def test_of_more_rows_than_wanted_nothing_is_told_and_no_more_is_asked():
    few, many = Paged(), Paged()
    assert graph_of(few).ask("resources", most=7) == Rows(tuple(ROWS))
    assert graph_of(many).ask("resources", most=6) == Rows(told=False)
    assert len(many.asked) == 1


def test_of_each_row_it_is_what_is_read_of_it_as_soon_as_its_page_is_there():
    read, before_second = [], []

    def before(_arm, number):
        if number == 2:
            before_second.extend(read)

    def number_of(row):
        read.append(row["id"])
        return None if row == ROWS[6] else int(row["id"][3:])

    found = graph_of(Paged(before)).ask("resources", read=number_of)
    assert (sorted(found.rows), found.missing) == ([0, 1, 2, 3, 4, 5], 0)
    assert before_second == [each["id"] for each in ROWS[:3]]


def remove_first_at(arm, number):
    if number == 2:
        del arm.rows[0]


def test_rows_that_shift_between_pages_are_asked_for_again_one_page_after_the_other():
    """A registry is deleted while the pages are read: the fourth moves into the first page, which was read already."""
    arm = Paged(remove_first_at)
    found = ask(arm)
    assert (found.rows, found.missing) == (tuple(ROWS[1:]), 0)
    assert (arm.starts("$skip"), arm.starts("$skipToken")) == ([3, 6], [3])


def test_rows_that_come_twice_are_kept_once():
    found = ask(Arm(page(*ROWS[:4], token="a"), page(*ROWS[3:])))
    assert (found.rows, found.missing) == (tuple(ROWS), 0)


def test_what_shifts_each_time_is_missing():
    found = ask(Arm(page(*ROWS[:3], token="a"), page(*ROWS[4:])))
    assert found.missing > 0


def test_a_page_without_a_token_for_the_rest_is_missing():
    found = ask(Arm(page(*ROWS[:3])))
    assert (len(found.rows), found.missing) == (3, 4)


def test_pages_that_link_to_each_other_end():
    found = ask(Arm(page(*ROWS[:3], token="a")))
    assert found.missing == 4


@pytest.mark.parametrize("error", [failed(500), failed(503), failed(429, {}, "RateLimiting"), ServiceRequestError("x")])
@pytest.mark.parametrize("lost", [1, 2, 3])
def test_a_page_that_is_lost_is_asked_for_again(error, lost):
    arm = Paged(lambda _, number: error if number == lost else None)
    assert ask(arm).missing == 0
    assert len(arm.asked) == 4


@pytest.mark.parametrize("nth", [2, 3])
def test_a_page_that_stays_lost_fails(nth):
    with pytest.raises(HttpResponseError):
        ask(Paged(lambda _, number: failed(500) if number >= nth else None))


@pytest.mark.parametrize("error", [failed(500), failed(429, {}, "RateLimiting"), ServiceRequestError("x")])
def test_what_fails_for_ever_fails(error):
    with pytest.raises(type(error)):
        ask(Arm(error))


def test_a_token_that_expires_on_the_way_is_renewed_once():
    expired = failed(401, code="ExpiredAuthenticationToken")
    assert ask(Arm(expired, page(*ROWS))).missing == 0
    arm = Arm(expired)
    with pytest.raises(HttpResponseError):
        ask(arm)
    assert len(arm.asked) == 2


@pytest.mark.parametrize("error", [failed(400, code="BadRequest"), failed(403), ClientAuthenticationError("expired")])
def test_what_will_not_pass_fails_at_once(error):
    arm = Arm(error)
    with pytest.raises(type(error)):
        ask(arm)
    assert len(arm.asked) == 1


def test_more_subscriptions_than_it_looks_at_are_told():
    assert ask(Arm(page(*ROWS, headers={**QUOTA, "x-ms-tenant-subscription-limit-hit": "true"}))).cut is True
    assert ask(Arm(page(*ROWS))).cut is False


def test_many_subscriptions_are_asked_for_in_pieces():
    arm = Arm(page(total=0))
    ask(arm, Where(subscriptions=tuple(map(str, range(601)))))
    assert [len(body["subscriptions"]) for body in arm.asked] == [300, 300, 1]


def test_an_answer_that_calls_itself_truncated_is_not_whole_whatever_it_counts():
    body, headers = page(*ROWS[:3], total=3)
    found = ask(Arm(({**body, "resultTruncated": "true"}, headers)))
    assert (len(found.rows), found.missing) == (3, 1)


def test_an_answer_that_does_not_count_is_none():
    body, headers = page(*ROWS)
    for count in (None, "7"):
        with pytest.raises(HttpResponseError, match="the number of all rows"):
            ask(Arm(({**body, "totalRecords": count}, headers)))
