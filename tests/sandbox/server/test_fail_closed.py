"""Nothing but loopback is reached by Python, by what uses the proxy and, in a network namespace, by any program."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.__main__ import main
from sandbox.server import environment, isolation

AZ = Path(sys.executable).with_name("az")
# Addresses for documentation (RFC 5737, RFC 3849): were one let through, nobody would be bothered.
ADDRESS, ADDRESS_6, NAME = "192.0.2.1", "2001:db8::1", "management.azure.com"
REFUSAL = "only loopback can be reached from here"


def python(code: str, given: dict[str, str]) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", f"import socket, _socket, asyncio\n{code}"]
    return subprocess.run(command, env=given, capture_output=True, text=True, timeout=20, check=False)


def without_proxy(given: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in given.items() if "proxy" not in name.lower()}


@pytest.fixture
def dead_proxy(sandbox) -> dict[str, str]:
    """The environment once the sandbox is gone."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        gone = f"http://127.0.0.1:{unused.getsockname()[1]}"
    proxy = sandbox.environment["HTTPS_PROXY"]
    return {name: value.replace(proxy, gone) for name, value in sandbox.environment.items()}


@pytest.mark.parametrize(
    "code",
    [
        f"socket.create_connection(({ADDRESS!r}, 443))",
        f"socket.socket().connect(({ADDRESS!r}, 443))",
        f"socket.socket().connect_ex(({ADDRESS!r}, 443))",
        f"_socket.socket().connect(({ADDRESS!r}, 443))",
        f"socket.socket(socket.AF_INET6).connect(({ADDRESS_6!r}, 443))",
        f"socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ({ADDRESS!r}, 53))",
        f"socket.socket(type=socket.SOCK_DGRAM).sendmsg([b'x'], [], 0, ({ADDRESS!r}, 53))",
        f"socket.getaddrinfo({NAME!r}, 443)",
        f"socket.gethostbyname({NAME!r})",
        f"socket.gethostbyname_ex({NAME!r})",
        f"socket.gethostbyaddr({ADDRESS!r})",
        f"socket.getnameinfo(({ADDRESS!r}, 443), 0)",
        f"socket.socket().connect((bytearray({ADDRESS!r}.encode()), 443))",
        "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.53', 53))",
        "socket.socket().connect(('127.0.0.1', 53))",
        f"socket.getfqdn({ADDRESS!r}); socket.gethostbyaddr({ADDRESS!r})",
        f"asyncio.run(asyncio.open_connection({NAME!r}, 443))",
        f"socket.socket().connect((chr(49) + {ADDRESS[1:]!r}, 443))",
    ],
)
def test_python_is_refused(sandbox, code):
    result = python(code, without_proxy(sandbox.environment))
    assert result.returncode == 1
    assert REFUSAL in result.stderr


def test_children_of_python_are_refused_as_well(sandbox):
    child = f"import socket; socket.gethostbyname({NAME!r})"
    result = python(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])", sandbox.environment)
    assert REFUSAL in result.stderr


def test_loopback_is_open(sandbox):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code = f"socket.create_connection(('localhost', {port})); socket.create_connection(('127.0.0.1', {port}))"
        assert python(code, sandbox.environment).returncode == 0


@pytest.mark.parametrize(
    "url",
    ["https://example.com/", "http://example.com/", f"http://{ADDRESS}/", f"https://{NAME}:444/", f"http://{NAME}/"],
)
def test_the_proxy_refuses_what_is_not_azure(sandbox, url):
    curl = shutil.which("curl")
    if not curl:
        pytest.skip("There is no curl here.")
    command = [curl, "-s", "-S", "-f", "-m", "10", url]
    result = subprocess.run(command, env=sandbox.environment, capture_output=True, text=True, check=False)
    assert result.returncode != 0
    assert "403" in result.stderr


def test_the_proxy_refuses_in_words(sandbox):
    host, _, port = sandbox.environment["HTTP_PROXY"].removeprefix("http://").partition(":")
    requests = {
        "GET http://example.com/ HTTP/1.1": "",
        "POST http://example.com/ HTTP/1.1": "body",
        "CONNECT example.com:443 HTTP/1.1": "",
        f"CONNECT {NAME}:443 HTTP/1.1": "too early",
    }
    for request, body in requests.items():
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(f"{request}\r\nHost: example.com\r\n\r\n{body}".encode())
            answer = connection.makefile().read()
        assert answer.startswith("HTTP/1.1 403 ")
        assert "The acrcmk sandbox refuses" in answer


