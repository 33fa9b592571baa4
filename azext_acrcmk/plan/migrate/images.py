"""What is to be copied of one repository: by digest, each once, with all its tags (migrate facts 0, 2). Pure."""

from __future__ import annotations

from dataclasses import dataclass

from azext_acrcmk.model.content import Manifest, Repository, fallback_tag
from azext_acrcmk.model.ids import ArmId
from azext_acrcmk.plan.migrate.fallback import Fallback, fallbacks
from azext_acrcmk.rules.fixes import registry_command

# The most manifests of one imported image (migrate facts 2.1).
MOST_OF_AN_IMPORT = 50


@dataclass(frozen=True, slots=True)
class Import:
    """One call of the service's import: a manifest by its digest, with all that it consists of, and its tags; without
    tags it is imported untagged. `force` moves tags that exist."""

    repository: str
    digest: str
    tags: tuple[str, ...] = ()
    force: bool = False

    @property
    def source_image(self) -> str:
        return f"{self.repository}@{self.digest}"

    @property
    def target_tags(self) -> tuple[str, ...]:
        return tuple(f"{self.repository}:{tag}" for tag in self.tags)


@dataclass(frozen=True, slots=True)
class Push:
    """An index with more manifests than an import takes: they are imported, and then its content is written. Without
    tags it is written by its digest."""

    repository: str
    digest: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Conflict:
    """A tag of the new registry that points to a manifest which the old repository does not have."""

    repository: str
    tag: str
    source: str
    target: str


# In place of digests that are not listed.
HIDDEN = ""


@dataclass(frozen=True, slots=True)
class Left:
    """What the service does not copy, and why: a manifest, those that are not listed (HIDDEN), or a repository."""

    repository: str
    digest: str | None
    why: str
    command: str | None = None


@dataclass(frozen=True)
class RepositoryPlan:
    """What has to be done for one repository: imports first, then what is written."""

    imports: tuple[Import, ...] = ()
    pushes: tuple[Push, ...] = ()
    fallbacks: tuple[Fallback, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    left: tuple[Left, ...] = ()

    @property
    def done(self) -> bool:
        return not (self.imports or self.pushes or self.fallbacks)


def without_referrers(source: Repository) -> Repository:
    """The repository without what is attached to its images, and without what only that consists of."""
    attached = {digest for digest, content in source.contents.items() if content.subject}
    parts = set().union(*(source.descendants(digest) for digest in attached))
    gone = attached | {each for each in parts if not source.manifests.get(each, _NONE).tags}
    gone -= set().union(*(source.descendants(digest) for digest in source.contents if digest not in gone))
    return Repository(
        source.name,
        {digest: each for digest, each in source.manifests.items() if digest not in gone},
        {digest: each for digest, each in source.contents.items() if digest not in gone},
        source.attributes,
        hidden=source.hidden,
    )


_NONE = Manifest("", "")


def plan_repository(source: Repository, target: Repository, registry: ArmId, force: bool = False) -> RepositoryPlan:
    """What `target` needs to have all of `source`. `registry` is the id of the old registry, for commands; `force`
    moves tags even if they point to what the old registry never had."""
    if not source.attributes.can_read:
        has_any = source.manifests or source.hidden
        return RepositoryPlan(left=(_unreadable_repository(source, registry),) if has_any else ())
    written = fallbacks(source, target)
    written_tags = {fallback_tag(subject) for subject in source.referrers()}
    there, tags_there = target.manifests, target.tags
    imports: list[Import] = []
    pushes: list[Push] = []
    conflicts: list[Conflict] = []
    left = [_hidden(source, registry)] if source.hidden else []
    covered = _covered(source)
    for row in sorted(source.manifests.values(), key=lambda each: (not each.is_index, each.digest)):
        if not row.attributes.can_read:
            left.append(_unreadable_manifest(source, row, registry))
            continue
        tags, found, moves = _tags_to_set(source, row, tags_there, written_tags, force)
        conflicts += found
        whole = row.digest in there and all(each in there for each in source.descendants(row.digest))
        if whole and not tags:
            continue
        if not tags and row.digest in covered:
            continue
        if _is_too_large(source, row.digest):
            pushes.append(Push(source.name, row.digest, tags))
        else:
            imports.append(Import(source.name, row.digest, tags, moves))
    return RepositoryPlan(tuple(imports), _inner_first(source, pushes), written, tuple(conflicts), tuple(left))


def _covered(source: Repository) -> set[str]:
    """The manifests that come with an index that is imported whole."""
    found: set[str] = set()
    for digest, content in source.contents.items():
        row = source.manifests.get(digest)
        if content.listed and row and row.attributes.can_read and not _is_too_large(source, digest):
            found |= source.descendants(digest)
    return found


def _is_too_large(source: Repository, digest: str) -> bool:
    return len(source.descendants(digest)) > MOST_OF_AN_IMPORT


def _inner_first(source: Repository, pushes: list[Push]) -> tuple[Push, ...]:
    """A registry takes an index only once it has the manifests in it."""
    return tuple(sorted(pushes, key=lambda each: (len(source.descendants(each.digest)), each.digest)))


def _tags_to_set(
    source: Repository, row: Manifest, there: dict[str, str], written: set[str], force: bool
) -> tuple[tuple[str, ...], list[Conflict], bool]:
    """The tags that the new registry does not have on this manifest, those that are in conflict, and whether a tag
    has to move.

    A tag of the new registry on another manifest that the old repository has was copied before it moved there. One on
    a manifest that the old repository does not have may be somebody else's.
    """
    tags, conflicts, moves = [], [], False
    for tag in row.tags:
        has = there.get(tag)
        if has == row.digest or tag in written:
            continue
        if has is None or has in source.manifests or force:
            tags.append(tag)
            moves = moves or has is not None
        else:
            conflicts.append(Conflict(source.name, tag, row.digest, has))
    return tuple(tags), conflicts, moves


def _hidden(source: Repository, registry: ArmId) -> Left:
    image = f"{source.name}@DIGEST"
    command = registry_command(registry, "repository update", f"--image {image} --list-enabled true")
    count = f"{source.hidden} manifest is" if source.hidden == 1 else f"{source.hidden} manifests are"
    return Left(
        source.name, HIDDEN, f"{count} not listed (listEnabled is false), so they can't be identified.", command
    )


def _unreadable_repository(source: Repository, registry: ArmId) -> Left:
    command = registry_command(registry, "repository update", f"--repository {source.name} --read-enabled true")
    return Left(source.name, None, "Reading this repository is disabled, so it can't be imported.", command)


def _unreadable_manifest(source: Repository, row: Manifest, registry: ArmId) -> Left:
    image = f"{source.name}@{row.digest}"
    command = registry_command(registry, "repository update", f"--image {image} --read-enabled true")
    return Left(source.name, row.digest, "Reading this manifest is disabled, so it can't be imported.", command)
