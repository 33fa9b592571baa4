"""Short names of resources. Imported by every `az acr` command, so it imports nothing else."""

from __future__ import annotations

import re


def short(resource: str) -> str:
    """The distinctive end of an id: the name of a group or resource, or the vault and name of a key."""
    if resource.startswith("https://") and "/keys/" in resource:
        host, _, name = resource.removeprefix("https://").partition("/keys/")
        return f"{host.split('.', 1)[0]}/{name}"
    scope, is_assignment, _ = resource.partition("/providers/Microsoft.Authorization/roleAssignments/")
    if is_assignment:
        return f"role on {short(scope or '/')}"
    if not resource.startswith("/") or re.fullmatch(r"/|/keys(/[^/]+)?", resource):
        # The second are scopes within a managed HSM.
        return resource
    parts = resource.rstrip("/").split("/")
    return "/".join(parts[-3::2]) if parts[-2].lower() == "keys" else parts[-1]
