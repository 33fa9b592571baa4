"""A question about reads: whether they can be refused because a resource provider isn't registered."""

from __future__ import annotations

from typing import Any

from live.steps import Answer, Live, NotAsked

PROVIDERS_VERSION = "2021-04-01"
TRIES = 5


def read_unregistered(live: Live) -> Answer:
    """Lists resources of providers that nobody has registered here. It registers none: `az rest` doesn't."""
    subscription = f"/subscriptions/{live.place.subscription}"
    listed = live.azure.rest("GET", f"{subscription}/providers?api-version={PROVIDERS_VERSION}")
    # A long list, in which nothing but this matters.
    live.azure.exchanges.pop()
    providers = (listed.answer or {}).get("value") or [] if listed.ok else []
    unregistered = [each for each in providers if each.get("registrationState") in ("NotRegistered", "Unregistered")]
    asked: dict[str, str] = {}
    for provider in unregistered:
        kind = _listable(provider)
        if kind and len(asked) < TRIES:
            name, version = kind
            url = f"{subscription}/providers/{provider['namespace']}/{name}?api-version={version}"
            asked[f"{provider['namespace']}/{name}"] = live.azure.rest("GET", url).told()
    if not asked:
        raise NotAsked("All resource providers are registered in this subscription.")
    text = "; ".join(f"{kind}: {told}" for kind, told in asked.items())
    return Answer(f"Lists of providers that are not registered: {text}.", asked)


def _listable(provider: dict[str, Any]) -> tuple[str, str] | None:
    """A type of resources that can be listed in a subscription, and the newest stable version for it."""
    for each in provider.get("resourceTypes") or []:
        name, versions = each["resourceType"], each.get("apiVersions") or []
        stable = [version for version in versions if "preview" not in version]
        tracked = "SupportsLocation" in (each.get("capabilities") or "") and each.get("locations")
        if tracked and stable and "/" not in name:
            return name, max(stable)
    return None
