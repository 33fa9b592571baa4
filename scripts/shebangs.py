"""Lets the scripts of a virtual environment start where its path has a space, or is long: `az` is such a script.

pip names the interpreter in their first line, which systems end at a space and after some 127 characters. /bin/sh has
no such limits, so it starts the interpreter. (What pip makes itself, as pip and pytest, begins so already.)
"""

from __future__ import annotations

import sys
from pathlib import Path

LIMIT = 127
SHELL = b"""#!/bin/sh
'''exec' "%b" "$0" "$@"
' '''
"""


def repaired(script: bytes) -> bytes:
    """The script with a first line that the system can't follow made into three that /bin/sh and Python can."""
    first, end, rest = script.partition(b"\n")
    interpreter = first.removeprefix(b"#!").strip()
    if not first.startswith(b"#!/") or b"python" not in interpreter:
        return script
    if b" " not in interpreter and len(first) <= LIMIT:
        return script
    return SHELL % interpreter + rest if end else script


def main() -> None:
    for path in Path(sys.executable).parent.iterdir():
        if path.is_file() and not path.is_symlink():
            script = path.read_bytes()
            if repaired(script) != script:
                path.write_bytes(repaired(script))  # and leave its mode as it is


if __name__ == "__main__":
    main()
