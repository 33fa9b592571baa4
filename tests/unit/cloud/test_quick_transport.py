"""What is sent by urllib3 alone is what the usual transport sends, and fails as it does."""

from __future__ import annotations

import base64
import gzip
import json
import logging
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import pytest
import trustme
from azure.cli.core.sdk.policies import SafeNetworkTraceLoggingPolicy
from azure.core.exceptions import AzureError, HttpResponseError, ServiceResponseError
from azure.core.pipeline.policies import UserAgentPolicy
from azure.core.rest import HttpRequest
from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy

from azext_acrcmk.cloud.arm import Arm
from azext_acrcmk.cloud.errors import UnexpectedResponse, read_error
from azext_acrcmk.cloud.pipeline import OnlyTo, RequestIds, SeeWrites, forget_writes, last_write_accepted
from azext_acrcmk.cloud.quick_transport import QuickTransport, Response
from azext_acrcmk.cloud.transport import transport
from azext_acrcmk.cloud.waiting import asked_pause

GONE, CUT, SILENT = "gone", "cut", "silent"


@dataclass
class Server:
    """Answers in turn, with a status, headers and a body, or in another way; keeps what it got."""

    port: int = 0
    answers: list[Any] = field(default_factory=list)
    got: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        length = int(request.headers.get("Content-Length") or 0)
        self.got.append((request.command, request.path, dict(request.headers), request.rfile.read(length)))
        said = self.answers.pop(0)
        if said == SILENT:
            self.ended.wait(5)
        if said in (GONE, SILENT):
            request.close_connection = True
            return
        status, headers, body = (200, {"Content-Length": "100"}, b"part") if said == CUT else said
        request.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)
        request.close_connection = said == CUT


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> str:
    """The file of the one that is trusted, which `localhost` has its certificate of."""
    return str(tmp_path_factory.mktemp("authority") / "ca.pem")


@pytest.fixture(scope="module")
def serving(authority) -> Iterator[Server]:
    found, known = Server(), trustme.CA()
    known.cert_pem.write_to_path(authority)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def __getattr__(self, name: str) -> Any:
            if not name.startswith("do_"):
                raise AttributeError(name)
            return lambda: found.answer(self)

        def log_message(self, *_: Any) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    known.issue_cert("localhost").configure_cert(context)
    httpd.socket = context.wrap_socket(httpd.socket, server_side=True)
    threading.Thread(target=httpd.serve_forever, args=(0.01,), daemon=True).start()
    found.port = httpd.server_address[1]
    yield found
    found.ended.set()
    httpd.shutdown()
    httpd.server_close()


@pytest.fixture
def server(serving, monkeypatch) -> Server:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    serving.answers, serving.got = [], []
    return serving


@pytest.fixture
def usual(authority, server):
    return transport(authority)


class Never:
    """A transport through which nothing may go; else as the one that it stands for."""

    def __init__(self, usual: Any):
        self._usual = usual

    def __getattr__(self, name: str) -> Any:
        return getattr(self._usual, name)

    def send(self, request: Any, **_options: Any) -> Any:
        raise AssertionError(request)


REQUESTS = [
    lambda url: HttpRequest("GET", f"{url}/a%20b/c?x=%20y&z"),
    lambda url: HttpRequest("GET", url, headers={"accept": "application/json"}),
    lambda url: HttpRequest("HEAD", f"{url}/v2/app/manifests/1"),
    lambda url: HttpRequest("POST", f"{url}/import", json={"a": "é"}, headers={"X-Own": "1"}),
    lambda url: HttpRequest("POST", f"{url}/form", content=b"a=b", headers={"Content-Type": "x/y"}),
    lambda url: HttpRequest("POST", f"{url}/empty"),
    lambda url: HttpRequest("PUT", f"{url}/text", content="é\n", headers={"Content-Type": "text/plain"}),
]


