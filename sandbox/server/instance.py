"""One running sandbox: its world, the requested faults, and the log."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sandbox.core.web import Request
from sandbox.server.faults import Fault
from sandbox.server.log import RequestLog
from sandbox.settings import PROFILES, Settings
from sandbox.world import World


class Instance:
    """The state that the servers share. `reset` replaces the world with a new one."""

    def __init__(self, settings: Settings, log_file: Path):
        self.world = World(settings)
        self.faults: list[Fault] = []
        self.log = RequestLog(log_file)
        self._saved: World | None = None
        self._waiting: set[asyncio.Future[None]] = set()

    def reset(self, profile: str = "instant", changes: dict[str, object] | None = None) -> None:
        self.world = World(PROFILES[profile].with_changes(**(changes or {})))
        self._saved = None
        self.faults.clear()
        self.log.clear()

    def save(self) -> None:
        self._saved = self.world.copy()

    def restore(self) -> None:
        """Replace the world with the saved one. Can be called repeatedly."""
        if not self._saved:
            raise ValueError("Nothing was saved.")
        self.world = self._saved.copy()
        self.faults.clear()
        self.log.clear()

    def change_settings(self, **changes: object) -> None:
        world = self.world
        with world.lock:
            world.settings = world.settings.with_changes(**changes)
            if world.clock.scale != world.settings.clock_scale:
                world.clock.run_at(world.settings.clock_scale)
        self._wake()

    def advance(self, seconds: float) -> float:
        """Advance the sandbox's clock. Returns its time."""
        self.world.clock.advance(seconds)
        self._wake()
        return self.world.clock.now()

    def fault_for(self, request: Request) -> Fault | None:
        """The first fault that applies. Every fault counts the request, even after one that applies."""
        striking = [fault for fault in self.faults if fault.strikes(request)]
        return striking[0] if striking else None

    async def wait(self, seconds: float) -> None:
        """Wait for `seconds` of the sandbox's clock; ends early when the clock is advanced."""
        clock, loop = self.world.clock, asyncio.get_running_loop()
        end = clock.now() + seconds
        while (left := end - clock.now()) > 0:
            woken = loop.create_future()
            self._waiting.add(woken)
            timer = loop.call_later(clock.real(left), _end, woken)
            try:
                await woken
            finally:
                timer.cancel()
                self._waiting.discard(woken)

    def _wake(self) -> None:
        """Have all who wait look at the clock."""
        for woken in self._waiting:
            _end(woken)


def _end(woken: asyncio.Future[None]) -> None:
    if not woken.done():
        woken.set_result(None)
