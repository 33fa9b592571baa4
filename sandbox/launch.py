"""Starts a sandbox in this process: the servers on loopback, and the environment variables that point to them."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from sandbox import services
from sandbox.server import certs, control, environment
from sandbox.server.app import App
from sandbox.server.instance import Instance
from sandbox.server.proxy import Proxy
from sandbox.settings import Settings
from sandbox.world import OWNER_APP_ID, OWNER_OBJECT_ID, OWNER_SECRET, SUBSCRIPTION, TENANT

CLOUD_SHELL_PORT = 50342  # fixed in msal


class AlreadyRunning(Exception):
    """Another sandbox uses the directory."""


@dataclass(frozen=True)
class Running:
    """How to reach a sandbox. `environment` has the variables to set, `unset` those to remove."""

    environment: dict[str, str]
    unset: tuple[str, ...]
    control: str
    log_file: str
    tenant: str = TENANT
    subscription: str = SUBSCRIPTION
    owner_app_id: str = OWNER_APP_ID
    owner_object_id: str = OWNER_OBJECT_ID
    owner_secret: str = OWNER_SECRET

    def json(self) -> str:
        return json.dumps(asdict(self))


@contextlib.asynccontextmanager
async def running(settings: Settings, directory: Path, cloud_shell: bool = False) -> AsyncIterator[Running]:
    """Serve until the context ends. The certificate, the log and the configuration of `az` go to `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    lock = _lock(directory)
    ca_file, log_file = directory / "ca.pem", directory / "requests.jsonl"
    services.load()
    instance = Instance(settings, log_file)
    app = App(instance)
    runner = proxy = None
    try:
        identity_port = await app.start_local()
        if cloud_shell:
            await app.start_local(CLOUD_SHELL_PORT)
        refused = lambda *what: instance.log.refused(*what, instance.world.clock)  # noqa: E731
        proxy = Proxy(certs.make(ca_file), app.azure, refused)
        proxy_port = proxy.start()
        runner, control_port = await control.start(instance)
        given = environment.variables(directory, ca_file, proxy_port, identity_port)
        environment.prepare_config(Path(given["AZURE_CONFIG_DIR"]))
        if cloud_shell:
            given |= environment.cloud_shell()
        # So that a shell in the environment finds the control API.
        given["ACRCMK_SANDBOX"] = f"http://127.0.0.1:{control_port}"
        yield Running(given, environment.UNSET, given["ACRCMK_SANDBOX"], str(log_file))
    finally:
        if proxy:
            proxy.close()
        if runner:
            await runner.cleanup()
        await app.close()
        instance.log.close()
        lock.close()


def _lock(directory: Path) -> IO[str]:
    """Lock the directory: two sandboxes in one directory would overwrite each other's certificate."""
    file = (directory / "lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise AlreadyRunning(f"A sandbox is already running in {directory}. Specify another --directory.") from None
    return file


async def run_command(command: list[str], given: dict[str, str]) -> int:
    """Run a program in the sandbox's environment, our `az` first in PATH. Returns its exit code as a shell does."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    loop = asyncio.get_running_loop()
    # Ctrl-C also reaches the program, which may still need the sandbox while it ends.
    loop.add_signal_handler(signal.SIGINT, lambda: None)
    process = await asyncio.create_subprocess_exec(*command, env=environment.merged({**given, "PATH": path}))
    loop.add_signal_handler(signal.SIGTERM, process.terminate)
    code = await process.wait()
    return code if code >= 0 else 128 - code


def shell_command() -> list[str]:
    shell = os.environ.get("SHELL") or "/bin/sh"
    return [shell, "--norc"] if Path(shell).name == "bash" else [shell]
