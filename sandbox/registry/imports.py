"""Import of an image from another registry (recording acr_import_post_202; facts: migrate.md 2, service.md 7).

What the caller may not, and a request without a target, is refused at once; all else fails the operation, as reported:
"Operation registries-… failed. … Tag hello-world:v3 already exists in target registry." (azure-cli#10938). Codes of
failures are not published, but for `InvalidParameters` of "Error copying blobs"; those here are assumed.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from sandbox.core.web import AzureError, Reply, Request, Router
from sandbox.registry import import_faults, results
from sandbox.registry.content import Manifest, Repository
from sandbox.registry.encryption import pull
from sandbox.registry.import_faults import ImportFault
from sandbox.registry.import_sources import ACTION, find_source
from sandbox.registry.record import REGISTRY, TYPE, Registry
from sandbox.registry.results import IMPORTING
from sandbox.registry.seeding import push_image
from sandbox.resource_manager.access import require
from sandbox.resource_manager.arm import HOST, not_found
from sandbox.resource_manager.common import body_of
from sandbox.world import Operation, World

router = Router()
_MIB = 1024 * 1024
_COPYING = "Error copying blobs."


@dataclass(frozen=True)
class Import:
    """What is to be copied, and to where. `digest` is what the source's tag pointed to when the import began."""

    source: Registry
    target: str  # the id of the registry, in lowercase
    repository: str
    reference: str  # a tag or a digest
    digest: str
    tags: tuple[tuple[str, str], ...]  # repository and tag
    untagged: tuple[str, ...]  # repositories
    force: bool

    def __str__(self) -> str:
        return f"{self.source.name}/{self.repository}{'@' if ':' in self.reference else ':'}{self.reference}"

    @property
    def repositories(self) -> set[str]:
        return {*self.untagged, *(repository for repository, _ in self.tags)}


