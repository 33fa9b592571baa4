"""Programs that heed no proxy and aren't Python reach nothing but loopback in the sandbox's environment."""

from __future__ import annotations

import json
import platform
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.__main__ import _text
from sandbox.launch import Running
from sandbox.server import environment, preload

HERE = Path(__file__).parent
# Addresses for documentation (RFC 5737, RFC 3849), as the system writes them, and as an IPv4 address in IPv6.
ADDRESS, ADDRESS_6, ADDRESS_4_IN_6, NAME = "192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "management.azure.com"
# EACCES. No network says this of such an address: it is refused, or there is no way or no answer.
REFUSED = "Permission denied"
CALLS = ["connect", "sendto", "sendto-unspecified", "sendmsg", "sendmmsg"]
# Each connects to {address} and {port}.
PROGRAMS = {
    "bash": ["-c", "echo >/dev/tcp/{address}/{port}"],
    "curl": ["-v", "-m", "5", "--noproxy", "*", "telnet://{address}:{port}"],
    "nc": ["-v", "-z", "-w", "5", "{address}", "{port}"],
    "node": ["-e", "require('net').connect({port}, '{address}').on('connect', () => process.exit())"],
    "perl": ["-MIO::Socket::INET", "-e", "IO::Socket::INET->new('{address}:{port}') or die $@"],
    "ssh": ["-F", "none", "-o", "BatchMode=yes", "-p", "{port}", "{address}"],
    "wget": ["-T", "5", "-t", "1", "--no-proxy", "http://{address}:{port}/"],
}

pytestmark = pytest.mark.skipif(
    not (shutil.which("cc") and platform.libc_ver()[0] == "glibc"),
    reason="The library that stops such programs takes a C compiler, cc, and glibc.",
)


