"""What a registry stores: repositories, their manifests, tags and blobs.

The bytes of a manifest are kept as they were pushed, and its digest is theirs. Blobs are stored once in a registry, and
each repository knows which are its own. Records are never changed, only replaced, so that two worlds may share them.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
INDEXES = (DOCKER_LIST, OCI_INDEX)
MEDIA_TYPES = (DOCKER_MANIFEST, DOCKER_LIST, OCI_MANIFEST, OCI_INDEX)
ORDERS = ("", "timeasc", "timedesc")


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass(frozen=True)
class Attributes:
    """What may be done with a repository, a manifest or a tag (`changeableAttributes`)."""

    delete: bool = True
    write: bool = True
    read: bool = True
    list: bool = True

    def document(self) -> dict[str, bool]:
        return {
            "deleteEnabled": self.delete,
            "writeEnabled": self.write,
            "readEnabled": self.read,
            "listEnabled": self.list,
        }


FREE = Attributes()


@dataclass(frozen=True, slots=True)
class Manifest:
    """The bytes of a manifest, and what they say. `image_size` is what its config and layers measure, in bytes."""

    digest: str
    content: bytes
    media_type: str
    image_size: int
    config_media_type: str = ""
    architecture: str = ""
    os: str = ""
    artifact_type: str = ""
    subject: str = ""  # the digest of the manifest that it refers to
    children: tuple[str, ...] = ()  # the manifests of an index
    blobs: tuple[str, ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()

    @property
    def is_index(self) -> bool:
        return self.media_type in INDEXES

    def __deepcopy__(self, memo: dict[int, Any]) -> Manifest:
        return self


@dataclass(frozen=True, slots=True)
class Entry:
    """A manifest in a repository. Times are of the sandbox's clock."""

    manifest: Manifest
    created: float
    updated: float
    attributes: Attributes = FREE


@dataclass(frozen=True, slots=True)
class Tag:
    name: str
    digest: str
    created: float
    updated: float
    attributes: Attributes = FREE


@dataclass
class Repository:
    name: str
    created: float
    updated: float
    attributes: Attributes = FREE
    entries: dict[str, Entry] = field(default_factory=dict)  # by digest
    tags: dict[str, Tag] = field(default_factory=dict)
    blobs: set[str] = field(default_factory=set)
    lost_tags: dict[str, float] = field(default_factory=dict)  # by digest: when a tag last went elsewhere
    # Made when first needed, until something changes: the tags of each digest, the referrers of each, and the orders of
    # lists, each as the keys by which it is sorted.
    _tags_of: dict[str, list[str]] | None = None
    _referrers: dict[str, list[str]] | None = None
    _orders: dict[tuple[str, str], list[Any]] = field(default_factory=dict)

    def put_manifest(self, manifest: Manifest, now: float) -> Entry:
        """Store a manifest, or take note that it was pushed again."""
        old = self.entries.get(manifest.digest)
        entry = replace(old, updated=now) if old else Entry(manifest, now, now)
        self.entries[manifest.digest] = entry
        self.blobs.update(manifest.blobs)
        self._changed(now)
        return entry

    def put_tag(self, name: str, digest: str, now: float) -> None:
        old = self.tags.get(name)
        self.tags[name] = replace(old, digest=digest, updated=now) if old else Tag(name, digest, now, now)
        if old and old.digest != digest:
            self.lost_tags[old.digest] = now
        self._changed(now)

    def remove_manifest(self, digest: str, now: float) -> list[Tag]:
        """Delete a manifest and its tags. Returns the tags."""
        del self.entries[digest]
        gone = [self.tags.pop(name) for name in list(self.tags) if self.tags[name].digest == digest]
        self._changed(now)
        return gone

    def remove_tag(self, name: str, now: float) -> None:
        self.lost_tags[self.tags.pop(name).digest] = now
        self._changed(now)

    def set_manifest_attributes(self, digest: str, attributes: Attributes, now: float) -> None:
        self.entries[digest] = replace(self.entries[digest], attributes=attributes, updated=now)
        self._changed(now)

    def set_tag_attributes(self, name: str, attributes: Attributes, now: float) -> None:
        self.tags[name] = replace(self.tags[name], attributes=attributes, updated=now)
        self._changed(now)

    def resolve(self, reference: str) -> str:
        """The digest of a tag or digest, which may be that of a manifest that is not there; or nothing."""
        if reference.startswith("sha256:"):
            return reference
        tag = self.tags.get(reference)
        return tag.digest if tag else ""

    def find(self, reference: str) -> Entry | None:
        return self.entries.get(self.resolve(reference))

    def tags_of(self, digest: str) -> list[str]:
        if self._tags_of is None:
            self._tags_of = {}
            for tag in self.tags.values():
                self._tags_of.setdefault(tag.digest, []).append(tag.name)
            for names in self._tags_of.values():
                names.sort()
        return self._tags_of.get(digest, [])

    def referrers_of(self, digest: str) -> list[Manifest]:
        """The manifests whose subject is this digest, which need not be there."""
        if self._referrers is None:
            self._referrers = {}
            for entry in self.entries.values():
                if entry.manifest.subject:
                    self._referrers.setdefault(entry.manifest.subject, []).append(entry.manifest.digest)
        return [self.entries[each].manifest for each in self._referrers.get(digest, ())]

    def family(self, digest: str) -> Iterator[Manifest]:
        """A manifest, and those of its index, of its indexes' indexes, and so on: children first. Raises LookupError if
        one of them is not there."""
        entry = self.entries.get(digest)
        if entry is None:
            raise LookupError(digest)
        for child in entry.manifest.children:
            yield from self.family(child)
        yield entry.manifest

    def page(self, kind: str, order: str, last: str, size: int) -> tuple[list[Any], bool]:
        """At most `size` entries ("manifests") or tags ("tags") that are listed, in order, after the one named `last`;
        and whether there are more."""
        records: dict[str, Any] = self.entries if kind == "manifests" else self.tags
        keys = self._orders.get((kind, order))
        if keys is None:
            shown = (name for name, record in records.items() if record.attributes.list)
            keys = self._orders[kind, order] = sorted(_key(order, name, records[name]) for name in shown)
        start = bisect_right(keys, _key(order, last, records.get(last))) if last else 0
        found = [records[key[1]] for key in keys[start : start + size]]
        return found, start + size < len(keys)

    def _changed(self, now: float) -> None:
        self.updated = now
        self._tags_of = self._referrers = None
        self._orders = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> Repository:
        # Entries and tags are never changed, so that two worlds may have the same.
        return replace(
            self,
            entries=dict(self.entries),
            tags=dict(self.tags),
            blobs=set(self.blobs),
            lost_tags=dict(self.lost_tags),
            _tags_of=None,
            _referrers=None,
            _orders={},
        )


