"""What is in one repository of the old and of the new registry, read as far as a migration requires it."""

from __future__ import annotations

from collections.abc import Iterable

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
    rows = [row for row in listed.manifests.values() if row.attributes.can_read]
    _read(server, listed, [row.digest for row in rows if row.is_index])
    # What an image consists of is not attached to anything. What a fallback tag names is.
    parts = {
        child
        for digest in listed.contents
        if not any(map(is_fallback_tag, listed.manifests[digest].tags))
        for child in listed.descendants(digest)
    }
    candidates = [row.digest for row in rows if not row.is_index and row.may_have_subject and row.digest not in parts]
    _read(server, listed, candidates, attached_only=True)
    return listed


def load_target(server: LoginServer, source: Repository, locks: bool = True) -> Repository:
    """The same repository of the new registry, with the indexes that the old one does not have: what is attached to
    its images is named in one."""
    listed = _listed(server, source.name, None, locks)
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

    (attributes, count), manifests, tags = in_parallel(
        lambda: server.repository(name) or (FREE, 0), rows, lambda: _tag_locks(server, name) if locks else {}
    )
    hidden = max(count - len(manifests), 0) if since is None else 0
    return Repository(name, manifests, {}, attributes, tags, hidden)


def _tag_locks(server: LoginServer, name: str) -> dict[str, Attributes]:
    return {tag: attributes for tag, attributes in server.tag_attributes(name) if attributes != FREE}


def _read(server: LoginServer, listed: Repository, digests: Iterable[str], attached_only: bool = False) -> None:
    """Reads the contents of manifests; with `attached_only` keeps those of what is attached to something."""

    def read(digest: str) -> None:
        content, media_type = server.content(listed.name, digest)
        found: Content = read_content(content, digest, media_type)
        if found.subject or not attached_only:
            listed.contents[digest] = found

    for_each(digests, read, lambda: None, most=_READS)


def load_deleted(server: LoginServer) -> Deleted | Unknown:
    """How much of a registry soft delete keeps; for information only."""

    def count() -> Deleted:
        found: list[int] = []
        for_each(
            server.deleted_repositories(),
            lambda name: found.append(server.deleted_manifests(name)),
            lambda: None,
            most=_READS,
        )
        return Deleted(sum(map(bool, found)), sum(found))

    try:
        seen = read_if_possible(count, "", "")
    except AccessDenied as error:
        return Unknown(why=str(error))
    return Deleted() if isinstance(seen, Absent) else seen
