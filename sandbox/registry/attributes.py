"""Locks on content: the attributes of repositories, manifests and tags; and deletions, which they may forbid.

Paths and bodies: facts migrate.md 3.1; documentation container-registry-image-lock: what is not to be written is not to
be deleted either. Assumed: the shape of the responses to deletions, and that locks of the parts hold a repository.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from sandbox.core.web import Reply, Request, Router
from sandbox.registry.catalog import (
    manifest_row,
    named,
    repository_of,
    repository_row,
    tag_row,
    unknown_manifest,
    unknown_tag,
)
from sandbox.registry.content import Attributes, Repository
from sandbox.registry.login_server import RegistryError, disallowed, serve
from sandbox.registry.record import Registry
from sandbox.world import World

router = Router()
_WRITE = "repository:{repository}:metadata_write"
_DELETE = "repository:{repository}:delete"
_FIELDS = {"deleteEnabled": "delete", "writeEnabled": "write", "readEnabled": "read", "listEnabled": "list"}


@serve(router, "PATCH", "/acr/v1/{repository:path}/_manifests/{digest}", scope=_WRITE)
def change_manifest(world: World, registry: Registry, request: Request) -> Reply:
    repository, digest = repository_of(registry, request), request.params["digest"]
    entry = repository.entries.get(digest)
    if entry is None:
        raise unknown_manifest(digest)
    repository.set_manifest_attributes(digest, _changed(entry.attributes, request), world.now())
    row = manifest_row(world, repository, repository.entries[digest])
    return Reply(200, named(registry, repository) | {"manifest": row})


@serve(router, "PATCH", "/acr/v1/{repository:path}/_tags/{tag}", scope=_WRITE)
def change_tag(world: World, registry: Registry, request: Request) -> Reply:
    repository, name = repository_of(registry, request), request.params["tag"]
    tag = repository.tags.get(name)
    if tag is None:
        raise unknown_tag()
    repository.set_tag_attributes(name, _changed(tag.attributes, request), world.now())
    return Reply(200, named(registry, repository) | {"tag": tag_row(repository.tags[name])})


@serve(router, "PATCH", "/acr/v1/{repository:path}", scope=_WRITE)
def change_repository(world: World, registry: Registry, request: Request) -> Reply:
    repository = repository_of(registry, request)
    repository.attributes = _changed(repository.attributes, request)
    return Reply(200, repository_row(registry, repository))


@serve(router, "DELETE", "/v2/{repository:path}/manifests/{digest}", scope=_DELETE)
def delete_manifest(world: World, registry: Registry, request: Request) -> Reply:
    """Delete a manifest by its digest, its tags, and what refers to it."""
    repository, digest = repository_of(registry, request), request.params["digest"]
    if digest not in repository.entries:
        raise unknown_manifest(digest)
    doomed = list(_with_referrers(repository, digest))
    _check_deletable(repository, doomed, (tag for each in doomed for tag in repository.tags_of(each)))
    _remove(world, registry, repository, doomed)
    return Reply(202)


@serve(router, "DELETE", "/acr/v1/{repository:path}/_tags/{tag}", scope=_DELETE)
def delete_tag(world: World, registry: Registry, request: Request) -> Reply:
    """Delete a tag; its manifest stays."""
    repository, name = repository_of(registry, request), request.params["tag"]
    if name not in repository.tags:
        raise unknown_tag()
    _check_deletable(repository, (), (name,))
    repository.remove_tag(name, world.now())
    return Reply(202)


@serve(router, "DELETE", "/acr/v1/{repository:path}", scope=_DELETE)
def delete_repository(world: World, registry: Registry, request: Request) -> Reply:
    repository = repository_of(registry, request)
    digests, tags = list(repository.entries), list(repository.tags)
    _check_deletable(repository, digests, tags)
    _remove(world, registry, repository, digests)
    del registry.content.repositories[repository.name]
    return Reply(202, {"manifestsDeleted": digests, "tagsDeleted": tags})


def _changed(attributes: Attributes, request: Request) -> Attributes:
    body = request.body
    if not isinstance(body, dict) or not all(isinstance(body.get(name, True), bool) for name in _FIELDS):
        raise RegistryError(400, "INVALID_BODY", "the attributes are not valid")
    return replace(attributes, **{field: body[name] for name, field in _FIELDS.items() if name in body})


def _with_referrers(repository: Repository, digest: str) -> Iterable[str]:
    for referrer in repository.referrers_of(digest):
        yield from _with_referrers(repository, referrer.digest)
    yield digest


def _check_deletable(repository: Repository, digests: Iterable[str], tags: Iterable[str]) -> None:
    concerned: list[Any] = [repository]
    concerned += [repository.entries[digest] for digest in digests]
    concerned += [repository.tags[tag] for tag in tags]
    if not all(each.attributes.delete and each.attributes.write for each in concerned):
        raise disallowed()


def _remove(world: World, registry: Registry, repository: Repository, digests: Iterable[str]) -> None:
    """Delete manifests with their tags; where the registry has soft delete, it remembers them."""
    for digest in digests:
        entry = repository.entries[digest]
        tags = repository.remove_manifest(digest, world.now())
        if registry.policies["softDeletePolicy"]["status"] == "enabled":
            registry.content.bury(repository.name, entry, tags, world.now())
