"""Copies repository by repository, and compares both sides of each: nothing of one is kept when the next begins."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from azext_acrcmk.apply.migrate.importing import Failure, Importer
from azext_acrcmk.apply.migrate.limit import Limit, Queue
from azext_acrcmk.apply.migrate.moves import load_movable, without_taken
from azext_acrcmk.cloud.errors import read_error
from azext_acrcmk.cloud.load_content import load_source, load_target
from azext_acrcmk.cloud.login_server import READ, LoginServer, NotPermitted
from azext_acrcmk.cloud.pool import for_each
from azext_acrcmk.cloud.registry_tokens import repository_scope
from azext_acrcmk.cloud.waiting import Stop, done, in_thread, until_settled
from azext_acrcmk.model.content import OCI_INDEX, Repository, totals
from azext_acrcmk.model.ids import ArmId
from azext_acrcmk.plan.migrate.attributes import SetAttributes, attributes_to_set, to_lock_again, to_unlock
from azext_acrcmk.plan.migrate.fallback import Fallback
from azext_acrcmk.plan.migrate.freeze import was_locked
from azext_acrcmk.plan.migrate.images import (
    Import,
    Push,
    RepositoryPlan,
    plan_repository,
    without_referrers,
)
from azext_acrcmk.plan.migrate.tally import Tally, Unwritten, Wanted
from azext_acrcmk.plan.migrate.verify import EXTRA_REPOSITORY, Difference, differences, unexplained

# How long what was imported may take to be listed, in seconds.
LISTED_TIMEOUT = 30
# How often what is missing after all is imported again.
ROUNDS = 3
# How long a copy that is stopped may take to lock again what it has opened, in seconds.
LOCK_TIMEOUT = 10
# How many repositories are worked on at the same time: each has its lists in memory.
REPOSITORIES = 16


T = TypeVar("T")


def _failed(items: Iterable[T], write: Callable[[T], None], what: Callable[[T], str]) -> list[Unwritten]:
    """Writes each; those that the registry refuses are returned, so that the others are written all the same."""
    return [failed for each in items if (failed := _refused(each, write, what))]


def _refused(each: T, write: Callable[[T], None], what: Callable[[T], str]) -> Unwritten | None:
    from azure.core.exceptions import HttpResponseError

    try:
        write(each)
    except HttpResponseError as error:
        return each.repository, what(each), read_error(error).message
    except NotPermitted as error:
        return each.repository, what(each), str(error)
    return None


class Copier:
    """Copies what is wanted from `source` to `target`; with `target` None, only says what there is.

    `registry` is the old one, for commands. Ends with the first error after which nothing can succeed.
    """

    def __init__(
        self,
        source: LoginServer,
        target: LoginServer | None,
        importer: Importer | None,
        limit: Limit,
        wanted: Wanted,
        registry: ArmId,
        stop: Stop,
    ):
        self._source, self._target, self._importer, self._limit = source, target, importer, limit
        self._wanted, self._registry, self._stop = wanted, registry, stop
        # The marks of the repositories that were locked before the old registry was frozen, if it is.
        self.frozen: frozenset[str] | None = None
        self.tally = Tally()
        # What is open in the new registry until it is locked again, by repository.
        self._opened: dict[str, tuple[SetAttributes, ...]] = {}
        self._lock = threading.Lock()
        self._queue = Queue(limit)
        self._began = time.monotonic()

    def look(self) -> Tally:
        """What there is to copy."""
        return self._each(self._look)

    def copy(self) -> Tally:
        """Copies everything, and compares."""
        try:
            tally = self._each(self._copy)
        except BaseException:
            # Those who work on the others will be stopped, too.
            done(in_thread(lambda: [self._lock_again(name) for name in list(self._opened)]), LOCK_TIMEOUT)
            raise
        if self._target and not self._wanted.since:
            self._find_extra_repositories()
        for some in (tally.moved, tally.conflicts, tally.left, tally.differences, tally.unwritten):
            some.sort(key=repr)
        tally.failures.sort(key=lambda failure: repr(failure.each))
        return tally

    def progress(self) -> str:
        """What goes on, for a person."""
        tally = self.tally
        done, planned = tally.imports, tally.planned
        left = planned - done
        if not planned:
            return f"Listing both registries: {len(tally.names)} repositories"
        text = f"Importing: {done} of {planned} manifests in {len(tally.names)} repositories"
        spent = time.monotonic() - self._began
        if done >= 20 and left > 0:
            text += f", about {max(round(spent / done * left / 60), 1)} min left"
        return text

    def _each(self, work: Callable[[str], None]) -> Tally:
        names = [name for name in self._source.repositories() if self._wanted.selects(name)]
        names += [each for each in self._wanted.named(names) if self._source.repository(each)]
        for server in filter(None, (self._source, self._target)):
            server.tokens.expect(repository_scope(name, READ) for name in names)
        for_each(names, work, most=max(REPOSITORIES, self._limit.size))
        return self.tally

    def _load(self, name: str) -> tuple[Repository, Repository, Repository]:
        """What is to be copied of a repository, the new one, and the whole old one."""
        source = load_source(self._source, name, self._wanted.since, self._wanted.settings)
        if self.frozen is not None and not was_locked(name, self.frozen):
            source = replace(source, attributes=replace(source.attributes, can_write=True))
        whole = source
        if not self._wanted.referrers:
            source = without_referrers(whole)
        return source, self._load_target(source) if self._target else Repository(name), whole

    def _load_target(self, source: Repository) -> Repository:
        return load_target(self._target, source, self._wanted.settings)

    def _movable(self, source: Repository, target: Repository) -> Mapping[str, str]:
        if self._target is None:
            return {}
        return load_movable(self._source, self._target, source, target, self._wanted.force)

    def _look(self, name: str) -> None:
        source, target, _ = self._load(name)
        plan = plan_repository(source, target, self._registry, self._movable(source, target))
        with self._lock:
            self._begin(source, target, plan)

    def _copy(self, name: str) -> None:
        source, target, whole = self._load(name)
        movable = self._movable(source, target)
        plan = plan_repository(source, target, self._registry, movable)
        with self._lock:
            self._begin(source, target, plan)
        opened = to_unlock(target, plan)
        if not self._wanted.settings:  # else they get those of the old registry, now or when it is run again
            self._opened[name] = to_lock_again(target, opened)
        unwritten = self._set(opened)
        try:
            target, failures, more = self._carry_out(source, target, movable, plan, failed=bool(unwritten))
            unwritten += more
        finally:
            unwritten += self._lock_again(name)
        found = differences(source, target, bool(self._wanted.since), None if self._wanted.referrers else whole)
        found = unexplained(found, plan.left)
        if self._wanted.settings:
            unwritten += self._set(attributes_to_set(source, target))
        with self._lock:
            self.tally.failures += failures
            self.tally.unwritten += unwritten
            self.tally.differences += found

    @property
    def opened(self) -> list[str]:
        """What was locked in the new registry, and is not locked again: repositories, tags, manifests."""
        return sorted(each.name for some in list(self._opened.values()) for each in some)

    def _lock_again(self, name: str) -> list[Unwritten]:
        """What could not be locked is still open."""
        failed = self._set(self._opened.get(name, ()))
        if not failed:
            self._opened.pop(name, None)
        return failed

    def _carry_out(
        self,
        source: Repository,
        target: Repository,
        movable: Mapping[str, str],
        plan: RepositoryPlan,
        failed: bool,
    ) -> tuple[Repository, list[Failure], list[Unwritten]]:
        """Imports and writes until nothing is missing, or something failed: then once. What the new registry has
        then, and what failed."""
        failures: list[Failure] = []
        unwritten: list[Unwritten] = []
        for _ in range(ROUNDS):
            if plan.done:
                break
            failures = self._import(plan.imports)
            unwritten += self._write(plan)
            failed = failed or bool(failures or unwritten)
            target, plan = self._listed(source, movable, failed)
            if failed:
                break
        return target, failures, unwritten

    def _begin(self, source: Repository, target: Repository, plan: RepositoryPlan) -> None:
        tally = self.tally
        tally.names.add(source.name)
        tally.source += totals(source)
        tally.planned += len(plan.imports)
        tally.there += len(source.manifests.keys() & target.manifests.keys())
        tally.conflicts += plan.conflicts
        tally.left += plan.left

    def _listed(
        self, source: Repository, movable: Mapping[str, str], failed: bool
    ) -> tuple[Repository, RepositoryPlan]:
        """The new repository and what it still needs; waits, bounded, for what was imported to be listed."""

        def look() -> tuple[Repository, RepositoryPlan]:
            target = self._load_target(source)
            return target, plan_repository(source, target, self._registry, movable)

        return until_settled(look, lambda seen: failed or seen[1].done, self._stop, LISTED_TIMEOUT)

    def _import(self, imports: Iterable[Import]) -> list[Failure]:
        failures: list[Failure] = []
        imports = list(imports)

        def run(each: Import) -> None:
            each, wanted = self._still(each) if each.over else (each, True)
            failure = self._importer.run(each) if wanted else None
            if failure and failure.is_conflict:
                # It was refused as a whole. Without the tags that somebody has set since, it may succeed.
                kept, wanted = self._still(each)
                if kept != each:
                    each, failure = kept, self._importer.run(kept) if wanted else None
            self._queue.done()
            with self._lock:
                if failure:
                    failures.append(failure)
                elif wanted:
                    self.tally.imports += 1
                    self._count_tags(each)

        self._queue.enter(len(imports), self._stop)
        for_each(imports, run, most=self._limit.most)
        return failures

    def _still(self, each: Import | Push) -> tuple[Import | Push, bool]:
        """What is left to be done without the tags that somebody has set since they were listed; and whether anything
        is. What only adds tags is refused by the service if they exist."""
        if self._wanted.force:
            return each, True
        kept, conflicts = without_taken(self._target, each)
        with self._lock:
            self.tally.conflicts += conflicts
        return kept, bool(kept.tags) or self._target.digest_of(each.repository, each.digest) is None

    def _count_tags(self, each: Import | Push) -> None:
        self.tally.tags_set += len(each.tags)
        self.tally.moved += [(each.repository, tag, digest, each.digest) for tag, digest in each.over]

    def _write(self, plan: RepositoryPlan) -> list[Unwritten]:
        """Writes large indexes and fallback tags; returns what could not be written."""

        def write(each: Push | Fallback) -> None:
            if isinstance(each, Push):
                self._push(each)
                return
            if self._target.digest_of(each.repository, each.tag) in (each.over, each.digest):
                self._target.put_manifest(each.repository, each.tag, each.content, OCI_INDEX)
            else:
                return  # a client wrote another one since: the next round merges it
            with self._lock:
                self.tally.written += 1

        return _failed((*plan.pushes, *plan.fallbacks), write, lambda each: getattr(each, "tag", each.digest))

    def _set(self, changes: Iterable[SetAttributes]) -> list[Unwritten]:
        """Sets attributes in the new registry; returns what could not be set."""

        def change(each: SetAttributes) -> None:
            wanted = each.attributes
            body = {
                "deleteEnabled": wanted.can_delete,
                "writeEnabled": wanted.can_write,
                "listEnabled": wanted.can_list,
                "readEnabled": wanted.can_read,
            }
            self._target.set_attributes(each.repository, each.path, body)
            with self._lock:
                self.tally.locked += 1

        return _failed(changes, change, lambda each: f"attributes of {each.what or each.repository}")

    def _push(self, each: Push) -> None:
        each, wanted = self._still(each)
        if not wanted:
            return
        content, media_type = self._source.content(each.repository, each.digest)
        for reference in each.tags or (each.digest,):
            self._target.put_manifest(each.repository, reference, content, media_type)
        with self._lock:
            self.tally.written += 1
            self._count_tags(each)

    def _find_extra_repositories(self) -> None:
        """A repository that only the new registry has is a difference, unless it was not asked for."""
        for name in self._target.repositories():
            if self._wanted.selects(name) and name not in self.tally.names:
                self.tally.differences.append(Difference(EXTRA_REPOSITORY, name, name, None, name))