@pytest.mark.parametrize("request_to", REQUESTS)
def test_it_sends_what_the_usual_transport_sends(server, usual, request_to):
    server.answers = [(200, {}, b""), (200, {}, b"")]
    for sender in (usual, QuickTransport(Never(usual))):
        assert sender.send(request_to(server.url)).status_code == 200
    first, second = ((method, path, {**headers}, body) for method, path, headers, body in server.got)
    assert first == second


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (200, {"ETag": "1"}, b'{"a": 1}'),
        (202, {"Location": "https://elsewhere/x"}, b""),
        (302, {"Location": "https://elsewhere/x"}, b"moved"),
        (404, {}, "\ufeffé".encode()),
        (429, {"Retry-After": "7"}, b"\xff"),
        (503, {"Content-Encoding": "gzip"}, gzip.compress(b"late")),
    ],
)
def test_it_reads_what_the_usual_transport_reads(server, usual, status, headers, body):
    server.answers = [(status, headers, body)] * 2
    one, other = (each.send(HttpRequest("GET", server.url)) for each in (usual, QuickTransport(Never(usual))))
    assert isinstance(other, Response)
    for answer in (one, other):
        assert answer.status_code == status
        assert all(answer.headers[name.lower()] == value for name, value in headers.items())
    assert (one.reason, one.read(), one.text()) == (other.reason, other.read(), other.text())


@pytest.mark.parametrize("answer", [GONE, SILENT])
def test_it_fails_as_the_usual_transport_does(server, usual, answer):
    assert _error(usual, server.url, server, answer) is _error(QuickTransport(Never(usual)), server.url, server, answer)


def test_half_an_answer_is_none(server, usual):
    assert _error(QuickTransport(Never(usual)), server.url, server, CUT) is ServiceResponseError


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("https://localhost:1", ""),
        ("https://127.0.0.1:{port}", ""),  # not the name of the certificate
        ("https://localhost:{port}", "http://localhost:1"),
    ],
)
def test_without_a_connection_it_fails_as_the_usual_transport_does(server, usual, monkeypatch, url, proxy):
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    where = url.format(port=server.port)
    assert _error(usual, where, server) is _error(QuickTransport(Never(usual)), where, server)
    assert server.got == []


def _error(sender: Any, url: str, server: Server, *answers: str) -> type[AzureError]:
    server.answers = [*answers]
    with pytest.raises(AzureError) as raised:
        sender.send(HttpRequest("GET", url), connection_timeout=5, read_timeout=0.2 if SILENT in answers else 5)
    assert read_error(raised.value).status == 0
    return type(raised.value)


def test_a_request_may_have_times_of_its_own(server, usual):
    sender = QuickTransport(Never(usual), read_timeout=0.2)
    server.answers = [SILENT]
    began = time.monotonic()
    with pytest.raises(AzureError):
        sender.send(HttpRequest("GET", server.url))
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("option", [{"stream": True}, {"proxies": {"https": "x"}}, {"connection_verify": False}])
def test_what_it_does_not_know_is_sent_by_the_usual_transport(server, usual, monkeypatch, option):
    sent = []
    monkeypatch.setattr(usual, "send", lambda request, **options: sent.append(options) or "answer")
    assert QuickTransport(usual, read_timeout=9).send(HttpRequest("GET", server.url), **option) == "answer"
    assert sent == [{"read_timeout": 9, **option}]
    assert server.got == []


def test_where_the_connections_can_not_be_had_all_is_sent_by_the_usual_transport(server, usual, monkeypatch):
    """As in another version of the libraries."""
    monkeypatch.delattr("requests.adapters.HTTPAdapter.cert_verify")
    monkeypatch.setattr(usual, "send", lambda request, **_options: "answer")
    assert QuickTransport(usual).send(HttpRequest("GET", server.url)) == "answer"
    assert server.got == []


class Tokens:
    """A credential whose tokens are numbered."""

    def __init__(self):
        self.asked: list[str | None] = []

    def get_token(self, *_scopes: str, claims: str | None = None, **_options: Any) -> Any:
        self.asked.append(claims)
        return SimpleNamespace(token=f"token{len(self.asked)}", expires_on=int(time.time()) + 3600)


