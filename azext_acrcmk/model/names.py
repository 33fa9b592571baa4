"""Resources by short names, for people. Imported by every `az acr`, so nothing else is."""

from __future__ import annotations

import re


def short(resource: str) -> str:
    """The telling end of an id: a group's or resource's name, a key's vault and name."""
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