def test_curl_reaches_the_sandbox_by_azures_name(sandbox):
    curl = shutil.which("curl")
    if not curl:
        pytest.skip("There is no curl here.")
    command = [curl, "-s", "-S", "-m", "10", f"https://{NAME}/subscriptions?api-version=2022-12-01"]
    result = subprocess.run(command, env=sandbox.environment, capture_output=True, text=True, check=True)
    assert "AuthenticationFailed" in result.stdout


@pytest.mark.parametrize("program", ["curl", "wget", "git"])
def test_programs_without_the_sandbox_reach_nothing(dead_proxy, program):
    path = shutil.which(program)
    if not path:
        pytest.skip(f"There is no {program} here.")
    arguments = {
        "curl": ["-s", "-S", "-m", "5"],
        "wget": ["-q", "-T", "5", "-t", "1", "-O", "-"],
        "git": ["ls-remote"],
    }
    command = [path, *arguments[program], f"https://{NAME}/"]
    result = subprocess.run(command, env=dead_proxy, capture_output=True, text=True, timeout=20, check=False)
    assert result.returncode != 0
    assert not result.stdout


def test_az_without_the_sandbox_gets_a_refusal_on_loopback(sandbox, dead_proxy, tmp_path):
    given = {**dead_proxy, "AZURE_CONFIG_DIR": sandbox.login(tmp_path)["AZURE_CONFIG_DIR"]}
    command = [AZ, "rest", "--method", "get", "--url", f"https://{NAME}/subscriptions?api-version=2022-12-01"]
    result = subprocess.run(command, env=given, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 1
    assert "Unable to connect to proxy" in result.stderr


def test_az_without_any_proxy_is_refused_by_the_guard(sandbox, tmp_path):
    given = without_proxy(sandbox.login(tmp_path))
    command = [AZ, "rest", "--method", "get", "--url", f"https://{NAME}/subscriptions?api-version=2022-12-01"]
    result = subprocess.run(command, env=given, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 1
    assert "Failed to resolve" in result.stderr or REFUSAL in result.stderr


def test_that_programs_can_not_all_be_stopped_is_told(tmp_path, monkeypatch, capsys):
    """Where no network namespace is to be had."""
    monkeypatch.setattr(isolation, "is_possible", lambda: False)
    assert main(["--directory", str(tmp_path), "exec", "--", sys.executable, "-c", "0"]) == 0
    said = capsys.readouterr().err
    assert "does not let you create a network namespace" in said
    assert "that ignore the proxy settings can still reach the network" in said


def test_the_printed_environment_tells_it_too(printed):
    said = "that ignore the proxy settings can still reach the network"
    (line,) = [line for line in printed.splitlines() if said in line]
    assert line.startswith("# ")
    assert "python -m sandbox shell" in line


def test_the_callers_own_python_path_is_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["/one", "/two"]))
    given = environment.variables(tmp_path, tmp_path / "ca.pem", 1, 2)
    assert given["PYTHONPATH"].split(os.pathsep) == [str(environment.GUARD), "/one", "/two"]
    monkeypatch.setenv("PYTHONPATH", given["PYTHONPATH"])
    assert environment.variables(tmp_path, tmp_path / "ca.pem", 1, 2) == given


@pytest.fixture
def in_namespace(tmp_path):
    """Runs a command by `python -m sandbox exec`."""
    if not isolation.is_possible():
        pytest.skip("This system does not let users make network namespaces.")

    def run(*command: str) -> subprocess.CompletedProcess:
        whole = [sys.executable, "-m", "sandbox", "--directory", str(tmp_path), "exec", "--", *command]
        return subprocess.run(whole, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False)

    return run


def test_programs_that_the_sandbox_runs_have_a_network_of_their_own(in_namespace):
    code = "import os, socket; print(socket.if_nameindex(), os.getuid())"
    assert in_namespace(sys.executable, "-c", code).stdout == f"[(1, 'lo')] {os.getuid()}\n"


def test_there_a_program_that_knows_no_proxy_reaches_nothing(in_namespace):
    bash = shutil.which("bash")
    if not bash:
        pytest.skip("There is no bash here.")
    result = in_namespace(bash, "-c", f"LC_ALL=C; echo >/dev/tcp/{ADDRESS}/443")
    assert result.returncode != 0
    assert "Network is unreachable" in result.stderr
