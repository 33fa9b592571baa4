"""What `az --debug` writes is understood: each request with its answer, and what a command said at its end."""

from __future__ import annotations

import sys

import pytest

from live import azure as module
from live.azure import Azure, Exchange, Failed, subprocess_runner

UTIL, POLICIES, POOL = "cli.azure.cli.core.util", "cli.azure.cli.core.sdk.policies", "urllib3.connectionpool"
REST = f"""\
DEBUG: {POOL}: https://login.microsoftonline.com:443 "POST /t/oauth2/v2.0/token HTTP/1.1" 200 1500
INFO: {UTIL}: Request URL: 'https://management.azure.com/a?b=c'
INFO: {UTIL}: Request headers:
INFO: {UTIL}:     'Retry-After': '99'
INFO: {UTIL}: Request body:
INFO: {UTIL}: None
DEBUG: {POOL}: https://management.azure.com:443 "GET /a?b=c HTTP/1.1" 403 227
INFO: {UTIL}: Response status: 403
INFO: {UTIL}: Response headers:
INFO: {UTIL}:     'Retry-After': '7'
INFO: {UTIL}:     'Date': 'Sat, 28 Nov 2026 06:26:12 GMT'
INFO: {UTIL}: Response content:
INFO: {UTIL}: {{"error": {{"code": "Forbidden",
 "message": "No.", "innererror": {{"code": "KeyDisabled"}}}}}}
DEBUG: cli.azure.cli.core.azclierror: Traceback (most recent call last):
  File "x"
ERROR: cli.azure.cli.core.azclierror: Forbidden(...)
second line
ERROR: az_command_data_logger: Forbidden(...)
"""
# Two requests at the same time.
COMMAND = f"""\
DEBUG: {POOL}: https://management.azure.com:443 "GET /a HTTP/1.1" 200 2
DEBUG: {POOL}: https://v.vault.azure.net:443 "GET /keys HTTP/1.1" 403 2
DEBUG: {POLICIES}: Response status: 200
DEBUG: {POLICIES}: Response content:
DEBUG: {POLICIES}: {{}}
DEBUG: {POLICIES}: Response content:
DEBUG: {POLICIES}: {{"error": {{"code": "Forbidden", "message": "No."}}}}
"""


def azure_that(code: int, out: str, err: str) -> tuple[Azure, list[list[str]]]:
    asked = []

    def run(arguments):
        asked.append(arguments)
        return code, out, err

    return Azure(run, "sub"), asked


def test_request_by_rest_with_all_that_matters():
    azure, asked = azure_that(1, "", REST)
    exchange = azure.rest("GET", "/a?b=c", {"x": 1}, "https://vault.azure.net")
    assert asked == [
        [
            *(
                "rest",
                "--method",
                "get",
                "--url",
                "/a?b=c",
                "--body",
                '{"x": 1}',
                "--resource",
                "https://vault.azure.net",
            ),
            *("--output", "json", "--debug", "--subscription", "sub"),
        ]
    ]
    error = {"code": "Forbidden", "message": "No.", "innererror": {"code": "KeyDisabled"}}
    url = "https://management.azure.com/a?b=c"
    assert exchange == Exchange("GET", url, 403, {"x": 1}, {"error": error}, {"retry-after": "7"})
    assert azure.exchanges == [exchange]
    assert (exchange.told(), exchange.message, exchange.ok) == ("403 Forbidden/KeyDisabled", "No.", False)


def test_requests_of_a_command_and_what_was_refused():
    azure, _ = azure_that(0, '{"a": 1}', COMMAND)
    done = azure.run("acr", "cmk", "show")
    assert done.result == {"a": 1}
    assert [(each.method, each.url, each.status) for each in done.exchanges] == [
        ("GET", "https://management.azure.com/a", 200),
        ("GET", "https://v.vault.azure.net/keys", 403),
        ("", "", 0),
    ]
    assert done.exchanges[2].code == "Forbidden"


def test_command_that_must_succeed_says_why_it_did_not():
    azure, _ = azure_that(1, "", REST)
    with pytest.raises(Failed, match=r"^az group create g: Forbidden\(\.\.\.\)\nsecond line$"):
        azure.must("group", "create", "g")


def test_request_without_an_answer_is_no_answer():
    azure, _ = azure_that(1, "", "ERROR: cli.azure.cli.core.azclierror: Connection reset\n")
    with pytest.raises(Failed, match="Connection reset"):
        azure.rest("GET", "/a")


def test_process_that_takes_long_says_so_and_is_ended(monkeypatch):
    monkeypatch.setattr(module, "command", lambda: [sys.executable, "-c", "import time; time.sleep(60)"])
    monkeypatch.setattr(module, "SIGN_OF_LIFE", 0.1)
    monkeypatch.setattr(module, "PATIENCE", 0.35)
    said = []
    code, _, err = subprocess_runner(said.append)([])
    assert code == module.TOO_LONG
    assert "Not done after" in err
    assert said[0] == "      under way for 0.1 s"


def test_process_is_asked_nothing_and_is_told_what_was_typed(monkeypatch):
    script = "import sys; print(sys.argv[1:], repr(sys.stdin.read()))"
    monkeypatch.setattr(module, "command", lambda: [sys.executable, "-c", script])
    assert subprocess_runner(print)(["a b", "c"]) == (0, "['a b', 'c'] ''\n", "")
