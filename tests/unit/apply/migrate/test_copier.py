"""What a pass opens and writes in the new registry, and what it leaves of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from azext_acrcmk.apply.migrate.copier import Copier
from azext_acrcmk.apply.migrate.importing import Failure
from azext_acrcmk.apply.migrate.limit import Limit
from azext_acrcmk.apply.migrate.moves import without_taken
from azext_acrcmk.cloud.errors import ServiceError
from azext_acrcmk.cloud.load_content import load_source
from azext_acrcmk.cloud.waiting import Stop
from azext_acrcmk.model.content import FREE, Attributes, Manifest, Repository, fallback_tag
from azext_acrcmk.output.migrate import opened_text
from azext_acrcmk.plan.migrate.fallback import Fallback
from azext_acrcmk.plan.migrate.images import Conflict, Import, Push, RepositoryPlan, plan_repository
from azext_acrcmk.plan.migrate.tally import Wanted
from tests.harness.content import OLD, descriptor, digest, image, repository

LOCKED = Attributes(can_write=False)


@dataclass
class Server:
    """A login server with one repository."""

    has: Repository
    written: list[str] = field(default_factory=list)
    tokens: Any = field(default_factory=lambda: SimpleNamespace(expect=list))

    def repositories(self):
        return [self.has.name]

    def repository(self, _name: str):
        return self.has.attributes, len(self.has.manifests), len(self.has.tags)

    def manifests(self, _name: str, newest_first: bool = False):
        return list(self.has.manifests.values())

    def tags(self, _name: str):
        return [(tag, digest, self.has.tag_attributes.get(tag, FREE)) for tag, digest in self.has.tags.items()]

    def digest_of(self, _name: str, reference: str):
        return reference if reference in self.has.manifests else self.has.tags.get(reference)

    def put_manifest(self, _name: str, tag: str, *_content: Any):
        self.written.append(tag)

    def set_attributes(self, _name: str, what: str, body: dict[str, bool]):
        assert not what
        self.has = replace(self.has, attributes=Attributes(can_write=body["writeEnabled"]))


@dataclass
class Imports:
    """Imports what it is told to into a server that is open; or fails with an error."""

    target: Server
    source: Server
    error: Exception | None = None

    def run(self, each: Import) -> None:
        assert self.target.has.attributes == FREE
        if self.error:
            raise self.error
        self.target.has.manifests[each.digest] = self.source.has.manifests[each.digest]


NOBODY, SOMEBODY, WANTED = digest("listed"), digest("somebody's"), digest("a")
MOVING = Import("app", WANTED, ("1", "new"), over=(("1", NOBODY),))


@pytest.mark.parametrize(
    ("now", "kept", "taken"),
    [
        ({"1": NOBODY}, ("1", "new"), []),
        ({"1": WANTED}, ("1", "new"), []),  # an earlier try has moved it
        ({"1": SOMEBODY}, ("new",), ["1"]),
        ({}, ("new",), ["1"]),  # somebody has deleted it
        ({"1": NOBODY, "new": SOMEBODY}, ("1",), ["new"]),  # an import that moves tags would move this one too
    ],
)
def test_what_somebody_has_set_since_it_was_listed_is_not_moved(now, kept, taken):
    rows: dict[str, Manifest] = {}
    for tag, where in now.items():
        rows[where] = Manifest(where, "", 0, (*rows[where].tags, tag) if where in rows else (tag,))
    target = Server(repository(*rows.values()))
    for each in (MOVING, Push("app", WANTED, MOVING.tags, MOVING.over)):
        left, conflicts = without_taken(target, each)
        assert left.tags == kept
        assert dict(left.over).keys() == {"1"} & {*kept}
        assert conflicts == [Conflict("app", tag, WANTED, now.get(tag, "")) for tag in taken]


def test_a_tag_that_somebody_set_since_is_a_conflict_and_does_not_keep_the_others_from_being_imported():
    source = Server(repository(image("a", "1", "2", "3")))
    target = Server(repository())
    work = copier(source, target, Wanted())
    tried = []

    def refuse(each: Import) -> Failure | None:
        tried.append(each.tags)
        if len(tried) > 1:
            target.has.manifests[digest("a")] = image("a", *each.tags)
            return None
        target.has.manifests[SOMEBODY] = Manifest(SOMEBODY, "", 0, ("2",))
        return Failure(each, ServiceError(400, "Conflict", "Tag app:2 already exists in target registry."), 1)

    work._importer.run = refuse
    tally = work.copy()
    assert tried == [("1", "2", "3"), ("1", "3")]
    assert (tally.conflicts, tally.failures) == ([Conflict("app", "2", WANTED, SOMEBODY)], [])
    assert [each.kind for each in tally.differences] == ["extraManifest", "otherTag"]
    assert (tally.imports, tally.tags_set) == (1, 2)


def test_a_manifest_that_is_there_is_not_imported_for_tags_that_are_all_taken():
    rows = [image("a"), Manifest(SOMEBODY, "", 0, ("1",))]
    work = copier(Server(repository()), Server(repository(*rows)), Wanted())
    assert work._still(Import("app", WANTED, ("1",), over=(("1", NOBODY),)))[1] is False
    assert [each.tag for each in work.tally.conflicts] == ["1"]
    forced = copier(Server(repository()), Server(repository(*rows)), Wanted(force=True))
    assert forced._still(MOVING) == (MOVING, True)


def copier(source: Server, target: Server, wanted: Wanted, error: Exception | None = None) -> Copier:
    return Copier(source, target, Imports(target, source, error), Limit(), wanted, OLD, Stop())


@pytest.mark.parametrize("error", [None, RuntimeError("no other import succeeds")])
def test_what_was_locked_in_the_new_registry_is_locked_again_where_settings_are_not_copied(error):
    source, target = Server(repository(image("a", "1"))), Server(replace(repository(), attributes=LOCKED))
    work = copier(source, target, Wanted(settings=False), error)
    if error:
        with pytest.raises(RuntimeError):
            work.copy()
    else:
        tally = work.copy()
        assert (tally.imports, tally.differences, tally.unwritten) == (1, [], [])
    assert target.has.attributes == LOCKED


@pytest.mark.parametrize("may_lock", [True, False])
def test_what_is_open_when_the_command_is_stopped_is_locked_again_or_named(may_lock, monkeypatch):
    source, target = Server(repository(image("a", "1"))), Server(replace(repository(), attributes=LOCKED))
    work = copier(source, target, Wanted(settings=False))
    begun, may_end = threading.Event(), threading.Event()

    def run(_each: Import) -> None:
        begun.set()
        assert may_end.wait(10)

    def stopped(copy: Callable[[str], None]) -> None:
        threading.Thread(target=copy, args=["app"], daemon=True).start()
        assert begun.wait(10)
        assert (target.has.attributes, work.opened) == (FREE, ["app"])
        if not may_lock:
            monkeypatch.setattr(work, "_set", lambda changes: [("app", "attributes of app", "Denied.")])
        raise KeyboardInterrupt

    work._importer.run, work._each = run, stopped
    with pytest.raises(KeyboardInterrupt):
        work.copy()
    assert (target.has.attributes, work.opened) == ((LOCKED, []) if may_lock else (FREE, ["app"]))
    said = opened_text(work.opened, "new")
    assert said == ("" if may_lock else "in registry 'new' unlocked for writing, and not locked again: app")
    may_end.set()


def test_with_settings_it_gets_the_attributes_of_the_old_one():
    source, target = Server(repository(image("a", "1"))), Server(replace(repository(), attributes=LOCKED))
    copier(source, target, Wanted()).copy()
    assert target.has.attributes == FREE


def test_a_fallback_tag_that_a_client_wrote_meanwhile_is_not_overwritten():
    subject = digest("a")
    each = Fallback("app", subject, (descriptor("signature"),), over=digest("seen"))

    def written(now: str | None) -> list[str]:
        rows = [Manifest(now, "", 0, (fallback_tag(subject),))] if now else []
        target = Server(repository(*rows))
        copier(Server(repository()), target, Wanted())._write(RepositoryPlan(fallbacks=(each,)))
        return target.written

    assert written(digest("of a client")) == []
    assert written(digest("seen")) == written(each.digest) == [fallback_tag(subject)]


def test_a_manifest_of_which_the_registry_tells_no_time_is_not_taken_for_old():
    times = {"a": "2026-11-28T10:00:00Z", "b": "", "c": "2026-11-27T10:00:00Z"}
    rows = [replace(image(name, name), updated=time) for name, time in times.items()]
    assert set(load_source(Server(repository(*rows)), "app", "2026-11-28T00:00:00").manifests) == {
        digest("a"),
        digest("b"),
    }


@dataclass
class Hiding(Server):
    """One that does not list some of what it has, and has as many manifests as it says, each time it is asked."""

    unlisted: dict[str, Manifest] = field(default_factory=dict)
    counts: list[tuple[int, int]] = field(default_factory=list)

    def repository(self, name: str):
        return (self.has.attributes, *self.counts.pop(0)) if name == self.has.name and self.counts else None

    def manifest(self, _name: str, digest: str):
        return self.unlisted.get(digest)

    def tags(self, name: str):
        yield from super().tags(name)
        yield from ((tag, each.digest, FREE) for each in self.unlisted.values() for tag in each.tags)


def test_what_is_not_listed_is_found_by_its_tag_and_else_counted():
    hidden = replace(image("b", "2"), attributes=Attributes(can_list=False))
    server = Hiding(repository(image("a", "1")), unlisted={hidden.digest: hidden}, counts=[(3, 2), (3, 2)])
    found = load_source(server, "app")
    assert found.manifests.keys() == {digest("a"), digest("b")}
    assert (found.hidden, found.hidden_tags) == (1, 0)


@pytest.mark.parametrize(("later", "hidden"), [((1, 1), (0, 0)), ((1, 2), (0, 1)), ((9, 9), (1, 1))])
def test_what_was_deleted_while_it_was_listed_is_not_hidden(later, hidden):
    found = load_source(Hiding(repository(image("a", "1")), counts=[(2, 2), later]), "app")
    assert (found.hidden, found.hidden_tags) == hidden


def test_hidden_tags_are_named():
    source = replace(repository(image("a", "1")), manifest_count=1, tag_count=3)
    (left,) = plan_repository(source, repository(), OLD).left
    assert left.why.startswith("2 tags are not listed")
    assert left.command.endswith("--image app:TAG --list-enabled true")


def test_a_repository_that_is_not_listed_is_copied_if_it_is_named():
    server = Hiding(replace(repository(), name="hidden"), counts=[(1, 1)])
    named = Wanted(patterns=("app", "app", "*x", "hidden", "none")).named(["app"])
    assert named == ["hidden", "none"]
    assert [each for each in named if server.repository(each)] == ["hidden"]
