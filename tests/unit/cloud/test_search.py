"""What is searched directly and what by Resource Graph; and what is said of places that were not, or may be old."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from azure.core.exceptions import HttpResponseError

from azext_acrcmk.cloud import asked as asked_module
from azext_acrcmk.cloud import search as module
from azext_acrcmk.cloud.across import is_name_free
from azext_acrcmk.cloud.asked import NO_ANSWER, Asked, KeyUsers, Seen
from azext_acrcmk.cloud.search import How, Search
from azext_acrcmk.cloud.sharing import merged
from azext_acrcmk.cloud.waiting import done
from azext_acrcmk.cloud.walk import MOST_OTHERS, NEAR, Walk
from azext_acrcmk.model.ids import Id
from azext_acrcmk.model.problem import not_searched
from azext_acrcmk.model.state import ABSENT, Unknown
from tests.harness import make
from tests.harness.waiting import until

FAILED = Unknown(why="Resource Graph is tired.", denied=False)
OWN = "s000"


def places(count: int) -> list[str]:
    return [f"s{number:03}" for number in range(count)]


def denied() -> HttpResponseError:
    text = '{"error": {"code": "AuthorizationFailed", "message": "No."}}'
    response = SimpleNamespace(status_code=403, headers={}, reason="", text=lambda *_: text)
    return HttpResponseError(message="No.", response=response)


class Azure:
    """Subscriptions with what is found in each, or the error that they answer; and what Resource Graph shows."""

    def __init__(self, there: dict[str, object], graph: object = None):
        self.there, self.read = there, []
        shown = frozenset(map(Id, there))
        rows = [f"{place}/{name}" for place, names in there.items() if isinstance(names, list) for name in names]
        self.graph = self.seen(rows, shown) if graph is None else graph

    @staticmethod
    def seen(rows, shown, missing=0, cut=False) -> Seen:
        return Seen(tuple({"id": each} for each in rows), frozenset(map(Id, shown)), missing, cut)

    def within(self, _seconds):
        return self.graph

    def directly(self, place: str) -> list[str]:
        self.read.append(place)
        found = self.there.get(place, [])
        if isinstance(found, Exception):
            raise found
        return [f"{place}/{name}" for name in found]

    def search(self, known, thorough=False, near=(), later=()):
        how = How(self.directly, "list", lambda row: row["id"], lambda found: Id(found.split("/")[0]))
        search = Search(how, known, self, 1.0, thorough)
        search.begin(near)
        found, unsearched = search.end(later)
        return found if isinstance(found, Unknown) else sorted(found), not_searched(unsearched)


def test_few_are_read_directly_and_resource_graph_adds_those_that_the_login_does_not_know():
    azure = Azure({OWN: ["a"], "s001": ["b"], "new": ["c"], "empty": []})
    found, said = azure.search(places(2))
    assert found == ["new/c", "s000/a", "s001/b"]
    assert sorted(azure.read) == ["new", "s000", "s001"]
    assert said == "Searched only by Resource Graph, which can be minutes behind: 1 further subscription."


@pytest.mark.parametrize("thorough", [False, True])
def test_what_resource_graph_does_not_show_yet_is_found_where_it_is_read_directly(thorough):
    lagging = Azure.seen([], places(40))
    azure = Azure(
        {OWN: ["a"], "s005": ["near"], "s020": ["of identity"], "s030": ["of vault"], "s039": ["far"]}, lagging
    )
    found, said = azure.search(places(40), thorough, near=["s020"], later=["s030"])
    far = ["s039/far"] if thorough else []
    assert found == ["s000/a", "s005/near", "s020/of identity", "s030/of vault", *far]
    assert ("Searched only by Resource Graph" in said) is not thorough
    assert len(azure.read) == (40 if thorough else NEAR + 2)


def test_what_resource_graph_still_shows_is_not_held_against_anyone():
    old = Azure.seen(["s020/gone", "s021/b"], places(40))
    azure = Azure({"s021": ["b"]}, old)
    assert azure.search(places(40))[0] == ["s021/b"]
    assert {"s020", "s021"} < set(azure.read)


def test_what_it_shows_where_the_list_is_denied_is_kept():
    azure = Azure({"s020": denied()}, Azure.seen(["s020/a"], places(40)))
    found, said = azure.search(places(40))
    assert found == ["s020/a"]
    assert "Not searched: subscription s020 (no permission 'list')." in said


def test_hidden_subscriptions_are_counted():
    found, said = Azure({OWN: []}).search(places(40))
    assert found == []
    assert said == "Not searched: 30 further subscriptions (not shown by Resource Graph)."


def test_more_than_a_hundred_are_read_by_resource_graph_alone():
    azure = Azure({place: ["x"] if place == "s299" else [] for place in places(300)})
    found, said = azure.search(places(300), thorough=True)
    assert (found, len(azure.read)) == (["s299/x"], 1 + MOST_OTHERS + 1)
    assert said == "Searched only by Resource Graph, which can be minutes behind: 198 further subscriptions."


def test_those_of_vault_and_identity_are_read_whatever_number_there_is():
    lagging = Azure.seen([], places(300))
    azure = Azure({"s298": ["of identity"], "s299": ["of vault"]}, lagging)
    found, _ = azure.search(places(300), thorough=True, near=["s298"], later=["s299"])
    assert found == ["s298/of identity", "s299/of vault"]


@pytest.mark.parametrize("thorough", [False, True])
def test_without_resource_graph_all_are_read_as_far_as_the_limits_allow(thorough):
    azure = Azure({"s099": ["a"], "s150": ["b"]}, FAILED)
    found, said = azure.search(places(151), thorough)
    assert (found, len(azure.read)) == (["s099/a"], 1 + MOST_OTHERS)
    assert "Not searched: 50 further subscriptions (at most 100 others are searched without Resource Graph" in said
    assert "Resource Graph is tired)" in said


def test_without_resource_graph_those_that_the_login_does_not_know_are_said_where_it_decides():
    azure = Azure({OWN: ["a"], "s001": ["b"]}, FAILED)
    assert azure.search(places(2)) == (["s000/a", "s001/b"], "")
    said = "subscriptions that are not in `az account list` (Resource Graph can't be asked: Resource Graph is tired)"
    assert azure.search(places(2), thorough=True) == (["s000/a", "s001/b"], f"Not searched: {said}.")


def test_where_its_own_subscription_can_not_be_read_it_is_unknown():
    found, said = Azure({OWN: denied(), "s001": ["b"]}).search(places(2))
    assert isinstance(found, Unknown)
    assert (found.action, said) == ("list", "")


def test_rows_that_are_missing_and_subscriptions_beyond_the_limit_are_said():
    azure = Azure({}, Azure.seen([], [OWN], missing=2, cut=True))
    _, said = azure.search([OWN])
    assert "2 further resources (counted by Resource Graph, but not returned)" in said
    assert "subscriptions after the first 10,000" in said


def test_of_one_account_all_registries_are_asked_about_once():
    clients = SimpleNamespace(account_name=lambda subscription: subscription[0], arm=lambda _: Silent())
    users = KeyUsers(many=True)
    one = make.registry(make.goal())
    assert users.ask(clients, one) is users.ask(clients, one)
    assert KeyUsers().ask(clients, one) is not KeyUsers().ask(clients, one)


class Silent:
    """An Azure that is asked too much, whoever asks."""

    def __init__(self):
        self.asked = 0

    def query(self, *_):
        self.asked += 1
        text = '{"error": {"code": "RateLimiting", "message": "Too many."}}'
        response = SimpleNamespace(status_code=429, headers={}, reason="", text=lambda *_: text)
        raise HttpResponseError(message="Too many.", response=response)


def test_nobody_asks_on_when_nobody_waits_any_more(monkeypatch):
    monkeypatch.setattr("azext_acrcmk.cloud.graph._FIRST_PAUSE", 0.01)
    azure = Silent()
    asked = Asked(SimpleNamespace(arm=lambda _: azure), "s", "resources")
    until(lambda: azure.asked)
    assert asked.within(0.1) == Unknown(why=NO_ANSWER, denied=False)
    assert done(asked._answer, 20)
    assert asked.within(0.1) == Unknown(why=NO_ANSWER, denied=False)


def test_counted_places_of_two_searches_are_the_same_only_for_the_same_reason():
    some = (Unknown("", "1 further subscription", "a"), Unknown("", "1 further subscription", "b"))
    place = Unknown("list", "/subscriptions/s")
    assert merged((*some, place), (some[0], place)) == (*some, place)


def test_its_patience_fits_into_the_time_of_a_search():
    assert asked_module.SECONDS < module.LONG_PATIENCE < module.SECONDS


class TestOneThing:
    """A vault is in the first subscription, or in any of the others."""

    def found(self, there, shown=(), count=40, beyond=False):
        read, asked = [], []

        def look(place):
            read.append(place)
            return "it" if place == there else ABSENT

        def ask():
            asked.append(1)
            return list(shown)

        return Walk(places(count)).first_found(look, "list", ask, beyond), read, bool(asked)

    def test_at_hand_nobody_is_asked(self):
        assert self.found(OWN) == ("it", [OWN], False)

    def test_where_resource_graph_shows_it_only_that_is_read(self):
        assert self.found("s030", ["s030"]) == ("it", [OWN, "s030"], True)
        assert self.found("s200", ["s200"], count=300) == ("it", [OWN, "s200"], True)

    @pytest.mark.parametrize("shown", [[], ["s020"]])
    def test_where_it_does_not_all_are_read(self, shown):
        found, read, _ = self.found("s030", shown)
        assert (found, sorted(read)) == ("it", places(40))

    @pytest.mark.parametrize(("beyond", "expected"), [(True, "it"), (False, ABSENT)])
    def test_beyond_those_that_the_login_knows_it_is_where_resource_graph_shows_it(self, beyond, expected):
        found, read, asked = self.found("new", ["s001", "new"], count=5, beyond=beyond)
        assert (found, asked) == (expected, beyond)
        assert sorted(read) == sorted([*places(5), *(["new"] if beyond else [])])

    def test_of_few_all_are_read_at_once(self):
        found, read, asked = self.found("s003", count=5)
        assert (found, sorted(read), asked) == ("it", places(5), False)


@pytest.mark.parametrize(
    ("answers", "free", "asked"),
    [
        ([Unknown(), True], True, 2),
        ([False, True], False, 1),
        ([Unknown()] * 30, False, 10),
    ],
)
def test_whether_a_name_is_free_is_asked_for_where_one_may_ask(answers, free, asked):
    subscriptions = [str(number) for number in range(len(answers))]
    tried = []

    def ask(subscription):
        tried.append(subscription)
        return answers[int(subscription)]

    assert (is_name_free(ask, subscriptions), tried) == (free, subscriptions[:asked])
