"""A server that forks an `az` for each command, so that a test doesn't pay for the same imports again and again.

What a child runs is what `az` runs, `python -m azure.cli`, in a process of its own, from its own arguments,
environment, folder and files, until its threads have ended, its exit handlers have run and its output is written.
The modules of the CLI and the installed extension are imported before, and some commands have run, so that what the
SDKs remember of their own models is remembered; of Azure, the sign-in and the log nothing is. The CLI reads where its
configuration and extensions are while it is imported, so these two places are the server's own, and the same for all
its children.

Started by `az.py` with one end of a socket as its standard input. One request is one line of JSON, with four file
descriptors: standard input, output and error of the command, and a pipe that tells its process id and in the end its
exit code. A request may name a script to run in place of `azure.cli`. The commands to rehearse are the server's
arguments, a line of JSON each.
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
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import IO

# Modules that some commands import, but not those of the rehearsal.
MODULES = [
    "azure.cli.command_modules.acr._params",
    "azure.cli.command_modules.acr.custom",
    "azure.cli.command_modules.keyvault._params",
    "azure.cli.command_modules.keyvault.commands",
    "azure.cli.command_modules.keyvault.custom",
    "azure.cli.command_modules.role._params",
    "azure.cli.command_modules.role.commands",
    "azure.cli.command_modules.role.custom",
    "azure.cli.core.extension.dynamic_install",
    "azure.keyvault.administration",
    "azure.keyvault.keys",
    "azure.mgmt.authorization",
    "azure.mgmt.resource.resources",
    "azure.mgmt.resource.resources.v2024_11_01",
    "jmespath",
    "msrest",
    "tabulate",
    "unittest.mock",
]
EXTENSION = "azext_acrcmk"
# What limits the searches of its modules, in seconds.
SEARCHES = {"SECONDS", "LONG_PATIENCE"}
CHUNK = 1 << 16
READY = b"\n"
# How long threads that a command has left running may continue, in seconds.
REST = 20


def serve(server: socket.socket) -> dict | None:
    """Forks for each request until the tests close the connection. Returns the request in the child that runs it."""
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    reports: dict[int, IO[str]] = {}
    while True:
        ready, _, _ = select.select([server, woken], [], [])
        if woken in ready:
            os.read(woken, CHUNK)
            tell_who_ended(reports)
        if server not in ready:
            continue
        message, descriptors, *_ = socket.recv_fds(server, CHUNK, maxfds=4)
        if not message:
            return None
        while not message.endswith(b"\n"):
            message += server.recv(CHUNK)
        *standard, report = descriptors
        child = os.fork()
        if not child:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for other in (server, *reports.values()):
                other.close()
            for descriptor in (woken, wake, report):
                os.close(descriptor)
            take(standard)
            return json.loads(message)
        for descriptor in standard:
            os.close(descriptor)
        reports[child] = open(report, "w", buffering=1)  # noqa: SIM115
        with contextlib.suppress(BrokenPipeError):
            print(child, file=reports[child])


def take(descriptors: list[int]) -> None:
    """Makes them standard input, output and error."""
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)


def tell_who_ended(reports: dict[int, IO[str]]) -> None:
    while reports:
        child, status = os.waitpid(-1, os.WNOHANG)
        if not child:
            return
        with contextlib.suppress(BrokenPipeError), reports.pop(child) as report:
            print(os.waitstatus_to_exitcode(status), file=report)


def become_az(request: dict) -> None:
    """Executes the script `az` in the rest of this process."""
    os.environ.clear()
    os.environ.update({"AZ_INSTALLER": "PIP", **request["environment"]})
    os.chdir(request["directory"])
    sys.path[0] = request["directory"]
    sys.argv[1:] = request["arguments"]
    if request["pace"] != 1 and not request["script"]:
        hurry(request["pace"])
    try:
        if request["script"]:
            sys.argv[1:] = [str(request["pace"])]
            runpy.run_path(request["script"], run_name="__main__")
        else:
            runpy.run_module("azure.cli", run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        if isinstance(ended.code, str):
            raise
        _exit(int(ended.code or 0))


def hurry(pace: float) -> None:
    """Let this process's time run so many times as fast: what it waits for takes moments, and times out after them.

    Only the waits of the network end no sooner than after a quarter of a second, which an answer on loopback may take,
    and those of searches, which send a request again, no sooner than after a second.
    """
    for module in [found for name, found in sys.modules.items() if name.startswith(f"{EXTENSION}.cloud.")]:
        for limit in SEARCHES & vars(module).keys():
            setattr(module, limit, max(getattr(module, limit), pace))
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


def rehearse(command: list[str]) -> None:
    """Runs a command in this process, and discards the state that only its own process should have."""
    from forgetting import as_if_alone

    sys.argv[1:] = command
    with as_if_alone():
        try:
            runpy.run_module("azure.cli", run_name="__main__", alter_sys=True)
        except SystemExit as ended:
            if ended.code:
                raise RuntimeError(f"az {' '.join(command)}: exit code {ended.code}") from None
        for thread in threading.enumerate():
            if thread is not threading.current_thread():
                thread.join(REST)


def main() -> None:
    import_all()
    importlib.import_module("skipping")
    for command in sys.argv[1:]:
        rehearse(json.loads(command))
    if threading.active_count() > 1:
        raise RuntimeError(f"A library started threads, which a fork would not take along: {threading.enumerate()}")
    gc.collect()
    gc.freeze()

    with socket.socket(fileno=os.dup(0)) as server:
        server.send(READY)
        request = serve(server)
    if request:
        become_az(request)


main()
