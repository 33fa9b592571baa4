"""What Resource Manager itself refuses, groups, providers, generic look-up, policies."""

from __future__ import annotations

import pytest

from sandbox.entra.directory import add_principal
from sandbox.resource_manager.builtin_roles import READER
from sandbox.resource_manager.policies import DenyPolicy
from sandbox.world import OTHER_SUBSCRIPTION, SUBSCRIPTION
from tests.harness.in_process_azure import GROUP, VAULT_AUDIENCE, Azure, vault_body, vault_path

SCOPE = f"/subscriptions/{SUBSCRIPTION}"
GROUP_API = "?api-version=2024-11-01"
IDENTITY = "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id1?api-version=2023-01-31"


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        ({"url": "/subscriptions", "token": False}, 401, "AuthenticationFailed"),
        ({"url": "/subscriptions", "audience": VAULT_AUDIENCE}, 401, "InvalidAuthenticationTokenAudience"),
        ({"url": "/subscriptions?api-version="}, 400, "MissingApiVersionParameter"),
        ({"url": "/subscriptions/nonsense"}, 400, "InvalidSubscriptionId"),
        ({"url": "/subscriptions/33333333-3333-4333-8333-333333333333/resources"}, 404, "SubscriptionNotFound"),
        ({"url": f"{SCOPE}/resourceGroups/no{IDENTITY}"}, 404, "ResourceGroupNotFound"),
        ({"url": f"{GROUP}{IDENTITY}"}, 404, "ResourceNotFound"),
        ({"url": f"{GROUP}/providers/Microsoft.Foo/bars/b"}, 404, "ResourceNotFound"),
        ({"url": f"{GROUP}{IDENTITY.replace('2023-01-31', '2023-07-01')}"}, 400, "InvalidResourceType"),
        ({"url": f"{SCOPE}/resourceGroups/no"}, 404, "ResourceGroupNotFound"),
        ({"url": f"{SCOPE}/providers/Microsoft.Foo"}, 404, "InvalidResourceNamespace"),
    ],
)
def test_refusals(azure, request_, status, code):
    if "api-version=" in request_["url"][-12:]:
        azure._version = lambda path, host: ""
    got, error = azure.error("GET", **request_)
    assert (got, error["code"]) == (status, code)


def test_rights_come_before_existence(azure):
    nobody = add_principal(azure.world)
    status, error = azure.error("GET", f"{SCOPE}/resourceGroups/no{IDENTITY}", as_=nobody)
    assert (status, error["code"]) == (403, "AuthorizationFailed")
    assert "'Microsoft.ManagedIdentity/userAssignedIdentities/read'" in error["message"]


def test_subscriptions_are_those_of_the_caller(azure):
    def ids(who):
        return {entry["subscriptionId"] for entry in azure.ok("GET", "/subscriptions", as_=who)["value"]}

    assert ids(azure.owner) == {SUBSCRIPTION, OTHER_SUBSCRIPTION}
    assert ids(azure.principal(READER)) == {SUBSCRIPTION}
    assert ids(azure.principal()) == set()


def test_group_life(azure):
    url = f"{SCOPE}/resourcegroups/mine{GROUP_API}"
    assert azure.send("HEAD", url).status == 404
    assert azure.send("PUT", url, {"location": "West US", "tags": {"a": "b"}}).status == 201
    assert azure.send("HEAD", url).status == 204
    again = azure.send("PUT", url, {"location": "westus"})
    assert (again.status, again.body["tags"]) == (200, {})
    assert azure.error("PUT", url, {"location": "eastus"})[1]["code"] == "InvalidResourceGroupLocation"
    assert azure.error("PUT", url, {"location": "mars"})[1]["code"] == "LocationNotAvailableForResourceGroup"
    assert azure.error("PUT", url, {})[1]["code"] == "LocationRequired"


def test_deleting_a_group_takes_all_in_it_along():
    azure = Azure(group_delete_seconds=60)
    identity = azure.identity()
    azure.vault()
    deleted = azure.send("DELETE", GROUP + GROUP_API)
    assert deleted.status == 202
    assert int(deleted.headers["Retry-After"]) >= 1
    assert azure.send("GET", deleted.headers["Location"]).status == 202
    azure.advance(60)
    assert azure.send("GET", deleted.headers["Location"]).status == 200
    assert azure.send("HEAD", GROUP + GROUP_API).status == 404
    assert not azure.world.identities
    assert identity["principalId"] not in azure.world.principals
    assert list(azure.world.deleted_vaults) == ["vault1"]


