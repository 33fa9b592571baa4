"""Egress guard: with this folder on PYTHONPATH, no Python process can connect to anything but loopback.

An audit hook covers every way to use a socket, even without the classes of the `socket` module, and can't be removed.
It reports what it blocks and why.
"""

import sys

_LOOK_UPS = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo")
_LOCAL_NAMES = ("", "localhost", "localhost.localdomain", "0.0.0.0", "::", "::1")
_NAME_SERVER = 53  # a resolver on loopback forwards queries
_MESSAGE = "The acrcmk sandbox refuses {}: only loopback can be reached from here."


def _is_local(host):
    if isinstance(host, (bytes, bytearray)):
        host = host.decode("ascii", "replace")
    host = (host or "").lower().rstrip(".")
    if host in _LOCAL_NAMES:
        return True
    parts = host.removeprefix("::ffff:").split(".")
    return len(parts) == 4 and parts[0] == "127" and all(part.isdigit() and int(part) < 256 for part in parts)


def _refuse_outside(event, arguments):
    if not event.startswith("socket."):
        return
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        # Addresses of other families (Unix sockets) are not tuples of host and port.
        internet = isinstance(address, tuple) and isinstance(address[0], (str, bytes, bytearray))
        if internet and (not _is_local(address[0]) or address[1] == _NAME_SERVER):
            raise ConnectionRefusedError(_MESSAGE.format(f"{address[0]}:{address[1]}"))
    elif event in _LOOK_UPS:
        name = arguments[0][0] if event == "socket.getnameinfo" else arguments[0]
        if not _is_local(name):
            import socket

            raise socket.gaierror(socket.EAI_FAIL, _MESSAGE.format(name))


sys.addaudithook(_refuse_outside)
