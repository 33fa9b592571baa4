"""Content for a registry, made up: the same for the same numbers, quick, and with all its bytes.

What a seed asks for is a dictionary of the control API (see `seed_content`). Images share their layers and configs, and
differ by an annotation, so that a hundred thousand of them take little room.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sandbox.registry.content import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    Content,
    Manifest,
    Repository,
    digest_of,
    read_manifest,
)
from sandbox.registry.record import Registry
from sandbox.world import World

_CONFIG = "application/vnd.oci.image.config.v1+json"
_DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
_EMPTY = "application/vnd.oci.empty.v1+json"
_PLATFORMS = ("amd64", "arm64", "arm", "386", "s390x", "ppc64le", "riscv64")
_SIGNATURE = "application/vnd.cncf.notary.signature"
_SBOM = "application/spdx+json"
_TITLE = "org.opencontainers.image.title"
_LAYERS = 16  # different ones, on top of the base layer
_SECONDS_BETWEEN = 1.0  # from one manifest to the next, all in the past


@dataclass(frozen=True)
class _Template:
    """An image without its annotation and what follows: its text so far, and what it says."""

    text: str
    media_type: str
    image_size: int
    config_media_type: str
    artifact_type: str
    blobs: tuple[str, ...]


@dataclass
class _Maker:
    """Makes content in one repository. `number` counts manifests, `seed` makes those of two registries differ."""

    content: Content
    repository: Repository
    seed: str
    began: float
    layer_bytes: int
    number: int = 0
    _templates: dict[tuple[str, bool, int], _Template] = field(default_factory=dict)

    def image(self, platform: str = "amd64", docker: bool = False) -> Manifest:
        """One more image, stored."""
        template = self._template(platform, docker, self.number % _LAYERS)
        self.repository.blobs.update(template.blobs)
        self.number += 1
        content = f'{template.text},"annotations":{{"{_TITLE}":"{self._title()}"}}}}'.encode()
        manifest = Manifest(
            digest_of(content),
            content,
            template.media_type,
            template.image_size,
            template.config_media_type,
            platform,
            "linux",
            template.artifact_type,
            blobs=template.blobs,
            annotations=((_TITLE, self._title()),),
        )
        self.repository.put_manifest(manifest, self._moment())
        return manifest

    def _template(self, platform: str, docker: bool, layer: int) -> _Template:
        """What images of a platform with the same layers have in common; made once, by reading one."""
        key = platform, docker, layer
        if key not in self._templates:
            config_type, layer_type = (_DOCKER_CONFIG, _DOCKER_LAYER) if docker else (_CONFIG, _LAYER)
            kind = DOCKER_MANIFEST if docker else OCI_MANIFEST
            config = self._blob(_json({"architecture": platform, "os": "linux", "rootfs": {"type": "layers"}}))
            base = self._blob(f"base layer of {platform}\n".encode().ljust(self.layer_bytes, b"."))
            top = self._blob(f"layer {layer} of {platform}\n".encode().ljust(self.layer_bytes, b"."))
            layers = [_descriptor(each, layer_type) for each in (base, top)]
            parts = {
                "schemaVersion": 2,
                "mediaType": kind,
                "config": _descriptor(config, config_type),
                "layers": layers,
            }
            text = _json(parts)
            read = read_manifest(text, kind, config)
            self._templates[key] = _Template(
                text[:-1].decode(), kind, read.image_size, read.config_media_type, read.artifact_type, read.blobs
            )
        return self._templates[key]

    def index(self, size: int, docker: bool = False) -> Manifest:
        """One more index, of as many images."""
        kind, children = DOCKER_LIST if docker else OCI_INDEX, []
        for at in range(size):
            platform = _PLATFORMS[at % len(_PLATFORMS)]
            child = self.image(platform, docker)
            children.append(_of(child) | {"platform": {"architecture": platform, "os": "linux"}})
        return self._store({"schemaVersion": 2, "mediaType": kind, "manifests": children}, kind)

    def referrer(self, subject: Manifest, artifact_type: str) -> Manifest:
        """A signature or the like of a manifest."""
        empty = self._blob(b"{}")
        layer = self._blob(f"{artifact_type} of {subject.digest}".encode())
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": artifact_type,
            "config": _descriptor(empty, _EMPTY),
            "layers": [_descriptor(layer, artifact_type)],
            "subject": _of(subject),
        }
        return self._store(document, OCI_MANIFEST)

    def tag(self, name: str, manifest: Manifest) -> None:
        self.repository.put_tag(name, manifest.digest, self._moment())

    def _store(self, document: dict[str, Any], media_type: str) -> Manifest:
        self.number += 1
        document["annotations"] = {_TITLE: self._title()}
        manifest = read_manifest(_json(document), media_type)
        self.repository.put_manifest(manifest, self._moment())
        return manifest

    def _title(self) -> str:
        return f"{self.seed} {self.repository.name} {self.number}"

    def _blob(self, content: bytes) -> bytes:
        self.content.put_blob(self.repository, content)
        return content

    def _moment(self) -> float:
        return self.began + self.number * _SECONDS_BETWEEN


def seed_content(
    world: World,
    registry: Registry,
    repositories: int = 1,
    images: int = 10,
    *,
    names: tuple[str, ...] | list[str] = (),
    indexes: int = 0,
    index_size: int = 3,
    untagged: int = 0,
    tags: int = 1,
    signatures: int = 0,
    nested: bool = False,
    cosign: int = 0,
    docker: bool = False,
    layer_bytes: int = 64,
    seed: str = "seed",
    prefix: str = "app",
) -> dict[str, int]:
    """Add content to a registry, in each of its repositories (`names`, or so many named by a prefix): single images
    tagged v1, v2, …, with as many `tags` each (v1, v1-2, v1-3, …); indexes tagged m1, m2, … of so many images; untagged
    images; on the first images and indexes a signature and an SBOM that refer to them, and on those, if nested, a
    signature of the SBOM; and for the first of them a signature as a tag of its digest, as cosign makes it.

    Returns how many manifests, tags and referrers the registry has now.
    """
    chosen = list(names) or [f"{prefix}/service{number:04}" for number in range(1, repositories + 1)]
    for name in chosen:
        count = images + untagged + indexes * (index_size + 1) + signatures * (3 if nested else 2) + cosign
        began = world.now() - (count + 1) * _SECONDS_BETWEEN
        repository = registry.content.repository(name, began)
        maker = _Maker(registry.content, repository, seed, began, layer_bytes)
        roots = list(_roots(maker, images, indexes, index_size, tags, docker))
        for _ in range(untagged):
            maker.image(docker=docker)
        for subject in roots[:signatures]:
            _sign(maker, subject, nested)
        for subject in roots[:cosign]:
            maker.tag(f"{subject.digest.replace(':', '-')}.sig", maker.image())
    return count_content(registry)


def push_image(world: World, registry: Registry, repository: str, tag: str, seed: str) -> str:
    """Push a new image under a tag, which moves to it. Returns its digest."""
    found = registry.content.repository(repository, world.now())
    maker = _Maker(registry.content, found, seed, world.now() - _SECONDS_BETWEEN, 64)
    image = maker.image()
    maker.tag(tag, image)
    return image.digest


def count_content(registry: Registry) -> dict[str, int]:
    repositories = registry.content.repositories.values()
    return {
        "repositories": len(repositories),
        "manifests": sum(len(each.entries) for each in repositories),
        "tags": sum(len(each.tags) for each in repositories),
        "referrers": sum(1 for each in repositories for entry in each.entries.values() if entry.manifest.subject),
    }


def list_content(registry: Registry) -> dict[str, Any]:
    """All that a registry stores, in a form in which two registries can be compared: for each repository its manifests
    with type and size, its tags with digests, and the attributes of both and of itself where some are not enabled."""
    return {
        name: {
            "manifests": {
                digest: [entry.manifest.media_type, len(entry.manifest.content)]
                for digest, entry in sorted(each.entries.items())
            },
            "tags": {tag.name: tag.digest for tag in sorted(each.tags.values(), key=lambda tag: tag.name)},
            "attributes": _locked(each),
        }
        for name, each in sorted(registry.content.repositories.items())
    }


def fingerprint(registry: Registry) -> str:
    """The same for two registries with the same content."""
    return digest_of(_json(list_content(registry)))


def _roots(maker: _Maker, images: int, indexes: int, index_size: int, tags: int, docker: bool) -> Iterator[Manifest]:
    for kind, count in (("v", images), ("m", indexes)):
        for number in range(1, count + 1):
            root = maker.image(docker=docker) if kind == "v" else maker.index(index_size, docker)
            for more in range(1, tags + 1):
                maker.tag(f"{kind}{number}" if more == 1 else f"{kind}{number}-{more}", root)
            yield root


def _sign(maker: _Maker, subject: Manifest, nested: bool) -> None:
    maker.referrer(subject, _SIGNATURE)
    bill = maker.referrer(subject, _SBOM)
    if nested:
        maker.referrer(bill, _SIGNATURE)


def _locked(repository: Repository) -> dict[str, dict[str, bool]]:
    every = {"": repository.attributes}
    every |= {digest: entry.attributes for digest, entry in repository.entries.items()}
    every |= {tag.name: tag.attributes for tag in repository.tags.values()}
    return {
        name: {key: value for key, value in attributes.document().items() if not value}
        for name, attributes in sorted(every.items())
        if not all(attributes.document().values())
    }


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _descriptor(content: bytes, media_type: str) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}


def _of(manifest: Manifest) -> dict[str, Any]:
    return {"mediaType": manifest.media_type, "digest": manifest.digest, "size": len(manifest.content)}