class _Failure(Exception):
    """The operation fails with this code and message."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code, self.message = code, message

    def document(self) -> dict[str, str]:
        return {"code": self.code, "message": self.message}


@router.route("POST", HOST, f"{REGISTRY}/importImage")
def import_image(world: World, request: Request) -> Reply:
    target_id = request.path.rpartition("/")[0]
    require(world, request.caller, ACTION, target_id)
    target = world.registries.get(target_id.lower())
    if target is None:
        raise not_found(TYPE, (request.params["name"],), request.params["group"])
    wanted = _read(world, request, target)
    _check_limit(world)
    seconds = world.settings.import_answer_seconds + _seconds(world, wanted)
    operation = _start(world, target, wanted, world.now() + seconds)
    headers = results.headers(world, request, target.location, operation)
    return Reply(202, None, headers, world.settings.import_answer_seconds, seconds)


def _start(world: World, target: Registry, wanted: Import, due: float) -> Operation:
    """Begin to copy, or begin an operation that will fail."""
    operation = Operation(f"registries-{uuid.uuid1()}", IMPORTING, due)
    world.results[operation.id] = operation
    try:
        _check(world, target, wanted)
    except _Failure as failure:
        operation.error = failure.document()
        return operation
    world.operations[operation.id] = operation
    operation.finish = lambda: _end(world, operation, wanted)
    fault = import_faults.fault_for(world, str(wanted))
    if fault:
        _strike(world, fault, operation, wanted)
    return operation


def _strike(world: World, fault: ImportFault, operation: Operation, wanted: Import) -> None:
    """Have an import go wrong that has begun."""
    if fault.action == "move":
        push_image(world, wanted.source, wanted.repository, wanted.reference, operation.id)
        return
    if fault.action == "hang":
        if fault.arrives:
            copying = Operation(f"{operation.id}-copy", IMPORTING, operation.due)
            copying.finish = lambda: _end(world, copying, wanted)
            world.operations[copying.id] = copying
        operation.due = world.now() + fault.seconds
    lost = fault.action == "lose" or (fault.action == "hang" and fault.arrives)
    error = None if lost else {"code": fault.code, "message": fault.message}
    operation.finish = lambda: _end_without(world, operation, error)


def _end_without(world: World, operation: Operation, error: dict[str, str] | None) -> None:
    del world.operations[operation.id]
    operation.finish, operation.error = None, error


def _check_limit(world: World) -> None:
    """Refuse more imports at once than a registry takes. (That there is a limit is reported, its response is not.)"""
    limit = world.settings.import_limit
    going_on = sum(1 for each in world.operations.values() if each.kind == IMPORTING)
    if limit and going_on >= limit:
        message = "Too many imports are in progress. Please try again later."
        raise AzureError(429, "TooManyRequests", message, headers={"Retry-After": "5"})


def _seconds(world: World, wanted: Import) -> float:
    settings = world.settings
    return settings.import_seconds + settings.import_seconds_per_mib * _size(wanted) / _MIB


def _read(world: World, request: Request, target: Registry) -> Import:
    """The import that a body describes, if its caller may read the source."""
    body = body_of(request)
    source, tags = body.get("source") or {}, body.get("targetTags") or []
    untagged = body.get("untaggedTargetRepositories") or []
    if not tags and not untagged:
        raise AzureError(400, "InvalidParameters", "Missing property parameters.TargetTags.")
    if str(body.get("mode") or "NoForce").lower() not in ("force", "noforce"):
        raise AzureError(400, "InvalidParameters", f"The mode '{body.get('mode')}' is not supported.")
    repository, reference = _image(str(source.get("sourceImage") or ""))
    registry = find_source(world, request, source, target, repository)
    found = registry.content.repositories.get(repository)
    return Import(
        registry,
        target.id.lower(),
        repository,
        reference,
        found.resolve(reference) if found else "",
        tuple(_image(tag) for tag in tags),
        tuple(untagged),
        str(body.get("mode") or "").lower() == "force",
    )


def _check(world: World, target: Registry, wanted: Import) -> None:
    """What is checked before anything is copied. Raises the failure of the operation."""
    source = wanted.source
    if source.policies["exportPolicy"]["status"] == "disabled":
        raise _Failure("InvalidParameters", f"Exports from registry {source.name} are disabled.")
    for registry in {source.id: source, target.id: target}.values():
        if _is_restricted(registry) and not _lets_services_in(registry):
            raise _Failure("InvalidParameters", f"{_COPYING} Access to registry {registry.name} is not allowed.")
        _check_key(world, registry)
    _check_image(world, wanted)
    _check_targets(world, target, wanted)


def _check_image(world: World, wanted: Import) -> None:
    found = wanted.source.content.repositories.get(wanted.repository)
    entry = found.entries.get(wanted.digest) if found else None
    if entry is None:
        named = f"{wanted.repository}:{wanted.reference}"
        raise _Failure("InvalidParameters", f"The source image {named} was not found: manifest unknown.")
    tag = found.tags.get(wanted.reference)
    if not (found.attributes.read and entry.attributes.read and (tag is None or tag.attributes.read)):
        raise _Failure("InvalidParameters", f"Reading {wanted.repository}@{wanted.digest} is disabled.")
    try:
        count = len({manifest.digest for manifest in found.family(wanted.digest)} - {wanted.digest})
    except LookupError as error:
        raise _Failure("InvalidParameters", f"{_COPYING} manifest unknown: {error}") from error
    most = world.settings.import_manifest_limit
    if count > most:
        raise _Failure("InvalidParameters", f"The image has {count} manifests; at most {most} are supported.")


def _check_targets(world: World, target: Registry, wanted: Import) -> None:
    for name, tag in wanted.tags:
        repository = target.content.repositories.get(name)
        old = repository.tags.get(tag) if repository else None
        if old and not wanted.force:
            raise _Failure("Conflict", f"Tag {name}:{tag} already exists in target registry.")
        if old and not old.attributes.write:
            raise _Failure("InvalidParameters", f"Writing {name}:{tag} is disabled.")
    for name in wanted.repositories:
        repository = target.content.repositories.get(name)
        there = repository is not None and wanted.digest in repository.entries
        if there and name in wanted.untagged and world.settings.import_of_existing_fails:
            raise _Failure("Conflict", f"Manifest {name}@{wanted.digest} already exists in target registry.")
        if repository and not repository.attributes.write:
            raise _Failure("InvalidParameters", f"Writing to repository {name} is disabled.")


def _check_key(world: World, registry: Registry) -> None:
    served = pull(world, registry.name)
    if served["status"] != 200:
        raise _Failure("Forbidden", f"{_COPYING} Registry {registry.name}: {served['reason']}")


def _end(world: World, operation: Operation, wanted: Import) -> None:
    """Copy, or fail if a key stopped working meanwhile. A tag that moved meanwhile is set to where it points now, which
    is not what was copied (azure-cli#29974)."""
    del world.operations[operation.id]
    operation.finish = None
    try:
        target = world.registries.get(wanted.target)
        if target is None:
            raise _Failure("InvalidParameters", "The target registry was deleted.")
        _check_key(world, target)
        _check_key(world, wanted.source)
    except _Failure as failure:
        operation.error = failure.document()
        return
    found = wanted.source.content.repositories[wanted.repository]
    manifests = list(found.family(wanted.digest))
    for name in sorted(wanted.repositories):
        _copy(world, wanted, manifests, target, target.content.repository(name, world.now()))


def _copy(
    world: World, wanted: Import, manifests: Iterable[Manifest], target: Registry, repository: Repository
) -> None:
    for manifest in manifests:
        target.content.copy_manifest(wanted.source.content, manifest, repository, world.now())
    found = wanted.source.content.repositories[wanted.repository]
    for name, tag in wanted.tags:
        if name == repository.name:
            repository.put_tag(tag, found.resolve(wanted.reference) or wanted.digest, world.now())


def _is_restricted(registry: Registry) -> bool:
    closed = registry.properties["publicNetworkAccess"] == "Disabled"
    return closed or registry.network_rules.get("defaultAction") == "Deny"


def _lets_services_in(registry: Registry) -> bool:
    """Whether trusted services bypass the network rules. They don't with service endpoints (facts: migrate.md 2.2)."""
    bypass = registry.properties["networkRuleBypassOptions"] == "AzureServices"
    return bypass and not registry.network_rules.get("virtualNetworkRules")


def _size(wanted: Import) -> int:
    """Bytes that are copied at most."""
    found = wanted.source.content.repositories.get(wanted.repository)
    if not found or wanted.digest not in found.entries:
        return 0
    try:
        return sum(manifest.image_size for manifest in found.family(wanted.digest))
    except LookupError:
        return 0


def _image(text: str) -> tuple[str, str]:
    """Repository, and tag or digest, of "repository[:tag]" or "repository@sha256:…"."""
    name, at, digest = text.partition("@")
    if at:
        return name, digest
    name, colon, tag = text.rpartition(":")
    found, reference = (name, tag) if colon and "/" not in tag else (text, "latest")
    if not found:
        raise AzureError(400, "InvalidParameters", f"The image '{text}' is not valid.")
    return found, reference
