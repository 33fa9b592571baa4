"""What a registry with soft delete remembers of deleted manifests (Azure CLI's source, `manifest.py`; facts: migrate.md
1). It is listed; restoring it is not supported here. The rows are inferred from what Azure CLI reads of them."""

from __future__ import annotations

from sandbox.core.clock import iso
from sandbox.core.web import Reply, Request, Router
from sandbox.registry.content import Deleted
from sandbox.registry.login_server import serve
from sandbox.registry.record import Registry
from sandbox.world import World

router = Router()
_READ = "repository:{repository}:deleted_read"
_DAY = 86_400


@serve(router, "GET", "/acr/v1/_deleted/_catalog", scope="registry:deleted_catalog:*")
def list_repositories(world: World, registry: Registry, request: Request) -> Reply:
    names = sorted({each.repository for each in _remembered(world, registry)})
    return Reply(200, {"repositories": names or None})


@serve(router, "GET", "/acr/v1/_deleted/{repository:path}/_manifests", scope=_READ)
def list_manifests(world: World, registry: Registry, request: Request) -> Reply:
    found = _of(world, registry, request)
    rows = [{"digest": each.entry.manifest.digest, "deletedAt": iso(each.time), "tags": each.tags} for each in found]
    return Reply(200, {"registry": registry.host, "imageName": request.params["repository"], "manifests": rows or None})


@serve(router, "GET", "/acr/v1/_deleted/{repository:path}/_tags", scope=_READ)
def list_tags(world: World, registry: Registry, request: Request) -> Reply:
    found = _of(world, registry, request)
    rows = [
        {"tag": tag, "digest": each.entry.manifest.digest, "deletedAt": iso(each.time)}
        for each in found
        for tag in each.tags
    ]
    return Reply(200, {"registry": registry.host, "imageName": request.params["repository"], "tags": rows or None})


def _of(world: World, registry: Registry, request: Request) -> list[Deleted]:
    return [each for each in _remembered(world, registry) if each.repository == request.params["repository"]]


def _remembered(world: World, registry: Registry) -> list[Deleted]:
    since = world.now() - registry.policies["softDeletePolicy"]["retentionDays"] * _DAY
    return [each for each in registry.content.deleted if each.time >= since]
