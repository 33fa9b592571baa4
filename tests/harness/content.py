"""Repositories for tests of what a migration copies."""

from __future__ import annotations

import hashlib

from azext_acrcmk.model.content import (
    OCI_INDEX,
    OCI_MANIFEST,
    Attributes,
    Content,
    Descriptor,
    Manifest,
    Repository,
)
from azext_acrcmk.model.ids import REGISTRY_TYPE, ArmId

OLD = ArmId("11111111-1111-4111-8111-111111111111", "rg", REGISTRY_TYPE, "oldregistry")
IMAGE_CONFIG = "application/vnd.oci.image.config.v1+json"
SIGNATURE = "application/vnd.cncf.notary.signature"


def digest(name: str) -> str:
    return f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"


def image(name: str, *tags: str, size: int = 10, readable: bool = True) -> Manifest:
    return Manifest(digest(name), OCI_MANIFEST, size, tags, IMAGE_CONFIG, attributes=Attributes(can_read=readable))


def index(name: str, *tags: str, readable: bool = True) -> Manifest:
    return Manifest(digest(name), OCI_INDEX, 5, tags, attributes=Attributes(can_read=readable))


def signature(name: str, *tags: str) -> Manifest:
    return Manifest(digest(name), OCI_MANIFEST, 3, tags, SIGNATURE)


def descriptor(name: str, artifact_type: str = "") -> Descriptor:
    return Descriptor(digest(name), OCI_MANIFEST, 100, artifact_type)


def of(*children: str, name: str = "index") -> Content:
    """The content of an index."""
    return Content(descriptor(name), tuple(descriptor(child) for child in children))


def about(subject: str, name: str) -> Content:
    """The content of what is attached to a subject."""
    return Content(descriptor(name, SIGNATURE), subject=digest(subject))


def repository(
    *rows: Manifest, name: str = "app", contents: dict[str, Content] | None = None, readable: bool = True
) -> Repository:
    return Repository(
        name,
        {row.digest: row for row in rows},
        {digest(each): content for each, content in (contents or {}).items()},
        Attributes(can_read=readable),
    )
