"""An old registry with content, and how the new one compares."""

from __future__ import annotations

from typing import Any

from azext_acrcmk.model.ids import REGISTRY_TYPE, ArmId
from sandbox.client import Sandbox
from sandbox.world import SUBSCRIPTION
from tests.harness.seed import LOCATION, Seed

OLD = ArmId(SUBSCRIPTION, "rg", REGISTRY_TYPE, "oldregistry")
NEW = ArmId(SUBSCRIPTION, "rg", REGISTRY_TYPE, "newregistry")
MIGRATE = "acr cmk migrate --name oldregistry --to newregistry"


def old_registry(
    seed: Seed,
    sku: str = "Premium",
    tags: dict[str, str] | None = None,
    api_version: str | None = None,
    **properties: Any,
) -> None:
    """A registry without a key of its own."""
    body = {"location": LOCATION, "sku": {"name": sku}, "tags": tags or {}, "properties": properties}
    seed.put(OLD, body, api_version)


def same_images(azure: Sandbox) -> bool:
    """Whether the new registry stores all images of the old one, and nothing else but fallback tags."""
    old, new = azure.content("oldregistry"), azure.content("newregistry")
    return old.keys() == new.keys() and all(_same(old[name], new[name]) for name in old)


def _same(old: dict[str, Any], new: dict[str, Any]) -> bool:
    more = {tag: digest for tag, digest in new["tags"].items() if tag not in old["tags"]}
    extra = new["manifests"].keys() - old["manifests"].keys()
    written = all(tag.startswith("sha256-") for tag in more) and extra <= set(more.values())
    kept = {tag: new["tags"].get(tag) for tag in old["tags"]} == old["tags"]
    return written and kept and {key: new["manifests"].get(key) for key in old["manifests"]} == old["manifests"]
