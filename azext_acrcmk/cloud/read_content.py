"""From what a login server answers to the dataclasses of `model.content`."""

from __future__ import annotations

import json
from datetime import datetime
from sys import intern
from typing import Any

from azext_acrcmk.cloud.errors import parsing_responses
from azext_acrcmk.cloud.fields import flag, number, part, parts, text, texts
from azext_acrcmk.model.content import FREE, INDEXES, Attributes, Content, Descriptor, Manifest, Times


def read_manifest(body: dict[str, Any]) -> Manifest:
    """A row of a list of manifests."""
    return Manifest(
        digest=text(body, "digest") or "",
        media_type=intern(text(body, "mediaType") or ""),
        size=number(body, "imageSize") or 0,
        tags=texts(body, "tags"),
        config_type=intern(text(body, "configMediaType") or ""),
        updated=text(body, "lastUpdateTime") or "",
        attributes=read_attributes(part(body, "changeableAttributes")),
    )


def read_times(body: dict[str, Any]) -> Times | None:
    """None if the registry does not tell both."""
    created, updated = _moment(text(body, "createdTime")), _moment(text(body, "lastUpdateTime"))
    return Times(created, updated) if created and updated else None


def _moment(said: str | None) -> datetime | None:
    """A time in UTC. The service writes seven digits, of which Python before 3.11 takes six or none."""
    whole, _, part_of_second = (said or "").removesuffix("Z").partition(".")
    try:
        return datetime.fromisoformat(f"{whole}.{part_of_second[:6]:0<6}+00:00")
    except ValueError:
        return None


def read_attributes(body: dict[str, Any]) -> Attributes:
    names = ("deleteEnabled", "writeEnabled", "listEnabled", "readEnabled")
    found = Attributes(*(flag(body, name) is not False for name in names))
    return FREE if found == FREE else found


def read_content(content: bytes, digest: str, media_type: str) -> Content:
    """What a manifest says of others. What is attached is described as the Referrers API does it (OCI image-spec 1.1):
    by its artifact type, or that of its config, and with its annotations."""
    with parsing_responses():
        body = part(json.loads(content))
    media_type = text(body, "mediaType") or media_type
    subject = text(part(body, "subject"), "digest")
    artifact_type, annotations = "", ()
    if subject:
        artifact_type = text(body, "artifactType") or text(part(body, "config"), "mediaType") or ""
        annotations = _annotations(body)
    descriptor = Descriptor(digest, intern(media_type), len(content), intern(artifact_type), annotations)
    listed = tuple(_descriptor(each) for each in parts(body, "manifests")) if media_type in INDEXES else ()
    return Content(descriptor, listed, subject)


def _descriptor(body: dict[str, Any]) -> Descriptor:
    return Descriptor(
        text(body, "digest") or "",
        intern(text(body, "mediaType") or ""),
        number(body, "size") or 0,
        intern(text(body, "artifactType") or ""),
        _annotations(body),
    )


def _annotations(body: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    found = part(body, "annotations")
    return tuple(sorted((name, value) for name, value in found.items() if isinstance(value, str)))
