"""The lists of a registry: repositories, and of each the manifests and tags with what is known of them.

Paths, parameters and shapes follow AAD-OAuth.md of Azure/acr and Azure CLI's source (`repository.py`, `manifest.py`;
facts: migrate.md 1). What is not to be listed is missing from lists (the help of `az acr repository update`); that it
can be read by its name, and is in the counts of its repository, is assumed. A page is never longer than a setting.
"""

from __future__ import annotations

from typing import Any

from sandbox.core.clock import iso
from sandbox.core.web import Reply, Request, Router
from sandbox.registry.content import ORDERS, Entry, Repository, Tag
from sandbox.registry.login_server import CATALOG, RegistryError, serve
from sandbox.registry.record import Registry
from sandbox.world import World

router = Router()
_READ = "repository:{repository}:metadata_read"


@serve(router, "GET", "/acr/v1/_catalog", "/v2/_catalog", scope=CATALOG)
def catalog(world: World, registry: Registry, request: Request) -> Reply:
    """The names of repositories, `n` at a time after `last`, with a link to the next page if there are more."""
    size, last = _size(world, request), request.query.get("last", "")
    listed = (name for name, each in registry.content.repositories.items() if each.attributes.list)
    following = sorted(name for name in listed if name > last)
    shown = following[:size]
    # An empty list is null, which Azure CLI handles.
    return Reply(200, {"repositories": shown or None}, _more(request, shown[-1:], size, bool(following[size:])))


@serve(router, "GET", "/acr/v1/{repository:path}/_manifests/{digest}", scope=_READ)
def show_manifest(world: World, registry: Registry, request: Request) -> Reply:
    repository = repository_of(registry, request)
    entry = repository.entries.get(request.params["digest"])
    if entry is None:
        raise unknown_manifest(request.params["digest"])
    return Reply(200, named(registry, repository) | {"manifest": manifest_row(world, repository, entry)})


@serve(router, "GET", "/acr/v1/{repository:path}/_manifests", scope=_READ)
def list_manifests(world: World, registry: Registry, request: Request) -> Reply:
    repository, size = repository_of(registry, request), _size(world, request)
    entries, more = repository.page("manifests", _order(request), request.query.get("last", ""), size)
    rows = [manifest_row(world, repository, entry) for entry in entries]
    headers = _more(request, [row["digest"] for row in rows[-1:]], size, more)
    return Reply(200, named(registry, repository) | {"manifests": rows or None}, headers)


@serve(router, "GET", "/acr/v1/{repository:path}/_tags/{tag}", scope=_READ)
def show_tag(world: World, registry: Registry, request: Request) -> Reply:
    repository = repository_of(registry, request)
    tag = repository.tags.get(request.params["tag"])
    if tag is None:
        raise unknown_tag()
    return Reply(200, named(registry, repository) | {"tag": tag_row(tag)})


@serve(router, "GET", "/acr/v1/{repository:path}/_tags", scope=_READ)
def list_tags(world: World, registry: Registry, request: Request) -> Reply:
    repository, size = repository_of(registry, request), _size(world, request)
    tags, more = repository.page("tags", _order(request), request.query.get("last", ""), size)
    headers = _more(request, [tag.name for tag in tags[-1:]], size, more)
    rows = [tag_row(tag) for tag in tags if request.query.get("digest") in (None, tag.digest)]
    return Reply(200, named(registry, repository) | {"tags": rows or None}, headers)


@serve(router, "GET", "/v2/{repository:path}/tags/list", scope=_READ)
def list_tag_names(world: World, registry: Registry, request: Request) -> Reply:
    """The names of tags, as the OCI distribution API lists them."""
    repository, size = repository_of(registry, request), _size(world, request)
    tags, more = repository.page("tags", "", request.query.get("last", ""), size)
    names = [tag.name for tag in tags]
    return Reply(200, {"name": repository.name, "tags": names}, _more(request, names[-1:], size, more))


@serve(router, "GET", "/acr/v1/{repository:path}", scope=_READ)
def show_repository(world: World, registry: Registry, request: Request) -> Reply:
    return Reply(200, repository_row(registry, repository_of(registry, request)))


def repository_of(registry: Registry, request: Request) -> Repository:
    """The repository in a request's path."""
    name = request.params["repository"]
    repository = registry.content.repositories.get(name)
    if repository is None:
        raise RegistryError(404, "NAME_UNKNOWN", "repository name not known to registry", {"name": name})
    return repository


def unknown_manifest(digest: str) -> RegistryError:
    return RegistryError(404, "MANIFEST_UNKNOWN", f"manifest {digest} is not found", {"revision": digest})


def unknown_tag() -> RegistryError:
    return RegistryError(404, "TAG_UNKNOWN", "the specified tag does not exist")


def repository_row(registry: Registry, repository: Repository) -> dict[str, Any]:
    return named(registry, repository) | {
        "createdTime": iso(repository.created),
        "lastUpdateTime": iso(repository.updated),
        "manifestCount": len(repository.entries),
        "tagCount": len(repository.tags),
        "changeableAttributes": repository.attributes.document() | {"teleportEnabled": False},
    }


def manifest_row(world: World, repository: Repository, entry: Entry) -> dict[str, Any]:
    """What lists tell of a manifest. Where it says nothing, or has no tags, the field is missing."""
    manifest, tags = entry.manifest, repository.tags_of(entry.manifest.digest)
    if not world.settings.hidden_tags_shown:
        tags = [tag for tag in tags if repository.tags[tag].attributes.list]
    known = {
        "architecture": manifest.architecture,
        "os": manifest.os,
        "mediaType": manifest.media_type,
        "configMediaType": manifest.config_media_type,
        "tags": tags,
    }
    return {
        "digest": manifest.digest,
        "imageSize": manifest.image_size,
        "createdTime": iso(entry.created),
        "lastUpdateTime": iso(entry.updated),
        **{name: value for name, value in known.items() if value},
        "changeableAttributes": entry.attributes.document() | {"quarantineState": "Passed"},
    }


def tag_row(tag: Tag) -> dict[str, Any]:
    return {
        "name": tag.name,
        "digest": tag.digest,
        "createdTime": iso(tag.created),
        "lastUpdateTime": iso(tag.updated),
        "signed": False,
        "changeableAttributes": tag.attributes.document(),
    }


def named(registry: Registry, repository: Repository) -> dict[str, Any]:
    """How every answer about a repository begins."""
    return {"registry": registry.host, "imageName": repository.name}


def _order(request: Request) -> str:
    order = request.query.get("orderby", "")
    return order if order in ORDERS else ""


def _size(world: World, request: Request) -> int:
    limit = world.settings.registry_list_limit
    given = request.query.get("n") or str(limit)
    over = given.isdigit() and int(given) > limit and world.settings.registry_list_refuses
    if not given.isdigit() or not int(given) or over:
        raise RegistryError(400, "PAGINATION_NUMBER_INVALID", "invalid number of results requested", {"n": given})
    return min(int(given), limit)


def _more(request: Request, last: list[str], size: int, more: bool) -> dict[str, str]:
    """The link to the next page (as recorded for the catalog by Azure CLI's tests)."""
    if not more:
        return {}
    order = request.query.get("orderby", "")
    return {"Link": f'<{request.path}?last={last[0]}&n={size}&orderby={order}>; rel="next"'}
