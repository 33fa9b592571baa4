"""The copy of the world that Resource Graph answers from, which lags behind it as the settings tell.

Facts: fleet.md 1.5. What is written through Resource Manager shows after `graph_seconds`. What a provider changes by
itself, such as a registry that takes a new version of its key, is no such write: it shows once everything is looked at
again, every `graph_crawl_seconds`, or when the resource is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sandbox.resource_graph import rows
from sandbox.resource_graph.rows import Entry
from sandbox.world import World

_LARGE = 500  # rows: below, each query has a copy made anew
_MOST_ANSWERS = 64
_KINDS: dict[str, Callable[[World], Iterator[Entry]]] = {
    "resources": rows.resources,
    "resourcecontainers": rows.containers,
    "authorizationresources": rows.authorization,
}


@dataclass(frozen=True)
class Edition:
    """All rows as they were at one moment, by table."""

    moment: float
    tables: dict[str, list[Entry]]

    @property
    def size(self) -> int:
        return sum(map(len, self.tables.values()))


@dataclass
class Index:
    """`editions` are kept only where the index lags; `current` is the last one made where it does not."""

    editions: list[Edition] = field(default_factory=list)
    crawled: float = 0.0
    current: tuple[int, Edition] | None = None
    answers: dict[Any, Any] = field(default_factory=dict)  # of queries, as long as nothing changes

    def __deepcopy__(self, memo: dict[int, Any]) -> Index:
        # Editions are never changed, and what is current can be made again.
        return Index(list(self.editions), self.crawled)

    def remember(self, key: Any, answer: Any) -> None:
        if len(self.answers) >= _MOST_ANSWERS:
            self.answers.clear()
        self.answers[key] = answer


def of(world: World) -> Index:
    if world.graph is None:
        world.graph = Index()
    return world.graph


def begin(world: World) -> None:
    """Keep the world as it is before a change, where it is kept at all."""
    if _lags(world) and not of(world).editions:
        of(world).crawled = world.now()
        _add(world, full=True)


def note(world: World) -> None:
    """Take over a change, to be shown when it is time."""
    if _lags(world):
        begin(world)
        _add(world, full=not world.settings.graph_crawl_seconds)


def edition(world: World) -> Edition:
    """What a query sees now."""
    if not _lags(world):
        return _current(world)
    begin(world)
    index, now, settings = of(world), world.now(), world.settings
    if settings.graph_crawl_seconds and now - index.crawled >= settings.graph_crawl_seconds:
        index.crawled = now
        _add(world, full=True, moment=now - settings.graph_seconds)
    shown = [each for each in index.editions if each.moment <= now - settings.graph_seconds]
    return shown[-1] if shown else index.editions[0]


def _lags(world: World) -> bool:
    return bool(world.settings.graph_seconds or world.settings.graph_crawl_seconds)


def _current(world: World) -> Edition:
    index = of(world)
    if index.current and index.current[0] == world.changes and index.current[1].size >= _LARGE:
        return index.current[1]
    index.answers.clear()
    index.current = world.changes, _make(world, world.now())
    return index.current[1]


def _make(world: World, moment: float) -> Edition:
    return Edition(moment, {name: list(make(world)) for name, make in _KINDS.items()})


def _add(world: World, *, full: bool, moment: float | None = None) -> None:
    """Add an edition. Unless it is a full one, it keeps the rows of resources that nobody wrote."""
    index, now = of(world), world.now()
    made = _make(world, now if moment is None else moment)
    if not full and index.editions:
        before = {entry.scope: entry for entry in index.editions[-1].tables["resources"]}
        made.tables["resources"] = [_unwritten(before.get(entry.scope), entry) for entry in made.tables["resources"]]
    oldest = now - world.settings.graph_seconds
    older = [each for each in index.editions if each.moment <= oldest]
    index.editions = older[-1:] + [each for each in index.editions if each.moment > oldest] + [made]
    index.answers.clear()


def _unwritten(before: Entry | None, entry: Entry) -> Entry:
    return before if before and entry.stamp is not None and before.stamp == entry.stamp else entry
