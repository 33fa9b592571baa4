"""A server that forks an `az` for each command, so that a test doesn't pay for the same imports again and again.

What a child runs is what `az` runs, `python -m azure.cli`, in a process of its own, from its own arguments,
environment, folder and files, until its threads have ended, its exit handlers have run and its output is written.
The modules of the CLI and the installed extension are imported before. The CLI reads where its configuration and
extensions are while it is imported, so these two places are the server's own, and the same for all its children.

Started by `az.py` with one end of a socket as its standard input. One request is one line of JSON, with four file
descriptors: standard input, output and error of the command, and a pipe that tells its process id and in the end its
exit code. A request may name a script to run in place of `azure.cli`.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import runpy
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping

MODULES = [
    "argcomplete",
    "asyncio",
    "azure.cli.command_modules.acr._breaking_change",
    "azure.cli.command_modules.acr._params",
    "azure.cli.command_modules.acr.aaz.latest.network.nic",
    "azure.cli.command_modules.acr.aaz.latest.network.private_endpoint",
    "azure.cli.command_modules.acr.commands",
    "azure.cli.command_modules.acr.custom",
    "azure.cli.command_modules.keyvault._params",
    "azure.cli.command_modules.keyvault.commands",
    "azure.cli.command_modules.keyvault.custom",
    "azure.cli.command_modules.role._params",
    "azure.cli.command_modules.role.commands",
    "azure.cli.command_modules.role.custom",
    "azure.cli.core._breaking_change",
    "azure.cli.core._completers",
    "azure.cli.core._help",
    "azure.cli.core._help_loaders",
    "azure.cli.core._output",
    "azure.cli.core.aaz",
    "azure.cli.core.aaz._command",
    "azure.cli.core.auth.binary_cache",
    "azure.cli.core.auth.credential_adaptor",
    "azure.cli.core.auth.identity",
    "azure.cli.core.auth.msal_credentials",
    "azure.cli.core.auth.persistence",
    "azure.cli.core.azlogging",
    "azure.cli.core.command_recommender",
    "azure.cli.core.commands.arm",
    "azure.cli.core.commands.command_operation",
    "azure.cli.core.commands.parameters",
    "azure.cli.core.commands.validators",
    "azure.cli.core.extension._homebrew_patch",
    "azure.cli.core.extension.dynamic_install",
    "azure.cli.core.extension.operations",
    "azure.cli.core.intercept_survey",
    "azure.cli.core.parser",
    "azure.cli.core.sdk.policies",
    "azure.cli.core.telemetry",
    "azure.core.pipeline.policies",
    "azure.core.pipeline.transport._requests_basic",
    "azure.core.polling",
    "azure.core.rest._requests_basic",
    "azure.keyvault.administration",
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
    "encodings.utf_8_sig",
    "jmespath",
    "knack.cli",
    "knack.commands",
    "knack.help",
    "knack.output",
    "knack.parser",
    "msal",
    "msal_extensions",
    "msrest",
    "netrc",
    "packaging.version",
    "pkginfo",
    "requests",
    "tabulate",
    "timeit",
    "yaml",
]
EXTENSION = "azext_acrcmk"
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
    if request["pace"] != 1:
        hurry(request["pace"])
    try:
        if request["script"]:
            runpy.run_path(request["script"], run_name="__main__")
        else:
            runpy.run_module("azure.cli", run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        if isinstance(ended.code, str):
            raise
        _exit(int(ended.code or 0))


def hurry(pace: float) -> None:
    """Let this process's time run so many times as fast: what it waits for takes moments, and times out after them.

    Only the waits of the network end no sooner than after a quarter of a second, which an answer on loopback may take.
    """
    pause = time.sleep
    time.sleep = lambda seconds: pause(seconds / pace)
    for name in ("time", "monotonic"):
        setattr(time, name, faster(getattr(time, name), pace))
    wait, limit = threading.Event.wait, socket.socket.settimeout

    def shorter(seconds: float | None, least: float = 0.0) -> float | None:
        return seconds and max(seconds / pace, least)

    threading.Event.wait = lambda event, timeout=None: wait(event, shorter(timeout))
    socket.socket.settimeout = lambda connection, timeout: limit(connection, shorter(timeout, 0.25))


def faster(clock: Callable[[], float], pace: float) -> Callable[[], float]:
    begun = clock()
    return lambda: begun + (clock() - begun) * pace


def _exit(code: int) -> None:
    """End as the interpreter ends, without taking apart what the server has imported: that takes long."""
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


def import_all() -> None:
    for name in MODULES:
        importlib.import_module(name)
    folder = os.path.join(os.environ["AZURE_EXTENSION_DIR"], "acrcmk")
    if os.path.isdir(folder):
        # As the CLI finds it: the folder is not on the path but while commands are loaded.
        sys.path.append(folder)
        package = importlib.import_module(EXTENSION)
        for module in pkgutil.walk_packages(package.__path__, f"{EXTENSION}."):
            importlib.import_module(module.name)
        sys.path.remove(folder)
    # The first time that a log asks this, all classes of the SDKs are looked through.
    for kind in (str, int, float, bool, tuple, list, type(None), Exception):
        issubclass(kind, Mapping)


def main() -> None:
    import_all()
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
