"""Only a good answer of the quick way counts; it sends what the CLI's client sends, with a token that is not old."""

import json
import time
from types import SimpleNamespace

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from urllib3.exceptions import ReadTimeoutError

from azext_acrcmk.cloud.errors import read_error
from azext_acrcmk.cloud.pool import Rest, Throttled
from azext_acrcmk.cloud.quick_reads import QuickClients, QuickReads
from azext_acrcmk.model.api_versions import DATA_PLANE_API_VERSION
from azext_acrcmk.model.state import ABSENT

LEFT = "x-ms-ratelimit-remaining-subscription-reads"
GOOD = (200, {"a": 1})


class Connections:
    """Answers in turn, with a status, a body and headers, or raises; keeps what was sent."""

    def __init__(self, *answers):
        self.answers, self.sent = list(answers), []

    def urlopen(self, method, target, **options):
        self.sent.append((method, target, options))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        status, body, *headers = answer
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return SimpleNamespace(status=status, reason="", data=data, headers=headers[0] if headers else {})


class Clients:
    """One account, whose tokens are numbered."""

    def __init__(self, connections, seconds=3600.0):
        self.made, self._connections, self._seconds = 0, connections, seconds

    def account_of(self, _subscription):
        return "account"

    def token(self, _subscription):
        self.made += 1
        return SimpleNamespace(token=f"token{self.made}", expires_on=time.time() + self._seconds)

    def vault_token(self):
        return "for vaults"

    def connections(self, vault=None):
        if isinstance(self._connections, Exception):
            raise self._connections
        self._connections.host = vault
        return self._connections


def quick(*answers, sent=None, **options):
    connections = Connections(*answers)
    sent = {"User-Agent": "us", "Authorization": "Bearer old"} if sent is None else sent
    return QuickReads(Clients(connections, **options), SimpleNamespace(sent=sent)), connections


def get(reads):
    return reads.get("s", "/subscriptions/s/a b", "2026-01-01")


def test_a_good_answer_is_read_with_the_headers_of_the_command_and_a_token_of_now():
    reads, connections = quick(GOOD, GOOD)
    assert [get(reads).body, get(reads).body] == [{"a": 1}, {"a": 1}]
    method, target, options = connections.sent[0]
    assert (method, target) == ("GET", "/subscriptions/s/a%20b?api-version=2026-01-01")
    assert options["headers"] == {"User-Agent": "us", "Authorization": "Bearer token1"}
    assert options["redirect"] is False
    assert connections.sent[1][2]["headers"]["Authorization"] == "Bearer token1"


@pytest.mark.parametrize(
    "answer",
    [
        *((status, {"error": {}}) for status in (201, 204, 302, 400, 401, 403, 404, 409, 500, 503)),
        (200, b"no json"),
        (200, b"\xff"),
        (200, {"value": [], "nextLink": "https://elsewhere"}),
        ReadTimeoutError(None, "", "late"),
        OSError("gone"),
    ],
    ids=str,
)
def test_anything_else_takes_more(answer):
    reads, _ = quick(answer)
    assert get(reads) is None


@pytest.mark.parametrize(("headers", "seconds"), [({"Retry-After": "7"}, 7), ({}, 1), ({"Retry-After": "soon"}, 1)])
def test_what_is_throttled_says_for_how_long(headers, seconds):
    reads, _ = quick((429, {}, headers))
    with pytest.raises(Throttled) as raised:
        get(reads)
    assert raised.value.seconds == seconds


@pytest.mark.parametrize(("left", "rest"), [("0", Rest(1.0)), ("1", None), ("", None)])
def test_where_no_reads_are_left_the_subscription_rests(left, rest):
    reads, _ = quick((*GOOD, {LEFT: left}))
    assert get(reads).rest == rest


def error(code):
    return {"error": {"code": code, "message": "It was not found.\nTry again."}}


def test_what_azure_says_is_not_there_is_absent():
    reads, _ = quick((404, error("ResourceNotFound"), {LEFT: "0"}), (404, error("SubscriptionNotFound")))
    answer = get(reads)
    assert (answer.body, answer.rest) == (ABSENT, Rest(1.0))
    assert get(reads) is None  # it may be hidden


def of_vault(*answers):
    """The quick clients of a vault, where what they leave to the client is `by the client`."""
    reads, connections = quick(*answers)
    client = SimpleNamespace(get_deleted_key=lambda *_: "by the client")
    return QuickClients(client, reads), connections


