"""Management groups: what lies in them, and roles that are inherited from them."""

from __future__ import annotations

import pytest

from sandbox.resource_manager.builtin_roles import READER
from sandbox.resource_manager.hierarchy import add_management_group, chain, reaches
from sandbox.server.tampering import deny
from sandbox.world import OTHER_SUBSCRIPTION, SUBSCRIPTION, TENANT
from tests.harness.in_process_azure import ENCRYPTION_USER, GROUP, Azure
from tests.harness.in_process_scene import PATH, Scene

ID = "/providers/Microsoft.Management/managementGroups/{}"
MINE = f"/subscriptions/{SUBSCRIPTION}"


@pytest.fixture
def azure():
    azure = Azure()
    add_management_group(azure.world, "Top")
    add_management_group(azure.world, "below", "top", [SUBSCRIPTION.upper()])
    return azure


def test_the_chain_of_a_scope_begins_with_the_nearest(azure):
    def names(scope: str) -> list[str]:
        return [group.name for group in chain(azure.world, scope)]

    assert names(GROUP) == names(MINE) == ["below", "Top", TENANT]
    assert names(f"/subscriptions/{OTHER_SUBSCRIPTION}") == [TENANT]
    assert names(ID.format("top")) == ["Top", TENANT]
    assert names("/") == []


@pytest.mark.parametrize(
    ("outer", "inner", "expected"),
    [
        (ID.format("below"), MINE, True),
        (ID.format("TOP"), f"{GROUP}/providers/Microsoft.KeyVault/vaults/v", True),
        (ID.format(TENANT), MINE, True),
        (ID.format("top"), ID.format("below"), True),
        (ID.format("below"), ID.format("top"), False),
        (ID.format("below"), f"/subscriptions/{OTHER_SUBSCRIPTION}", False),
        ("/", ID.format("below"), True),
        (MINE, ID.format("below"), False),
    ],
)
def test_scopes_reach(azure, outer, inner, expected):
    assert reaches(azure.world, outer, inner) is expected


@pytest.mark.parametrize("group", ["below", "top", TENANT])
def test_a_role_is_inherited(azure, group):
    reader = azure.principal(READER, ID.format(group))
    assert azure.ok("GET", f"{GROUP}?api-version=2024-11-01", as_=reader)["name"] == "rg"
    listed = azure.ok("GET", "/subscriptions?api-version=2022-12-01", as_=reader)["value"]
    assert SUBSCRIPTION in {each["subscriptionId"] for each in listed}


def test_and_listed_where_it_is_inherited(azure):
    reader = azure.principal(READER, ID.format("top"))
    path = f"{GROUP}/providers/Microsoft.Authorization/roleAssignments?api-version=2022-04-01"
    for wanted in ("", "&$filter=atScope()"):
        listed = azure.get(path + wanted)["value"]
        assert ID.format("top") in {
            each["properties"]["scope"] for each in listed if each["properties"]["principalId"] == reader.object_id
        }


def test_a_deny_assignment_is_inherited(azure):
    deny(azure.world, ID.format("top"), actions=["Microsoft.Resources/subscriptions/resourceGroups/read"])
    error = azure.error("GET", f"{GROUP}?api-version=2024-11-01")[1]
    assert error["code"] == "DenyAssignmentAuthorizationFailed"


def test_a_registry_uses_a_key_by_a_role_inherited():
    scene = Scene(vault={"enableRbacAuthorization": True})
    del scene.world.role_assignments[scene.grant.id.lower()]
    assert scene.pull() == 403
    add_management_group(scene.world, "mg", "", [SUBSCRIPTION])
    scene.world.grant(scene.identity["principalId"], ENCRYPTION_USER, ID.format("mg"))
    assert scene.pull() == 200
    assert scene.azure.get(PATH)["properties"]["provisioningState"] == "Succeeded"


def test_is_read_by_its_name(azure):
    reader = azure.principal(READER, ID.format("below"))
    path = ID.format("below") + "?api-version=2021-04-01"
    shown = azure.ok("GET", path, as_=reader)
    assert (shown["id"], shown["properties"]["displayName"]) == (ID.format("below"), "below")
    assert shown["properties"]["details"]["parent"]["name"] == "Top"
    assert azure.error("GET", path)[0] == 403
    azure.world.grant(azure.owner.object_id, READER, "/")
    assert azure.error("GET", ID.format("none") + "?api-version=2021-04-01")[0] == 404


def test_is_made_below_one_that_exists(azure):
    with pytest.raises(ValueError, match="There is no management group 'none'"):
        add_management_group(azure.world, "x", "none")
    with pytest.raises(ValueError, match="There is no subscription 'none'"):
        add_management_group(azure.world, "x", "", ["none"])
