"""Who may do what."""

from __future__ import annotations

import pytest

from sandbox.core.web import AzureError, Caller
from sandbox.entra.directory import add_principal
from sandbox.resource_manager import access
from sandbox.resource_manager.builtin_roles import OWNER, READER
from sandbox.world import OWNER_OBJECT_ID, SUBSCRIPTION, TENANT, World
from tests.harness.in_process_azure import Azure

SCOPE = f"/subscriptions/{SUBSCRIPTION}"
GROUP = f"{SCOPE}/resourceGroups/rg"
VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/v"
KEY = f"{VAULT}/keys/k"
ENCRYPTION_USER = "e147488a-f6f5-4113-8e2d-b22465e65bf6"
WRAP = "Microsoft.KeyVault/vaults/keys/wrap/action"


@pytest.mark.parametrize(
    ("pattern", "action", "expected"),
    [
        ("*", "Microsoft.KeyVault/vaults/read", True),
        ("*/read", "Microsoft.KeyVault/vaults/read", True),
        ("*/read", "Microsoft.KeyVault/vaults/write", False),
        ("Microsoft.KeyVault/vaults/*/read", "Microsoft.KeyVault/vaults/read", True),
        ("Microsoft.KeyVault/vaults/*/read", "Microsoft.KeyVault/vaults/keys/read", True),
        ("Microsoft.KeyVault/vaults/*", "Microsoft.KeyVault/vaultsX/read", False),
        ("microsoft.keyvault/VAULTS/read", "Microsoft.KeyVault/vaults/read", True),
        ("Microsoft.KeyVault/vaults/read", "Microsoft.KeyVault/vaults/read/more", False),
    ],
)
def test_patterns(pattern, action, expected):
    assert access.matches(pattern, action) is expected


@pytest.mark.parametrize("scope", ["/", SCOPE, GROUP, VAULT, KEY])
def test_roles_are_inherited(scope):
    world = World()
    principal = add_principal(world)
    world.grant(principal.object_id, ENCRYPTION_USER, scope)
    assert access.allowed_data(world, principal.object_id, WRAP, KEY)


@pytest.mark.parametrize("scope", [f"{GROUP}2", f"{VAULT}2", f"{KEY}2", f"{VAULT}/keys/other"])
def test_roles_of_neighbours_do_not_count(scope):
    world = World()
    principal = add_principal(world)
    world.grant(principal.object_id, ENCRYPTION_USER, scope)
    assert not access.allowed_data(world, principal.object_id, WRAP, KEY)


def test_owner_may_manage_but_not_use_keys():
    world = World()
    assert access.allowed(world, OWNER_OBJECT_ID, "Microsoft.KeyVault/vaults/write", VAULT)
    assert not access.allowed_data(world, OWNER_OBJECT_ID, WRAP, KEY)


def test_contributor_may_not_assign_roles():
    world = World()
    principal = add_principal(world)
    world.grant(principal.object_id, "b24988ac-6180-42a0-ab88-20f7382dd24c", SCOPE)
    assert access.allowed(world, principal.object_id, "Microsoft.KeyVault/vaults/write", VAULT)
    assert not access.allowed(world, principal.object_id, "Microsoft.Authorization/roleAssignments/write", VAULT)
    assert access.allowed(world, principal.object_id, "Microsoft.Authorization/roleAssignments/read", VAULT)


def test_members_have_the_roles_of_their_groups():
    world = World()
    outer = add_principal(world, "Group")
    inner = add_principal(world, "Group", groups=[outer.object_id])
    member = add_principal(world, groups=[inner.object_id])
    world.grant(outer.object_id, READER, SCOPE)
    assert access.allowed(world, member.object_id, "Microsoft.KeyVault/vaults/read", VAULT)


def test_grants_take_effect_late_where_the_settings_say_so():
    world = World()
    world.settings = world.settings.with_changes(role_seconds=100, control_role_seconds=10)
    principal = add_principal(world)
    world.grant(principal.object_id, ENCRYPTION_USER, VAULT)
    world.grant(principal.object_id, OWNER, VAULT)
    read = "Microsoft.KeyVault/vaults/keys/read"

    def seen() -> tuple[bool, bool, bool]:
        who = principal.object_id
        checks = (access.allowed, access.allowed_control_keys, access.allowed_data)
        return tuple(check(world, who, read, KEY) for check in checks)

    assert seen() == (True, False, False)
    world.clock.advance(10)
    assert seen() == (True, True, False)
    world.clock.advance(90)
    assert seen() == (True, True, True)


def test_a_removed_role_still_counts_on_the_data_plane_where_the_settings_say_so():
    azure = Azure(role_removal_seconds=600)
    vault, principal = azure.vault(), add_principal(azure.world)
    assignment = azure.world.grant(principal.object_id, ENCRYPTION_USER, vault)
    azure.ok("DELETE", assignment.id)

    def seen() -> tuple[bool, bool]:
        unwrap = "Microsoft.KeyVault/vaults/keys/unwrap/action"
        read = "Microsoft.KeyVault/vaults/keys/read"
        checks = ((access.allowed_data, unwrap), (access.allowed, read))
        return tuple(check(azure.world, principal.object_id, action, vault) for check, action in checks)

    assert seen() == (True, False)
    azure.advance(601)
    assert seen() == (False, False)


def test_refusals_in_the_words_of_azure():
    world = World()
    principal = add_principal(world)
    caller = Caller(principal.object_id, principal.app_id, TENANT, "", principal.app_id)
    with pytest.raises(AzureError) as refused:
        access.require(world, caller, "Microsoft.KeyVault/vaults/write", VAULT)
    assert (refused.value.status, refused.value.code) == (403, "AuthorizationFailed")
    assert refused.value.headers == {"x-ms-failure-cause": "gateway"}
    assert refused.value.message == (
        f"The client '{principal.app_id}' with object id '{principal.object_id}' does not have authorization to "
        f"perform action 'Microsoft.KeyVault/vaults/write' over scope '{VAULT}' or the scope is invalid. If access was "
        "recently granted, please refresh your credentials."
    )
    with pytest.raises(AzureError) as refused:
        access.require_linked(world, caller, "a/write", VAULT, "b/assign/action", KEY)
    assert refused.value.code == "LinkedAuthorizationFailed"
    assert refused.value.message == (
        f"The client '{principal.app_id}' with object id '{principal.object_id}' has permission to perform action "
        f"'a/write' on scope '{VAULT}'; however, it does not have permission to perform action 'b/assign/action' on "
        f"the linked scope(s) '{KEY}' or the linked scope(s) are invalid."
    )
