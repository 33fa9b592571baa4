"""What is in one repository of the old and of the new registry, read as far as a migration requires it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from azext_acrcmk.cloud.login_server import AccessDenied, LoginServer
from azext_acrcmk.cloud.pool import for_each
from azext_acrcmk.cloud.read_content import read_content
from azext_acrcmk.cloud.reads import in_parallel, read_if_possible
from azext_acrcmk.model.content import (
    FREE,
    Attributes,
    Content,
    Deleted,
    Manifest,
    Repository,
    fallback_tag,
    is_fallback_tag,
)
from azext_acrcmk.model.state import Absent, Unknown

# How many manifests of one repository are read in parallel.
_READS = 8


def load_source(server: LoginServer, name: str, since: str | None = None, locks: bool = True) -> Repository:
    """A repository of the old registry, with what its indexes consist of and what is attached to its images.

    With `since`, a moment in ISO 8601, only what has changed from then on: newest first, until something is older. With
    `locks`, also what may not be done with single tags.
    """
    listed = _listed(server, name, since, locks)
    if not listed.attributes.can_read:
        return listed
    if listed.hidden or listed.hidden_tags:
        listed = _counted_again(server, listed)
    _find_hidden(server, listed, lambda: _of_tags(server, name))
    _read_indexes(server, listed)
    if _find_hidden(server, listed, lambda: (child for each in listed.contents for child in listed.descendants(each))):
        _read_indexes(server, listed)
    # What an image consists of is not attached to anything. What a fallback tag names is.
    parts = {
        child
        for digest in listed.contents
        if not any(map(is_fallback_tag, listed.manifests[digest].tags))
        for child in listed.descendants(digest)
    }
    rows = (row for row in listed.manifests.values() if row.attributes.can_read and not row.is_index)
    _read(server, listed, [row.digest for row in rows if row.may_have_subject and row.digest not in parts], True)
    if _find_hidden(server, listed, listed.referrers):
        _read_indexes(server, listed)
    return listed


def load_target(server: LoginServer, source: Repository, locks: bool = True) -> Repository:
    """The same repository of the new registry, with the indexes that the old one does not have: what is attached to
    its images is named in one."""
    listed = _listed(server, source.name, None, locks)
    _find_hidden(
        server, listed, lambda: (row.digest for row in source.manifests.values() if not row.attributes.can_list)
    )
    _find_hidden(server, listed, lambda: _of_tags(server, source.name))
    tags = listed.tags
    named = {tags.get(fallback_tag(subject)) for subject in source.referrers()} & listed.manifests.keys()
    own = {row.digest for row in listed.manifests.values() if row.is_index and row.digest not in source.manifests}
    known = source.contents.keys() & named
    listed.contents.update({digest: source.contents[digest] for digest in known})
    _read(server, listed, sorted((named | own) - known))
    return listed


def _listed(server: LoginServer, name: str, since: str | None, locks: bool) -> Repository:
    """A repository without the contents of its manifests; an empty one if there is none."""

    def rows() -> dict[str, Manifest]:
        found = {}
        for row in server.manifests(name, newest_first=since is not None):
            if since is not None and row.updated and row.updated < since:
                break
            found[row.digest] = row
        return found

    (attributes, *counts), manifests, (tags, listed) = in_parallel(
        lambda: server.repository(name) or (FREE, 0, 0), rows, lambda: _tag_locks(server, name) if locks else ({}, None)
    )
    found = Repository(name, manifests, {}, attributes, tags, *(counts if since is None else ()))
    if listed is not None and listed < found.tag_count:
        tags |= _hidden_tag_locks(server, found)
    return found


def _tag_locks(server: LoginServer, name: str) -> tuple[dict[str, Attributes], int]:
    """The attributes of tags that may not be used as freely as others; and how many tags are listed."""
    found, count = {}, 0
    for tag, _, attributes in server.tags(name):
        count += 1
        if attributes != FREE:
            found[tag] = attributes
    return found, count


def _hidden_tag_locks(server: LoginServer, listed: Repository) -> dict[str, Attributes]:
    """The attributes of the tags that manifests have, but the list of tags has not."""
    hidden = listed.tags.keys() - {tag for tag, _, _ in server.tags(listed.name)}
    found: dict[str, Attributes] = {}

    def look(tag: str) -> None:
        found[tag] = server.tag_attributes(listed.name, tag)

    for_each(sorted(hidden), look, most=_READS)
    return {tag: attributes for tag, attributes in found.items() if attributes != FREE}


def _counted_again(server: LoginServer, listed: Repository) -> Repository:
    """What was deleted while the lists were read is not hidden."""
    _, *counts = server.repository(listed.name) or (FREE, 0, 0)
    manifests, tags = map(min, zip(counts, (listed.manifest_count, listed.tag_count), strict=True))
    return replace(listed, manifest_count=manifests, tag_count=tags)


def _of_tags(server: LoginServer, name: str) -> Iterable[str]:
    return (digest for _, digest, _ in server.tags(name))


def _find_hidden(server: LoginServer, listed: Repository, named: Callable[[], Iterable[str]]) -> bool:
    """Adds manifests that are missing in the list (listEnabled is false) but can be read by their digests, where
    something names them. Whether there were any."""
    if not listed.hidden:
        return False
    found = []

    def look(digest: str) -> None:
        row = server.manifest(listed.name, digest)
        if row:
            found.append(row)

    for_each(sorted({*named()} - listed.manifests.keys()), look, most=_READS)
    listed.manifests.update({row.digest: row for row in found})
    return bool(found)


def _read_indexes(server: LoginServer, listed: Repository) -> None:
    rows = (row for row in listed.manifests.values() if row.is_index and row.attributes.can_read)
    _read(server, listed, [row.digest for row in rows if row.digest not in listed.contents])


def _read(server: LoginServer, listed: Repository, digests: Iterable[str], attached_only: bool = False) -> None:
    """Reads the contents of manifests; with `attached_only` keeps those of what is attached to something."""

    def read(digest: str) -> None:
        content, media_type = server.content(listed.name, digest)
        found: Content = read_content(content, digest, media_type)
        if found.subject or not attached_only:
            listed.contents[digest] = found

    for_each(digests, read, most=_READS)


def load_deleted(server: LoginServer) -> Deleted | Unknown:
    """How much of a registry soft delete keeps; for information only."""

    def count() -> Deleted:
        found: list[int] = []
        for_each(
            server.deleted_repositories(),
            lambda name: found.append(server.deleted_manifests(name)),
            most=_READS,
        )
        return Deleted(sum(map(bool, found)), sum(found))

    try:
        seen = read_if_possible(count, "", "")
    except AccessDenied as error:
        return Unknown(why=str(error))
    return Deleted() if isinstance(seen, Absent) else seen
