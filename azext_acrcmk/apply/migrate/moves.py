"""The tags that the new registry has elsewhere than the old one: which may be moved, and whether still."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from azext_acrcmk.cloud.login_server import LoginServer
from azext_acrcmk.cloud.pool import for_each
from azext_acrcmk.model.content import Repository
from azext_acrcmk.plan.migrate.images import Conflict, Import, Push, tags_elsewhere
from azext_acrcmk.plan.migrate.moved import Elsewhere, follows

# How many tags are looked at in parallel.
_AT_ONCE = 8


def load_movable(
    old: LoginServer, new: LoginServer, source: Repository, target: Repository, force: bool
) -> Mapping[str, str]:
    """The tags of a repository that may be moved, with the digests that the new registry has them on: those that an
    earlier run has put there; with `force`, all."""
    elsewhere, name = tags_elsewhere(source, target), source.name
    if force:
        return elsewhere
    found: dict[str, str] = {}

    def look(tag: str) -> None:
        digest = elsewhere[tag]
        seen = Elsewhere(
            old=old.times(name, tag),
            new=new.times(name, tag),
            old_manifest=old.times(name, digest),
            new_manifest=new.times(name, digest),
        )
        if follows(seen):
            found[tag] = digest

    for_each(elsewhere, look, most=_AT_ONCE)
    return found


def without_taken(new: LoginServer, each: Import | Push) -> tuple[Import | Push, list[Conflict]]:
    """What is to be imported or written, without the tags that somebody has set in the new registry since they were
    listed; and those. The service has no import that looks at that itself."""
    listed, conflicts = dict(each.over), []
    for tag in each.tags:
        now = new.digest_of(each.repository, tag)
        if now not in (listed.get(tag), each.digest):
            conflicts.append(Conflict(each.repository, tag, each.digest, now or ""))
    taken = {conflict.tag for conflict in conflicts}
    kept = tuple(tag for tag in each.tags if tag not in taken)
    over = tuple((tag, digest) for tag, digest in each.over if tag not in taken)
    return replace(each, tags=kept, over=over), conflicts