def run(command: list[str], given: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """No name server and no timeout of a network takes part: what is refused is refused at once."""
    messages = {**given, "LC_ALL": "C"}
    return subprocess.run(
        command, env=messages, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10, check=False
    )


def program(name: str, address: str, port: int) -> list[str]:
    path = shutil.which(name)
    if not path:
        pytest.skip(f"There is no {name} here.")
    return [path, *(part.replace("{address}", address).replace("{port}", str(port)) for part in PROGRAMS[name])]


@pytest.fixture(scope="module")
def reach(tmp_path_factory) -> str:
    """A program that calls the C library, and nothing between."""
    path = tmp_path_factory.mktemp("reach") / "reach"
    subprocess.run(["cc", "-o", path, HERE / "reach.c", "-lresolv"], check=True)
    return str(path)


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.mark.parametrize("address", [ADDRESS, ADDRESS_6, ADDRESS_4_IN_6])
@pytest.mark.parametrize("call", CALLS)
def test_no_call_leads_out(shared, reach, call, address):
    result = run([reach, call, address, "443"], shared.environment)
    assert (result.stdout, result.stderr) == (f"{REFUSED}\n", "")


@pytest.mark.parametrize("address", ["127.0.0.53", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("call", CALLS)
def test_no_call_leads_to_a_name_server_on_loopback(shared, reach, call, address):
    result = run([reach, call, address, "53"], shared.environment)
    assert (result.stdout, result.stderr) == (f"{REFUSED}\n", "")


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "::ffff:127.0.0.1"])
def test_a_connection_to_loopback_is_made(shared, reach, listener, address):
    result = run([reach, "connect", address, str(listener.getsockname()[1])], shared.environment)
    assert (result.stdout, result.stderr) == ("reached\n", "")


@pytest.mark.parametrize("call", CALLS[1:])
def test_a_datagram_to_loopback_arrives(shared, reach, call):
    with socket.socket(type=socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        run([reach, call, "127.0.0.1", str(server.getsockname()[1])], shared.environment)
        assert server.recv(2) == b"x"


def test_loopback_of_ipv6_is_open(shared, reach):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        result = run([reach, "connect", "::1", str(unused.getsockname()[1])], shared.environment)
    assert result.stdout != f"{REFUSED}\n"


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_are_refused(shared, name):
    result = run(program(name, ADDRESS, 443), shared.environment)
    assert result.returncode != 0
    assert REFUSED in result.stderr or "EACCES" in result.stderr
    assert "ld.so" not in result.stderr


@pytest.mark.parametrize("name", ["bash", "nc", "node", "perl"])
def test_programs_reach_loopback(shared, listener, name):
    assert run(program(name, "127.0.0.1", listener.getsockname()[1]), shared.environment).returncode == 0


def test_children_are_refused_as_well(shared, reach):
    result = run(["sh", "-c", f"(sh -c '{reach} connect {ADDRESS} 443')"], shared.environment)
    assert result.stdout == f"{REFUSED}\n"


def test_the_printed_text_has_that_effect_once_the_sandbox_is_gone(printed, reach):
    result = run(["sh", "-c", f"{printed}\n{reach} connect {ADDRESS} 443"], environment.merged({}))
    assert (result.stdout, result.stderr) == (f"{REFUSED}\n", "")


def test_no_name_server_is_asked(shared, reach):
    """One on loopback would see it, and sees it without the guards."""
    commands = [
        *(["getent", *arguments, NAME] for arguments in (["hosts"], ["ahosts"], ["-s", "dns", "hosts"])),
        ["getent", "hosts", ADDRESS],
        *([reach, call, NAME] for call in ("getaddrinfo", "gethostbyname", "res_query")),
        ["bash", "-c", f"echo >/dev/tcp/{NAME}/443"],
        ["perl", "-e", f"gethostbyname('{NAME}')"],
        [sys.executable, "-c", f"import socket; socket.getaddrinfo('{NAME}', 443)"],
    ]
    commands = [command for command in commands if shutil.which(command[0])]
    assert asked(commands, shared.environment) == [[]] * len(commands)
    unguarded = {name: value for name, value in shared.environment.items() if name not in ("LD_PRELOAD", "PYTHONPATH")}
    assert [] not in asked(commands, unguarded)


def asked(commands: list[list[str]], given: dict[str, str]) -> list[list[str]]:
    """The names that each command asks a name server for."""
    unshare = ["unshare", "--map-root-user", "--mount", "--net"]
    if not shutil.which("unshare") or run([*unshare, "mount", "--bind", "/etc", "/etc"], given).returncode != 0:
        pytest.skip("This system does not let users make network and mount namespaces.")
    result = subprocess.run(
        [*unshare, sys.executable, "-m", "tests.sandbox.name_server"],
        cwd=HERE.parents[1],
        input=json.dumps({"environment": given, "commands": commands}),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(result.stdout)


def test_names_of_this_computer_are_known(shared, reach):
    for call in ("getaddrinfo", "gethostbyname"):
        assert run([reach, call, "localhost"], shared.environment).stdout == "found\n"


def test_what_the_caller_preloads_is_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("LD_PRELOAD", "libm.so.6 libdl.so.2")
    given = environment.variables(tmp_path, tmp_path / "ca.pem", 1, 2)
    monkeypatch.setenv("LD_PRELOAD", given["LD_PRELOAD"])
    assert environment.variables(tmp_path, tmp_path / "ca.pem", 1, 2) == given
    result = run(["cat", "/proc/self/maps"], environment.merged(given))
    assert all(name in result.stdout for name in ("/guard-", "/libm.so.6", "/libdl.so.2"))
    assert result.stderr == ""


def test_the_library_is_compiled_once(monkeypatch, tmp_path):
    path = preload.library(tmp_path)
    monkeypatch.setenv("PATH", "")
    assert preload.library(tmp_path) == path
    assert list(tmp_path.iterdir()) == [path]


def test_without_a_compiler_there_is_no_library(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", "")
    assert preload.library(tmp_path) is None


def test_where_the_loader_could_not_find_it_there_is_no_library(tmp_path):
    assert preload.library(tmp_path / "My Projects") is None


def test_the_printed_text_says_what_is_not_stopped():
    warning = "heeds no proxy"
    assert warning in _text(Running({}, ("A",), "", ""))
    assert warning not in _text(Running({"LD_PRELOAD": "guard.so"}, ("A",), "", ""))
