"""Runs commands where the only name server is one on loopback that knows no name, and tells what each command asked it.

In comes JSON on standard input, {"environment": {}, "commands": [[]]}; out comes a list of names for each command. It
must be started in a network and mount namespace of its own.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from sandbox.server import isolation

CONFIGURATION = {"/etc/resolv.conf": "nameserver 127.0.0.1\n", "/etc/nsswitch.conf": "hosts: files dns\n"}
NO_SUCH_NAME = b"\x81\x83"  # RFC 1035 4.1.1: an answer, recursion desired and available, response code 3


def answer(server: socket.socket, asked: list[str]) -> None:
    while True:
        query, client = server.recvfrom(512)
        asked.append(name_in(query[12:]))
        server.sendto(query[:2] + NO_SUCH_NAME + query[4:], client)


def name_in(question: bytes) -> str:
    labels = []
    while size := question[0]:
        labels.append(question[1 : size + 1].decode())
        question = question[size + 1 :]
    return ".".join(labels)


def main() -> None:
    request = json.load(sys.stdin)
    asked: list[str] = []
    isolation.raise_loopback()
    with tempfile.TemporaryDirectory() as directory, socket.socket(type=socket.SOCK_DGRAM) as server:
        for name, text in CONFIGURATION.items():
            file = Path(directory) / Path(name).name
            file.write_text(text)
            subprocess.run(["mount", "--bind", file, name], check=True)
        server.bind(("127.0.0.1", 53))
        threading.Thread(target=answer, args=(server, asked), daemon=True).start()
        result = []
        for command in request["commands"]:
            subprocess.run(command, env=request["environment"], capture_output=True, timeout=20, check=False)
            result.append(sorted(set(asked)))
            asked.clear()
    print(json.dumps(result))


main()
