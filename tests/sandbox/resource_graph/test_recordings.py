"""The recorded queries of Resource Graph, and the generic list of resources, sent to the sandbox."""

from __future__ import annotations

import json

import pytest

from sandbox.core.web import Caller, Reply
from sandbox.entra.directory import add_principal
from sandbox.resource_manager.builtin_roles import READER
from sandbox.resource_manager.gateway import dispatch
from sandbox.world import TENANT, Identity, ResourceGroup
from tests.harness import recordings
from tests.harness.in_process_azure import Azure

ZERO = "00000000-0000-0000-0000-000000000000"
AUDIENCE = "https://management.core.windows.net/"


class Recorded:
    """An Azure with the subscriptions that a recording asks for, and a user who may read them."""

    def __init__(self, name: str):
        self.recording = recordings.load(f"later/{name}")
        self.azure = Azure(clock_scale=0.001)
        self.world = self.azure.world
        self.world.registries.clear()
        self.user = add_principal(self.world, "User", name="test@example.com")
        asked = (self.recording["requestBody"] or {}).get("subscriptions", [ZERO])
        for subscription in {*asked, ZERO}:
            self.world.subscriptions[subscription] = "Recorded"
            self.world.grant(self.user.object_id, READER, f"/subscriptions/{subscription}")

    def send(self) -> Reply:
        user = self.user
        caller = Caller(user.object_id, user.app_id, TENANT, AUDIENCE, user.name)
        return dispatch(self.world, recordings.request_of(self.recording, caller))


def counted(lines: list[str]) -> list[str]:
    """Without what is the moment's own: quotas left, and of the page how many there were and which."""
    own = ("headers.x-ms-user-quota", "headers.x-ms-ratelimit", "headers.server", "body.totalRecords", "body.data")
    return [line for line in lines if not line.startswith(own)]


def test_a_page():
    recorded = Recorded("graph_query_page_200")
    subscription = recorded.recording["requestBody"]["subscriptions"][0]
    for each in range(20):
        group = f"/subscriptions/{subscription}/resourceGroups/rg"
        recorded.world.groups[group.lower()] = ResourceGroup(group, "rg", "westus")
        identity = f"{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id{each}"
        recorded.world.identities[identity.lower()] = Identity(identity, f"id{each}", "westus", {}, "", "")
    reply = recorded.send()
    assert counted(recordings.differences(recorded.recording, reply)) == []
    assert set(reply.body) == set(recorded.recording["responseBody"])
    assert [set(row) for row in reply.body["data"]] == [{"id"}] * 3
    for name in ("x-ms-user-quota-remaining", "x-ms-user-quota-resets-after"):
        assert reply.headers[name] == recorded.recording["headers"][name]
    ours = reply.headers["x-ms-ratelimit-remaining-tenant-resource-requests"]
    assert ours == recorded.recording["headers"]["x-ms-ratelimit-remaining-tenant-resource-requests"]


def test_an_invalid_query():
    recorded = Recorded("graph_query_invalid_400")
    recorded.send()
    recorded.send()
    reply = recorded.send()
    assert counted(recordings.differences(recorded.recording, reply)) == []
    assert reply.headers["x-ms-user-quota-remaining"] == recorded.recording["headers"]["x-ms-user-quota-remaining"]


def test_a_throttled_query():
    """Only its body was reported, and not what was asked."""
    reported = recordings.load("later/graph_ratelimiting_429_reported")["responseBody"]
    recorded = Recorded("graph_query_invalid_400")
    replies = [recorded.send() for _ in range(16)]
    assert replies[-1].status == 429
    ours = json.loads(json.dumps(replies[-1].body))
    for error in (ours["error"], reported["error"]):
        assert error.pop("message").startswith("Please provide below info when asking for support: timestamp = ")
    assert ours == reported


def test_the_generic_list():
    """It has identities with principal and client ids, and no properties."""
    recorded = Recorded("arm_list_registries_200")
    recorded.azure.owner = recorded.user
    for entry in recorded.recording["responseBody"]["value"]:
        add_registry(recorded, entry)
    assert recordings.differences(recorded.recording, recorded.send()) == []


def add_registry(recorded: Recorded, entry: dict) -> None:
    world, group = recorded.world, entry["id"].partition("/providers/")[0]
    world.groups[group.lower()] = ResourceGroup(group, group.rsplit("/", 1)[-1], "westus")
    world.grant(recorded.user.object_id, "8e3af657-a8ff-443c-a75c-2fe8c4bcb635", group)
    identity = entry.get("identity")
    body = {"location": entry["location"], "sku": {"name": "Premium"}, "properties": {}}
    if identity:
        for path, ids in identity["userAssignedIdentities"].items():
            found = Identity(path, path.rsplit("/", 1)[-1], "westus", {}, ids["principalId"], ids["clientId"])
            world.identities[path.lower()] = found
        attached = {path: {} for path in identity["userAssignedIdentities"]}
        body["identity"] = {"type": identity["type"], "userAssignedIdentities": attached}
    recorded.azure.ok("PUT", entry["id"], body, as_=recorded.user)


@pytest.mark.parametrize("name", ["graph_query_page_200", "graph_query_invalid_400", "arm_list_registries_200"])
def test_are_answered_with_the_recorded_status(name):
    recorded = Recorded(name)
    assert recorded.send().status == recorded.recording["status"]["code"]
