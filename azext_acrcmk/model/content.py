"""What is in a registry: repositories, manifests, their tags, and what one manifest says of others."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import field
from datetime import datetime

from azext_acrcmk.model.value import Value, immutable

DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
# These are about other manifests.
INDEXES = frozenset({DOCKER_LIST, OCI_INDEX})
# Formats from before a manifest could have a subject (image-spec 1.1).
_WITHOUT_SUBJECT = frozenset(
    {
        DOCKER_LIST,
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
    }
)
_FALLBACK_TAG = re.compile(r"sha256-[0-9a-f]{64}")


@immutable
class Attributes(Value):
    """What may be done to a repository, a manifest or a tag; all of it by default."""

    can_delete: bool = True
    can_write: bool = True
    can_list: bool = True
    can_read: bool = True


FREE = Attributes()


@immutable
class Manifest(Value):
    """A row of a listing. `size` is that of the image in bytes, `updated` a moment in ISO 8601."""

    digest: str
    media_type: str
    size: int = 0
    tags: tuple[str, ...] = ()
    config_type: str = ""
    updated: str = ""
    attributes: Attributes = FREE

    @property
    def is_index(self) -> bool:
        return self.media_type in INDEXES

    @property
    def may_have_subject(self) -> bool:
        """Whether only its content tells that it is about another manifest, as a signature is.

        What has a tag is an image: who attaches something gives it none.
        """
        return self.media_type not in _WITHOUT_SUBJECT and not (self.tags and self.config_type in _IMAGES)


_IMAGES = frozenset({"application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"})


@immutable
class Times(Value):
    """When a registry got a tag or a manifest, and when that was last changed: a tag also by moving."""

    created: datetime
    updated: datetime


@immutable
class Descriptor(Value):
    """How an index names a manifest (OCI image-spec 1.1, descriptor.md)."""

    digest: str
    media_type: str
    size: int
    artifact_type: str = ""
    annotations: tuple[tuple[str, str], ...] = ()


@immutable
class Content(Value):
    """What the content of a manifest says: the manifests that it consists of, and the one that it is about."""

    descriptor: Descriptor
    listed: tuple[Descriptor, ...] = ()
    subject: str | None = None


@immutable
class Repository(Value):
    """A repository as listed. `contents` are those of its manifests whose content had to be read, by digest."""

    name: str
    manifests: dict[str, Manifest] = field(default_factory=dict, hash=False)
    contents: dict[str, Content] = field(default_factory=dict, hash=False)
    attributes: Attributes = FREE
    # Of tags that may not be used as freely as others.
    tag_attributes: dict[str, Attributes] = field(default_factory=dict, hash=False)
    # How many manifests and tags it has, listed or not; 0 where that was not looked at.
    manifest_count: int = 0
    tag_count: int = 0

    @property
    def hidden(self) -> int:
        """How many manifests it has that are not known."""
        return max(self.manifest_count - len(self.manifests), 0)

    @property
    def hidden_tags(self) -> int:
        """How many tags it has that are not known."""
        return max(self.tag_count - sum(len(each.tags) for each in self.manifests.values()), 0)

    @property
    def tags(self) -> dict[str, str]:
        """The digest of each tag."""
        return {tag: each.digest for each in self.manifests.values() for tag in each.tags}

    def descendants(self, digest: str) -> set[str]:
        """The manifests of an index, and of the indexes in it; not the index itself."""
        found: set[str] = set()
        left = list(self._children(digest))
        while left:
            child = left.pop()
            if child not in found and child != digest:
                found.add(child)
                left += self._children(child)
        return found

    def _children(self, digest: str) -> tuple[str, ...]:
        content = self.contents.get(digest)
        return tuple(each.digest for each in content.listed) if content else ()

    def referrers(self) -> dict[str, list[Descriptor]]:
        """What is attached to each subject, in the order of digests."""
        found: dict[str, list[Descriptor]] = {}
        for digest in sorted(self.contents):
            content = self.contents[digest]
            if content.subject:
                found.setdefault(content.subject, []).append(content.descriptor)
        return found


def fallback_tag(digest: str) -> str:
    """The tag under which clients look for what is attached to a manifest, where a registry has no Referrers API
    (OCI distribution-spec 1.1, referrers tag schema)."""
    return digest.replace(":", "-", 1)[:128]


def is_fallback_tag(tag: str) -> bool:
    return _FALLBACK_TAG.fullmatch(tag) is not None


@immutable
class Totals(Value):
    """How much there is. `size` in bytes counts each manifest, so layers in common more than once."""

    repositories: int = 0
    manifests: int = 0
    tags: int = 0
    untagged: int = 0
    indexes: int = 0
    referrers: int = 0
    size: int = 0

    def __add__(self, other: Totals) -> Totals:
        return Totals(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))


def totals(repository: Repository) -> Totals:
    rows = repository.manifests.values()
    return Totals(
        repositories=1,
        manifests=len(rows),
        tags=_count(len(each.tags) for each in rows),
        untagged=_count(not each.tags for each in rows),
        indexes=_count(each.is_index for each in rows),
        referrers=_count(each.subject is not None for each in repository.contents.values()),
        size=_count(each.size for each in rows),
    )


def _count(values: Iterable[int]) -> int:
    return sum(values)


@immutable
class Deleted(Value):
    """How much soft delete keeps."""

    repositories: int = 0
    manifests: int = 0
