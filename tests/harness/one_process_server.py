"""Runs commands in sequence in this process: the other end of `one_process.py`.

A line of JSON on standard input is the folder and the arguments of a command, one on standard output how it ended.
Commands themselves have no standard input. The argument is how many times shorter what they wait for is to last.
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
from forgetting import as_if_alone
from skipping import skip

# How long threads that a command has left running may continue, in seconds.
REST = 20


def run(directory: str, arguments: list[str]) -> dict[str, object]:
    """One command, as the script `az` runs it."""
    started = time.perf_counter()
    os.chdir(directory)
    with as_if_alone(), caught(1) as out, caught(2) as err:
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
    """Waits for the threads that a command has left."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join(REST)
            assert not thread.is_alive(), f"Still running: {thread}"


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
    pace = float(sys.argv[1])
    clock = skip(pace) if pace != 1 else None
    with os.fdopen(os.dup(0), encoding="utf-8") as commands, os.fdopen(os.dup(1), "w", encoding="utf-8") as report:
        with open(os.devnull) as nothing:
            os.dup2(nothing.fileno(), 0)
        for line in commands:
            if clock:
                clock.start_over()
            print(json.dumps(run(*json.loads(line))), file=report, flush=True)


main()
