"""A server that forks an `az` for each command, so that a test doesn't pay for the same imports again and again.

What a child runs is what `az` runs, `python -m azure.cli`, in a process of its own, from its own arguments,
environment, folder and files, to the end of the interpreter. Only libraries are imported before: the CLI reads its
configuration while it is imported, so that is left to the child.

Started by `az.py` with one end of a socket as its standard input. One request is one line of JSON, with four file
descriptors: standard input, output and error of the command, and a pipe that tells its process id and in the end its
exit code.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import sys
import threading

LIBRARIES = [
    "argcomplete",
    "asyncio",
    "azure.core.pipeline.policies",
    "azure.core.pipeline.transport._requests_basic",
    "azure.core.polling",
    "azure.core.rest._requests_basic",
    "azure.keyvault.keys",
    "azure.mgmt.authorization",
    "azure.mgmt.containerregistry",
    "azure.mgmt.core",
    "azure.mgmt.keyvault",
    "azure.mgmt.msi",
    "azure.mgmt.msi.v2024_11_30",
    "azure.mgmt.resource.resources",
    "azure.mgmt.resource.resources.v2024_11_01",
    "cryptography.hazmat.primitives.serialization",
    "jmespath",
    "knack.cli",
    "knack.commands",
    "knack.help",
    "knack.output",
    "knack.parser",
    "msal",
    "msal_extensions",
    "msrest",
    "packaging.version",
    "pkginfo",
    "requests",
    "tabulate",
    "yaml",
]
CHUNK = 1 << 16


def serve(server: socket.socket) -> dict | None:
    """Fork for each request until the tests close their end. Returns the request in the child that is to run it."""
    while True:
        message, descriptors, *_ = socket.recv_fds(server, CHUNK, maxfds=4)
        if not message:
            return None
        while not message.endswith(b"\n"):
            message += server.recv(CHUNK)
        if os.fork() == 0:
            server.close()
            return run_below(json.loads(message), descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def run_below(request: dict, descriptors: list[int]) -> dict:
    """Fork once more: the child returns and runs the command, the parent waits for it and tells how it ended."""
    *standard, report = descriptors
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if child := os.fork():
        with contextlib.suppress(BrokenPipeError), open(report, "w", buffering=1) as pipe:
            print(child, file=pipe)
            _, status = os.waitpid(child, 0)
            print(os.waitstatus_to_exitcode(status), file=pipe)
        os._exit(0)
    os.close(report)
    for number, descriptor in enumerate(standard):
        os.dup2(descriptor, number)
        os.close(descriptor)
    return request


def become_az(request: dict) -> None:
    """The rest of this process is what the script `az` executes."""
    os.environ.clear()
    os.environ.update({"AZ_INSTALLER": "PIP", **request["environment"]})
    os.chdir(request["directory"])
    sys.path[0] = request["directory"]
    sys.argv[1:] = request["arguments"]
    runpy.run_module("azure.cli", run_name="__main__", alter_sys=True)


def main() -> None:
    for name in LIBRARIES:
        importlib.import_module(name)
    if threading.active_count() > 1:
        raise RuntimeError(f"A library started threads, which a fork would not take along: {threading.enumerate()}")
    # Ctrl-C means what it means in a terminal, even where the tests run in the background of a shell.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # Nobody waits for the children: their parent reports.
    gc.freeze()

    with socket.socket(fileno=os.dup(0)) as server:
        request = serve(server)
    if request:
        become_az(request)


main()
