"""What is to be copied, and what has become of it. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from azext_acrcmk.model.content import Totals
from azext_acrcmk.model.value import Value, immutable
from azext_acrcmk.plan.migrate.images import Conflict, Left
from azext_acrcmk.plan.migrate.verify import Difference

# What could not be written: the repository, what in it, and why.
Unwritten = tuple[str, str, str]
# A tag that was moved: the repository, the tag, the digest that it was on, and the one that it is on now.
Moved = tuple[str, str, str, str]


@immutable
class Wanted(Value):
    """What is to be copied. `patterns` select repositories by name, `since` is a moment in ISO 8601."""

    patterns: tuple[str, ...] = ()
    since: str | None = None
    referrers: bool = True
    settings: bool = True
    force: bool = False

    def selects(self, name: str) -> bool:
        return not self.patterns or any(fnmatchcase(name, pattern) for pattern in self.patterns)

    def named(self, listed: Collection[str]) -> list[str]:
        """The repositories that are wanted by their names and not listed: they may be there (listEnabled is false)."""
        names = (each for each in self.patterns if each not in listed and not set("*?[") & set(each))
        return list(dict.fromkeys(names))


@dataclass
class Tally:
    """What has become of all repositories. `failures` are those of imports, as `apply` has them."""

    source: Totals = field(default_factory=Totals)
    imports: int = 0
    written: int = 0
    locked: int = 0
    tags_set: int = 0
    moved: list[Moved] = field(default_factory=list)
    planned: int = 0
    there: int = 0
    conflicts: list[Conflict] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    failures: list[Any] = field(default_factory=list)
    unwritten: list[Unwritten] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
