"""One running sandbox: the world it serves, the faults asked for, and the log."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sandbox.core.web import Request
from sandbox.server.faults import Fault
from sandbox.server.log import RequestLog
from sandbox.settings import PROFILES, Settings
from sandbox.world import World

_TICK = 0.05  # wall-clock seconds after which a wait notices that the clock was moved


class Instance:
    """What the servers share. `reset` puts a new world in place of the old one."""

    def __init__(self, settings: Settings, log_file: Path):
        self.world = World(settings)
        self.faults: list[Fault] = []
        self.log = RequestLog(log_file)
        self._saved: World | None = None

    def reset(self, profile: str = "instant", changes: dict[str, object] | None = None) -> None:
        self.world = World(PROFILES[profile].with_changes(**(changes or {})))
        self._saved = None
        self.faults.clear()
        self.log.clear()

    def save(self) -> None:
        self._saved = self.world.copy()

    def restore(self) -> None:
        """Put the world that was saved in place of this one, as often as it is asked for."""
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

    def fault_for(self, request: Request) -> Fault | None:
        """The first fault that strikes. Every fault counts the request, also behind one that strikes."""
        striking = [fault for fault in self.faults if fault.strikes(request)]
        return striking[0] if striking else None

    async def wait(self, seconds: float) -> None:
        """Let `seconds` of the sandbox's clock pass; ends early when the clock is moved."""
        clock = self.world.clock
        end = clock.now() + seconds
        while (left := end - clock.now()) > 0:
            await asyncio.sleep(min(clock.real(left), _TICK))
