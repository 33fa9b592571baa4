"""Limits of a registry: a pause that one request is asked for holds up no others than it has to."""

from __future__ import annotations

import json

import pytest
from azure.core.exceptions import HttpResponseError

from azext_acrcmk.cloud.errors import UnexpectedResponse
from azext_acrcmk.cloud.login_server import LoginServer, NotAdmitted

TOO_MANY = 429


FIREWALL = {"code": "DENIED", "message": "client with IP '192.0.2.7' is not allowed access. Refer https://aka.ms/acr"}


class Answer:
    def __init__(self, status: int):
        self.status_code, self.reason = status, ""
        self.headers = {"Retry-After": "30"} if status == TOO_MANY else {}

    def text(self) -> str:
        return json.dumps({"errors": [FIREWALL]} if self.status_code == 403 else {})


class Waits:
    """A Stop that notes the pauses, and takes no time."""

    def __init__(self):
        self.pauses: list[int] = []

    def pause(self, seconds: float) -> None:
        if seconds > 0:
            self.pauses.append(round(seconds))


class Client:
    """Answers each request as told; as its clients and as the client of the login server."""

    def __init__(self):
        self.statuses: list[int] = []

    def login_server(self, _host: str) -> Client:
        return self

    def send_request(self, _request) -> Answer:
        return Answer(self.statuses.pop(0))


@pytest.fixture
def server():
    client, waits = Client(), Waits()
    found = LoginServer(client, "subscription", "old.azurecr.io", waits)

    def ask(method: str, url: str, *statuses: int, about: str = "app") -> list[int]:
        """The pauses before and between the answers."""
        client.statuses, waits.pauses = list(statuses), []
        try:
            found._request(method, url, {}, about=about)
        except HttpResponseError as error:
            pytest.fail(str(error))
        return waits.pauses

    return ask


KINDS = [("PATCH", "/acr/v1/app"), ("GET", "/acr/v1/app"), ("POST", "/oauth2/token")]


@pytest.mark.parametrize("throttled", KINDS)
def test_only_requests_of_the_same_kind_wait(server, throttled):
    assert server(*throttled, TOO_MANY, 200)[0] == 30
    for each in KINDS:
        assert server(*each, 200) == ([30] if each == throttled else []), each


def test_heads_are_reads_and_puts_are_writes(server):
    server("PATCH", "/acr/v1/app", TOO_MANY, 200)
    assert server("HEAD", "/v2/app/manifests/1", 200) == []
    assert server("PUT", "/v2/app/manifests/1", 200) == [30]


def test_network_rules_that_keep_the_caller_out_are_told_with_his_address(server):
    with pytest.raises(NotAdmitted, match="The network rules of old") as found:
        server("GET", "/acr/v1/_catalog", 403)
    assert (found.value.host, found.value.address) == ("old.azurecr.io", "192.0.2.7")


@pytest.mark.parametrize(
    ("lists", "page"),
    [
        (lambda server: server.repositories(), {}),
        (lambda server: server.repositories(), {"repositories": {"app": 1}}),
        (lambda server: server.repositories(), {"repositories": ["app", None]}),
        (lambda server: server.manifests("app"), {"manifests": [{"digest": None}]}),
        (lambda server: server.manifests("app"), {"errors": []}),
        (lambda server: server.tags("app"), {"tags": "v1"}),
    ],
)
def test_what_is_no_list_is_not_an_empty_one(monkeypatch, lists, page):
    server = LoginServer(Client(), "subscription", "old.azurecr.io", Waits())
    monkeypatch.setattr(server, "_pages", lambda *_: iter([page]))
    with pytest.raises(UnexpectedResponse, match="was expected"):
        list(lists(server))


def test_null_is_an_empty_list(monkeypatch):
    server = LoginServer(Client(), "subscription", "old.azurecr.io", Waits())
    monkeypatch.setattr(server, "_pages", lambda *_: iter([{"repositories": None}]))
    assert list(server.repositories()) == []


def test_a_repository_that_is_throttled_does_not_hold_up_others_but_two_are_the_limit_of_the_registry(server):
    for method, url in KINDS:
        assert server(method, url, TOO_MANY, 200, about="one")[0] == 30
        assert server(method, url, 200, about="another") == []
        assert server(method, url, 200, about="one") == [30]
        # Another is throttled as well: so it is not the repository that has a limit.
        assert server(method, url, TOO_MANY, 200, about="another")[0] == 30
        assert server(method, url, 200, about="a third") == [30]