def test_a_deleted_key_is_read_from_its_vault_with_a_token_for_vaults():
    clients, connections = of_vault((200, {"scheduledPurgeDate": 1800000000}), (200, {}), (404, error("KeyNotFound")))
    found = [clients.get_deleted_key("v.vault.azure.net", "k") for _ in range(3)]
    assert found == ["2027-01-15T08:00:00+00:00", None, ABSENT]
    assert connections.host == "v.vault.azure.net"
    _, target, options = connections.sent[0]
    assert target == f"/deletedkeys/k?api-version={DATA_PLANE_API_VERSION}"
    assert options["headers"] == {"User-Agent": "us", "Authorization": "Bearer for vaults"}


def test_a_vault_that_refuses_says_why():
    clients, _ = of_vault((403, error("Forbidden")))
    with pytest.raises(HttpResponseError) as raised:
        clients.get_deleted_key("v.vault.azure.net", "k")
    said = read_error(raised.value)
    assert (said.status, said.code, said.summary) == (403, "Forbidden", "It was not found.")


@pytest.mark.parametrize("answer", [(401, {}), (404, {}), (429, {}), (500, {}), OSError("gone")], ids=str)
def test_what_a_vault_does_not_tell_quickly_the_client_asks_for(answer):
    clients, _ = of_vault(answer)
    assert clients.get_deleted_key("v.vault.azure.net", "k") == "by the client"


@pytest.mark.parametrize("missing", [AttributeError("another version"), ClientAuthenticationError("expired")])
def test_without_a_token_or_connections_the_client_asks_the_vault(missing):
    reads = QuickReads(Clients(missing), SimpleNamespace(sent={}))
    client = SimpleNamespace(get_deleted_key=lambda *_: "by the client")
    assert QuickClients(client, reads).get_deleted_key("v.vault.azure.net", "k") == "by the client"


def test_after_a_refused_token_another_is_fetched():
    reads, connections = quick((401, {}), GOOD)
    assert get(reads) is None
    assert get(reads).body == {"a": 1}
    assert connections.sent[1][2]["headers"]["Authorization"] == "Bearer token2"


def test_a_token_that_is_about_to_expire_is_not_used():
    reads, connections = quick(GOOD, seconds=59)
    assert get(reads) is None
    assert connections.sent == []


def test_nothing_is_sent_before_the_client_has_sent_something():
    reads, connections = quick(GOOD, sent={})
    assert get(reads) is None
    assert connections.sent == []


def test_without_a_token_or_connections_all_takes_more(monkeypatch):
    reads = QuickReads(Clients(AttributeError("another version")), SimpleNamespace(sent={"a": "b"}))
    assert get(reads) is None

    def fail(*_):
        raise ClientAuthenticationError("expired")

    reads, _ = quick(GOOD)
    monkeypatch.setattr(Clients, "token", fail)
    assert get(reads) is None


class SlowArm:
    """What an SDK reads, however it is asked."""

    def get(self, *_asked, **_options):
        return {"by": "the client"}

    def pages(self, *_asked, **_options):
        return iter([{"by": "the client"}])


def quick_arm(*answers):
    reads, connections = quick(*answers)
    return QuickClients(SimpleNamespace(arm=lambda _: SlowArm()), reads).arm("s"), connections


def test_a_list_that_matches_a_filter_is_read_quickly():
    arm, connections = quick_arm((200, {"value": [{"a": 1}, {"a": 2}]}))
    assert list(arm.pages("/subscriptions/s/x", "2026-01-01", "atScope() and b eq 'c'")) == [{"a": 1}, {"a": 2}]
    ((_, target, _),) = connections.sent
    assert target == "/subscriptions/s/x?api-version=2026-01-01&$filter=atScope%28%29%20and%20b%20eq%20%27c%27"


@pytest.mark.parametrize(
    "answer",
    [(404, {}), (403, {}), (429, {}), (500, {}), (200, {"value": "no list"}), (200, {"value": [], "nextLink": "x"})],
)
def test_what_is_no_good_answer_is_read_by_the_client(answer):
    assert list(quick_arm(answer)[0].pages("/x", "v")) == [{"by": "the client"}]


@pytest.mark.parametrize("answer", [(404, {}), (429, {}), (200, b"no JSON")])
def test_a_resource_without_a_good_answer_is_read_by_the_client(answer):
    assert quick_arm(answer)[0].get("/x", "v") == {"by": "the client"}
