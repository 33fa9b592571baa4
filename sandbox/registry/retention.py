"""The retention policy: manifests without a tag are deleted some days after they lost it, or came without one.

Documentation container-registry-retention-policy: only of those that became untagged after the policy was set, and only
of Docker's media types (facts: migrate.md 3.1). Assumed: what is locked stays, and so does what an index refers to.
"""

from __future__ import annotations

from sandbox.core.web import Router
from sandbox.registry.content import DOCKER_LIST, DOCKER_MANIFEST, Entry, Repository
from sandbox.registry.record import Registry
from sandbox.world import World

router = Router()
_DAY = 86_400.0
_SECONDS_BETWEEN_LOOKS = 3600.0


def pass_time(world: World) -> None:
    """Delete what is due. Looks at every manifest, so it does so now and then only."""
    now = world.now()
    if 0 <= now - world.retention_checked < _SECONDS_BETWEEN_LOOKS:
        return
    world.retention_checked = now
    for registry in world.registries.values():
        if registry.policies["retentionPolicy"]["status"] == "enabled":
            _clean(registry, now)


def _clean(registry: Registry, now: float) -> None:
    since, days = registry.retained_since, registry.policies["retentionPolicy"]["days"]
    for repository in registry.content.repositories.values():
        children = {child for entry in repository.entries.values() for child in entry.manifest.children}
        for digest, entry in list(repository.entries.items()):
            untagged = repository.lost_tags.get(digest, entry.created)
            due = since <= untagged <= now - days * _DAY
            if due and digest not in children and _is_deletable(repository, entry):
                repository.remove_manifest(digest, now)


def _is_deletable(repository: Repository, entry: Entry) -> bool:
    free = all(each.attributes.delete and each.attributes.write for each in (repository, entry))
    docker = entry.manifest.media_type in (DOCKER_MANIFEST, DOCKER_LIST)
    return free and docker and not repository.tags_of(entry.manifest.digest)