def _key(order: str, name: str, record: Entry | Tag | None) -> tuple[float, str]:
    """By name, or by the time of the last change. What is gone since the last page comes first in order of time."""
    if not order:
        return 0.0, name
    if record is None:
        return float("-inf"), name
    return (-record.updated if order == "timedesc" else record.updated), name


@dataclass
class Upload:
    """A blob that is being pushed."""

    repository: str
    content: bytes = b""


@dataclass(frozen=True)
class Deleted:
    """A manifest that soft delete remembers, with the tags that it had."""

    repository: str
    entry: Entry
    tags: tuple[str, ...]
    time: float


@dataclass
class Content:
    repositories: dict[str, Repository] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    deleted: list[Deleted] = field(default_factory=list)

    def repository(self, name: str, now: float) -> Repository:
        """The repository with this name, made if there is none."""
        if name not in self.repositories:
            self.repositories[name] = Repository(name, now, now)
        return self.repositories[name]

    def put_blob(self, repository: Repository, content: bytes) -> str:
        digest = digest_of(content)
        self.blobs[digest] = content
        repository.blobs.add(digest)
        return digest

    def blob(self, repository: str, digest: str) -> bytes | None:
        found = self.repositories.get(repository)
        return self.blobs.get(digest) if found and digest in found.blobs else None

    def bury(self, repository: str, entry: Entry, tags: Iterable[Tag], now: float) -> None:
        self.deleted.append(Deleted(repository, entry, tuple(sorted(tag.name for tag in tags)), now))

    def copy_manifest(self, source: Content, manifest: Manifest, target: Repository, now: float) -> None:
        """Store a manifest of another registry, with its blobs."""
        for digest in manifest.blobs:
            self.blobs[digest] = source.blobs[digest]
        if manifest.digest not in target.entries:
            target.put_manifest(manifest, now)

    def __deepcopy__(self, memo: dict[int, Any]) -> Content:
        repositories = {name: each.__deepcopy__(memo) for name, each in self.repositories.items()}
        uploads = {key: replace(each) for key, each in self.uploads.items()}
        return Content(repositories, dict(self.blobs), uploads, list(self.deleted))


def read_manifest(content: bytes, media_type: str, config: bytes | None = None) -> Manifest:
    """A manifest from its bytes, and its config's if that is an image's. Raises ValueError on what is none."""
    document = json.loads(content)
    if not isinstance(document, dict) or document.get("schemaVersion") != 2:
        raise ValueError("schemaVersion is not 2.")
    declared = document.get("mediaType") or media_type
    if declared != media_type or media_type not in MEDIA_TYPES:
        raise ValueError(f"The media type {media_type} is not supported, or not the manifest's.")
    digest, subject = digest_of(content), (document.get("subject") or {}).get("digest", "")
    annotations = tuple((document.get("annotations") or {}).items())
    artifact = document.get("artifactType", "")
    if media_type in INDEXES:
        children = tuple(_digests(document.get("manifests") or ()))
        return Manifest(
            digest,
            content,
            media_type,
            len(content),
            artifact_type=artifact,
            subject=subject,
            children=children,
            annotations=annotations,
        )
    parts = [document["config"], *document["layers"]]
    platform = _platform(config)
    return Manifest(
        digest,
        content,
        media_type,
        sum(part["size"] for part in parts),
        config_media_type=document["config"]["mediaType"],
        architecture=platform.get("architecture", ""),
        os=platform.get("os", ""),
        artifact_type=artifact or _artifact_type(document),
        subject=subject,
        blobs=tuple(_digests(parts)),
        annotations=annotations,
    )


def _digests(descriptors: Iterable[dict[str, Any]]) -> Iterator[str]:
    for descriptor in descriptors:
        if not descriptor.get("urls"):  # a foreign layer is elsewhere
            yield descriptor["digest"]


def _artifact_type(document: dict[str, Any]) -> str:
    """The artifact type of a manifest that names none: its config's media type (OCI distribution 1.1)."""
    kind = document["config"]["mediaType"]
    return "" if kind == OCI_EMPTY else kind


def _platform(config: bytes | None) -> dict[str, str]:
    try:
        found = json.loads(config or b"{}")
    except ValueError:
        return {}
    known = found if isinstance(found, dict) else {}
    return {name: known[name] for name in ("architecture", "os") if isinstance(known.get(name), str)}
