"""Whether the new registry has what the old one has, by digests, tags and sizes (migrate facts 2.6). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from azext_acrcmk.model.content import Repository
from azext_acrcmk.model.value import Value, immutable
from azext_acrcmk.plan.migrate.fallback import fallbacks, taken_tags, written_tags
from azext_acrcmk.plan.migrate.images import Left

MISSING_MANIFEST, MISSING_TAG = "missingManifest", "missingTag"
EXTRA_REPOSITORY, EXTRA_MANIFEST, EXTRA_TAG = "extraRepository", "extraManifest", "extraTag"
OTHER_TAG, OTHER_SIZE, OTHER_TYPE = "otherTag", "otherSize", "otherType"
MISSING_FALLBACK = "missingFallbackTag"


@immutable
class Difference(Value):
    """What differs: a digest or a tag of a repository, and what each side has."""

    kind: str
    repository: str
    what: str
    source: str | None = None
    target: str | None = None


def differences(
    source: Repository, target: Repository, partial: bool = False, whole: Repository | None = None
) -> tuple[Difference, ...]:
    """All differences of one repository, in a stable order. `partial`: the listings are not whole, so what only the
    new registry has is no difference. `whole`: the old repository with what is attached to its images, where that was
    not to be copied; an earlier run may have copied it."""
    found = _found(source, target, written=whole is None)
    return tuple(found if partial else (*found, *_extra(whole or source, target)))


def unexplained(found: Iterable[Difference], left: Iterable[Left]) -> tuple[Difference, ...]:
    """The differences without those that follow from what can't be copied, which is reported by itself."""
    repositories = {each.repository for each in left if each.digest is None}
    digests = {(each.repository, each.digest) for each in left}
    return tuple(
        each for each in found if each.repository not in repositories and (each.repository, each.source) not in digests
    )


def _found(source: Repository, target: Repository, written: bool) -> Iterator[Difference]:
    name = source.name
    fallback_tags = written_tags(source, target) if written else set()
    for digest, row in sorted(source.manifests.items()):
        has = target.manifests.get(digest)
        if has is None:
            yield Difference(MISSING_MANIFEST, name, digest, digest)
        elif has.size != row.size:
            yield Difference(OTHER_SIZE, name, digest, str(row.size), str(has.size))
        elif has.media_type != row.media_type:
            yield Difference(OTHER_TYPE, name, digest, row.media_type, has.media_type)
    tags, there = source.tags, target.tags
    for tag, digest in sorted(tags.items()):
        if tag in fallback_tags or there.get(tag) == digest:
            continue
        yield Difference(OTHER_TAG if tag in there else MISSING_TAG, name, tag, digest, there.get(tag))
    if written:
        for each in fallbacks(source, target):
            yield Difference(MISSING_FALLBACK, name, each.tag, each.digest, there.get(each.tag))
        for tag in sorted(taken_tags(source, target)):
            yield Difference(MISSING_FALLBACK, name, tag, None, there.get(tag))


def _extra(source: Repository, target: Repository) -> Iterator[Difference]:
    """What only the new registry has."""
    fallback_tags = written_tags(source, target)
    known = [{each.digest for each in some} for some in source.referrers().values()]
    # What an index names is there, even if it is not to be listed.
    named = {each.digest for content in source.contents.values() for each in content.listed}
    for digest in sorted(target.manifests.keys() - source.manifests.keys() - named):
        if not _is_fallback_index(target, digest, known):
            yield Difference(EXTRA_MANIFEST, source.name, digest, None, digest)
    tags = source.tags
    for tag, digest in sorted(target.tags.items()):
        if tag not in tags and tag not in fallback_tags:
            yield Difference(EXTRA_TAG, source.name, tag, None, digest)


def _is_fallback_index(target: Repository, digest: str, known: Iterable[set[str]]) -> bool:
    """Whether a manifest that only the new registry has lists what is attached to one subject: an earlier run, or a
    client, wrote it."""
    content = target.contents.get(digest)
    listed = {each.digest for each in content.listed} if content else set()
    return bool(listed) and any(listed & some for some in known)
