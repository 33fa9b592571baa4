"""Questions about the identities of a registry: what a PATCH does to those that it doesn't name."""

from __future__ import annotations

from live.making import make_identity
from live.steps import Answer, Change, Live


def _patch(live: Live, *ids: str) -> Change:
    identities = {"type": "UserAssigned", "userAssignedIdentities": {each: {} for each in ids}}
    return live.change_registry("PATCH", {"identity": identities})


def _attached(live: Live) -> set[str]:
    identity = live.registry().get("identity") or {}
    return {each.lower() for each in identity.get("userAssignedIdentities") or {}}


def patch_identity(live: Live) -> Answer:
    first = live.need("identity", "encrypted")
    second = make_identity(live.azure, live.place, "live-second")
    change = _patch(live, second["id"])
    attached = _attached(live)
    kept, added = first["id"].lower() in attached, second["id"].lower() in attached
    if not (kept and added):
        # What follows needs both.
        _patch(live, first["id"], second["id"])
        attached = _attached(live)
    if second["id"].lower() in attached:
        live.have["second"] = second
    if change.refused:
        text = f"The PATCH was {change.told()}."
    elif added:
        text = "Both are attached: it merges." if kept else "Only the one that was named is attached: it replaces."
    else:
        text = "The one that was named is not attached."
    return Answer(text, {**change.facts(), "kept": kept, "added": added})


def deleted_identity(live: Live) -> Answer:
    """The last question, because nobody knows what the registry still lets one do afterwards."""
    first = live.need("identity", "encrypted")
    third = make_identity(live.azure, live.place, "live-third")
    before = sorted(_attached(live) | {first["id"].lower()})
    attach = _patch(live, *before, third["id"])
    live.azure.must("identity", "delete", "--name", "live-third", "--resource-group", live.place.group)
    named = _patch(live, *before, third["id"])
    unnamed = live.change_registry("PATCH", {"tags": {"live": "patched"}})
    facts = {"attached": attach.facts(), "named": named.facts(), "not named": unnamed.facts()}
    return Answer(f"Where it is named, the PATCH was {named.told()}; where it isn't, {unnamed.told()}.", facts)
