"""Tags under which clients find signatures, attestations and SBOMs: a registry with a customer-managed key has no
Referrers API (OCI distribution-spec 1.1, referrers tag schema; migrate facts 2.5). Pure."""

from __future__ import annotations

import hashlib
import json
from dataclasses import field
from typing import Any

from azext_acrcmk.model.content import OCI_INDEX, Descriptor, Repository, fallback_tag
from azext_acrcmk.model.value import Value, immutable


@immutable
class Fallback(Value):
    """An index of what is attached to `subject`, to be written under `tag`. `over` is what the tag was seen to point
    to: if it no longer does, this index may lack what a client has attached since."""

    repository: str
    subject: str
    descriptors: tuple[Descriptor, ...] = field(repr=False)
    over: str | None = field(default=None, compare=False)

    @property
    def tag(self) -> str:
        return fallback_tag(self.subject)

    @property
    def content(self) -> bytes:
        """The same bytes for the same descriptors, so that a second run finds that it is done."""
        return index_of(self.descriptors)

    @property
    def digest(self) -> str:
        return f"sha256:{hashlib.sha256(self.content).hexdigest()}"


def index_of(descriptors: tuple[Descriptor, ...]) -> bytes:
    """An image index of descriptors, in their order."""
    body = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [_descriptor(each) for each in descriptors]}
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def _descriptor(each: Descriptor) -> dict[str, Any]:
    body: dict[str, Any] = {"mediaType": each.media_type, "digest": each.digest, "size": each.size}
    if each.artifact_type:
        body["artifactType"] = each.artifact_type
    if each.annotations:
        body["annotations"] = dict(each.annotations)
    return body


def taken_tags(source: Repository, target: Repository) -> set[str]:
    """The tags that would be written if they were not on something that is no index, in either registry."""
    found = set()
    for repository in (source, target):
        tags = repository.tags
        for subject in source.referrers():
            digest = tags.get(tag := fallback_tag(subject))
            if digest is not None and not repository.manifests[digest].is_index:
                found.add(tag)
    return found


def written_tags(source: Repository, target: Repository) -> set[str]:
    """The tags of the indexes that an earlier run or this one writes."""
    return {fallback_tag(subject) for subject in source.referrers()} - taken_tags(source, target)


def fallbacks(source: Repository, target: Repository) -> tuple[Fallback, ...]:
    """The indexes to write, each with what clients have already put under its tag, in the old or in the new registry.

    An index is not written if the one of the new registry already names all that is attached.
    """
    tags, there, written = source.tags, target.tags, written_tags(source, target)
    found = []
    for subject, attached in source.referrers().items():
        tag = fallback_tag(subject)
        if tag not in written:
            continue
        merged = {each.digest: each for each in attached}
        old, new = _listed(source, tags.get(tag)), _listed(target, there.get(tag))
        for each in (*old, *new):
            merged.setdefault(each.digest, each)
        if {each.digest for each in new} >= set(merged):
            continue
        found.append(Fallback(source.name, subject, tuple(merged[digest] for digest in sorted(merged)), there.get(tag)))
    return tuple(found)


def _listed(repository: Repository, digest: str | None) -> tuple[Descriptor, ...]:
    """The manifests that an index names."""
    content = repository.contents.get(digest or "")
    return content.listed if content else ()
