"""Connections that share what they trust trust no more than others."""

from __future__ import annotations

import os
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import trustme
from azure.core.exceptions import ServiceRequestError
from azure.core.rest import HttpRequest

from azext_acrcmk.cloud.transport import load_authorities, transport
from tests.harness.waiting import until


@pytest.fixture
def authority(monkeypatch, tmp_path):
    """The one that `requests` trusts."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    for name in ("CURL_CA_BUNDLE", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    return authority


@pytest.fixture
def serve():
    """Starts a server with a certificate; returns its port. `at_once` requests are answered when all are there."""
    servers = []

    def start(certificate: trustme.LeafCert, at_once: int = 1) -> int:
        meeting = threading.Barrier(at_once, timeout=20)

        class Answer(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                meeting.wait()
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return server.server_address[1]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def get(sender, port: int, host: str = "localhost") -> int:
    return sender.send(HttpRequest("GET", f"https://{host}:{port}/")).status_code


@pytest.fixture
def loaded(monkeypatch):
    """What was loaded, of the authority. Loading takes a moment, so that others ask for it meanwhile."""
    loaded, load = [], ssl.SSLContext.load_verify_locations

    def loading(self, *given):
        loaded.append(given)
        time.sleep(0.05)
        return load(self, *given)

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", loading)
    return loaded


@pytest.mark.parametrize("early", [False, True], ids=["by connections", "beside the imports"])
def test_what_is_trusted_is_loaded_once_for_all_connections(authority, serve, loaded, early):
    if early:
        load_authorities()
        until(lambda: loaded)
    meeting = serve(authority.issue_cert("localhost"), at_once=3)
    for sender in (transport(), transport()):
        with ThreadPoolExecutor(3) as pool:
            assert list(pool.map(lambda _, by=sender: get(by, meeting), range(3))) == [204] * 3
    assert len([each for each in loaded if str(each[0]).endswith("ca.pem")]) == 1


def test_a_folder_of_authorities_is_looked_into_by_connections(authority, serve, loaded, monkeypatch, tmp_path):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path))
    load_authorities()
    until(lambda: loaded)
    with pytest.raises(ServiceRequestError, match="CERTIFICATE_VERIFY_FAILED"):  # none in it has the name of its hash
        get(transport(), serve(authority.issue_cert("localhost")))
    assert loaded == [(None, str(tmp_path), None)]


def test_authorities_that_are_not_there_are_told_by_the_first_request(monkeypatch, tmp_path):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "gone.pem"))
    load_authorities()
    with pytest.raises(OSError, match=r"invalid path: .*gone\.pem"):
        get(transport(), 1)


def test_a_server_of_another_authority_is_refused(authority, serve):
    sender = transport()
    assert get(sender, serve(authority.issue_cert("localhost"))) == 204
    with pytest.raises(ServiceRequestError, match="CERTIFICATE_VERIFY_FAILED"):
        get(sender, serve(trustme.CA().issue_cert("localhost")))


def test_a_server_of_another_name_is_refused(authority, serve):
    sender = transport()
    assert get(sender, serve(authority.issue_cert("localhost"))) == 204
    with pytest.raises(ServiceRequestError, match=r"Hostname mismatch|doesn't match"):
        get(sender, serve(authority.issue_cert("management.azure.com")))


def test_without_a_bundle_those_of_requests_are_trusted(authority, serve, monkeypatch):
    monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", os.environ["REQUESTS_CA_BUNDLE"])
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    sender = transport()
    assert get(sender, serve(authority.issue_cert("localhost"))) == 204
    with pytest.raises(ServiceRequestError, match="CERTIFICATE_VERIFY_FAILED"):
        get(sender, serve(trustme.CA().issue_cert("localhost")))


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_one_who_told_the_cli_to_verify_nothing_is_obeyed(monkeypatch, serve):
    assert get(transport(verify=False), serve(trustme.CA().issue_cert("localhost"))) == 204


def test_where_connections_can_not_share_it_each_loads_it(authority, serve, monkeypatch):
    """As in another version of the libraries."""
    monkeypatch.delattr("urllib3.util.ssl_.create_urllib3_context")
    sender = transport()
    assert get(sender, serve(authority.issue_cert("localhost"))) == 204
    with pytest.raises(ServiceRequestError, match="CERTIFICATE_VERIFY_FAILED"):
        get(sender, serve(trustme.CA().issue_cert("localhost")))
