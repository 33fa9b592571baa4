"""The referrers of a manifest: signatures, SBOMs and the like that name it as their subject (OCI distribution 1.1).

A registry with a customer-managed key does not have this API (facts: service.md 1.1, no. 12), and answers as one that
does not know it: clients then look for the tag `sha256-<hex>`. How it answers exactly is not known.
"""

from __future__ import annotations

from typing import Any

from sandbox.core.web import Reply, Request, Router
from sandbox.registry.content import OCI_INDEX, Manifest
from sandbox.registry.login_server import RegistryError, serve
from sandbox.registry.record import Registry
from sandbox.world import World

router = Router()


@serve(
    router,
    "GET",
    "/v2/{repository:path}/referrers/{digest}",
    scope="repository:{repository}:pull",
    counts_as=("referrers", "reads"),
)
def list_referrers(world: World, registry: Registry, request: Request) -> Reply:
    """An index of the referrers of a digest, which need not exist; with `artifactType` only those of that type."""
    if registry.encryption is not None:
        raise RegistryError(404, "NOT_FOUND", "404 page not found")
    found = registry.content.repositories.get(request.params["repository"])
    wanted = request.query.get("artifacttype", "")
    referrers = found.referrers_of(request.params["digest"]) if found else []
    shown = [describe(each) for each in referrers if wanted in ("", each.artifact_type)]
    body = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": shown}
    filtered = {"OCI-Filters-Applied": "artifactType"} if wanted else {}
    return Reply(200, body, {"Content-Type": OCI_INDEX} | filtered)


def describe(manifest: Manifest) -> dict[str, Any]:
    """The descriptor of a referrer, as the API and the index of the fallback tag have it."""
    shown: dict[str, Any] = {
        "mediaType": manifest.media_type,
        "digest": manifest.digest,
        "size": len(manifest.content),
    }
    if manifest.artifact_type:
        shown["artifactType"] = manifest.artifact_type
    if manifest.annotations:
        shown["annotations"] = dict(manifest.annotations)
    return shown
