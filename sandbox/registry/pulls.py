"""Pulling: manifests and blobs, through the OCI distribution API."""

from __future__ import annotations

from sandbox.core.web import Reply, Request, Router
from sandbox.registry.catalog import repository_of, unknown_manifest, unknown_tag
from sandbox.registry.content import Entry, Repository
from sandbox.registry.login_server import RegistryError, disallowed, serve
from sandbox.registry.record import Registry
from sandbox.world import World

router = Router()
_PULL = "repository:{repository}:pull"


@serve(router, "GET HEAD", "/v2/{repository:path}/manifests/{reference}", scope=_PULL)
def get_manifest(world: World, registry: Registry, request: Request) -> Reply:
    """A manifest by tag or digest, whatever media types the client says that it accepts."""
    manifest = readable(repository_of(registry, request), request.params["reference"]).manifest
    headers = {"Content-Type": manifest.media_type, "Docker-Content-Digest": manifest.digest}
    return Reply(200, manifest.content, headers)


@serve(router, "GET HEAD", "/v2/{repository:path}/blobs/{digest}", scope=_PULL)
def get_blob(world: World, registry: Registry, request: Request) -> Reply:
    repository, digest = repository_of(registry, request), request.params["digest"]
    if not repository.attributes.read:
        raise disallowed()
    content = registry.content.blob(repository.name, digest)
    if content is None:
        raise RegistryError(404, "BLOB_UNKNOWN", "blob unknown to registry", digest)
    return Reply(200, content, {"Content-Type": "application/octet-stream", "Docker-Content-Digest": digest})


def readable(repository: Repository, reference: str) -> Entry:
    """The manifest of a tag or digest, which may be pulled."""
    digest = repository.resolve(reference)
    if not digest:
        raise unknown_tag()
    entry, tag = repository.entries.get(digest), repository.tags.get(reference)
    if entry is None:
        raise unknown_manifest(digest)
    if not (repository.attributes.read and entry.attributes.read and (tag is None or tag.attributes.read)):
        raise disallowed()
    return entry
