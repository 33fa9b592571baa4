"""Pushing: blobs and manifests, through the OCI distribution API.

As the specification of OCI distribution 1.1 says; the codes of its errors are those of the specification.
"""

from __future__ import annotations

import re

from sandbox.core.web import Reply, Request, Router
from sandbox.registry.content import MEDIA_TYPES, Manifest, Upload, digest_of, read_manifest
from sandbox.registry.login_server import RegistryError, disallowed, holds_scope, serve
from sandbox.registry.record import Registry
from sandbox.world import World

router = Router()
_PUSH = "repository:{repository}:pull,push"
_UPLOADS = "/v2/{repository:path}/blobs/uploads"
_NAME = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_LARGEST_MANIFEST = 4 * 1024 * 1024


@serve(router, "POST", f"{_UPLOADS}/", _UPLOADS, scope=_PUSH)
def begin_upload(world: World, registry: Registry, request: Request) -> Reply:
    """Begin to push a blob; or take one that another repository has, or that is in the request as a whole."""
    name, content = request.params["repository"], registry.content
    if not _NAME.fullmatch(name):
        raise RegistryError(400, "NAME_INVALID", "invalid repository name", name)
    _check_writable(registry, name)
    source, digest = request.query.get("from", ""), request.query.get("mount", "")
    if digest and holds_scope(registry, request, f"repository:{source}:pull"):
        found = content.blob(source, digest)
        if found is not None:
            content.put_blob(content.repository(name, world.now()), found)
            return _created(f"/v2/{name}/blobs/{digest}", digest)
    key = world.new_guid()
    content.uploads[key] = Upload(name, request.content)
    if request.query.get("digest"):
        return _finish(world, registry, key, request.query["digest"])
    return _progress(202, name, key, content.uploads[key])


@serve(router, "PATCH", f"{_UPLOADS}/{{upload}}", scope=_PUSH)
def push_chunk(world: World, registry: Registry, request: Request) -> Reply:
    upload = _upload(registry, request)
    first = request.headers.get("content-range", "").partition("-")[0]
    if first and int(first) != len(upload.content):
        raise RegistryError(416, "BLOB_UPLOAD_INVALID", "the chunk does not follow the ones before")
    upload.content += request.content
    return _progress(202, upload.repository, request.params["upload"], upload)


@serve(router, "PUT", f"{_UPLOADS}/{{upload}}", scope=_PUSH)
def end_upload(world: World, registry: Registry, request: Request) -> Reply:
    upload = _upload(registry, request)
    upload.content += request.content
    return _finish(world, registry, request.params["upload"], request.query.get("digest", ""))


@serve(router, "GET", f"{_UPLOADS}/{{upload}}", scope=_PUSH)
def show_upload(world: World, registry: Registry, request: Request) -> Reply:
    upload = _upload(registry, request)
    return _progress(204, upload.repository, request.params["upload"], upload)


@serve(router, "DELETE", f"{_UPLOADS}/{{upload}}", scope=_PUSH)
def cancel_upload(world: World, registry: Registry, request: Request) -> Reply:
    _upload(registry, request)
    del registry.content.uploads[request.params["upload"]]
    return Reply(204)


@serve(router, "PUT", "/v2/{repository:path}/manifests/{reference}", scope=_PUSH)
def put_manifest(world: World, registry: Registry, request: Request) -> Reply:
    """Push a manifest under a tag or its digest. All that it names must be in the repository, but for its subject."""
    name, reference = request.params["repository"], request.params["reference"]
    if not _NAME.fullmatch(name):
        raise RegistryError(400, "NAME_INVALID", "invalid repository name", name)
    manifest = _read(registry, name, request)
    by_digest = reference.startswith("sha256:")
    if by_digest and reference != manifest.digest:
        raise RegistryError(400, "DIGEST_INVALID", "provided digest did not match uploaded content", reference)
    if not by_digest and not _TAG.fullmatch(reference):
        raise RegistryError(400, "TAG_INVALID", "manifest tag did not match URI", reference)
    _check_writable(registry, name, manifest.digest, "" if by_digest else reference)
    _check_complete(registry, name, manifest)
    repository = registry.content.repository(name, world.now())
    repository.put_manifest(manifest, world.now())
    if not by_digest:
        repository.put_tag(reference, manifest.digest, world.now())
    headers = {"Location": f"/v2/{name}/manifests/{manifest.digest}", "Docker-Content-Digest": manifest.digest}
    if manifest.subject and registry.encryption is None:
        headers["OCI-Subject"] = manifest.subject  # the registry has the referrers API
    return Reply(201, None, headers)


def _read(registry: Registry, name: str, request: Request) -> Manifest:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip()
    if media_type not in MEDIA_TYPES or not request.content or len(request.content) > _LARGEST_MANIFEST:
        raise RegistryError(400, "MANIFEST_INVALID", "manifest invalid", {"mediaType": media_type})
    try:
        manifest = read_manifest(request.content, media_type)
        config = registry.content.blob(name, manifest.blobs[0]) if manifest.blobs else None
        return read_manifest(request.content, media_type, config)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RegistryError(400, "MANIFEST_INVALID", "manifest invalid", str(error)) from error


def _check_complete(registry: Registry, name: str, manifest: Manifest) -> None:
    repository = registry.content.repositories.get(name)
    entries, blobs = (repository.entries, repository.blobs) if repository else ({}, set())
    missing = [digest for digest in manifest.children if digest not in entries]
    missing += [digest for digest in manifest.blobs if digest not in blobs]
    if missing:
        raise RegistryError(400, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry", {"digest": missing[0]})


def _check_writable(registry: Registry, name: str, digest: str = "", tag: str = "") -> None:
    """Refuse to write to what is locked: the repository, the manifest, or the tag."""
    repository = registry.content.repositories.get(name)
    if repository is None:
        return
    concerned = (repository, repository.entries.get(digest), repository.tags.get(tag))
    if not all(each.attributes.write for each in concerned if each):
        raise disallowed()


def _upload(registry: Registry, request: Request) -> Upload:
    upload = registry.content.uploads.get(request.params["upload"])
    if upload is None or upload.repository != request.params["repository"]:
        raise RegistryError(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
    return upload


def _finish(world: World, registry: Registry, key: str, digest: str) -> Reply:
    upload = registry.content.uploads.pop(key)
    if digest_of(upload.content) != digest:
        raise RegistryError(400, "DIGEST_INVALID", "provided digest did not match uploaded content", digest)
    registry.content.put_blob(registry.content.repository(upload.repository, world.now()), upload.content)
    return _created(f"/v2/{upload.repository}/blobs/{digest}", digest)


def _created(location: str, digest: str) -> Reply:
    return Reply(201, None, {"Location": location, "Docker-Content-Digest": digest})


def _progress(status: int, name: str, key: str, upload: Upload) -> Reply:
    last = max(len(upload.content) - 1, 0)
    location = f"/v2/{name}/blobs/uploads/{key}"
    return Reply(status, None, {"Location": location, "Range": f"0-{last}", "Docker-Upload-UUID": key})
