"""What is to be copied of one repository: by digest, each once, with all its tags (migrate facts 0, 2). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from azext_acrcmk.model.content import Manifest, Repository
from azext_acrcmk.model.ids import ArmId
from azext_acrcmk.model.value import Value, immutable
from azext_acrcmk.plan.migrate.fallback import Fallback, fallbacks, written_tags
from azext_acrcmk.rules.fixes import registry_command

# The most manifests of one imported image (migrate facts 2.1).
MOST_OF_AN_IMPORT = 50


@immutable
class Import(Value):
    """One call of the service's import: a manifest by its digest, with all that it consists of, and its tags; without
    tags it is imported untagged. `over` are those of the tags that move, with the digests that they are moved from."""

    repository: str
    digest: str
    tags: tuple[str, ...] = ()
    over: tuple[tuple[str, str], ...] = ()

    @property
    def force(self) -> bool:
        """Whether tags that exist are moved."""
        return bool(self.over)

    @property
    def source_image(self) -> str:
        return f"{self.repository}@{self.digest}"

    @property
    def target_tags(self) -> tuple[str, ...]:
        return tuple(f"{self.repository}:{tag}" for tag in self.tags)


@immutable
class Push(Value):
    """An index with more manifests than an import takes: they are imported, and then its content is written. Without
    tags it is written by its digest. `over` as of an import."""

    repository: str
    digest: str
    tags: tuple[str, ...] = ()
    over: tuple[tuple[str, str], ...] = ()


@immutable
class Conflict(Value):
    """A tag of the new registry that is on another manifest than in the old one, and that somebody may have put there:
    it is not moved unasked."""

    repository: str
    tag: str
    source: str
    target: str


# In place of digests that are not listed.
HIDDEN = ""


@immutable
class Left(Value):
    """What the service does not copy, and why: a manifest, those that are not listed (HIDDEN), or a repository."""

    repository: str
    digest: str | None
    why: str
    command: str | None = None


@immutable
class RepositoryPlan(Value):
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
    kept = Repository(
        source.name,
        {digest: each for digest, each in source.manifests.items() if digest not in gone},
        {digest: each for digest, each in source.contents.items() if digest not in gone},
        source.attributes,
        source.tag_attributes,
    )
    # What was hidden still is.
    counts = source.hidden + len(kept.manifests), source.hidden_tags + len(kept.tags)
    return replace(kept, manifest_count=counts[0], tag_count=counts[1])


_NONE = Manifest("", "")


def tags_elsewhere(source: Repository, target: Repository) -> dict[str, str]:
    """The tags that the new registry has on another manifest than the old one, with the digest there."""
    there, written = target.tags, written_tags(source, target)
    other = {tag: there[tag] for tag, digest in source.tags.items() if there.get(tag, digest) != digest}
    return {tag: digest for tag, digest in other.items() if tag not in written}


def plan_repository(
    source: Repository, target: Repository, registry: ArmId, movable: Mapping[str, str] | None = None
) -> RepositoryPlan:
    """What `target` needs to have all of `source`. `registry` is the id of the old registry, for commands. `movable`
    are the tags that may be moved away from a digest; any other that is elsewhere is a conflict."""
    movable = movable or {}
    if not source.attributes.can_read:
        has_any = source.manifests or source.hidden
        return RepositoryPlan(left=(_unreadable_repository(source, registry),) if has_any else ())
    written = fallbacks(source, target)
    ours = written_tags(source, target)
    there, tags_there = target.manifests, target.tags
    imports: list[Import] = []
    pushes: list[Push] = []
    conflicts: list[Conflict] = []
    left = list(_hidden(source, registry))
    covered = _covered(source)
    for row in sorted(source.manifests.values(), key=lambda each: (not each.is_index, each.digest)):
        if not row.attributes.can_read:
            left.append(_unreadable_manifest(source, row, registry))
            continue
        tags, over, found = _tags_to_set(source, row, tags_there, ours, movable)
        conflicts += found
        whole = row.digest in there and all(each in there for each in source.descendants(row.digest))
        if whole and not tags:
            continue
        if not tags and row.digest in covered:
            continue
        if _is_too_large(source, row.digest):
            pushes.append(Push(source.name, row.digest, tags, over))
        else:
            imports.append(Import(source.name, row.digest, tags, over))
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
    source: Repository, row: Manifest, there: Mapping[str, str], written: set[str], movable: Mapping[str, str]
) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...], list[Conflict]]:
    """The tags that the new registry does not have on this manifest; those of them that move, with the digest that they
    are on; and those that are in conflict."""
    tags, over, conflicts = [], [], []
    for tag in row.tags:
        has = there.get(tag)
        if has == row.digest or tag in written:
            continue
        if has is not None and movable.get(tag) != has:
            conflicts.append(Conflict(source.name, tag, row.digest, has))
            continue
        tags.append(tag)
        if has is not None:
            over.append((tag, has))
    return tuple(tags), tuple(over), conflicts


def _hidden(source: Repository, registry: ArmId) -> Iterator[Left]:
    for count, what, image in (
        (source.hidden, "manifest", f"{source.name}@DIGEST"),
        (source.hidden_tags if not source.hidden else 0, "tag", f"{source.name}:TAG"),
    ):
        if count:
            command = registry_command(registry, "repository update", f"--image {image} --list-enabled true")
            many = f"{count} {what} is" if count == 1 else f"{count} {what}s are"
            why = (
                f"{many} not listed (listEnabled is false), and nothing else names {'it' if count == 1 else 'them'}. "
                "What you still need of them, list by the name that you know:"
            )
            yield Left(source.name, HIDDEN, why, command)


def _unreadable_repository(source: Repository, registry: ArmId) -> Left:
    command = registry_command(registry, "repository update", f"--repository {source.name} --read-enabled true")
    return Left(source.name, None, "Reading this repository is disabled, so it can't be imported.", command)


def _unreadable_manifest(source: Repository, row: Manifest, registry: ArmId) -> Left:
    image = f"{source.name}@{row.digest}"
    command = registry_command(registry, "repository update", f"--image {image} --read-enabled true")
    return Left(source.name, row.digest, "Reading this manifest is disabled, so it can't be imported.", command)
