"""Tokens of a login server: few requests, none that has expired, and none for what was not granted."""

from __future__ import annotations

import base64
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from azext_acrcmk.cloud.errors import UnexpectedResponse
from azext_acrcmk.cloud.registry_tokens import AT_ONCE, RegistryTokens, granted_actions, repository_scope


class Service:
    """Issues tokens, and remembers for what."""

    def __init__(self, lifetime: int = 3600, several: bool = True, named: bool = True):
        self.lifetime, self.several, self.named = lifetime, several, named
        self.exchanges = 0
        self.requests: list[list[str]] = []

    def exchange(self) -> str:
        self.exchanges += 1
        return _token(self.lifetime * 3, number=self.exchanges)

    def request(self, refresh: str, scopes: list[str]) -> str | None:
        self.requests.append(scopes)
        if len(scopes) > 1 and not self.several:
            return None
        named = scopes if self.named else scopes[:1]
        access = [
            {"type": "repository", "name": each.split(":")[1], "actions": each.split(":")[2].split(",")}
            for each in named
        ]
        return _token(self.lifetime, access=access, number=len(self.requests))

    def tokens(self) -> RegistryTokens:
        return RegistryTokens(self.exchange, self.request)


def _token(lifetime: int, **claims) -> str:
    now = int(time.time())
    body = base64.urlsafe_b64encode(json.dumps({"iat": now, "exp": now + lifetime, **claims}).encode()).decode()
    return f"e30.{body.rstrip('=')}.x"


SCOPES = [repository_scope(f"app{number}", "pull") for number in range(25)]


def test_a_token_is_requested_once():
    service = Service()
    tokens = service.tokens()
    assert tokens.get(SCOPES[0]) == tokens.get(SCOPES[0])
    assert (service.exchanges, service.requests) == (1, [[SCOPES[0]]])


def test_what_is_expected_is_requested_together():
    service = Service()
    tokens = service.tokens()
    tokens.expect(SCOPES)
    for scope in SCOPES:
        assert granted_actions(tokens.get(scope), scope) == {"pull"}
    assert [len(each) for each in service.requests] == [AT_ONCE, AT_ONCE, 5]


def test_a_service_that_takes_one_scope_at_a_time_is_asked_so():
    service = Service(several=False)
    tokens = service.tokens()
    tokens.expect(SCOPES)
    for scope in SCOPES:
        assert granted_actions(tokens.get(scope), scope) == {"pull"}
    assert [len(each) for each in service.requests] == [AT_ONCE, *[1] * len(SCOPES)]


def test_what_a_token_does_not_name_is_requested_on_its_own():
    service = Service(named=False)
    tokens = service.tokens()
    tokens.expect(SCOPES[:2])
    for scope in SCOPES[:2]:
        assert granted_actions(tokens.get(scope), scope) == {"pull"}
    assert service.requests == [SCOPES[:2], [SCOPES[1]]]


def test_a_token_that_has_to_wait_holds_up_only_those_who_need_it():
    service, going_on, goes_on = Service(), threading.Event(), threading.Event()

    def request(refresh: str, scopes: list[str]) -> str | None:
        if SCOPES[1] in scopes:
            going_on.set()
            assert goes_on.wait(5)
        return service.request(refresh, scopes)

    tokens = RegistryTokens(service.exchange, request)
    held = tokens.get(SCOPES[0])
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(tokens.get, SCOPES[1]) for _ in range(2)]
        assert going_on.wait(5)
        assert tokens.get(SCOPES[0]) == held
        assert granted_actions(tokens.get(SCOPES[2]), SCOPES[2]) == {"pull"}
        goes_on.set()
        assert len({each.result(5) for each in waiting}) == 1
    assert service.requests == [[SCOPES[0]], [SCOPES[2]], [SCOPES[1]]]


def test_after_a_request_that_failed_who_waited_for_it_asks_again():
    service, failures = Service(), [UnexpectedResponse("it answers nothing")]

    def request(refresh: str, scopes: list[str]) -> str | None:
        if failures:
            raise failures.pop()
        return service.request(refresh, scopes)

    tokens = RegistryTokens(service.exchange, request)
    tokens.expect(SCOPES[:3])
    with pytest.raises(UnexpectedResponse):
        tokens.get(SCOPES[0])
    assert all(granted_actions(tokens.get(scope), scope) for scope in SCOPES[:3])


def test_an_expired_token_is_replaced():
    service = Service(lifetime=0)
    tokens = service.tokens()
    tokens.get(SCOPES[0])
    tokens.get(SCOPES[0])
    assert len(service.requests) == 2


def test_a_rejected_token_is_replaced_with_the_refresh_token_behind_it():
    service = Service()
    tokens = service.tokens()
    first = tokens.get(SCOPES[0])
    tokens.forget(SCOPES[0], first)
    assert tokens.get(SCOPES[0]) != first
    assert service.exchanges == 2
    tokens.forget(SCOPES[0], first)
    assert len(service.requests) == 2
    tokens.get(SCOPES[0])
    assert len(service.requests) == 2


@pytest.mark.parametrize("text", ["", "x", "a.b", "a.!!!.c", "a.bnVsbA.c"])
def test_what_is_no_token_is_an_unexpected_response(text):
    tokens = RegistryTokens(lambda: text, lambda refresh, scopes: text)
    if text == "a.bnVsbA.c":  # "null": a token that claims nothing
        assert granted_actions(tokens.get(SCOPES[0]), SCOPES[0]) == frozenset()
        return
    with pytest.raises(UnexpectedResponse):
        tokens.get(SCOPES[0])