@pytest.fixture
def arm(server, usual):
    """As the CLI makes it."""
    return Arm(
        None,
        "subscription",
        server.url,
        transport=QuickTransport(Never(usual)),
        per_call_policies=[SeeWrites()],
        per_retry_policies=[OnlyTo("localhost"), RequestIds()],
        headers={"x-ms-client-request-id": "of the command"},
        user_agent_policy=UserAgentPolicy("us"),
        authentication_policy=ARMChallengeAuthenticationPolicy(Tokens(), "scope"),
        custom_hook_policy=None,
        logging_policy=SafeNetworkTraceLoggingPolicy(),
    )


def begin(arm: Arm) -> tuple[str | None, float | None]:
    return arm.begin("/importImage", "2025-04-01", {"mode": "NoForce"})


ACCEPTED = (202, {"Location": "https://localhost/operation", "Retry-After": "10"}, b"")


def test_an_import_begins_with_the_headers_and_the_token_of_the_command(server, arm):
    server.answers = [ACCEPTED]
    forget_writes()
    assert begin(arm) == ("https://localhost/operation", 10)
    method, path, headers, body = server.got[0]
    assert (method, path, json.loads(body)) == ("POST", "/importImage?api-version=2025-04-01", {"mode": "NoForce"})
    assert (headers["Authorization"], headers["x-ms-client-request-id"]) == ("Bearer token1", "of the command")
    assert last_write_accepted()


def test_a_stronger_sign_in_is_made_when_azure_asks_for_it(server, arm):
    claims = base64.urlsafe_b64encode(b'{"acrs": 1}').decode()
    asked = f'Bearer error="insufficient_claims", claims="{claims}"'
    server.answers = [(401, {"WWW-Authenticate": asked}, b""), ACCEPTED]
    assert begin(arm)[0]
    assert [headers["Authorization"] for _, _, headers, _ in server.got] == ["Bearer token1", "Bearer token2"]


@pytest.mark.parametrize(
    ("status", "headers", "pause"), [(429, {"Retry-After": "7"}, 7), (409, {}, None), (401, {}, None)]
)
def test_an_error_says_what_azure_said_and_nothing_is_sent_again(server, arm, status, headers, pause):
    body = json.dumps({"error": {"code": "SomeCode", "message": "What is wrong."}}).encode()
    server.answers = [(status, headers, body)]
    forget_writes()
    with pytest.raises(HttpResponseError) as raised:
        begin(arm)
    said = read_error(raised.value)
    assert (said.status, said.code, said.message, asked_pause(raised.value)) == (
        status,
        "SomeCode",
        "What is wrong.",
        pause,
    )
    assert len(server.got) == 1
    assert not last_write_accepted()


def test_a_redirection_to_another_host_is_not_followed(server, arm):
    server.answers = [(307, {"Location": "https://127.0.0.1/elsewhere"}, b"")]
    with pytest.raises(UnexpectedResponse, match=r"outside localhost. No request was sent there"):
        arm.get("/x", "1")
    assert len(server.got) == 1


def test_urllib3_logs_of_it_what_it_logs_of_the_usual_transport(server, usual, caplog):
    caplog.set_level(logging.DEBUG, logger="urllib3")
    lines = []
    for sender in (usual, QuickTransport(Never(usual))):
        server.answers = [(200, {}, b"")] * 2
        for _ in range(2):
            sender.send(HttpRequest("GET", server.url))
        lines.append([record.getMessage() for record in caplog.records if "Starting" not in record.getMessage()])
        caplog.clear()
    assert lines[0] == lines[1]
    assert len(lines[0]) == 2


def test_the_log_has_each_header_and_the_body_but_no_token(server, arm, monkeypatch, caplog):
    monkeypatch.setattr(logging.getLogger("cli"), "handlers", [caplog.handler])
    caplog.set_level(logging.DEBUG, logger="cli")
    server.answers = [(200, {"x-ms-request-id": "abc"}, b'{"a": 1}')]
    begin(arm)
    text = "\n".join(record.getMessage() for record in caplog.records)
    for said in ("'POST'", '{"mode": "NoForce"}', "'*****'", "status: 200", "'x-ms-request-id': 'abc'", '{"a": 1}'):
        assert said in text, said
    assert "token1" not in text