def test_generic_look_up(azure):
    azure.identity()
    azure.vault()

    def found(text, as_=None):
        url = f"{SCOPE}/resources?api-version=2024-11-01&$filter={text}"
        return [entry["name"] for entry in azure.ok("GET", url, as_=as_)["value"]]

    assert found("resourceType eq 'Microsoft.KeyVault/vaults'") == ["vault1"]
    assert found("resourceType eq 'microsoft.keyvault/vaults' and name eq 'VAULT1'") == ["vault1"]
    assert found("resourceType eq 'Microsoft.KeyVault/vaults' and name eq 'other'") == []
    assert found("name eq 'id1'") == ["id1"]
    assert found("name eq 'id1'", azure.principal()) == []
    assert azure.error("GET", f"{SCOPE}/resources?$filter=nonsense")[1]["code"] == "InvalidFilterInQueryString"


def test_registration():
    azure = Azure(provider_seconds=30)
    provider = f"{SCOPE}/providers/Microsoft.KeyVault"
    azure.ok("POST", f"{provider}/unregister{GROUP_API}")
    status, error = azure.error("PUT", vault_path("v1234"), vault_body())
    assert (status, error["code"]) == (409, "MissingSubscriptionRegistration")
    assert error["details"][0]["target"] == "Microsoft.KeyVault"
    assert error["message"] == (
        "The subscription is not registered to use namespace 'Microsoft.KeyVault'. "
        "See https://aka.ms/rps-not-found for how to register subscriptions."
    )
    assert azure.ok("POST", f"{provider}/register{GROUP_API}")["registrationState"] == "Registering"
    azure.advance(30)
    assert azure.get(provider + GROUP_API)["registrationState"] == "Registered"
    azure.ok("PUT", vault_path("v1234"), vault_body())


def test_what_was_refused_before_registration_is_refused_again_by_its_id():
    azure = Azure()
    provider = f"{SCOPE}/providers/Microsoft.KeyVault"
    azure.ok("POST", f"{provider}/unregister{GROUP_API}")
    put, first = ("PUT", vault_path("v1234"), vault_body()), {"x-ms-client-request-id": "1"}
    assert azure.error(*put, headers=first)[0] == 409
    azure.ok("POST", f"{provider}/register{GROUP_API}")
    assert azure.error(*put, headers=first)[0] == 409
    azure.ok(*put, headers={"x-ms-client-request-id": "2"})


@pytest.mark.parametrize(
    ("condition", "refused"),
    [
        (None, True),
        ({"field": "properties.enablePurgeProtection", "notEquals": True}, True),
        ({"field": "properties.publicNetworkAccess", "equals": "enabled"}, False),
        ({"field": "tags.owner", "exists": False}, True),
    ],
)
def test_policies(azure, condition, refused):
    azure.world.policies.append(DenyPolicy("strict", "Microsoft.KeyVault/vaults", SCOPE, condition, "Not like this."))
    reply = azure.send("PUT", vault_path("v1234"), vault_body())
    assert (reply.status == 403) is refused
    if refused:
        error = reply.body["error"]
        assert error["code"] == "RequestDisallowedByPolicy"
        assert error["message"] == (
            "Resource 'v1234' was disallowed by policy. Reasons: 'Not like this.'. "
            "See error details for policy resource IDs."
        )
        assert error["target"] == "v1234"
        info = error["additionalInfo"][0]["info"]
        assert info["policyAssignmentName"] == "strict"
        assert info["policyDefinitionEffect"] == "deny"


def test_policies_refuse_only_what_they_are_about(azure):
    azure.world.policies.append(
        DenyPolicy("strict", "Microsoft.KeyVault/vaults", f"/subscriptions/{OTHER_SUBSCRIPTION}")
    )
    azure.world.policies.append(DenyPolicy("strict", "Microsoft.Storage/storageAccounts", SCOPE))
    azure.ok("PUT", vault_path("v1234"), vault_body())
