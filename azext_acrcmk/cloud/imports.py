"""The service's own import of images from one registry into another: no byte passes through the client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.model.api_versions import API_VERSIONS
from azext_acrcmk.model.ids import REGISTRY_TYPE, ArmId

# "NoForce" fails before anything is copied if a tag exists (migrate facts 2.1).
FORCE, NO_FORCE = "Force", "NoForce"


def import_body(source: ArmId, image: str, tags: Sequence[str], untagged: Sequence[str], force: bool) -> dict[str, Any]:
    """What is sent: `image` as REPOSITORY@DIGEST, its new tags as REPOSITORY:TAG, or the repositories that get it
    without a tag. The service requires one of the two."""
    to = {"targetTags": list(tags)} if tags else {"untaggedTargetRepositories": list(untagged)}
    return {
        "source": {"resourceId": str(source), "sourceImage": image},
        **to,
        "mode": FORCE if force else NO_FORCE,
    }


def begin_import(clients: Clients, target: ArmId, body: dict[str, Any]) -> tuple[str | None, float | None]:
    """Starts an import into `target`. The URL of its operation, or None if it has ended already; and the seconds after
    which to ask for it, if the service says so."""
    return clients.arm(target.subscription).begin(f"{target}/importImage", API_VERSIONS[REGISTRY_TYPE], body)


def poll_import(clients: Clients, target: ArmId, url: str) -> tuple[bool, float | None]:
    """Whether it has ended, and the seconds after which to ask again. Raises the error that it ended with."""
    return clients.arm(target.subscription).poll(url)
