"""The recorded exchanges about identities, role assignments and refusals, sent to the sandbox."""

from __future__ import annotations

import re
from typing import Any

import pytest

from sandbox.core.web import AzureError, Caller, Reply
from sandbox.entra.directory import add_principal
from sandbox.resource_manager.access import require
from sandbox.resource_manager.builtin_roles import OWNER
from sandbox.resource_manager.gateway import dispatch
from sandbox.world import TENANT, Principal, ResourceGroup, World
from tests.harness import recordings

SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
RECORDED_TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"
ARM = "https://management.core.windows.net/"

# What differs from a recording, and why that is right. Places are regular expressions.
ACCEPTED = {
    "roleassignment_put_409_exists": {
        r"body\.error\.message": "Newer than the recording: names the existing assignment (facts: service.md 2.4).",
    },
}


@pytest.fixture
def world():
    world = World()
    world.subscriptions[SUBSCRIPTION] = "Recorded"
    return world


def replay(world: World, name: str, *, prepare: bool = True) -> list[str]:
    """Send a recorded request as an owner. Returns the differences that nobody has accepted."""
    recording = recordings.load(name)
    request = recordings.request_of(recording, owner(world))
    if match := re.match(r"(/subscriptions/[^/]+/resourceGroups/([^/]+))/", request.path):
        world.groups[match[1].lower()] = ResourceGroup(match[1], match[2], "westus")
    properties = (request.body or {}).get("properties", {})
    if prepare and "principalId" in properties:
        know(world, properties["principalId"])
    return unaccepted(name, recording, dispatch(world, request))


def unaccepted(name: str, recording: dict[str, Any], reply: Reply) -> list[str]:
    lines = [line.replace(RECORDED_TENANT, "<tenant>") for line in recordings.differences(recording, reply)]
    accepted = ACCEPTED.get(name, {})
    return [line for line in lines if not any(re.match(place, line) for place in accepted)]


def owner(world: World) -> Caller:
    who = add_principal(world)
    world.grant(who.object_id, OWNER, f"/subscriptions/{SUBSCRIPTION}")
    return Caller(who.object_id, who.app_id, TENANT, ARM, who.app_id)


def know(world: World, object_id: str) -> None:
    world.principals[object_id] = Principal(object_id, name="recorded")


def test_identity_put(world):
    assert replay(world, "identity_put_201") == []


def test_identity_get(world):
    replay(world, "identity_put_201")
    assert replay(world, "identity_get_200") == []


def test_role_assignment(world):
    world.role_definitions["4633458b-17de-408a-b874-0445c86b69e6"] = world.role_definitions[OWNER]
    assert replay(world, "roleassignment_put_201_vault_scope") == []


def test_role_assignment_for_an_unknown_principal(world):
    assert replay(world, "roleassignment_put_400_principalnotfound", prepare=False) == []


def test_role_assignment_that_exists(world):
    recording = recordings.load("roleassignment_put_409_exists")
    properties = recording["requestBody"]["properties"]
    know(world, properties["principalId"])
    scope = recordings.request_of(recording, None).path.partition("/providers/Microsoft.Authorization")[0]
    world.grant(properties["principalId"], properties["roleDefinitionId"].rsplit("/", 1)[-1], scope)
    assert replay(world, "roleassignment_put_409_exists") == []


def test_authorization_failed(world):
    # The sandbox has no data boundaries, so the refusal is asked for where every handler asks.
    recording = recordings.load("arm_403_authorizationfailed")
    caller = Caller("ee9b91a6-4b39-4fb5-ba1e-b0a4e6bcd2a0", "", TENANT, ARM, "aaa@foo.com")
    scope = "/providers/Microsoft.Resources/dataBoundaries/default"
    with pytest.raises(AzureError) as refused:
        require(world, caller, "Microsoft.Resources/dataBoundaries/write", scope)
    assert recordings.differences(recording, refused.value.reply()) == []
