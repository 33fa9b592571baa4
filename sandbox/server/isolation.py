"""A network with only loopback, for the sandbox and the programs that it runs (`exec` and `shell`).

The environment alone stops Python programs, and programs that use the proxy settings. A network namespace stops all
programs. Linux has namespaces, but not every system lets users create them.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys

_MARK = "ACRCMK_SANDBOX_ISOLATED"
_UNSHARE = ("unshare", "--map-current-user", "--keep-caps", "--net")
_SET_INTERFACE_FLAGS = 0x8914  # SIOCSIFFLAGS of linux/sockios.h
_UP_AND_RUNNING = 0x41  # IFF_UP | IFF_RUNNING


def enter() -> bool:
    """Restart this program in its own namespace if the system allows that; returns False if it does not."""
    if os.environ.pop(_MARK, None):
        raise_loopback()
        return True
    if is_possible():
        os.environ[_MARK] = "1"
        os.execvp(_UNSHARE[0], [*_UNSHARE, sys.executable, *sys.orig_argv[1:]])
    return False


def is_possible() -> bool:
    """Whether the system lets this user create a namespace."""
    if not shutil.which(_UNSHARE[0]):
        return False
    return subprocess.run([*_UNSHARE, "true"], capture_output=True, check=False).returncode == 0


def raise_loopback() -> None:
    """Bring up the interface `lo` in a new namespace."""
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, _SET_INTERFACE_FLAGS, struct.pack("16sh14x", b"lo", _UP_AND_RUNNING))
