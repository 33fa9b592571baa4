"""What has arrived in the new registry, by lists that the imports of one repository share."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from azext_acrcmk.cloud.login_server import LoginServer
from azext_acrcmk.plan.migrate.images import Import

# From so many imports into one repository on, a list is read; below, each asks for its own manifest.
_FROM = 3
# How many of the newest manifests of a repository are listed: more than are being imported into it, as others may have
# come too; at least so many, and no more than any page has.
_LEAST, _MOST = 32, 100


@dataclass
class _Repository:
    lock: threading.Lock = field(default_factory=threading.Lock)
    expected: int = 0
    read_at: float = 0.0
    tags: dict[str, tuple[str, ...]] = field(default_factory=dict)


class Arrivals:
    """Safe for threads."""

    def __init__(self, server: LoginServer):
        self._server = server
        self._repositories: dict[str, _Repository] = {}
        self._lock = threading.Lock()

    @contextmanager
    def expecting(self, each: Import) -> Iterator[None]:
        """While an import goes on."""
        with self._lock:
            seen = self._repositories.setdefault(each.repository, _Repository())
            seen.expected += 1
        try:
            yield
        finally:
            with self._lock:
                seen.expected -= 1
                if not seen.expected:
                    self._repositories.pop(each.repository, None)

    def has(self, each: Import, within: float) -> bool:
        """Whether a manifest has arrived with all its tags, as seen at most `within` seconds ago."""
        seen = self._repositories.get(each.repository)
        if seen is None or seen.expected < _FROM:
            return self.has_now(each, each.tags[-1:])
        oldest = time.monotonic() - within  # what another reads while this waits for it is as good
        with seen.lock:
            if seen.read_at < oldest:
                seen.read_at = time.monotonic()
                newest = min(max(2 * seen.expected, _LEAST), _MOST)
                seen.tags = self._server.newest(each.repository, newest)
            return each.digest in seen.tags and set(each.tags) <= set(seen.tags[each.digest])

    def has_now(self, each: Import, tags: tuple[str, ...]) -> bool:
        """Whether the new registry has the manifest now, under these of its tags."""
        return all(self._server.digest_of(each.repository, tag) == each.digest for tag in tags or (each.digest,))
