"""Time that is not waited for: a clock that goes as the wall clock does, and jumps ahead over pauses and timeouts.

What takes its time because the machine is busy is no later by this clock, and exceeds no limit.
"""

from __future__ import annotations

import socket
import threading
import time
from weakref import WeakKeyDictionary

from azext_acrcmk.cloud.waiting import Stop

# No timeout of the network is shorter, in seconds by the clock: an answer on loopback takes long on a busy machine.
LEAST = 300


class Clock:
    def __init__(self):
        self.time, self._monotonic, self._skipped = time.time, time.monotonic, 0.0
        self._lock = threading.Lock()

    def now(self) -> float:
        return self._monotonic() + self._skipped

    def time_of_day(self) -> float:
        return self.time() + self._skipped

    def skip_to(self, moment: float) -> None:
        """Those who wait side by side wait for the same seconds."""
        with self._lock:
            self._skipped = max(self._skipped, moment - self._monotonic())

    def start_over(self) -> None:
        self._skipped = 0.0


def skip(pace: float) -> Clock:
    """Have pauses and the timeouts of the network last so many times less in this process. Returns its clock."""
    clock = Clock()
    sleep, pause, limit, read = time.sleep, Stop.pause, socket.socket.settimeout, socket.SocketIO.readinto
    limits: WeakKeyDictionary[socket.socket, float] = WeakKeyDictionary()

    def shorter_sleep(seconds: float) -> None:
        end = clock.now() + seconds
        sleep(seconds / pace)
        clock.skip_to(end)

    def shorter_pause(stop: Stop, seconds: float) -> None:
        end = clock.now() + seconds
        pause(stop, seconds / pace)
        clock.skip_to(end)

    def shorter_limit(connection: socket.socket, seconds: float | None) -> None:
        if seconds:
            limits[connection] = seconds
        limit(connection, seconds and max(seconds, LEAST) / pace)

    def read_or_skip(file: socket.SocketIO, buffer: memoryview) -> int | None:
        end = clock.now() + limits.get(file._sock, 0.0)
        try:
            return read(file, buffer)
        except TimeoutError:
            clock.skip_to(end)
            raise

    time.time, time.monotonic, time.sleep = clock.time_of_day, clock.now, shorter_sleep
    Stop.pause, socket.socket.settimeout, socket.SocketIO.readinto = shorter_pause, shorter_limit, read_or_skip
    return clock
