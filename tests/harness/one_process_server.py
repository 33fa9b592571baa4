"""Runs commands in sequence in this process: the other end of `one_process.py`.

A line of JSON on standard input is the arguments of a command, one on standard output how it ended.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from azure.cli.core import get_default_cli
from azure.keyvault.administration._internal import http_challenge_cache as challenges_of_roles
from azure.keyvault.keys._shared import http_challenge_cache as challenges_of_keys

# How long threads that a command has left running may continue, in seconds.
REST = 20


def run(arguments: list[str]) -> dict[str, object]:
    """One command, as the script `az` runs it."""
    started = time.perf_counter()
    with caught(1) as out, caught(2) as err:
        try:
            code = get_default_cli().invoke(arguments)
        except SystemExit as ended:
            code = ended.code
        except BaseException:
            traceback.print_exc()
            code = 1
        let_rest()
        seconds = time.perf_counter() - started
    return {"code": code, "out": out[0], "err": err[0], "seconds": seconds}


def let_rest() -> None:
    """Waits for the threads that a command has left, and discards the state that a new process would not have."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join(REST)
            assert not thread.is_alive(), f"Still running: {thread}"
    challenges_of_keys.clear()
    challenges_of_roles.clear()


@contextmanager
def caught(descriptor: int) -> Iterator[list[str]]:
    """What is written to a file descriptor, in a list of one once it is all there."""
    text: list[str] = []
    kept = os.dup(descriptor)
    with tempfile.TemporaryFile("w+", encoding="utf-8") as file:
        os.dup2(file.fileno(), descriptor)
        try:
            yield text
        finally:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            os.dup2(kept, descriptor)
            os.close(kept)
            file.seek(0)
            text.append(file.read())


def main() -> None:
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as report:
        for line in sys.stdin:
            print(json.dumps(run(json.loads(line))), file=report, flush=True)


main()
