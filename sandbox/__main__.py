"""python -m sandbox [shell | exec -- COMMAND...]: an Azure emulator on loopback, until Ctrl-C or end of command."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import shlex
import signal
import sys
from pathlib import Path

from sandbox import launch
from sandbox.server import isolation
from sandbox.server.login import write_login
from sandbox.settings import PROFILES, Settings

_NOT_STOPPED = "Programs other than Python that ignore the proxy settings can still reach the network."
_NO_NAMESPACE = "This system does not let you create a network namespace."
_USE_SHELL = "To block them too, use python -m sandbox shell on a system that lets you create a network namespace."


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        settings = _settings(options.profile, options.set)
    except (TypeError, ValueError) as error:
        print(f"python -m sandbox: --set: {error}", file=sys.stderr)
        return 2
    isolated = bool(options.action) and isolation.enter()
    try:
        return asyncio.run(_main(options, settings, isolated))
    except (launch.AlreadyRunning, OSError) as error:
        print(f"python -m sandbox: {error}", file=sys.stderr)
        return 1


async def _main(options: argparse.Namespace, settings: Settings, isolated: bool) -> int:
    stop = _stop_on_signals() if options.action is None else None
    async with launch.running(settings, options.directory.resolve(), options.cloud_shell) as sandbox:
        if stop:
            print(sandbox.json() if options.json else _text(sandbox), flush=True)
            await stop.wait()
            return 0
        if not isolated:
            print(f"{_NO_NAMESPACE} {_NOT_STOPPED}", file=sys.stderr)
        write_login(Path(sandbox.environment["AZURE_CONFIG_DIR"]), sandbox.owner_app_id, sandbox.owner_secret)
        command = launch.shell_command() if options.action == "shell" else options.command
        if options.action == "shell":
            print("Azure emulator on loopback. az is signed in. Type exit to leave.", file=sys.stderr)
        return await launch.run_command(command, sandbox.environment)


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def _text(sandbox: launch.Running) -> str:
    lines = [f"unset {' '.join(sandbox.unset)}"]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in sandbox.environment.items()]
    lines.append(f"# {_NOT_STOPPED} {_USE_SHELL}")
    login = f"-u {sandbox.owner_app_id} -p {sandbox.owner_secret} --tenant {sandbox.tenant}"
    lines.append(f"# then: az login --service-principal {login}, or az login --identity")
    return "\n".join(lines)


def _settings(profile: str, changes: list[str]) -> Settings:
    settings = PROFILES[profile]
    for change in changes:
        name, _, text = change.partition("=")
        settings = settings.with_text(name, text)
    return settings


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--profile", choices=sorted(PROFILES), default="instant", help="how the emulated Azure behaves")
    parser.add_argument(
        "--directory", type=Path, default=Path(".sandbox"), help="where its files go (default: .sandbox)"
    )
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="change one setting")
    parser.add_argument("--cloud-shell", action="store_true", help="also emulate Azure Cloud Shell, on its fixed port")
    parser.add_argument("--json", action="store_true", help="print the connection details as one line of JSON")
    actions = parser.add_subparsers(dest="action")
    actions.add_parser("shell", help="open a shell in which az is signed in")
    execute = actions.add_parser("exec", help="run one command with az signed in, and return its exit code")
    execute.add_argument("command", nargs="+", metavar="COMMAND")
    return parser


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
    sys.exit(130)
