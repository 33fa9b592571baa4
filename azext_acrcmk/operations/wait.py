"""What `az acr cmk wait` looks at."""

from __future__ import annotations

from azext_acrcmk.cloud.clients import wire
from azext_acrcmk.operations.session import Session


def registry_for_wait(cmd, registry_name: str, group: str | None):
    """The registry as the service returns it; its 404 goes through, which the CLI's wait understands."""
    session = Session(cmd)
    id_ = session.registry_id(registry_name, group)
    return session.clients.registries(id_.subscription).get(id_.group, id_.name, cls=wire)
