"""The table of a migration: what was found, what was done, what is left, on lines that fit."""

from __future__ import annotations

from azext_acrcmk._format import MOST_OF_A_KIND, WIDTH, migrate_table

REGISTRY = {
    "id": "/id",
    "name": "oldregistry",
    "loginServer": "oldregistry.azurecr.io",
    "location": "w",
    "sku": "Basic",
}
INVENTORY = {
    "repositories": 2,
    "manifests": 7,
    "tags": 5,
    "untagged": 2,
    "indexes": 1,
    "referrers": 1,
    "sizeInBytes": 5_000_000_000,
}
LEFT = {
    "what": "app@sha256:1",
    "why": "Reading is disabled.",
    "command": "az acr repository update --name x " + "y" * 120,
}
HAND = {"what": "password of token 'robot'", "why": "Azure does not give it again.", "command": "az acr token x"}
DIFFERENCE = {"kind": "missingTag", "repository": "app", "what": "v1", "source": "sha256:1", "target": None}
WHAT_IF = {
    "source": REGISTRY,
    "target": {"id": "/new", "name": "newregistry"},
    "inventory": {**INVENTORY, "settings": {"webhooks": 2, "tokens": 0, "locks": None}},
    "toImport": 4,
    "alreadyThere": 3,
    "timeToExpect": {"leastSeconds": 100, "mostSeconds": 90_000},
    "conflicts": [{"repository": "app", "tag": "v1", "source": "sha256:1", "target": "sha256:2"}],
    "notCopied": [LEFT],
    "byHand": [HAND],
    "plan": [
        {
            "symbol": "x",
            "action": "blocked",
            "step": "source",
            "resource": "/id",
            "reason": "No exports.",
            "irreversible": False,
        }
    ],
}
DONE = {
    "source": REGISTRY,
    "target": {**REGISTRY, "name": "newregistry"},
    "selected": None,
    "health": "healthy",
    "inventory": INVENTORY,
    "imported": 4,
    "tagsSet": 5,
    "tagsMoved": [{"repository": "app", "tag": "v2", "from": "sha256:3", "to": "sha256:4"}],
    "written": 1,
    "attributesSet": 0,
    "alreadyThere": 3,
    "verified": False,
    "differences": [DIFFERENCE] * (MOST_OF_A_KIND + 2),
    "conflicts": [],
    "failures": [{"repository": "app", "what": "sha256:1", "tags": [], "error": "Error copying blobs.", "tries": 3}],
    "notCopied": [],
    "settings": {
        "set": [{"kind": "tokens", "name": "robot"}],
        "failed": [{"kind": "webhooks", "name": "h", "why": "No."}],
    },
    "byHand": [HAND],
    "cutOver": {
        "mayPull": [
            {"principalId": "p", "principalType": "User", "role": "AcrPull", "scope": "/id", "resource": None},
        ],
        "naming": [{"id": "/app", "type": "microsoft.app/containerapps", "name": "shop"}],
        "notSeen": None,
        "steps": [{"what": "Do this.", "command": "az this"}, {"what": "Do that.", "command": None}],
        "goBack": [],
    },
    "steps": [],
}


def lines(result) -> list[tuple[str, str]]:
    return [(row["Property"], row["Value"]) for row in migrate_table(result)]


def test_what_if():
    told = lines(WHAT_IF)
    assert ("Content", "2 repositories, 5 tags, 4.7 GiB") in told
    assert ("Manifests", "7, 2 of them without a tag, 1 of them attached to others") in told
    assert ("Settings", "2 webhooks") in told
    assert ("Time", "100 seconds to 25 hours, depending on the service") in told
    assert ("Blocked", "id: No exports.") in told
    assert ("Fix", LEFT["command"]) in told
    assert ("Command", "az acr token x") in told
    assert any(name == "Conflict" for name, _ in told)


def test_what_was_done():
    told = lines(DONE)
    assert told[-1] == ("Verified", "no")
    assert ("Imported", "4 manifests, with 5 tags") in told
    assert ("Failed", "app sha256:1: Error copying blobs.") in told
    assert sum(name == "Different" for name, _ in told) == MOST_OF_A_KIND
    assert ("", "and 2 more: --output json") in told
    assert ("Settings", "tokens robot") in told
    assert ("Not set", "webhooks h: No.") in told
    assert ("References old", "microsoft.app/containerapps shop") in told
    assert ("Can pull", "User p (AcrPull)") in told
    assert ("To do 1", "Do this.") in told
    assert ("Command", "az this") in told
    assert lines({**DONE, "verified": True})[-1] == ("Verified", "yes: digests, tags and sizes are the same")


def test_only_commands_are_longer_than_a_line():
    for name, value in [*lines(WHAT_IF), *lines(DONE)]:
        assert name in ("Fix", "Command") or len(value) < WIDTH


def test_what_was_opened():
    assert migrate_table({"opened": ["a", "b"]}) == [{"Unlocked": "a"}, {"Unlocked": "b"}]


def test_what_was_verified_is_not_said_of_what_was_not_selected():
    def verified(selected) -> str:
        return dict(map(dict.values, migrate_table({**DONE, "verified": True, "selected": selected})))["Verified"]

    assert verified(None) == "yes: digests, tags and sizes are the same"
    some = {"repositories": [], "since": "2026-11-28T00:00:00"}
    assert verified(some) == "yes: digests, tags and sizes of what was selected are the same"
